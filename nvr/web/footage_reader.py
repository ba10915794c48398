"""Reading footage off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from io import FileIO

from nvr.record.mp4.virtual_mp4 import FileRange

CHUNK_BYTES = 256 << 10


class FootageReader:
    """Threads of its own: a recording disk that stands still holds up playback, and nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="footage")

    def close(self) -> None:
        """Give the threads back; a read that hangs is left behind."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def chunks(self, plan: Iterable[bytes | FileRange]) -> AsyncIterator[bytes]:
        """The bytes of a plan in pieces of at most CHUNK_BYTES (bytes in the plan as they are).

        Raises OSError: a file is gone or cannot be read; EOFError: it is shorter than planned.
        """
        loop = asyncio.get_running_loop()
        for piece in plan:
            if isinstance(piece, bytes):
                yield piece
                continue
            file = await loop.run_in_executor(self._threads, _open, piece)
            try:
                left = piece.length
                while left > 0:
                    data = await loop.run_in_executor(self._threads, file.read, min(left, CHUNK_BYTES))
                    if not data:
                        raise EOFError(f"{piece.path}: {left} bytes are missing")
                    left -= len(data)
                    yield data
            finally:
                file.close()


def _open(piece: FileRange) -> FileIO:
    file = FileIO(piece.path, "rb")
    file.seek(piece.offset)
    return file
