"""What a process tells systemd about itself (sd_notify(3)): a datagram to the socket in NOTIFY_SOCKET.

Own lines: the protocol is one `sendto`, and the known packages bring a thread or a C library with them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"
STOPPING: Final = "STOPPING=1"


class Notifier:
    """Never blocks and never fails: what systemd does not take at once is dropped (its watchdog notices)."""

    def __init__(self, environment: Mapping[str, str] | None = None, pid: int | None = None) -> None:
        """`environment`, `pid`: of this process by default."""
        variables = os.environ if environment is None else environment
        self._address = variables.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):  # an abstract socket, see unix(7)
            self._address = "\0" + self._address[1:]
        meant = variables.get("WATCHDOG_PID", "")
        own = str(os.getpid() if pid is None else pid)
        microseconds = variables.get("WATCHDOG_USEC", "")
        asked = microseconds.isdecimal() and int(microseconds) > 0 and meant in ("", own)
        self.watchdog_s: float | None = int(microseconds) / 1e6 if asked and self._address else None
        """How often at least systemd wants to hear ALIVE, if it does."""

    def notify(self, state: str) -> bool:
        """Send `state`, one assignment a line. False if nobody listens or it was not taken."""
        if self._address[:1] not in ("/", "\0"):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.sendto(state.encode(), socket.MSG_DONTWAIT, self._address)
            except OSError:
                return False
        return True
