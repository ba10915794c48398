"""Still pictures of recorded keyframes, for people who look through footage: made when no frame waits for analysis."""

from __future__ import annotations

from collections import deque

from nvr.detect.messages.protocol import PictureMade, PictureWanted
from nvr.detect.note import Note
from nvr.detect.worker.decode import config_of, decode_still
from nvr.detect.worker.picture import Picture

MAX_WAITING = 4
PATIENCE_S = 0.5
"""One that waited longer is made all the same, one after each examined frame: detection that has no pause is slowed
a little, and people still see something."""
MAX_WIDTH = 640


class Stills:
    """The pictures that are wanted, at most MAX_WAITING; a further one takes the place of the oldest."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._waiting: deque[tuple[PictureWanted, float]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def want(self, message: PictureWanted, now_s: float) -> list[PictureMade]:
        """Take in a wish; answers for what had to go for it."""
        gone = [self._waiting.popleft()[0]] if len(self._waiting) >= MAX_WAITING else []
        self._waiting.append((message, now_s))
        return [PictureMade(wanted.number, b"") for wanted in gone]

    def is_overdue(self, now_s: float) -> bool:
        """Whether the oldest has waited for PATIENCE_S."""
        return bool(self._waiting) and now_s - self._waiting[0][1] > PATIENCE_S

    def make(self) -> list[PictureMade]:
        """Answer the oldest wish, if there is one."""
        if not self._waiting:
            return []
        wanted, _ = self._waiting.popleft()
        self._note.still(wanted.number)
        try:
            frame = decode_still(config_of(wanted), wanted.data)
            jpeg = Picture(frame).jpeg(MAX_WIDTH) if frame is not None else b""
        except ValueError:
            jpeg = b""
        self._note.done()
        return [PictureMade(wanted.number, jpeg)]
