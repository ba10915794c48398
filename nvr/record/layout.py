"""Where footage lies: `footage/<camera>/<role>/<YYYY-MM-DD>/<HHMMSS-mmm>Z_<number>.mp4`, times in UTC. Pure.

A person finds an hour without any index, and a name tells enough to order files.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from nvr.events import StreamKey
from nvr.record.model import TICKS, Candidate, Segment

FOOTAGE = "footage"
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME = re.compile(r"[0-9]{6}-[0-9]{3}Z_([0-9]{1,18})\.mp4")
_CAMERA = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def stream_folder(key: StreamKey) -> str:
    """A stream's folder, relative to the recordings directory. Raises ValueError: the camera's id is no plain name."""
    if not _CAMERA.fullmatch(key.camera):
        raise ValueError(f"not a camera id: {key.camera[:80]!r}")
    return f"{FOOTAGE}/{key.camera}/{key.role.value}"


def segment_path(key: StreamKey, number: int, start_90k: int) -> str:
    """The file of a segment recorded as beginning at `start_90k`, relative to the recordings directory."""
    seconds, ticks = divmod(start_90k, TICKS)
    name = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d/%H%M%S}-{ticks * 1000 // TICKS:03d}Z_{number}.mp4"
    return f"{stream_folder(key)}/{name}"


def path_of(segment: Segment | Candidate) -> str:
    """`segment_path` of a segment."""
    return segment_path(segment.key, segment.number, segment.start_90k - segment.shift_90k)


def segment_number(name: str) -> int | None:
    """The number in a file's name; None if it is no segment's name."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def segment_start_90k(day: str, name: str) -> int:
    """Where a segment starts (to a millisecond), by its folder and name. Raises ValueError: not those of a segment."""
    start = datetime.strptime(f"{day}/{name[:6]}+0000", "%Y-%m-%d/%H%M%S%z")
    return int(start.timestamp()) * TICKS + int(name[7:10]) * TICKS // 1000


def day_name(start_90k: int) -> str:
    """The name of a day's folder."""
    return f"{datetime.fromtimestamp(start_90k // TICKS, UTC):%Y-%m-%d}"
