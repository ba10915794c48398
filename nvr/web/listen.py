"""Listening on a port, with bounds on connections: strangers on the network must not use up the files that the
recorder needs to open."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ssl
from collections.abc import AsyncIterator

from aiohttp import web

from nvr.errors import ConfigError

MAX_CONNECTIONS = 400
HANDSHAKE_S = 10.0
SILENT_S = 20.0
KEEPALIVE_S = 60.0
SHUTDOWN_S = 2.0


class Listener:
    """One open port. Connections beyond `max_connections` are closed at once; so are, by `close_silent`, those that
    never asked anything. `spoke`: the connections that did, filled by the application."""

    def __init__(self, server: web.Server, spoke: set[object], max_connections: int):
        self._server, self._spoke, self._max_connections = server, spoke, max_connections
        self._silent: set[object] = set()

    def __call__(self) -> asyncio.Protocol:
        """A protocol for a new connection (asyncio's protocol factory)."""
        if len(self._server.connections) >= self._max_connections:
            return _TurnedAway()
        return self._server()

    def close_silent(self) -> None:
        """Close connections that were silent at the last call already; call it every SILENT_S / 2."""
        connections = set(self._server.connections)
        self._spoke &= connections
        silent = connections - self._spoke
        for connection in silent & self._silent:
            connection.force_close()
        self._silent = set(silent)


class _TurnedAway(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@contextlib.asynccontextmanager
async def listening(
    app: web.Application,
    host: str,
    port: int,
    key: str,
    context: ssl.SSLContext | None,
    max_connections: int = MAX_CONNECTIONS,
) -> AsyncIterator[Listener]:
    """Serve `app` for the duration of the block; `context` None: plain HTTP.

    Raises ConfigError naming `web <key>` (port in use, not permitted) or `web host`.
    """
    # No access log: it would hold who looked at what; the audit trail does, where staff can read it.
    runner = web.AppRunner(
        app,
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
        listener = Listener(runner.server, spoke, max_connections)
        try:
            server = await asyncio.get_running_loop().create_server(
                listener,
                host,
                port,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_S if context else None,
                backlog=128,
            )
        except OSError as error:
            raise _cannot_listen(error, host, port, key) from None
        try:
            yield listener
        finally:
            server.close()
    finally:
        await runner.cleanup()


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
