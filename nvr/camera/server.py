"""RTSP server over stream hubs: H.264 and H.265, RTP interleaved in the TCP connection, several clients a stream.

Sources: RFC 2326 (methods, sessions), RFC 7616 (Digest).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import unquote, urlsplit

import structlog

from nvr.camera import sdp
from nvr.camera.auth import Realm
from nvr.camera.fanout import Fanout
from nvr.camera.rtsp import Headers, Message, Request, Response, RtspParser, parse_transport
from nvr.clock import Clock
from nvr.errors import CameraError
from nvr.media.hub import StreamHub

log = structlog.get_logger(__name__)

MAX_WAITING_BYTES = 1 << 20
SESSION_TIMEOUT_S = 60
LOGIN_ATTEMPTS = 5
CONTROL = "video"
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER"
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid In This State",
    461: "Unsupported Transport",
    503: "Service Unavailable",
    551: "Option Not Supported",
}


class RtspServer:
    """Serves `mounts` (path without leading slash, e.g. "cam1/main", with a query or without, to hub) as rtsp://host:port/path.

    A client gets the stream from the next keyframe on. One that reads too slowly (1 MiB waiting) gets nothing
    until it has caught up and a keyframe comes; it sees the gap in the sequence numbers. `realm` None: no login.
    `mounts` is looked up at each request, so the owner may change it. Of more than `max_sessions` at once the further
    ones are refused (453).
    """

    def __init__(
        self,
        mounts: Mapping[str, StreamHub],
        clock: Clock,
        *,
        realm: Realm | None = None,
        max_connections: int = 128,
        max_sessions: int | None = None,
    ):
        self.clock, self.realm = clock, realm
        self._mounts, self._max_connections, self._max_sessions = mounts, max_connections, max_sessions
        self._fanouts: dict[int, Fanout] = {}
        self._connections: set[_Connection] = set()

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve inside the block; gives the port (which matters where `port` is 0). All connections end with
        the block. Raises OSError: the address cannot be bound."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self), host, port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for connection in tuple(self._connections):
                connection.end()

    def hub_at(self, path: str, query: str) -> StreamHub | None:
        """The hub of a request's path and query, or of its path alone, with or without the track's control name behind
        it."""
        path = unquote(path).strip("/")
        for place in (f"{path}?{query.rstrip('/')}", path):
            hub = self._mounts.get(place) or self._mounts.get(place.removesuffix(f"/{CONTROL}"))
            if hub is not None:
                return hub
        return None

    @property
    def is_full(self) -> bool:
        """Whether it plays to as many clients as it may."""
        sessions = sum(connection.has_session for connection in self._connections)
        return self._max_sessions is not None and sessions >= self._max_sessions

    def fanout(self, hub: StreamHub) -> Fanout:
        """The one packetizer of `hub`, for as long as anybody uses it."""
        known = self._fanouts.get(id(hub))
        if known is None:
            known = self._fanouts[id(hub)] = Fanout(hub, self.clock)
        return known

    def leave(self, fanout: Fanout, client: _Connection) -> None:
        fanout.remove(client)
        if not fanout.clients:
            self._fanouts.pop(id(fanout.hub), None)

    def admit(self, connection: _Connection) -> bool:
        """False if there are too many."""
        if len(self._connections) >= self._max_connections:
            return False
        self._connections.add(connection)
        return True

    def forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: RtspServer):
        self.channels = (0, 1)
        self.waits_for_key = True
        self._server = server
        self._parser = RtspParser(self._on_message)
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._nonce = secrets.token_hex(16)
        self._session = secrets.token_hex(8)
        self._attempts = 0
        self._fanout: Fanout | None = None
        self._playing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._server.admit(self):
            self._rearm()
        else:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        if self._idle is not None:
            self._idle.cancel()
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed(data, 0.0)
        except CameraError as error:
            log.info("client of the RTSP server breaks the protocol", detail=str(error))
            self.end()

    def end(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def send_unit(self, data: bytes, *, is_key: bool) -> bool:
        """Send the frames of one access unit; False if the client is too far behind or waits for a keyframe."""
        transport = self._transport
        if transport is None or transport.is_closing() or (self.waits_for_key and not is_key):
            return False
        self.waits_for_key = transport.get_write_buffer_size() > MAX_WAITING_BYTES
        if self.waits_for_key:
            return False
        transport.write(data)
        return True

    def _rearm(self) -> None:
        """Ends the connection when nothing was asked for the session timeout and nothing is played either."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(SESSION_TIMEOUT_S, self._on_idle)

    def _on_idle(self) -> None:
        stuck = self._transport is None or self._transport.get_write_buffer_size() > MAX_WAITING_BYTES
        if self._playing and not stuck:
            self._rearm()
        else:
            self.end()

    def _stop(self) -> None:
        self._playing = False
        if self._fanout is not None:
            self._server.leave(self._fanout, self)
            self._fanout = None

    def _on_message(self, message: Message) -> None:
        transport = self._transport
        if isinstance(message, Response) or transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > 2 * MAX_WAITING_BYTES:
            self.end()  # asks on and on without reading the answers
            return
        self._rearm()
        response = self._answer(message)
        fields = [("CSeq", message.headers.get("CSeq")), ("Server", "village-nvr")]
        headers = Headers((*fields, *response.headers.pairs))
        reason = _REASONS.get(response.status, "")
        transport.write(Response(response.status, reason, headers, response.body).encode())
        if message.method == "PLAY" and response.status == 200 and self._fanout is not None:
            self._playing = True
            self.waits_for_key = True
            self._fanout.add(self)
        elif message.method == "TEARDOWN" or self._attempts >= LOGIN_ATTEMPTS:
            transport.close()

    def _answer(self, request: Request) -> Response:
        method = request.method
        if request.headers.get("Require"):
            unsupported = ("Unsupported", request.headers.get("Require"))
            return Response(551, headers=Headers((unsupported,)))
        if method == "OPTIONS":
            return _ok(("Public", _METHODS))
        realm = self._server.realm
        if realm is not None:
            authorization = request.headers.get("Authorization")
            if not realm.accepts(authorization, method, request.url, self._nonce):
                # The first request of each client comes without: that is no attempt.
                self._attempts += bool(authorization)
                fields = (("WWW-Authenticate", value) for value in realm.challenges(self._nonce))
                return Response(401, headers=Headers(tuple(fields)))
            self._attempts = 0
        try:
            parts = urlsplit(request.url)
        except ValueError:
            return Response(400)
        hub = self._server.hub_at(parts.path, parts.query)
        if hub is None:
            return Response(404)
        match method:
            case "DESCRIBE":
                return self._describe(request, hub)
            case "SETUP":
                return self._set_up(request, hub)
            case "PLAY" | "PAUSE" | "TEARDOWN" | "GET_PARAMETER":
                return self._in_session(method, request)
        return Response(405, headers=Headers((("Allow", _METHODS),)))

    def _describe(self, request: Request, hub: StreamHub) -> Response:
        if hub.config is None:
            return Response(503)
        fields = (("Content-Base", request.url.rstrip("/") + "/"), ("Content-Type", "application/sdp"))
        return Response(200, headers=Headers(fields), body=sdp.describe(hub.config, CONTROL))

    def _set_up(self, request: Request, hub: StreamHub) -> Response:
        transport = parse_transport(request.headers.get("Transport"))
        if transport is None or not transport.tcp:
            return Response(461)
        if self._playing:
            return Response(455)
        self._stop()
        if self._server.is_full:
            return Response(453)
        self.channels = transport.channels or (0, 1)
        self._fanout = self._server.fanout(hub)
        first, second = self.channels
        return _ok(("Transport", f"RTP/AVP/TCP;unicast;interleaved={first}-{second}"), self._session_field)

    def _in_session(self, method: str, request: Request) -> Response:
        named = request.headers.get("Session").partition(";")[0].strip()
        if method == "GET_PARAMETER" and not named:
            return _ok()
        if self._fanout is None or named != self._session:
            return Response(454)
        if method == "PAUSE":
            self._playing = False
            self._fanout.remove(self)
        elif method == "TEARDOWN":
            self._stop()
        elif method == "PLAY":
            return _ok(("Range", "npt=now-"), self._session_field)
        return _ok(self._session_field)

    @property
    def has_session(self) -> bool:
        return self._fanout is not None

    @property
    def _session_field(self) -> tuple[str, str]:
        return "Session", f"{self._session};timeout={SESSION_TIMEOUT_S}"


def _ok(*fields: tuple[str, str]) -> Response:
    return Response(200, headers=Headers(fields))
