"""What the parts tell each other: plain data, no behaviour.

Times named `_mono_s` are `Clock.monotonic()`; times named `wall_s` are `Clock.wall()`, seconds since 1970 UTC.
Boxes and points are relative to the picture: 0.0 is its left or top edge, 1.0 its right or bottom edge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple


class Role(StrEnum):
    """`main` is the high-resolution stream of a camera, `sub` the low one."""

    MAIN = "main"
    SUB = "sub"


class StreamKey(NamedTuple):
    """One stream: `camera` is the camera's id in nvr.toml."""

    camera: str
    role: Role

    def __str__(self) -> str:
        return f"{self.camera}/{self.role}"


class Response(StrEnum):
    """What a zone does by itself when a sighting is confirmed in it while the site is armed."""

    RECORD = "record"
    CALL = "call"
    WARN = "warn"
    SIREN = "siren"


class Mode(StrEnum):
    """How the site is armed: people are at home and awake, asleep, or nobody is there."""

    HOME = "home"
    NIGHT = "night"
    AWAY = "away"


class Rule(StrEnum):
    """How a sighting came about: in a zone, in it for long, or across a line (to the left or right hand of who looks
    along it)."""

    ENTER = "enter"
    LOITER = "loiter"
    CROSS_LEFT = "cross_left"
    CROSS_RIGHT = "cross_right"


class Box(NamedTuple):
    """Relative rectangle; x0 <= x1, y0 <= y1."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Motion:
    """Movement in one camera's picture: `area` is the moving share of the picture, 0 to 1."""

    camera: str
    captured_mono_s: float
    area: float


@dataclass(frozen=True, slots=True)
class Examined:
    """One look at a track's place, `before_s` before the look that made it certain. `score` None: nothing was seen.
    `evidence`: the log-likelihood ratio after it, `step`: what it added; `moving`: whether something moved there."""

    before_s: float
    score: float | None
    evidence: float
    step: float
    moving: bool
    box: Box


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the analysis is certain of an object.

    `examined`: the last looks up to the one that made it certain, oldest first; the evidence of that one reached
    `certain_at`. `after_s`: time from the first look of all, `pictures`: in how many the object was seen. `counted`:
    indices into `examined` of the pictures that added most, in order of time; `Sighting.frames` shows them.
    `by_way`: the detector knew nobody, the evidence is upright shape and steady way, in heights; `Examined.score` is
    None where it was not steady, else 0.
    """

    certain_at: float
    after_s: float
    pictures: int
    examined: tuple[Examined, ...]
    counted: tuple[int, ...]
    by_way: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """An object confirmed by the sequential test in a zone or across a line, which `zone` names, by `rule`.

    `captured_mono_s` is the arrival time of the access unit that decided it. `track` is never used again while the
    service runs. `picture` is a JPEG of that frame, `best` of the object alone, from the best frame so far; `frames`
    one of equal squares side by side, which are the pictures that counted. Empty where there is none.
    """

    camera: str
    zone: str
    response: Response
    kind: str
    score: float
    box: Box
    track: int
    captured_mono_s: float
    picture: bytes = field(repr=False)
    best: bytes = field(default=b"", repr=False)
    frames: bytes = field(default=b"", repr=False)
    explanation: Explanation | None = field(default=None, repr=False)
    rule: Rule = Rule.ENTER


@dataclass(frozen=True, slots=True)
class BetterPicture:
    """A better picture than before, a JPEG, of the object of a sighting."""

    camera: str
    track: int
    jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """A camera shows what it should (`sickness` None), or does not: "covered", "moved", …, with a JPEG of when it last
    did (empty: there is none) and one of now."""

    camera: str
    sickness: str | None
    before: bytes = field(default=b"", repr=False)
    now: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that staff must know about, until it is cleared. `place` and `code` identify it.

    `place` is "camera:gate/main", "camera:gate", "disk", "siren", "analysis", "clock". `code` is a key of the page's
    locales (`fault.<code>`), `params` fill it in; `detail` is the English text for the log.
    """

    place: str
    code: str
    detail: str
    params: dict[str, str | int | float] = field(default_factory=dict)


StreamState = Literal["connecting", "live", "down"]


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """State of one stream as the page shows it; `fault` is set when the state is `down`."""

    key: StreamKey
    state: StreamState
    since_wall_s: float
    fault: Fault | None = None
    codec: str = ""
    width: int = 0
    height: int = 0
    has_b_frames: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an account's name, "schedule", or the appliance's part that decided; `address` is the remote
    address, "" for the appliance itself."""

    name: str
    address: str = ""
