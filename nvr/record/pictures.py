"""Incident pictures beside the footage."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from nvr.record.errors import storage_error
from nvr.record.filesystem import sync_folder, write_whole

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class PictureStore:
    """JPEGs as `pictures/<YYYY-MM-DD>/<id>.jpg` under the recordings directory; the date is that of `wall_s`, in UTC.

    Reads and writes happen on a thread of its own.
    """

    def __init__(self, root: Path):
        self._root = root
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")

    async def save(self, picture_id: str, jpeg: bytes, wall_s: float) -> None:
        """Store `jpeg`; it is on the disk under its name when this returns, never half.

        Raises StorageError: the disk is full or failing; ValueError: `picture_id` is no plain name.
        """
        path = self._path(picture_id, wall_s)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, _save, path, jpeg)
        except OSError as error:
            raise storage_error(self._root, error) from error

    async def load(self, picture_id: str, wall_s: float) -> bytes | None:
        """The picture saved under this id and time, None if there is none or it cannot be read.

        Raises ValueError: `picture_id` is no plain name.
        """
        path = self._path(picture_id, wall_s)
        return await asyncio.get_running_loop().run_in_executor(self._thread, _read, path)

    def close(self) -> None:
        """Give the thread back; a write that hangs is left behind."""
        self._thread.shutdown(wait=False)

    def _path(self, picture_id: str, wall_s: float) -> Path:
        if not _ID.fullmatch(picture_id):
            raise ValueError(f"not a picture id: {picture_id[:80]!r}")
        day = datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%d")
        return self._root / "pictures" / day / f"{picture_id}.jpg"


def _save(path: Path, data: bytes) -> None:
    # Never the recordings directory itself: where it is gone its disk is.
    path.parent.parent.mkdir(exist_ok=True)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, data)
    sync_folder(path.parent.parent)  # it holds the name of a new day


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
