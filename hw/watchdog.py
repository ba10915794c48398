"""The hardware watchdog and systemd's, as the guard feeds them.

The kernel's interface (Documentation/watchdog/watchdog-api): opening the device starts it, any write feeds it, and
closing it stops it only after a `V` was written (magic close). What starves it is argued in hw/README.md.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import Final

from hw import sd_notify
from hw.event_log import EventLog

FEED_S: Final = 2.0
TIMEOUT_S: Final = 15
"""Asked of the device; the most that a Raspberry Pi's can do."""
SILENT_S: Final = 60.0
FIRST_S: Final = 300.0
_SET_TIMEOUT: Final = 0xC0045706  # WDIOC_SETTIMEOUT, _IOWR('W', 6, int)


class Liveness:
    """Whether the service lives, by when it was last heard of (pure)."""

    def __init__(self, now_s: float) -> None:
        self._until_s = now_s + FIRST_S

    def heard(self, now_s: float) -> None:
        """A client sent a request."""
        self._until_s = now_s + SILENT_S

    def alive(self, now_s: float) -> bool:
        """Heard of in the last minute, or not yet expected: 5 minutes from the start are given to come up, or to
        somebody who wants to stop a machine that restarts again and again."""
        return now_s < self._until_s


class Device:
    """A watchdog device. Raises OSError where it cannot be opened; never later."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.ioctl(self._fd, _SET_TIMEOUT, struct.pack("i", TIMEOUT_S))
            self.timeout_set = True
        except OSError:
            self.timeout_set = False  # it keeps its own

    def feed(self) -> bool:
        """False if the device did not take it."""
        return self._write(b"\0")

    def close(self, *, disarm: bool) -> None:
        """`disarm`: stop it; otherwise it restarts the machine unless it is opened again in time."""
        if disarm:
            self._write(b"V")
        os.close(self._fd)

    def _write(self, data: bytes) -> bool:
        try:
            return os.write(self._fd, data) == len(data)
        except OSError:
            return False


class Watchdogs:
    """Both watchdogs of the guard; either may be missing."""

    def __init__(self, path: Path | None, log: EventLog, now_s: float) -> None:
        self._log = log
        self._notifier = sd_notify.Notifier()
        self._liveness = Liveness(now_s)
        self._feed_at_s = now_s
        self._device: Device | None = None
        self._starving = False
        if path is not None:
            try:
                self._device = Device(path)
            except OSError as error:
                log.event("no watchdog", path=str(path), error=str(error))
            else:
                log.event("watchdog", path=str(path), timeout_set=self._device.timeout_set)

    def ready(self) -> None:
        """The guard serves."""
        self._notifier.notify(sd_notify.READY)

    def heard(self, now_s: float) -> None:
        """The service sent a request."""
        self._liveness.heard(now_s)

    def feed(self, now_s: float) -> None:
        """Called by each turn of the guard's loop, and by nothing else."""
        if now_s < self._feed_at_s:
            return
        self._feed_at_s = now_s + self._period_s()
        self._notifier.notify(sd_notify.ALIVE)
        if self._device is None:
            return
        starving = not self._liveness.alive(now_s) or not self._device.feed()
        if starving != self._starving:
            self._starving = starving
            self._log.event("watchdog starves" if starving else "watchdog fed again")

    def close(self, *, deliberately: bool) -> None:
        """The guard ends. Only somebody who stops it stops the watchdog too."""
        self._notifier.notify(sd_notify.STOPPING)
        if self._device is not None:
            self._device.close(disarm=deliberately)

    def deadline_s(self) -> float:
        """When `feed` is due; infinite without any watchdog."""
        idle = self._device is None and self._notifier.watchdog_s is None
        return float("inf") if idle else self._feed_at_s

    def _period_s(self) -> float:
        asked_s = self._notifier.watchdog_s
        return FEED_S if asked_s is None else min(FEED_S, asked_s / 2)
