"""The appliance's clock as an argument, so that tests and evaluation can simulate it; and how well it is known."""

from __future__ import annotations

import ctypes
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

Source = Literal["none", "rtc", "person", "ntp"]
RANK: dict[Source, int] = {"none": 0, "rtc": 1, "person": 2, "ntp": 3}
"""The better a source, the higher."""
FLOOR_S = 1_767_225_600.0
"""2026-01-01 UTC: this software did not exist before."""
SLACK_S = 600.0
"""A clock that keeps time without power may come back this much behind what the appliance knew: it drifts by itself."""
_STATE_S = 1.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_RTC = Path("/sys/class/rtc")
_STA_UNSYNC = 0x0040


@dataclass(frozen=True, slots=True)
class ClockState:
    """How well the wall clock is known.

    `boot_id`: of this run of the machine. `source`: the best that has set or confirmed the clock since it was booted:
    "none"; "rtc": a clock that keeps time without power; "person": an administrator; "ntp". `error_s`: how far it can
    be off by the kernel's estimate, None: nobody knows.
    """

    boot_id: str
    source: Source
    error_s: float | None = None

    @property
    def is_trusted(self) -> bool:
        return self.source != "none"

    @property
    def rank(self) -> int:
        return RANK[self.source]


class Clock(Protocol):
    """Two readings of time. `wall` may jump (NTP, an administrator's phone); `monotonic` never does."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary point, never going back."""
        ...

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC by the appliance's clock."""
        ...

    def state(self) -> ClockState:
        """How well `wall` is known, as of the last second."""
        ...


class Evidence(NamedTuple):
    """What the source of the wall time is decided from.

    `is_synchronized`, `error_s`: by the kernel. `keeps_time`: the machine has a clock that runs without power.
    `known`: what has set or confirmed the clock since the machine was booted. `least_wall_s`: the newest wall time
    that this appliance has ever known to be true.
    """

    wall_s: float
    is_synchronized: bool
    error_s: float
    keeps_time: bool
    known: Source
    least_wall_s: float


def decide(evidence: Evidence) -> tuple[Source, float | None]:
    """(source, its error in seconds). Whoever set the clock once in this boot is believed until the next: a clock
    drifts by seconds a month, not by hours."""
    if evidence.wall_s < FLOOR_S:
        return "none", None
    if evidence.is_synchronized or evidence.known == "ntp":
        return "ntp", evidence.error_s
    if evidence.known == "person":
        return "person", None
    if evidence.keeps_time and evidence.wall_s >= evidence.least_wall_s - SLACK_S:
        return "rtc", None
    return "none", None


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._known: Source = "none"
        self._least_wall_s = FLOOR_S
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._keeps_time = _keeps_time()
        self._boot_id = ""
        with suppress(OSError):
            self._boot_id = _BOOT_ID.read_text("ascii").strip()
        self._state = ClockState(self._boot_id, "none")
        self._state_until_s = float("-inf")

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def state(self) -> ClockState:
        now_s = self.monotonic()
        if now_s >= self._state_until_s:
            is_synchronized, error_s = self._kernel()
            source, error = decide(
                Evidence(
                    self.wall(), is_synchronized, error_s, self._keeps_time, self._known, self._least_wall_s
                )
            )
            if source == "ntp":
                self._known = "ntp"
            self._state = ClockState(self._boot_id, source, error)
            self._state_until_s = now_s + _STATE_S
        return self._state

    def remember(self, least_wall_s: float, known: Source) -> None:
        """What is known from before: the newest true wall time, and what has set the clock since the machine was
        booted."""
        self._least_wall_s = max(least_wall_s, FLOOR_S)
        if RANK[known] > RANK[self._known]:
            self._known = known
        self._state_until_s = float("-inf")

    def _kernel(self) -> tuple[bool, float]:
        """(whether something synchronizes the clock, estimated maximum error in s), see adjtimex(2)."""
        timex = _Timex()
        if self._libc.adjtimex(ctypes.byref(timex)) < 0:
            return False, 0.0
        return not timex.status & _STA_UNSYNC, timex.maxerror / 1e6


class _Timex(ctypes.Structure):
    """struct timex as far as it is read; `modes` 0 changes nothing."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def _keeps_time() -> bool:
    """PCs always have such a clock; of others the kernel says whether it was booted with its time."""
    if platform.machine() in ("x86_64", "i686", "i386"):
        return True
    for clock in _RTC.glob("rtc*"):
        with suppress(OSError):
            if (clock / "hctosys").read_text("ascii").strip() == "1":
                return True
    return False


class FakeClock:
    """A clock that moves only when told to (tests, evaluation over files), and is trusted unless told otherwise."""

    def __init__(
        self,
        wall: float = 1_800_000_000.0,
        monotonic: float = 1_000.0,
        source: Source = "ntp",
        boot_id: str = "00000000-0000-4000-8000-000000000001",
    ):
        self._wall, self._monotonic = wall, monotonic
        self._state = ClockState(boot_id, source)

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall

    def state(self) -> ClockState:
        return self._state

    def advance(self, seconds: float) -> None:
        """Both clocks move on by `seconds`."""
        self._wall += seconds
        self._monotonic += seconds

    def jump_wall(self, seconds: float) -> None:
        """Only the wall clock jumps, as when NTP first answers."""
        self._wall += seconds

    def become(self, source: Source, error_s: float | None = None) -> None:
        """The wall clock is known by this source from now on."""
        self._state = ClockState(self._state.boot_id, source, error_s)

    def remember(self, least_wall_s: float, known: Source) -> None:
        """As `SystemClock`: a clock that somebody set is trusted."""
        if RANK[known] > self._state.rank:
            self.become(known)
