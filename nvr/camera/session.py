"""The RTSP dialogue with one camera. Errors do not name the camera yet."""

from __future__ import annotations

import asyncio
import re
import secrets
from urllib.parse import quote, urlsplit

from nvr.camera import sdp
from nvr.camera.auth import Login
from nvr.camera.link import Link
from nvr.camera.rtp import RTP_CLOCK_HZ
from nvr.camera.rtsp import (
    Headers,
    Request,
    Response,
    Run,
    Sink,
    parse_session,
    parse_transport,
)
from nvr.camera.udp import UdpReceiver
from nvr.clock import Clock
from nvr.config import Camera
from nvr.errors import CameraRefused, CameraUnreachable, UnsupportedStream
from nvr.events import Role

USER_AGENT = "village-nvr"
TEARDOWN_S = 1.0
KEEPALIVE_RANGE_S = (2.5, 30.0)


class Session:
    """One life of one connection: `connect`, `describe`, `set_up` for each track, `start`, then `keep_alive` every
    `keepalive_every_s` and `failure`; at last, whatever happened, `close`."""

    def __init__(
        self, camera: Camera, role: Role, url: str, clock: Clock, answer_s: float, received: memoryview
    ):
        self.keepalive_every_s = KEEPALIVE_RANGE_S[1]
        self._camera, self._role, self._answer_s = camera, role, answer_s
        # Also keeps a line break in the configuration out of the request.
        self._url = self._base = self._described = quote(url, safe="!#$%&'()*+,/:;=?@[]~")
        self._login: Login | None = None
        if camera.username:
            if re.search(r"[\x00-\x1f\x7f]", camera.username):
                raise self._refused("the user name has a control character", "login", 0)
            self._login = Login(camera.username, camera.password.get_secret_value())
        self._link = Link(clock, received)
        self._clock = clock
        self._udp: list[UdpReceiver] = []
        self._session = ""
        self._tracks = 0
        self._cseq = 0
        self._public: set[str] = set()
        self._keepalive: int | None = None

    async def connect(self, connect_s: float) -> None:
        parts = urlsplit(self._url)
        host, port = parts.hostname or "", parts.port or 554
        remedy = f"Check that the camera is on and that `{self._role.value}` in nvr.toml has its address"
        try:
            async with asyncio.timeout(connect_s):
                await asyncio.get_running_loop().create_connection(lambda: self._link, host, port)
        except TimeoutError:
            raise CameraUnreachable(f"{host}:{port} does not answer", remedy=remedy) from None
        except (OSError, UnicodeError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise CameraUnreachable(f"{host}:{port} cannot be reached: {why}", remedy=remedy) from None

    async def describe(self) -> sdp.SessionDescription:
        options = await self._request("OPTIONS", self._url)
        self._public = {word.strip().upper() for word in options.headers.get("Public").split(",")}
        response = await self._request("DESCRIBE", self._url, ("Accept", "application/sdp"))
        self._require_ok("DESCRIBE", response)
        headers = response.headers
        self._base = sdp.base_url(self._url, headers.get("Content-Base"), headers.get("Content-Location"))
        description = sdp.parse(response.body)
        self._described = self._base
        self._base = sdp.control_url(self._base, description.control)
        return description

    async def set_up(
        self,
        control: str,
        sink: Sink,
        *,
        run: Run | None = None,
        clock_hz: int = RTP_CLOCK_HZ,
        on_report: Sink | None = None,
    ) -> None:
        """Set up the track with this control URL. Its packets go to `sink` from now on (some cameras send them before
        they answer PLAY), over TCP to `run` too, its RTCP packets to `on_report`."""
        is_udp = self._camera.transport == "udp"
        channel = 2 * self._tracks
        self._tracks += 1
        url = sdp.control_url(self._described, control)
        wanted = f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
        receiver: UdpReceiver | None = None
        if is_udp:
            local, camera = self._link.addresses
            receiver = UdpReceiver(
                camera, self._clock, sink, self._link.fail, clock_hz=clock_hz, on_report=on_report
            )
            self._udp.append(receiver)
            await receiver.open(local)
            wanted = f"RTP/AVP;unicast;client_port={receiver.ports[0]}-{receiver.ports[1]}"
        response = await self._request("SETUP", url, ("Transport", wanted))
        if response.status == 461:
            raise self._wrong_transport()
        self._require_ok("SETUP", response)
        transport = parse_transport(response.headers.get("Transport") or wanted)
        if transport is None or transport.tcp == is_udp:
            raise self._wrong_transport()
        if not self._session or response.headers.get("Session"):
            self._session, timeout_s = parse_session(response.headers.get("Session"))
            shortest_s, longest_s = KEEPALIVE_RANGE_S
            self.keepalive_every_s = min(max(timeout_s / 2, shortest_s), longest_s)
        if receiver is not None:
            receiver.start_reports(transport.server_ports[1] if transport.server_ports else None)
            return
        first, second = transport.channels or (channel, channel + 1)
        if first in self._link.parser.sinks:  # says the same for every track, and means what was asked for
            first, second = channel, channel + 1
        self._link.parser.sinks[first] = sink
        if run is not None:
            self._link.parser.runs[first] = run
        if on_report is not None:
            self._link.parser.sinks[second] = on_report

    async def start(self) -> None:
        self._require_ok("PLAY", await self._request("PLAY", self._base, ("Range", "npt=0.000-")))

    def keep_alive(self) -> None:
        """Send a sign of life. The answer is not waited for, and a camera that gives none is not blamed: it is
        the video that counts."""
        method = "GET_PARAMETER" if "GET_PARAMETER" in self._public else "OPTIONS"
        if self._keepalive is not None:
            answer = self._link.pending.pop(self._keepalive, None)
            if answer is not None and answer.done() and not answer.cancelled() and not answer.exception():
                response = answer.result()
                if response.status == 401 and self._login is not None:
                    self._login.take_challenge(response.headers.all("WWW-Authenticate"))
        self._keepalive, _ = self._send(method, self._base)

    async def failure(self, timeout_s: float) -> None:
        """Return after `timeout_s`, or raise as soon as the connection has failed."""
        await asyncio.wait((self._link.failed,), timeout=timeout_s)
        if self._link.failed.done():
            raise self._link.failed.result()

    async def close(self) -> None:
        """TEARDOWN as far as the camera plays along, then end the connection."""
        link = self._link
        link.parser.sinks.clear()
        link.parser.runs.clear()
        for receiver in self._udp:
            receiver.close()
        try:
            if self._session and not link.failed.done():
                _, answer = self._send("TEARDOWN", self._base)
                await asyncio.wait(
                    (answer, link.failed), timeout=TEARDOWN_S, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            link.end()

    async def _request(self, method: str, url: str, *fields: tuple[str, str]) -> Response:
        """The answer, after one more try if it was 401 and a challenge can be met."""
        response = await self._exchange(method, url, *fields)
        if response.status != 401:
            return response
        if self._login is None:
            raise self._refused("the camera asks for user and password, and none is configured", "login", 401)
        if not self._login.take_challenge(response.headers.all("WWW-Authenticate")):
            raise self._refused(
                "the camera asks for a kind of login that is neither Basic nor Digest (MD5, SHA-256)",
                "other",
                401,
                "Switch Digest authentication on in the camera's RTSP settings",
            )
        response = await self._exchange(method, url, *fields)
        if response.status == 401:
            raise self._refused("wrong user or password", "login", 401)
        return response

    async def _exchange(self, method: str, url: str, *fields: tuple[str, str]) -> Response:
        cseq, answer = self._send(method, url, *fields)
        try:
            async with asyncio.timeout(self._answer_s):
                return await answer
        except TimeoutError:
            raise CameraUnreachable(
                f"no answer to {method} within {self._answer_s:g} s", remedy="Restart the camera"
            ) from None
        finally:
            self._link.pending.pop(cseq, None)

    def _send(self, method: str, url: str, *fields: tuple[str, str]) -> tuple[int, asyncio.Future[Response]]:
        self._cseq += 1
        headers = [("CSeq", str(self._cseq)), ("User-Agent", USER_AGENT), *fields]
        if self._session:
            headers.append(("Session", self._session))
        if self._login is not None:
            authorization = self._login.authorization(method, url, secrets.token_hex(8))
            if authorization is not None:
                headers.append(("Authorization", authorization))
        return self._cseq, self._link.send(self._cseq, Request(method, url, Headers(tuple(headers))))

    def _require_ok(self, method: str, response: Response) -> None:
        status = response.status
        if 200 <= status < 300:
            return
        if status == 403:
            raise self._refused("the camera forbids this user the stream", "login", status)
        if status == 404:
            raise self._refused("the camera has no such stream", "path", status)
        if status in (453, 503):
            remedy = "Close other viewers of this camera, or restart it"
            raise self._refused("the camera has no capacity for another viewer", "busy", status, remedy)
        remedy = f"Check `{self._role.value}` in nvr.toml against the camera's manual"
        raise self._refused(f"the camera answers {method} with status {status}", "other", status, remedy)

    def _refused(self, problem: str, reason: str, status: int, remedy: str = "") -> CameraRefused:
        keys = f"`{self._role.value}`" if reason == "path" else "`username` and `password`"
        remedy = remedy or f'Correct {keys} of camera "{self._camera.id}" in nvr.toml'
        return CameraRefused(problem, remedy=remedy, params={"reason": reason, "status": status})

    def _wrong_transport(self) -> UnsupportedStream:
        wanted, other = ("UDP", "tcp") if self._camera.transport == "udp" else ("TCP", "udp")
        return UnsupportedStream(
            f"the camera does not send RTP over {wanted}",
            remedy=f'Allow RTP over {wanted} in the camera\'s settings, or set `transport = "{other}"`',
        )
