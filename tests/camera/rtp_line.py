"""Packets on their way to a depacketizer, for the tests of both codecs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nvr.camera.depacketizer import Depacketizer
from nvr.camera.rtp import pack_header
from nvr.media.access_unit import AccessUnit, Discontinuity, MediaItem
from nvr.media.nal import split_length_prefixed


class PacketLine:
    """Feeds packets to the depacketizer that `make` builds and collects what it publishes."""

    def __init__(self, make: Callable[[Callable[[MediaItem], None]], Depacketizer], sequence: int):
        self.items: list[MediaItem] = []
        self.depacketizer = make(self.items.append)
        self.sequence, self.now_s = sequence, 100.0

    def packet(
        self, payload: bytes, timestamp: int, *, marker: bool = False, skip: int = 0, kind: int = 96
    ) -> None:
        self.sequence += skip
        header = pack_header(
            marker=marker, payload_type=kind, sequence=self.sequence, timestamp=timestamp, ssrc=1
        )
        packet = b"??" + header + payload + b"?"
        self.now_s += 0.001
        self.depacketizer.push(packet, 2, len(packet) - 1, self.now_s)
        if kind == 96:
            self.sequence += 1

    def unit(self, number: int, *payloads: bytes, skip: int = 0) -> None:
        for index, payload in enumerate(payloads):
            marker = index == len(payloads) - 1
            self.packet(payload, number * 3600, marker=marker, skip=skip if index == 0 else 0)

    @property
    def units(self) -> list[AccessUnit]:
        return [item for item in self.items if isinstance(item, AccessUnit)]

    @property
    def causes(self) -> list[str]:
        return [item.cause for item in self.items if isinstance(item, Discontinuity)]

    @property
    def times(self) -> list[int]:
        return [unit.pts_90k // 3600 for unit in self.units]

    def nals(self, index: int) -> list[bytes]:
        return [bytes(n) for n in split_length_prefixed(self.units[index].data)]


def assert_nothing_damaged(
    line: PacketLine, units: Sequence[bytes], packets: Sequence[tuple[int, bytes, bool]], lost: set[int]
) -> None:
    """Send `packets` (number of the unit, payload, marker) but for those at the places `lost`: each of `units` that is
    published is whole, and follows its predecessor or is a keyframe, as every fourth is."""
    numbers: list[int] = []
    line.depacketizer.publish = lambda item: (
        line.items.append(item),
        numbers.append(number) if isinstance(item, AccessUnit) else None,
    )
    for index, (number, payload, marker) in enumerate(packets):
        if index in lost:
            line.sequence += 1
        else:
            line.packet(payload, number * 3600, marker=marker)
    previous, gap = 0, True
    for item in line.items:
        if isinstance(item, Discontinuity):
            gap = True
            continue
        number = numbers[0] + item.pts_90k // 3600  # bodies may be equal, times are not
        assert item.data == units[number]
        assert item.is_key == (number % 4 == 0)
        assert item.is_key if gap else number == previous + 1
        previous, gap = number, False
    if not lost:
        assert len(line.units) == len(units) and line.causes == []
