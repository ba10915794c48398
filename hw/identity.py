"""Names of serial ports that stay the same: a path, or the USB identity of the adapter (pure).

`usb:1a86:7523` is any CH340; `usb:0403:6001:A10K2X` the one with this serial number. The identity is looked up at each
connection, so that a board which comes back under another ttyUSB number is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from hw.relay import PortAmbiguous, PortMissing

PREFIX: Final = "usb:"
_IDENTITY: Final = re.compile(r"usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::(\S+))?")


class FoundPort(Protocol):
    """A serial port of this machine, as `serial.tools.list_ports` tells it."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    location: str | None
    product: str | None


@dataclass(frozen=True, slots=True)
class UsbIdentity:
    """Vendor and product of a USB adapter, and its serial number where that matters."""

    vendor: int
    product: int
    serial: str | None = None

    def __str__(self) -> str:
        return f"{PREFIX}{self.vendor:04x}:{self.product:04x}" + (f":{self.serial}" if self.serial else "")

    def fits(self, port: FoundPort) -> bool:
        """Whether `port` has this identity."""
        same = (port.vid, port.pid) == (self.vendor, self.product)
        return same and self.serial in (None, port.serial_number)


def is_identity(port: str) -> bool:
    """Whether the name of a port is an identity and no path."""
    return port.startswith(PREFIX)


def parse(port: str) -> UsbIdentity:
    """Raises ValueError for what is no identity."""
    match = _IDENTITY.fullmatch(port)
    if match is None:
        raise ValueError(
            f'"{port}": must be usb:VVVV:PPPP or usb:VVVV:PPPP:SERIAL, for example usb:1a86:7523'
        )
    return UsbIdentity(int(match[1], 16), int(match[2], 16), match[3])


def identity_of(port: FoundPort) -> UsbIdentity | None:
    """What to call `port` in the configuration; None if it is no USB adapter."""
    if port.vid is None or port.pid is None:
        return None
    serial = port.serial_number
    return UsbIdentity(port.vid, port.pid, serial if serial and not re.search(r"\s", serial) else None)


def choose(name: str, ports: Iterable[FoundPort]) -> str:
    """The device among `ports` with the identity `name`. Raises PortMissing, PortAmbiguous, ValueError."""
    identity = parse(name)
    devices = sorted({port.device for port in ports if identity.fits(port)})
    if not devices:
        raise PortMissing(name, "no such device")
    if len(devices) > 1:
        raise PortAmbiguous(name, f"{' and '.join(devices)} have the same identity")
    return devices[0]
