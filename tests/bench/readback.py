"""Which pictures of the farm stand in recorded files: every sample is read and recognised by its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import av

from bench.farm_video import LOOP, Track, identity
from nvr.media.nal import split_length_prefixed


@dataclass(slots=True)
class Recorded:
    """Of one stream: `runs` of consecutive pictures as (first, last), by position in the loop and counted on from the
    first one; `faults`: pictures that are no copy of one sent, or in a wrong order."""

    pictures: int = 0
    missing: int = 0
    duplicated: int = 0
    unknown: int = 0
    positions: list[int] = field(default_factory=list)


def read_stream(files: Iterable[Path], tracks: Iterable[Track]) -> Recorded:
    """The stream's pictures in the order of `files`. Between two that follow each other in the files and not in the
    loop, those between are missing (less than a loop of 20 s can be told)."""
    known = {key: at for track in tracks for key, at in track.positions.items()}
    found, last = Recorded(), -1
    for file in files:
        for last_slice in _last_slices(file):
            position = known.get(identity(last_slice), -1)
            if position < 0:
                found.unknown += 1
                continue
            found.pictures += 1
            found.positions.append(position)
            if last >= 0:
                step = (position - last) % LOOP
                if step == 0:
                    found.duplicated += 1
                found.missing += max(step - 1, 0)
            last = position
    return found


def _last_slices(file: Path) -> Iterable[memoryview]:
    with av.open(str(file)) as container:
        for packet in container.demux(video=0):
            if packet.size:
                *_, last = split_length_prefixed(bytes(packet))
                yield last
