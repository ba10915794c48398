"""What every relay board offers, and everything that can go wrong with one.

RelayError                  base: names the port and what to do about it
├── PortError               the port cannot be opened
│   ├── PortMissing         no such device (unplugged, wrong name)
│   ├── PortDenied          no permission
│   ├── PortBusy            another process owns it
│   └── PortUnsuitable      exists, but is no serial port or refuses 9600 8N1
└── LinkError               an open port fails
    ├── LinkDown            the device went away
    └── WriteTimeout        the device takes no more bytes
"""

from __future__ import annotations

from typing import Protocol


class RelayError(Exception):
    """Base of all relay errors. `port` is the device as configured; str() names port, cause and remedy."""

    remedy = "look at the relay board"

    def __init__(self, port: str, detail: str) -> None:
        super().__init__(f"relay port {port}: {detail}; {self.remedy}")
        self.port = port


class PortError(RelayError):
    """The port cannot be opened."""


class PortMissing(PortError):
    """The device node does not exist or has nothing behind it."""

    remedy = "plug the relay board in, or correct the name of the port (ls /dev/serial/by-id)"


class PortDenied(PortError):
    """The operating system refuses access."""

    remedy = "let this user open it (group dialout, or the udev rule of the appliance)"


class PortBusy(PortError):
    """Another process holds the port's exclusive lock."""

    remedy = "stop the other program that uses it (fuser -v PORT), a second guard perhaps"


class PortUnsuitable(PortError):
    """The path exists but is no serial port, or it refuses the line settings."""

    remedy = "name a serial device, for example one of /dev/serial/by-id"


class LinkError(RelayError):
    """An open port failed; close it and open it anew."""


class LinkDown(LinkError):
    """The device behind an open port went away."""

    remedy = "check the board's USB plug and power"


class WriteTimeout(LinkError):
    """The device takes no more bytes. What was queued has been discarded."""

    remedy = "the board hangs: unplug it and plug it in again"


class Relay(Protocol):
    """Switched outputs of one board. A call blocks for 0.2 s at most."""

    @property
    def fail_safe(self) -> bool:
        """True if an output ends by itself unless it is set anew; False if it latches."""
        ...

    def set(self, channel: int, on: bool) -> None:
        """Switch output `channel` (counted from 1). Raises LinkError; ValueError for no such channel."""
        ...

    def close(self) -> None:
        """Give the port back. Switches nothing. May be called twice."""
        ...
