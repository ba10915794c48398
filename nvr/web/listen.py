"""Listening on a port, with bounds on connections: strangers on the network must not use up the files that the
recorder needs to open."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.http import HttpProcessingError

from nvr.errors import ConfigError

MAX_CONNECTIONS = 400
HANDSHAKE_S = 10.0
SILENT_S = 20.0
KEEPALIVE_S = 60.0
SHUTDOWN_S = 2.0
NO_FILES_S = 0.5
"""Pause after a connection that could not be taken because no file descriptor was left."""
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener:
    """One open port. Connections beyond `max_connections`, those that are still in the TLS handshake included, are
    closed at once; so are, by `close_silent`, those that never asked anything. `spoke`: the connections that did,
    filled by the application.

    asyncio's own server would not do: it takes any number of connections into the handshake, each for HANDSHAKE_S.
    """

    def __init__(
        self,
        server: web.Server,
        sockets: list[socket.socket],
        context: ssl.SSLContext | None,
        spoke: set[object],
        max_connections: int,
    ):
        self._server, self._sockets, self._context = server, sockets, context
        self._spoke, self._max_connections = spoke, max_connections
        self._shaking_hands = 0
        self._silent: set[object] = set()

    async def accept(self) -> None:
        """Take connections until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for listening_socket in self._sockets:
                tasks.create_task(self._accept(listening_socket, tasks))

    def close_silent(self) -> None:
        """Close connections that were silent at the last call already; call it every SILENT_S / 2."""
        connections = set(self._server.connections)
        self._spoke &= connections
        silent = connections - self._spoke
        for connection in silent & self._silent:
            connection.force_close()
        self._silent = set(silent)

    async def _accept(self, listening_socket: socket.socket, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening_socket)
            except OSError as error:
                if error.errno in _NO_FILES:
                    await asyncio.sleep(NO_FILES_S)
                continue  # else it is gone already
            if len(self._server.connections) + self._shaking_hands >= self._max_connections:
                connection.close()
                continue
            connection.setblocking(False)
            self._shaking_hands += 1
            tasks.create_task(self._shake_hands(connection))

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(
                OSError
            ):  # ssl.SSLError and ConnectionError are such; the loop closes it then
                await asyncio.get_running_loop().connect_accepted_socket(
                    self._server,
                    connection,
                    ssl=self._context,
                    ssl_handshake_timeout=HANDSHAKE_S if self._context else None,
                )
        finally:
            self._shaking_hands -= 1


@contextlib.asynccontextmanager
async def listening(
    app: web.Application,
    host: str,
    port: int,
    key: str,
    context: ssl.SSLContext | None,
    max_connections: int = MAX_CONNECTIONS,
) -> AsyncIterator[Listener]:
    """`app` behind an open port for the duration of the block, in which `Listener.accept` must run; `context` None:
    plain HTTP.

    Raises ConfigError naming `web <key>` (port in use, not permitted) or `web host`.
    """
    # No access log: it would hold who looked at what; the audit trail does, where staff can read it.
    http_log = logging.getLogger(__name__)
    http_log.addFilter(_is_ours)
    runner = web.AppRunner(
        app,
        logger=http_log,
        access_log=None,
        keepalive_timeout=KEEPALIVE_S,
        shutdown_timeout=SHUTDOWN_S,
        auto_decompress=False,
    )
    spoke: set[object] = set()

    async def note(request: web.Request, _response: web.StreamResponse) -> None:
        spoke.add(request.protocol)

    app.on_response_prepare.append(note)
    await runner.setup()
    try:
        if runner.server is None:
            raise RuntimeError("aiohttp set up no server")
        with contextlib.ExitStack() as opened:
            try:
                sockets = [opened.enter_context(s) for s in await _listen(host, port)]
            except OSError as error:
                raise _cannot_listen(error, host, port, key) from None
            yield Listener(runner.server, sockets, context, spoke, max_connections)
    finally:
        await runner.cleanup()


def _is_ours(record: logging.LogRecord) -> bool:
    """What strangers send that is no HTTP is no defect, and a flood of it must not fill the log."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


async def _listen(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of `host`. Raises OSError; then none is left open."""
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
            return ConfigError(
                "nvr.toml", f"web {key}", f"port {port} is used by another program", "a free port"
            )
        case errno.EACCES:
            return ConfigError(
                "nvr.toml", f"web {key}", f"port {port} is reserved for the system", "1024 to 65535"
            )
        case _:
            problem = f"cannot listen on {host}: {error.strerror}"
            return ConfigError("nvr.toml", "web host", problem, "an address of this machine")
