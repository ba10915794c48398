"""What a player would get of a recorded span."""

from __future__ import annotations

from nvr.record.model import FileRange
from nvr.record.mp4.virtual_mp4 import VirtualMp4


def whole(mp4: VirtualMp4, start: int = 0, stop: int | None = None) -> bytes:
    """The bytes of a plan."""
    out = b""
    for piece in mp4.plan(start, mp4.length if stop is None else stop):
        if isinstance(piece, FileRange):
            with piece.path.open("rb") as file:
                file.seek(piece.offset)
                content = file.read(piece.length)
            assert len(content) == piece.length > 0
            out += content
        else:
            out += piece
    return out
