"""The composition root: the only file that knows every part. One TaskGroup; every job under the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial

import structlog

from nvr.alarm.guard_process import switch_off
from nvr.alarm.incidents import Incident, IncidentStore
from nvr.alarm.journal import Journal
from nvr.alarm.motion_log import MotionLog
from nvr.alarm.notices import SITE
from nvr.alarm.notify.setup import Notifications, mqtt_state
from nvr.alarm.plan import Plan
from nvr.alarm.runner import AlarmRunner
from nvr.alarm.schedule_store import ScheduleStore
from nvr.alarm.siren import SirenLine
from nvr.alarm.speaker import Speaker
from nvr.audit_watch import AuditWatch
from nvr.cameras import Cameras, Job
from nvr.clock import SystemClock
from nvr.config import Config
from nvr.detect.link import AnalysisError, AnalysisLink
from nvr.detect.sick_board import SickBoard
from nvr.detect.steps.calibration import demands_of
from nvr.errors import StorageError
from nvr.events import Sighting
from nvr.evidence.desk import EvidenceDesk
from nvr.faults import FaultBoard
from nvr.heap import keep_clean
from nvr.keyframes.requests import KeyframeRequests
from nvr.loop_lag import LoopLag
from nvr.media.access_unit import CodecConfig
from nvr.media.hub import Hub
from nvr.record.disks.disks import Disks
from nvr.restream.accounts import Platforms
from nvr.restream.service import Restream
from nvr.seen import Seen
from nvr.state import open_state
from nvr.store import Database
from nvr.supervise import Supervisor
from nvr.timekeeping import RememberingClock, Timekeeping, recall
from nvr.tunnel.store import TunnelStore
from nvr.tunnel.tunnel import Tunnel
from nvr.web.auth import Auth
from nvr.web.changes import Changes
from nvr.web.server import WebServer
from nvr.web.services import AnalysisView, Services
from nvr.web.static_files import locale_words
from nvr.web.stream_board import StreamBoard
from webrtc.session import LiveServer

log = structlog.get_logger(__name__)

SETTLE_S = 3.0
"""At the end: for the alarm's records of the last moment."""


async def serve(
    config: Config,
    *,
    on_ready: Callable[[App], None],
    on_pages: Callable[[App], None] = lambda _app: None,
    stop: asyncio.Event,
) -> None:
    """Run the appliance until `stop` is set; `on_pages` is told each time the web server has begun to answer.

    The siren is switched off first of all: a board that latches may be on since an earlier life, and the system's disk
    may stand still. Raises NvrError: state.db or the accounts cannot be used at all.

    Everything else that is wrong (a camera, a disk, the relay, the model, a port) becomes a fault, and the rest
    goes on.
    """
    async with AsyncExitStack() as opened:
        silence = switch_off(config.siren) if config.siren is not None else asyncio.sleep(0)
        _, app = await asyncio.gather(silence, _open(config, opened), return_exceptions=True)
        if isinstance(app, BaseException):
            raise app
        await app.run(on_ready, on_pages, stop)


async def _open(config: Config, opened: AsyncExitStack) -> App:
    """All that the system's disk is needed for. Raises StorageError, sqlite3.Error."""
    clock = SystemClock()
    state = await open_state(config.storage.state)
    await asyncio.to_thread(recall, clock, config.storage.state)
    opened.push_async_callback(state.close)
    auth = await Auth.open(state, clock, config.storage.state)
    opened.callback(auth.close)
    platforms, tunnel = await Platforms.open(state, clock), await TunnelStore.open(state, clock)
    app = App(config, clock, state, auth, platforms, tunnel)
    await app.schedule.load()
    await app.alarm.restore()
    return app


class App:
    """All parts of one appliance, wired together."""

    def __init__(
        self,
        config: Config,
        clock: RememberingClock,
        state: Database,
        auth: Auth,
        platforms: Platforms,
        tunnel: TunnelStore,
    ):
        self.config, self.auth, self.platforms = config, auth, platforms
        self._clock = clock
        self.faults = FaultBoard(clock)
        self._supervisor = Supervisor(clock, self.faults)
        self.hub = Hub(config.streams)
        self.streams = StreamBoard()
        self._cameras = Cameras(config.camera, self.hub, self.streams, clock=clock, faults=self.faults)
        self._changes = changes = Changes()
        self._timekeeping = Timekeeping(clock, config.storage.state, self.faults, changes.notify)
        self._audit = AuditWatch(state, config.storage.state, clock=clock, faults=self.faults)
        incidents = IncidentStore(state)
        self._motion = MotionLog(state, clock)
        self.seen = Seen(self._motion, incidents, clock, lambda mark: self.disks.mark(mark))
        self.disks = Disks.configured(config, clock=clock, faults=self.faults, seen=self.seen.history)
        for stream in self.hub:
            recording = self.disks.consumer(stream.key)
            stream.attach(recording)
            stream.attach_audio(recording)
        self._siren = (
            SirenLine(config.siren, config.storage.state / "guard.sock", faults=self.faults)
            if config.siren
            else None
        )
        self._speaker = Speaker(config.speaker) if config.speaker else None
        self._journal = Journal(
            state,
            clock=clock,
            faults=self.faults,
            pictures=self.disks,
            on_incident=self.incident,
        )
        plan = Plan(config)
        self.schedule = ScheduleStore(
            state, plan, config.site, clock=clock, faults=self.faults, on_change=changes.notify
        )
        self.alarm = AlarmRunner(
            config,
            self._journal,
            self._siren,
            clock=clock,
            faults=self.faults,
            on_change=self._alarm_changed,
            plan=plan,
            speaker=self._speaker,
        )
        self._sick = SickBoard(self.faults, len(config.camera))
        self._notifications = Notifications(
            config,
            state,
            words=locale_words(config.site.language),
            clock=clock,
            faults=self.faults,
            alarm_state=lambda: mqtt_state(self.alarm.view()),
            on_change=changes.incident,
            audit_head=self._audit.head,
        )
        demands = demands_of(config)
        self._analysis = (
            AnalysisLink(
                self.hub,
                config.camera,
                fps=demands.fps,
                sure_at=demands.sure_at,
                model=config.analysis.model,
                cpu_share=config.analysis.cpu_percent / 100,
                clock=clock,
                faults=self.faults,
                on_sighting=self.sighting,
                on_motion=self.seen.motion,
                on_better=self._journal.better_picture,
                on_health=self._sick.tell,
            )
            if config.analysis.enabled
            else None
        )
        self._keyframes = KeyframeRequests(config.camera, self.hub, clock)
        self._lag = LoopLag(clock)
        self._tunnel = Tunnel(tunnel, clock=clock, faults=self.faults, on_change=changes.notify)
        self._evidence = EvidenceDesk(state, self.disks, config, clock, changes.notify)
        self.live = LiveServer(
            max_sessions=config.web.max_viewers,
            max_per_user=config.web.max_viewers_per_account,
            udp_port=config.web.live_port,
        )
        self.faults.on_change(changes.notify)
        self.streams.on_change(changes.notify)
        self._web = WebServer(
            Services(
                config=config,
                clock=clock,
                state=state,
                timekeeping=self._timekeeping,
                hub=self.hub,
                faults=self.faults,
                disks=self.disks,
                alarm=self.alarm,
                schedule=self.schedule,
                incidents=incidents,
                motion=self._motion,
                live=self.live,
                audit=self._audit,
                notifications=self._notifications,
                auth=auth,
                platforms=platforms,
                tunnel=self._tunnel,
                evidence=self._evidence,
                streams=self.streams,
                changes=changes,
                analysis=self._analysis_view,
                still=self._still,
                ask_for_keyframe=self._keyframes.ask,
                loop_lag=self._lag.view,
                sick=self._sick.of,
            )
        )
        self._restream = Restream(config, self.hub, platforms, state, clock, self._web.certificate_file)

    @property
    def ca_fingerprint(self) -> str:
        """SHA-256 of the certificate authority that phones are asked to trust; only after `on_pages`."""
        return self._web.ca_fingerprint

    async def run(
        self, on_ready: Callable[[App], None], on_pages: Callable[[App], None], stop: asyncio.Event
    ) -> None:
        """Until `stop` is set: siren first, then recording, then what looks at the pictures. In the end the disks go
        last, when what the others left behind is written."""
        try:
            async with asyncio.TaskGroup() as group:
                jobs = {
                    place: group.create_task(self._supervisor.keep_running(place, job), name=place)
                    for place, job in self._jobs(partial(on_pages, self))
                }
                on_ready(self)
                await stop.wait()
                disks = [jobs.pop(place) for place, _ in self.disks.jobs()] + [jobs.pop("state")]
                others = list(reversed(jobs.values()))
                for job in others:
                    job.cancel()
                await asyncio.wait(others)
                await self._journal.settle(SETTLE_S)
                for job in disks:
                    job.cancel()
        finally:
            await self._journal.flush()
            await self._motion.flush()
            for flush in (self._notifications.notifier.flush, self._audit.flush, self._timekeeping.flush):
                with suppress(StorageError):
                    await flush()

    def _jobs(self, on_pages: Callable[[], None]) -> list[tuple[str, Job]]:
        """(place on the fault board, job), in the order of starting."""
        jobs: list[tuple[str, Job]] = []
        if self._siren is not None:
            jobs += [("siren-guard", self._siren.run_guard), ("siren-lease", self._siren.run_lease)]
        if self._speaker is not None:
            jobs.append(("speaker", self._speaker.run))
        jobs += [("clock", self._timekeeping.run), ("audit", self._audit.run)]
        jobs += [("alarm", self.alarm.run), ("state", self._journal.run), *self.disks.jobs()]
        jobs += [*self._cameras.jobs(), *self._notifications.jobs()]
        if self._analysis is not None:
            jobs += [("analysis", self._analysis.run), ("motion", self._motion.run)]
        jobs += [
            ("loop-lag", self._lag.run),
            ("memory", keep_clean),
            ("keyframes", self._keyframes.run),
            ("platforms", self.platforms.run),
            ("tunnel", self._tunnel.run),
            ("evidence", self._evidence.run),
            *self._restream.jobs(),
            ("web", partial(self._run_web, on_pages)),
            ("live", self._run_live),
        ]
        return jobs

    async def _run_web(self, on_pages: Callable[[], None], healthy: Callable[[], None]) -> None:
        def answering() -> None:
            healthy()
            on_pages()

        await self._web.run(answering)

    async def _run_live(self, healthy: Callable[[], None]) -> None:
        healthy()
        await self.live.run()

    def sighting(self, sighting: Sighting) -> None:
        """Analysis confirmed an object: the alarm first, then the footage."""
        self.alarm.sighting(sighting)
        self.seen.sighting(sighting)

    def incident(self, incident: Incident) -> None:
        """An incident is stored, or more of it."""
        self._changes.incident(incident)
        self._notifications.notifier.incident(incident)
        if incident.camera != SITE:
            self.seen.incident(incident)

    def _alarm_changed(self) -> None:
        """Cameras that may call or sound now are examined before the others."""
        if self._analysis is not None:
            self._analysis.set_acting(self.alarm.acting)
        self._notifications.alarm_changed()
        self._changes.notify()

    async def _still(self, config: CodecConfig, data: bytes) -> bytes | None:
        if self._analysis is None:
            raise AnalysisError("analysis is switched off", remedy="Set analysis.enabled in nvr.toml")
        return await self._analysis.picture(config, data)

    def _analysis_view(self) -> AnalysisView:
        if self._analysis is None:
            return AnalysisView(running=False)
        return AnalysisView(self._analysis.worker_pid is not None, self._analysis.statistics)
