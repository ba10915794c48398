"""Incident pictures beside the footage."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from nvr.record.errors import storage_error
from nvr.record.layout import DAY
from nvr.record.threads import answer_of
from nvr.whole_file import sync_folder, write_whole

FOLDER = "pictures"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

IsOver = Callable[[str, str], bool]
"""Whether pictures of a camera of a day (the names of their folders) are to be deleted."""


class PictureStore:
    """JPEGs as `pictures/<YYYY-MM-DD>/<camera>/<id>.jpg` under the recordings directory; the date is that of `wall_s`,
    in UTC.

    Reads and writes happen on a thread of its own. `check()` raises StorageError where the directory is not on its
    disk. `bytes`: what they take together, as of the last `tidy` and what was saved since.
    """

    def __init__(self, root: Path, check: Callable[[], None] = lambda: None):
        self._root, self._check = root, check
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self.bytes = 0

    async def save(self, picture_id: str, camera: str, jpeg: bytes, wall_s: float) -> None:
        """Store `jpeg`; it is on the disk under its name when this returns, never half.

        Raises StorageError: the disk is missing, full or failing; ValueError: `picture_id` or `camera` is no plain
        name.
        """
        path = self._path(picture_id, camera, wall_s)
        try:
            await answer_of(self._thread, self._save, path, jpeg)
        except OSError as error:
            raise storage_error(self._root, error) from error
        self.bytes += len(jpeg)

    async def load(self, picture_id: str, camera: str, wall_s: float) -> bytes | None:
        """The picture saved under this id, camera and time, None if there is none or it cannot be read.

        Raises ValueError: `picture_id` or `camera` is no plain name; StorageError: the disk was let go.
        """
        path = self._path(picture_id, camera, wall_s)
        return await answer_of(self._thread, _read, path)

    async def tidy(self, is_over: IsOver | None) -> None:
        """Delete what `is_over` says, and count the rest. Raises StorageError."""
        try:
            self.bytes = await answer_of(self._thread, self._tidy, is_over)
        except OSError as error:
            raise storage_error(self._root, error) from error

    def close(self) -> None:
        """Give the thread back; a write that hangs is left behind."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _path(self, picture_id: str, camera: str, wall_s: float) -> Path:
        for name in (picture_id, camera):
            if not _ID.fullmatch(name):
                raise ValueError(f"not a picture id: {name[:80]!r}")
        day = datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%d")
        return self._root / FOLDER / day / camera / f"{picture_id}.jpg"

    def _save(self, path: Path, data: bytes) -> None:
        self._check()
        for folder in (path.parents[2], path.parents[1], path.parents[0]):
            # Never the recordings directory itself: where it is gone its disk is.
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                sync_folder(folder.parent)
        write_whole(path, data)

    def _tidy(self, is_over: IsOver | None) -> int:
        self._check()
        total = 0
        for day in _folders(self._root / FOLDER):
            if not DAY.fullmatch(day.name):
                continue
            for camera in _folders(day):
                files = [file for file in os.scandir(camera) if file.is_file(follow_symlinks=False)]
                if is_over is not None and is_over(camera.name, day.name):
                    for file in files:
                        Path(file).unlink(missing_ok=True)
                    with suppress(OSError):
                        camera.rmdir()
                else:
                    total += sum(file.stat().st_size for file in files)
            with suppress(OSError):  # it holds others
                day.rmdir()
        return total


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from sorted(path for path in folder.iterdir() if path.is_dir())


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
