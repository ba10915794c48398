from __future__ import annotations

import pytest
from serial.tools.list_ports_common import ListPortInfo

from hw.identity import UsbIdentity, choose, identity_of, is_identity, parse
from hw.relay import PortAmbiguous, PortMissing


def port(
    device: str, vid: int | None = 0x1A86, pid: int | None = 0x7523, serial: str | None = None
) -> ListPortInfo:
    info = ListPortInfo(device, skip_link_detection=True)
    info.vid, info.pid, info.serial_number = vid, pid, serial
    return info


def test_found_under_whatever_number() -> None:
    uart = port("/dev/ttyS0", None, None)
    assert choose("usb:1a86:7523", [uart, port("/dev/ttyUSB3")]) == "/dev/ttyUSB3"
    assert (
        choose("usb:1A86:7523", [port("/dev/ttyUSB0"), port("/dev/ttyUSB1", 0x0403, 0x6001)])
        == "/dev/ttyUSB0"
    )


def test_a_serial_number_tells_two_of_a_kind_apart() -> None:
    two = [port("/dev/ttyUSB0", serial="A1"), port("/dev/ttyUSB1", serial="B2")]
    assert choose("usb:1a86:7523:B2", two) == "/dev/ttyUSB1"
    with pytest.raises(PortMissing, match="usb:1a86:7523:C3: no such device; plug"):
        choose("usb:1a86:7523:C3", two)


def test_two_of_the_same_identity_are_refused_by_name_and_with_the_remedy() -> None:
    with pytest.raises(PortAmbiguous) as caught:
        choose("usb:1a86:7523", [port("/dev/ttyUSB1"), port("/dev/ttyUSB0")])
    assert "/dev/ttyUSB0 and /dev/ttyUSB1 have the same identity" in str(caught.value)
    assert "/dev/serial/by-path" in str(caught.value)


@pytest.mark.parametrize(
    "name", ["usb:", "usb:1a86", "usb:1a86:75231", "usb:wxyz:7523", "usb:1a86:7523:", "usb:1a86:7523:A B"]
)
def test_no_identity(name: str) -> None:
    assert is_identity(name)
    with pytest.raises(ValueError, match="must be usb:VVVV:PPPP"):
        parse(name)


def test_what_to_call_a_port() -> None:
    assert identity_of(port("/dev/ttyS0", None, None)) is None
    for serial in (None, "A10K2X"):
        identity = identity_of(port("/dev/ttyUSB0", serial=serial))
        assert identity == UsbIdentity(0x1A86, 0x7523, serial)
        assert parse(str(identity)) == identity
    assert str(identity_of(port("/dev/ttyUSB0", serial="with blank"))) == "usb:1a86:7523"
