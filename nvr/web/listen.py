"""Listening on a port of the web server, with bounds on connections and on their silence."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.http import HttpProcessingError

from nvr.door import Door, listen

MAX_CONNECTIONS = 400
SILENT_S = 20.0
KEEPALIVE_S = 60.0
SHUTDOWN_S = 2.0


class Listener:
    """One open port. Connections beyond `max_connections`, those that are still in the TLS handshake included, are
    closed at once; so are, by `close_silent`, those that never asked anything. `spoke`: the connections that did,
    filled by the application."""

    def __init__(
        self,
        server: web.Server,
        sockets: list[socket.socket],
        context: ssl.SSLContext | None,
        spoke: set[object],
        max_connections: int,
    ):
        self._server, self._spoke, self._max_connections = server, spoke, max_connections
        self._door = Door(sockets, context, server, self._is_full)
        self._silent: set[object] = set()

    async def accept(self) -> None:
        """Take connections until cancelled."""
        await self._door.accept()

    def close_silent(self) -> None:
        """Close connections that were silent at the last call already; call it every SILENT_S / 2."""
        connections = set(self._server.connections)
        self._spoke &= connections
        silent = connections - self._spoke
        for connection in silent & self._silent:
            connection.force_close()
        self._silent = set(silent)

    def _is_full(self) -> bool:
        return len(self._server.connections) + self._door.shaking_hands >= self._max_connections


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
            sockets = [opened.enter_context(s) for s in await listen(host, port, "web", key)]
            yield Listener(runner.server, sockets, context, spoke, max_connections)
    finally:
        await runner.cleanup()


def _is_ours(record: logging.LogRecord) -> bool:
    """What strangers send that is no HTTP is no defect, and a flood of it must not fill the log."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)
