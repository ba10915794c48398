"""A whole site for tests: real state.db, recorder, alarm, live server and web server over real TLS on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from aiohttp import ClientResponse, ClientSession, ClientWebSocketResponse, CookieJar, TCPConnector
from argon2 import PasswordHasher

from nvr.alarm.incidents import Incident, IncidentStore
from nvr.alarm.journal import Journal
from nvr.alarm.motion_log import MotionLog
from nvr.alarm.notify.setup import Notifications
from nvr.alarm.plan import Plan
from nvr.alarm.runner import AlarmRunner
from nvr.alarm.schedule_store import ScheduleStore
from nvr.alarm.siren import SirenLine
from nvr.audit_watch import AuditWatch
from nvr.clock import FakeClock, SystemClock
from nvr.config import Config
from nvr.detect.link import AnalysisError
from nvr.detect.numbers import AnalysisStatistics, CameraNumbers
from nvr.detect.sick_board import SickBoard
from nvr.events import Box, Examined, Explanation, Response, Role, Sighting, StreamKey, StreamStatus
from nvr.evidence.desk import EvidenceDesk
from nvr.faults import FaultBoard
from nvr.loop_lag import Lag
from nvr.media.access_unit import AccessUnit, CodecConfig
from nvr.media.h264 import NAL_AUD, NAL_IDR, NAL_PPS, NAL_SPS, codec_config, nal_type
from nvr.media.hub import Hub
from nvr.media.nal import join_length_prefixed, split_annex_b
from nvr.record.disks.disk import Limits
from nvr.record.disks.disks import Disks
from nvr.record.keep.retention import Keep
from nvr.restream.accounts import Platforms
from nvr.state import open_state
from nvr.store import Database
from nvr.timekeeping import Timekeeping
from nvr.tunnel.store import TunnelStore
from nvr.tunnel.tunnel import Tunnel
from nvr.web import authority
from nvr.web.access import AccountRole, Session
from nvr.web.accounts import has_accounts, insert_account, insert_session
from nvr.web.auth import Auth
from nvr.web.changes import Changes
from nvr.web.server import WebServer
from nvr.web.services import AnalysisView, Services
from nvr.web.static_files import locale_words
from nvr.web.stream_board import StreamBoard
from peers.appliance import free_port
from webrtc.session import LiveServer

PASSWORD = "mật khẩu của trạm"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""test_web_auth.py has what an appliance takes."""
GATE, YARD = StreamKey("gate", Role.SUB), StreamKey("yard", Role.MAIN)


@cache
def password_hash() -> str:
    """One hash for all accounts that tests put into the table directly."""
    return QUICK.hash(PASSWORD)


def make_config(
    directory: Path, *, siren: bool, notify: tuple[dict[str, Any], ...] = (), live_port: int = 0
) -> Config:
    tree: dict[str, Any] = {
        "site": {"name": "Trạm <Đông>"},
        "storage": {"recordings": directory / "recordings", "state": directory / "state"},
        "web": {
            "host": "127.0.0.1",
            "https_port": free_port(),
            "http_port": free_port(),
            "max_viewers": 4,
            "live_port": live_port,
        },
        "camera": (
            {
                "id": "gate",
                "name": "Cổng",
                "main": "rtsp://127.0.0.1/gate/main",
                "sub": "rtsp://127.0.0.1/gate/sub",
                "username": "admin",
                "password": "camera-secret",
            },
            {"id": "yard", "name": "Sân", "main": "rtsp://127.0.0.1/yard"},
        ),
    }
    tree["notify"] = notify
    if siren:
        tree["siren"] = {"port": directory / "no-relay"}
    return Config.model_validate(tree)


ANALYSIS = AnalysisStatistics(
    cameras={
        "gate": CameraNumbers("acting", 25.0, 6.0, skipped=1, cpu_share=0.07, gop_s=2.0),
        "yard": CameraNumbers("keyframes", 25.0, 0.5),
    },
    inference_ms=9.6,
    cpu_share=0.412,
    cpu_budget=0.6,
    busy=0.5,
)


@dataclass
class Site:
    """The running site. `anonymous`: a client without session. `live_job`: live video's run."""

    config: Config
    services: Services
    state: Database
    journal: Journal
    server: WebServer
    sick: SickBoard
    anonymous: Client
    live_job: asyncio.Task[None]
    clients: list[Client] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.config.web.https_port}"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.config.web.http_port}"

    def client(self, token: str = "", csrf: str = "") -> Client:
        client = Client(self.url, self.tls(), token, csrf)
        self.clients.append(client)
        return client

    def tls(self) -> ssl.SSLContext:
        """Trusts this appliance's CA only."""
        return ssl.create_default_context(cadata=self.server._certificates.ca_pem.decode())

    async def log_in(self, name: str, role: AccountRole, cameras: frozenset[str] | None = None) -> Client:
        """A client of a new account; the session is put into the table directly."""

        def work(connection: Any) -> tuple[str, Session]:
            if role is not AccountRole.ADMINISTRATOR and not has_accounts(connection):
                first = AccountRole.ADMINISTRATOR
                insert_account(
                    connection, name="gốc", role=first, cameras=None, password_hash="x", now_wall_s=1.0
                )
            account = insert_account(
                connection,
                name=name,
                role=role,
                cameras=cameras,
                password_hash=password_hash(),
                now_wall_s=1.0,
            )
            return insert_session(
                connection, account, address="10.9.9.9", agent="", now_wall_s=self.services.clock.wall()
            )

        token, session = await self.state.write(work)
        client = self.client(token, session.csrf_token)
        client.key = session.key
        return client

    async def log_in_again(self, name: str) -> Client:
        """A client of another log-in of an account that there is, as on a second device."""
        account = await self.services.auth.accounts.get(name)
        now_wall_s = self.services.clock.wall()
        token, session = await self.state.write(
            lambda c: insert_session(c, account, address="10.9.9.8", agent="", now_wall_s=now_wall_s)
        )
        client = self.client(token, session.csrf_token)
        client.key = session.key
        return client

    async def open_incident(
        self, camera: str, response: Response = Response.CALL, kind: str = "person"
    ) -> Incident:
        """A new incident of the camera, with its pictures, as the alarm's journal writes it."""
        sighting = Sighting(
            camera,
            "*",
            response,
            kind,
            0.9,
            Box(0.1, 0.2, 0.3, 0.4),
            1,
            0.0,
            b"\xff\xd8 a picture \xff\xd9",
            b"\xff\xd8 of the object \xff\xd9",
            b"\xff\xd8 that counted \xff\xd9",
            Explanation(6.9, 0.0, 1, (Examined(0.0, 0.9, 6.9, 2.0, True, Box(0.1, 0.2, 0.3, 0.4)),), (0,)),
        )
        async with asyncio.timeout(20):
            return await self._open_incident(sighting, response)

    async def _open_incident(self, sighting: Sighting, response: Response) -> Incident:
        with self.services.changes.listen() as listener:
            self.journal.sighting(sighting, response, self.services.clock.wall())
            # It is told twice: before its picture is saved, and after.
            while not (told := [incident for incident in listener.take() if incident.has_picture]):
                listener.changed.clear()
                await listener.changed.wait()
        return told[-1]

    def show_live(self, key: StreamKey, *, has_b_frames: bool = False) -> None:
        now_s = self.services.clock.wall()
        self.services.streams.set(StreamStatus(key, "live", now_s, has_b_frames=has_b_frames))

    async def audit(self) -> list[tuple[str, str, str]]:
        """(actor, action, subject) of every audit row, oldest first."""
        query = "SELECT actor, action, subject FROM audit ORDER BY id"
        return await self.state.read(lambda c: [tuple(row) for row in c.execute(query)])


class Client:
    """A browser, as far as headers go: own cookie jar, trusts the CA, sends Origin and CSRF token."""

    def __init__(self, url: str, tls: ssl.SSLContext, token: str = "", csrf: str = ""):
        self.url, self.csrf, self.key = url, csrf, ""
        self._session = ClientSession(connector=TCPConnector(ssl=tls), cookie_jar=CookieJar(unsafe=True))
        if token:
            self._session.cookie_jar.update_cookies({"__Host-nvr": token})

    @asynccontextmanager
    async def open(
        self, method: str, path: str, *, headers: dict[str, str | None] | None = None, **kwargs: Any
    ) -> AsyncIterator[ClientResponse]:
        """`headers` adds to or, with None, removes from what a browser would send."""
        sent: dict[str, str | None] = {"Sec-Fetch-Site": "same-origin"}
        if method not in ("GET", "HEAD"):
            sent |= {"Origin": self.url, "X-CSRF-Token": self.csrf}
        sent |= headers or {}
        plain = {name: value for name, value in sent.items() if value is not None}
        async with self._session.request(
            method, self.url + path, headers=plain, allow_redirects=False, **kwargs
        ) as response:
            yield response

    async def ask(self, method: str, path: str, **kwargs: Any) -> tuple[int, Any]:
        """(status, JSON or None)."""
        async with self.open(method, path, **kwargs) as response:
            body = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, (await response.json() if is_json and body else None)

    @asynccontextmanager
    async def socket(
        self, path: str, *, origin: str | None = ""
    ) -> AsyncIterator[ClientWebSocketResponse[bool]]:
        """A WebSocket of our page, or of another `origin`; None: of no page. Raises WSServerHandshakeError."""
        headers = {} if origin is None else {"Origin": origin or self.url}
        async with self._session.ws_connect(self.url + path, headers=headers, max_msg_size=0) as opened:
            yield opened

    def token(self) -> str:
        """The session cookie's value."""
        return next((c.value for c in self._session.cookie_jar if c.key == "__Host-nvr"), "")

    async def close(self) -> None:
        await self._session.close()


async def no_still(_config: CodecConfig, _keyframe: bytes) -> bytes | None:
    """As if the analysis process were not running."""
    raise AnalysisError("the analysis process is not running")


@asynccontextmanager
async def running_site(
    directory: Path,
    *,
    siren: bool = False,
    notify: tuple[dict[str, Any], ...] = (),
    clock: FakeClock | SystemClock | None = None,
    still: Callable[[CodecConfig, bytes], Awaitable[bytes | None]] | None = None,
    viewers_per_account: int = 24,
    live_port: int = 0,
) -> AsyncIterator[Site]:
    """A site that serves for the duration of the block."""
    clock = clock or SystemClock()
    config = make_config(directory, siren=siren, notify=notify, live_port=live_port)
    config.storage.recordings[0].mkdir()
    state = await open_state(config.storage.state)
    auth = await Auth.open(state, clock, config.storage.state, QUICK)
    faults, streams, changes, hub = FaultBoard(clock), StreamBoard(), Changes(), Hub(config.streams)
    faults.on_change(changes.notify)
    streams.on_change(changes.notify)
    disks = Disks(
        config.storage.recordings, clock=clock, faults=faults, limits=Limits(keep=Keep.configured(config))
    )
    for stream in hub:
        stream.attach(disks.consumer(stream.key))
    line = SirenLine(config.siren, directory / "guard.sock", faults=faults) if config.siren else None
    sick = SickBoard(faults, len(config.camera))
    watch = AuditWatch(state, config.storage.state, clock=clock, faults=faults)
    notifications = Notifications(
        config,
        state,
        words=locale_words("vi"),
        clock=clock,
        faults=faults,
        alarm_state=dict,
        on_change=changes.incident,
        audit_head=watch.head,
    )

    def on_incident(incident: Incident) -> None:
        changes.incident(incident)
        notifications.notifier.incident(incident)

    journal = Journal(state, clock=clock, faults=faults, pictures=disks, on_incident=on_incident)
    plan = Plan(config)
    schedule = ScheduleStore(state, plan, config.site, clock=clock, faults=faults, on_change=changes.notify)
    alarm = AlarmRunner(
        config, journal, line, clock=clock, faults=faults, on_change=changes.notify, plan=plan
    )
    live = LiveServer(
        max_sessions=config.web.max_viewers,
        max_per_user=viewers_per_account,
        udp_port=config.web.live_port,
    )
    evidence = EvidenceDesk(state, disks, config, clock, changes.notify)
    services = Services(
        config=config,
        clock=clock,
        state=state,
        timekeeping=Timekeeping(clock, config.storage.state, faults, changes.notify),
        hub=hub,
        faults=faults,
        disks=disks,
        alarm=alarm,
        schedule=schedule,
        incidents=IncidentStore(state),
        motion=MotionLog(state, clock),
        live=live,
        audit=watch,
        notifications=notifications,
        auth=auth,
        platforms=await Platforms.open(state, clock),
        tunnel=Tunnel(
            await TunnelStore.open(state, clock), clock=clock, faults=faults, on_change=changes.notify
        ),
        evidence=evidence,
        streams=streams,
        changes=changes,
        analysis=lambda: AnalysisView(True, ANALYSIS),
        still=still or no_still,
        ask_for_keyframe=lambda _key: None,
        loop_lag=lambda: Lag(0.2, 3.5, 8.0),
        sick=sick.of,
    )
    # In a process of its own it is in test_web_tls.py.
    server = WebServer(services, authority=authority.ensure)
    ready, recording = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        live_job = tasks.create_task(live.run())
        jobs = [
            live_job,
            tasks.create_task(server.run(ready.set)),
            tasks.create_task(disks.jobs()[0][1](recording.set)),
            tasks.create_task(evidence.run(lambda: None)),
            tasks.create_task(journal.run(lambda: None)),
            *(tasks.create_task(job(lambda: None)) for _, job in notifications.jobs()),
        ]
        async with asyncio.timeout(20):
            await ready.wait()
            await recording.wait()
        tls = ssl.create_default_context(cadata=server._certificates.ca_pem.decode())
        site = Site(
            config,
            services,
            state,
            journal,
            server,
            sick,
            Client(f"https://127.0.0.1:{config.web.https_port}", tls),
            live_job,
        )
        try:
            yield site
        finally:
            for client in (site.anonymous, *site.clients):
                await client.close()
            for job in jobs:
                job.cancel()
    auth.close()
    await state.close()


@cache
def encoded(*, b_frames: int = 0, size: tuple[int, int] = (320, 240)) -> tuple[bytes, ...]:
    """50 pictures of real H.264, keyframe every 25, as Annex B access units in decode order."""
    codec = av.CodecContext.create("libx264", "w")
    width, height = codec.width, codec.height = size
    codec.pix_fmt = "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, 25), Fraction(25)
    codec.options = {"bf": str(b_frames), "g": "25", "x264-params": "scenecut=0:repeat-headers=1"}
    units = []
    for number in range(50):
        picture = np.full((height, width, 3), 5 * number % 255, np.uint8)
        picture[:, 4 * number : 4 * number + 20] = 255
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number
        units += [bytes(packet) for packet in codec.encode(frame)]
    return (*units, *(bytes(packet) for packet in codec.encode(None)))


def access_units(key: StreamKey, now_mono_s: float, size: tuple[int, int] = (320, 240)) -> list[AccessUnit]:
    """Two seconds of pictures that arrived up to `now_mono_s`."""
    units, config = [], None
    stream = encoded(size=size)
    for number, data in enumerate(stream):
        nals = split_annex_b(data)
        found = {nal_type(nal): nal for nal in nals}
        config = config or codec_config(found[NAL_SPS], found[NAL_PPS])
        pictures = [nal for nal in nals if nal_type(nal) not in (NAL_SPS, NAL_PPS, NAL_AUD)]
        arrived_s = now_mono_s - (len(stream) - 1 - number) / 25
        units.append(
            AccessUnit(
                key, config, join_length_prefixed(pictures), number * 3600, NAL_IDR in found, arrived_s
            )
        )
    return units
