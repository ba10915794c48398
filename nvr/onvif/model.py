"""What the services tell of: the appliance, its cameras as video sources, their streams as profiles. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from nvr.events import StreamKey
from nvr.media.access_unit import CodecConfig

MANUFACTURER, MODEL = "Village NVR", "Network video recorder"
UNKNOWN_SIZE, UNKNOWN_FPS = (1920, 1080), 25.0
"""Of a camera that has sent no picture yet: the schema wants numbers for a source. Its profiles say nothing then."""
_PROFILES_BELOW_HIGH = {66: "Baseline", 77: "Main", 88: "Extended"}


@dataclass(frozen=True, slots=True)
class Rate:
    """Of one group of pictures: frames a second, kbit/s, and how many pictures it had."""

    fps: float
    kbit_s: float
    gop: int


@dataclass(frozen=True, slots=True)
class Profile:
    """One stream of one camera. `config`, `rate`: None until it has sent so much."""

    key: StreamKey
    name: str
    config: CodecConfig | None = None
    rate: Rate | None = None

    @property
    def token(self) -> str:
        """Of the profile and its encoder configuration. Ids of cameras have no underscore."""
        return f"{self.key.camera}_{self.key.role}"

    @property
    def h264_profile(self) -> str:
        """As ONVIF names it; only where the codec is H.264."""
        return _PROFILES_BELOW_HIGH.get(self.config.sps[1], "High") if self.config else "High"


@dataclass(frozen=True, slots=True)
class VideoSource:
    """One camera, with its profiles, the main one first. Its token is that of its source configuration, too."""

    token: str
    name: str
    profiles: tuple[Profile, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of its best stream that has sent a picture."""
        configs = (profile.config for profile in self.profiles)
        return next(((c.width, c.height) for c in configs if c is not None), UNKNOWN_SIZE)

    @property
    def fps(self) -> float:
        rates = (profile.rate for profile in self.profiles)
        return next((rate.fps for rate in rates if rate is not None), UNKNOWN_FPS)


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface by which the appliance is reached. `address` without scope."""

    name: str
    address: str
    prefix_bits: int


@dataclass(frozen=True, slots=True)
class Appliance:
    """What the appliance says of itself. `serial`: stable, and the same for everybody."""

    site: str
    serial: str
    version: str
    hostname: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Visit:
    """One authorised question. `base`: scheme, host and port as the client addressed us ("https://nvr.local:8443");
    `rtsp_base`: the same host with the RTSP port. `has_set_time`: whether something told the appliance the time.
    `sources`: those that the account may see, none before it is known."""

    appliance: Appliance
    base: str
    rtsp_base: str
    now_s: float
    has_set_time: bool = True
    interface: Interface | None = None
    sources: Sequence[VideoSource] = ()

    def profiles(self) -> Iterator[tuple[VideoSource, Profile]]:
        """All of them, each with its source."""
        for source in self.sources:
            for profile in source.profiles:
                yield source, profile
