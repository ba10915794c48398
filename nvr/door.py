"""Taking connections from listening ports, with bounds: strangers on the network must not use up the files that the
recorder needs to open."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable

from nvr.errors import ConfigError

HANDSHAKE_S = 10.0
NO_FILES_S = 0.5
"""Pause after a connection that could not be taken because no file descriptor was left."""
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Door:
    """The open `sockets` of one service, with TLS where there is a `context`. A connection for which `is_full` says
    True is closed at once. `shaking_hands`: how many are not their protocol's yet.

    asyncio's own server would not do: it takes any number of connections into the handshake, each for HANDSHAKE_S.
    """

    def __init__(
        self,
        sockets: list[socket.socket],
        context: ssl.SSLContext | None,
        protocol: Callable[[], asyncio.BaseProtocol],
        is_full: Callable[[], bool],
    ):
        self._taken: set[socket.socket] = set()
        self._sockets, self._context, self._protocol, self._is_full = sockets, context, protocol, is_full

    @property
    def shaking_hands(self) -> int:
        return len(self._taken)

    async def accept(self) -> None:
        """Take connections until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for listening_socket in self._sockets:
                    tasks.create_task(self._accept(listening_socket, tasks))
        finally:
            for connection in self._taken:  # of which nobody has become the owner
                connection.close()

    async def _accept(self, listening_socket: socket.socket, tasks: asyncio.TaskGroup) -> None:
        while True:
            await _readable(listening_socket)
            try:
                connection, _ = listening_socket.accept()
            except OSError as error:
                if error.errno in _NO_FILES:
                    await asyncio.sleep(NO_FILES_S)
                continue  # else it is gone already
            if self._is_full():
                connection.close()
                continue
            connection.setblocking(False)
            self._taken.add(connection)
            tasks.create_task(self._shake_hands(connection))

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(
                OSError
            ):  # ssl.SSLError and ConnectionError are such; the loop closes it then
                await asyncio.get_running_loop().connect_accepted_socket(
                    self._protocol,
                    connection,
                    ssl=self._context,
                    ssl_handshake_timeout=HANDSHAKE_S if self._context else None,
                )
        finally:
            self._taken.discard(connection)


async def _readable(listening_socket: socket.socket) -> None:
    """Somebody is there. `loop.sock_accept` would lose a connection where it is cancelled in the same turn."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listening_socket, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(listening_socket)


async def listen(host: str, port: int, section: str, key: str) -> list[socket.socket]:
    """A listening socket for each address of `host`. Raises ConfigError naming the `key` of the `section` (port in
    use, not permitted) or `web host`; then none is left open."""
    try:
        return await _listen(host, port)
    except OSError as error:
        raise _cannot_listen(error, host, port, f"{section} {key}") from None


async def _listen(host: str, port: int) -> list[socket.socket]:
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    with contextlib.ExitStack() as opened:
        sockets = []
        for family, _, _, _, address in dict.fromkeys(found):
            sockets.append(opened.enter_context(socket.socket(family, socket.SOCK_STREAM)))
            sockets[-1].setblocking(False)
            sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sockets[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sockets[-1].bind(address)
            sockets[-1].listen(128)
        opened.pop_all()  # they stay open
    return sockets


def _cannot_listen(error: OSError, host: str, port: int, key: str) -> ConfigError:
    match error.errno:
        case errno.EADDRINUSE:
            return ConfigError("nvr.toml", key, f"port {port} is used by another program", "a free port")
        case errno.EACCES:
            return ConfigError("nvr.toml", key, f"port {port} is reserved for the system", "1024 to 65535")
        case _:
            problem = f"cannot listen on {host}: {error.strerror}"
            return ConfigError("nvr.toml", "web host", problem, "an address of this machine")
