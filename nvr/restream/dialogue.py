"""One connection's RTSP: bytes in; answers, and what is to be played, out. Pure: time is an argument, and whoever knows
streams and sockets is asked through `Stage`.

Sources: RFC 2326 (methods, sessions, 12.39 Transport), RFC 7616 (Digest).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urlsplit

from nvr.camera.rtsp import (
    Headers,
    Message,
    Request,
    Response,
    RtspParser,
    parse_session,
    parse_transports,
)
from nvr.media.access_unit import CodecConfig
from nvr.media.audio import AudioConfig
from nvr.restream.description import describe
from nvr.restream.gate import Admission, Gate

MAX_HEADER_BYTES, MAX_BODY_BYTES = 8 << 10, 4 << 10
SESSION_TIMEOUT_S = 60
GRACE_S = 15
LOGIN_S = 10.0
LOGIN_ATTEMPTS = 5
PIECES_BURST, PIECES_PER_S = 200.0, 50.0
"""Requests and interleaved frames that are taken from a client: a flood costs it the connection."""
LOWEST_PORT = 1024
VIDEO, AUDIO = "video", "audio"
METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    451: "Parameter Not Understood",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid In This State",
    461: "Unsupported Transport",
    503: "Service Unavailable",
    551: "Option Not Supported",
}


@dataclass(frozen=True, slots=True)
class Presented:
    """A stream as it is now; `place`: under which it is known. `video` None: it has never sent a picture."""

    place: str
    video: CodecConfig | None
    audio: AudioConfig | None


@dataclass(frozen=True, slots=True)
class Lane:
    """How a track is sent: on interleaved `channels` or to the client's UDP `ports`, in each case RTP and RTCP."""

    channels: tuple[int, int] | None = None
    ports: tuple[int, int] | None = None


class Stage(Protocol):
    """The rest of the server, as one connection sees it. Nothing here waits."""

    def send(self, data: bytes) -> None:
        """To the client, in this order."""
        ...

    def find(self, user: str, path: str) -> Presented | None:
        """What lies at `path` (with query, unquoted, no slashes around it) for this account; None: nothing."""
        ...

    def has_room(self, user: str) -> bool:
        """Whether another session may begin."""
        ...

    def open_udp(self) -> tuple[int, int] | None:
        """Our ports of RTP and RTCP towards the client; None: it must be TCP."""
        ...

    def join(self, place: str, lanes: Mapping[str, Lane]) -> dict[str, tuple[int, int]]:
        """Get ready to play, or to go on; (sequence number, RTP time) of the tracks for which it is known with which
        packet they begin."""
        ...

    def flow(self) -> None:
        """Let what was joined flow."""
        ...

    def hold(self) -> None:
        """Let it flow no longer, for now."""
        ...

    def leave(self) -> None:
        """For good."""
        ...

    def close(self) -> None:
        """End the connection once what was sent is away."""
        ...


class Dialogue:
    """`nonce`, `session`: random tokens of this connection. `user`, `password`: as proved by the latest request that
    was let in. `place`: of the session, None while there is none."""

    def __init__(self, stage: Stage, gate: Gate, *, address: str, nonce: str, session: str, began_s: float):
        self.user = self.password = ""
        self.place: str | None = None
        self.is_playing = False
        self.is_known = False
        self._stage, self._gate, self._address = stage, gate, address
        self._nonce, self._session = nonce, session
        self._began_s = self._heard_s = self._now_s = began_s
        self._credit, self._pieces = PIECES_BURST, 0
        self._attempts = 0
        self._is_closed = False
        self._lanes: dict[str, Lane] = {}
        self._urls: dict[str, str] = {}
        self._parser = RtspParser(
            self._on_message, max_header_bytes=MAX_HEADER_BYTES, max_body_bytes=MAX_BODY_BYTES
        )
        self._now_s = began_s

    def feed(self, data: bytes, now_s: float) -> None:
        """Take what came. Raises ProtocolViolation: it is no RTSP, or too much of it; then nothing more may be fed."""
        self._credit = min(self._credit + (now_s - self._now_s) * PIECES_PER_S, PIECES_BURST)
        self._now_s = now_s
        self._parser.feed(data, now_s)
        self._charge()

    def heard(self, now_s: float) -> None:
        """The client gave a sign of life beside this connection: a report by UDP."""
        self._heard_s = now_s

    def overdue(self, now_s: float) -> str:
        """Why the connection must end, empty: it need not."""
        if not self.is_known:
            return "no log-in" if now_s - self._began_s > LOGIN_S else ""
        if self.is_playing and not self.uses_udp:
            return ""  # whether it reads is seen by what it does not take
        return "silent" if now_s - self._heard_s > SESSION_TIMEOUT_S + GRACE_S else ""

    @property
    def uses_udp(self) -> bool:
        return any(lane.ports is not None for lane in self._lanes.values())

    def _charge(self) -> None:
        self._credit -= self._parser.pieces - self._pieces
        self._pieces = self._parser.pieces
        if self._credit < 0:
            self._close()

    def _close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._stage.close()

    def _on_message(self, message: Message) -> None:
        self._charge()
        if self._is_closed or isinstance(message, Response):
            return
        response = self._answer(message)
        head = (("CSeq", message.headers.get("CSeq")[:32]), ("Server", "village-nvr"))
        headers = Headers((*head, *response.headers.pairs))
        reason = REASONS.get(response.status, "")
        self._stage.send(Response(response.status, reason, headers, response.body).encode())
        if message.method == "PLAY" and response.status == 200:
            self.is_playing = True
            self._stage.flow()
        elif self._attempts >= LOGIN_ATTEMPTS or (message.method == "TEARDOWN" and response.status == 200):
            self._close()

    def _answer(self, request: Request) -> Response:
        if request.headers.get("Require"):
            return Response(551, headers=Headers((("Unsupported", request.headers.get("Require")),)))
        if request.method == "OPTIONS":
            self._heard_s = self._now_s if self.is_known else self._heard_s
            return _ok(("Public", METHODS))
        admission = self._gate.check(request, self._nonce, self._address, self._now_s)
        if admission.refusal is not None:
            # The first request of each client comes without: that is no attempt.
            self._attempts += bool(request.headers.get("Authorization"))
            return admission.refusal
        self._admit(admission)
        path, track = _split(request.url)
        if path is None:
            return Response(400)
        presented = self._stage.find(self.user, path)
        if presented is None:
            return Response(404)
        match request.method:
            case "DESCRIBE":
                return self._describe(request, presented)
            case "SETUP":
                return self._set_up(request, presented, track)
            case "PLAY" | "PAUSE" | "TEARDOWN" | "GET_PARAMETER" | "SET_PARAMETER":
                return self._in_session(request, presented)
        return Response(405, headers=Headers((("Allow", METHODS),)))

    def _admit(self, admission: Admission) -> None:
        if self.user != admission.user:
            self._leave()  # what one account began is not another's
        self.user, self.password = admission.user, admission.password
        self.is_known, self._attempts, self._heard_s = True, 0, self._now_s

    def _describe(self, request: Request, presented: Presented) -> Response:
        if presented.video is None:
            return Response(503)
        body = describe(presented.video, VIDEO, presented.audio, AUDIO)
        fields = (("Content-Base", request.url.rstrip("/") + "/"), ("Content-Type", "application/sdp"))
        return Response(200, headers=Headers(fields), body=body)

    def _set_up(self, request: Request, presented: Presented, track: str) -> Response:
        named = request.headers.get("Session")
        if named and (self.place is None or parse_session(named)[0] != self._session):
            return Response(454)
        if self.is_playing or self.place not in (None, presented.place):
            return Response(455)
        if presented.video is None or (track == AUDIO and presented.audio is None):
            return Response(404)
        if self.place is None and not self._stage.has_room(self.user):
            return Response(453)
        others = [lane for name, lane in self._lanes.items() if name != track]
        agreed = self._agree(request.headers.get("Transport"), others)
        if agreed is None:
            return Response(461)
        self._lanes[track], transport = agreed
        self._urls[track] = request.url
        self.place = presented.place
        return _ok(("Transport", transport), self._session_field)

    def _agree(self, value: str, others: list[Lane]) -> tuple[Lane, str] | None:
        """The first of the alternatives that can be had, as lane and as Transport field; all tracks go the same way."""
        taken = {channel for lane in others for channel in lane.channels or ()}
        for offer in parse_transports(value):
            if offer.multicast:
                continue
            if offer.tcp and not any(lane.ports for lane in others):
                channels = offer.channels or _free_pair(taken)
                if channels[0] == channels[1] or taken & {*channels}:
                    continue
                return Lane(channels), "RTP/AVP/TCP;unicast;interleaved={}-{}".format(*channels)
            ports = offer.client_ports
            if offer.tcp or ports is None or min(ports) < LOWEST_PORT or ports[0] == ports[1] or taken:
                continue
            ours = self._stage.open_udp()
            if ours is not None:
                parts = (f"client_port={ports[0]}-{ports[1]}", f"server_port={ours[0]}-{ours[1]}")
                return Lane(ports=ports), ";".join(("RTP/AVP;unicast", *parts))
        return None

    def _in_session(self, request: Request, presented: Presented) -> Response:
        method, named = request.method, parse_session(request.headers.get("Session"))[0]
        if method.endswith("_PARAMETER") and not named:
            return _parameters(request)
        if self.place is None or named != self._session or presented.place != self.place:
            return Response(454)
        if method == "PLAY":
            begins = self._stage.join(self.place, self._lanes)
            told = [
                f"url={self._urls[track]};seq={sequence};rtptime={timestamp}"
                for track, (sequence, timestamp) in begins.items()
            ]
            info = [("RTP-Info", ",".join(told))] if told else []
            return _ok(("Range", "npt=now-"), *info, self._session_field)
        if method == "PAUSE":
            self.is_playing = False
            self._stage.hold()
        elif method == "TEARDOWN":
            self._leave()
        else:
            return _parameters(request, self._session_field)
        return _ok(self._session_field)

    def _leave(self) -> None:
        if self.place is not None:
            self._stage.leave()
        self.place, self.is_playing = None, False
        self._lanes, self._urls = {}, {}

    @property
    def _session_field(self) -> tuple[str, str]:
        return "Session", f"{self._session};timeout={SESSION_TIMEOUT_S}"


def _split(url: str) -> tuple[str | None, str]:
    """(path with query, without the track's control name behind it; the track). Path None: it is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None, VIDEO
    path = unquote(parts.path).strip("/")
    if parts.query:
        path = f"{path}?{parts.query.rstrip('/')}"
    for track in (VIDEO, AUDIO):
        if path.endswith(f"/{track}"):
            return path.removesuffix(f"/{track}").rstrip("/"), track
    return path, VIDEO


def _parameters(request: Request, *fields: tuple[str, str]) -> Response:
    """Both methods are signs of life; there is no parameter to set."""
    if request.method == "SET_PARAMETER" and request.body:
        return Response(451, headers=Headers(fields))
    return _ok(*fields)


def _free_pair(taken: set[int]) -> tuple[int, int]:
    first = next(channel for channel in range(0, 256, 2) if not taken & {channel, channel + 1})
    return first, first + 1


def _ok(*fields: tuple[str, str]) -> Response:
    return Response(200, headers=Headers(fields))
