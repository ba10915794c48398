"""The threads that may block on one recordings directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from nvr.errors import StorageError

P = ParamSpec("P")
T = TypeVar("T")


async def answer_of(executor: Executor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `work` on a thread that may be given back meanwhile. Raises StorageError: it was, and `work` has
    not been done; who waits has not been cancelled by that."""
    try:
        future = executor.submit(work, *args, **kwargs)
    except RuntimeError:
        raise _let_go() from None
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise _let_go() from None


def _let_go() -> StorageError:
    return StorageError("the recordings' disk was let go", remedy="See the faults on the page")


class Threads:
    """One thread that writes, two that read for playback: a slow reader holds up no commit."""

    def __init__(self) -> None:
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._playback = ThreadPoolExecutor(2, thread_name_prefix="playback")

    def on_disk(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run `work` on the writing thread, after what was given to it before. For what ends before `close`."""
        return asyncio.get_running_loop().run_in_executor(self._disk, lambda: work(*args, **kwargs))

    async def asked(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `on_disk`, for those who may ask at any time. Raises StorageError: the threads are given back."""
        return await answer_of(self._disk, work, *args, **kwargs)

    async def reading(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on a reading thread. Raises StorageError: the threads are given back."""
        return await answer_of(self._playback, work, *args, **kwargs)

    def close(self) -> None:
        """Give the threads back; work that hangs is left behind."""
        self._disk.shutdown(wait=False, cancel_futures=True)
        self._playback.shutdown(wait=False, cancel_futures=True)
