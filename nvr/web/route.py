"""What a route is, and what its handler receives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from nvr import audit
from nvr.alarm.incidents import Incident
from nvr.config import Camera
from nvr.events import Actor, StreamKey
from nvr.web.access import Access, Account, Session, Subject
from nvr.web.errors import not_found
from nvr.web.footage_reader import FootageReader
from nvr.web.fragment_source import FragmentSource
from nvr.web.live_source import HubFrames
from nvr.web.live_tokens import LiveToken, LiveTokens
from nvr.web.once import Once
from nvr.web.onvif_services import OnvifServices
from nvr.web.services import Services
from nvr.web.static_files import StaticFiles
from nvr.web.stills import Stills
from nvr.web.watches import Watches


@dataclass(frozen=True, slots=True)
class Runtime:
    """What handlers share besides the services. `started_mono_s`: when the web server was made."""

    services: Services
    files: StaticFiles
    sources: Mapping[StreamKey, HubFrames]
    fragments: Mapping[StreamKey, FragmentSource]
    watches: Watches
    tokens: LiveTokens
    reader: FootageReader
    viewed: Once
    stills: Stills
    onvif: OnvifServices
    started_mono_s: float

    @property
    def uptime_s(self) -> float:
        return self.services.clock.monotonic() - self.started_mono_s


@dataclass(frozen=True, slots=True)
class Call:
    """One request that passed the gate. `address`: the remote address in one notation, without port.

    `found_session`: set on every route whose rule asks for one; with a live token (`token`) the log-in that issued it.
    `found_camera`, `found_incident` and `cameras`: set as the rule's subject says, and then this account may see them.
    """

    request: web.Request
    runtime: Runtime
    address: str
    found_session: Session | None = None
    found_camera: Camera | None = None
    found_incident: Incident | None = None
    cameras: tuple[Camera, ...] = ()
    token: LiveToken | None = None

    @property
    def services(self) -> Services:
        return self.runtime.services

    @property
    def session(self) -> Session:
        if self.found_session is None:
            raise RuntimeError("this route is open to anybody")
        return self.found_session

    @property
    def account(self) -> Account:
        return self.session.account

    @property
    def owner(self) -> str:
        """Whose live sessions are begun: those of the token or of the log-in, by key."""
        return self.token.key if self.token is not None else self.session.key

    @property
    def actor(self) -> Actor:
        """For the audit trail."""
        return Actor(self.account.name, self.address)

    async def note(self, action: str, subject: str = "", detail: audit.Detail | None = None) -> None:
        """Add what this account does to the audit trail; returns when the row is safe on the disk."""
        await audit.record(
            self.services.state,
            wall_s=self.services.clock.wall(),
            actor=self.account.name,
            address=self.address,
            action=action,
            subject=subject,
            detail=detail,
        )

    @property
    def camera(self) -> Camera:
        if self.found_camera is None:
            raise RuntimeError("this route's rule names no camera")
        return self.found_camera

    @property
    def incident(self) -> Incident:
        if self.found_incident is None:
            raise RuntimeError("this route's rule names no incident")
        return self.found_incident

    @property
    def agent(self) -> str:
        """What the browser calls itself."""
        return self.request.headers.get("User-Agent", "")[:200]


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the route table. GET serves HEAD too.

    `path` as aiohttp writes it. A path with a {camera} or an {incident} must have the rule that checks it, and the
    other way round; anything else raises ValueError. So no route can be made without a rule, or with half of one.
    """

    method: str
    path: str
    handler: Handler
    access: Access

    def __post_init__(self) -> None:
        for parameter, subject in (("camera", Subject.CAMERA), ("incident", Subject.INCIDENT)):
            if (f"{{{parameter}}}" in self.path) != (self.access.subject is subject):
                raise ValueError(f"{self.path}: the rule and {{{parameter}}} must go together")
        is_page = self.access.needs is None and not self.access.platform
        if is_page and self.method != "GET" and not self.path.startswith("/api/"):
            raise ValueError(f"{self.path}: pages only answer GET")


def stream_key(call: Call) -> StreamKey:
    """The stream that the path's {camera} and {role} name. Raises ApiError 404: the camera has no such stream."""
    for key in call.camera.streams:
        if key.role == call.request.match_info["role"]:
            return key
    raise not_found()
