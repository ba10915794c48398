"""What the web server works with; app.py makes one and hands it over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from nvr.alarm.incidents import IncidentStore
from nvr.alarm.motion_log import MotionLog
from nvr.alarm.notify.setup import Notifications
from nvr.alarm.runner import AlarmRunner
from nvr.alarm.schedule_store import ScheduleStore
from nvr.audit_watch import AuditWatch
from nvr.clock import Clock
from nvr.config import Config
from nvr.detect.numbers import AnalysisStatistics
from nvr.events import CameraHealth, StreamKey
from nvr.evidence.desk import EvidenceDesk
from nvr.faults import FaultBoard
from nvr.loop_lag import Lag
from nvr.media.access_unit import CodecConfig
from nvr.media.hub import Hub
from nvr.record.disks.disks import Disks
from nvr.restream.accounts import Platforms
from nvr.store import Database
from nvr.timekeeping import Timekeeping
from nvr.tunnel.tunnel import Tunnel
from nvr.web.auth import Auth
from nvr.web.changes import Changes
from nvr.web.stream_board import StreamBoard
from webrtc.session import LiveServer


@dataclass(frozen=True, slots=True)
class AnalysisView:
    """Whether the analysis process works, and what it last told of itself."""

    running: bool
    statistics: AnalysisStatistics = field(default_factory=AnalysisStatistics)


@dataclass(frozen=True, slots=True)
class Services:
    """`state`: state.db. `live`: its `run` is somebody else's task. `changes`: is told by the alarm, the journal, the
    faults and `streams`. `still`: the JPEG of a keyframe, None if it cannot be decoded; raises NvrError where none can
    be made now. `ask_for_keyframe`: a viewer waits for one of that stream; returns at once. `loop_lag`: how late the
    event loop was in the last minute. `sick`: what the camera with that id has."""

    config: Config
    clock: Clock
    state: Database
    timekeeping: Timekeeping
    hub: Hub
    faults: FaultBoard
    disks: Disks
    alarm: AlarmRunner
    schedule: ScheduleStore
    incidents: IncidentStore
    motion: MotionLog
    live: LiveServer
    audit: AuditWatch
    notifications: Notifications
    auth: Auth
    platforms: Platforms
    tunnel: Tunnel
    evidence: EvidenceDesk
    streams: StreamBoard
    changes: Changes
    analysis: Callable[[], AnalysisView]
    still: Callable[[CodecConfig, bytes], Awaitable[bytes | None]]
    ask_for_keyframe: Callable[[StreamKey], None]
    loop_lag: Callable[[], Lag]
    sick: Callable[[str], CameraHealth | None]
