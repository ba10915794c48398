"""Settings of the C library's heap for a process that moves much data for months in little memory."""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Callable

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # mallopt(3), glibc
ARENAS = 1
MMAP_BYTES = 256 << 10
TRIM_BYTES = 1 << 20
COLLECT_EVERY_S = 60.0


def keep_small() -> None:
    """One heap for all threads, memory given back early; before threads start. Where the C library knows no such
    settings (musl) nothing changes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in (
            (_M_ARENA_MAX, ARENAS),
            (_M_MMAP_THRESHOLD, MMAP_BYTES),
            (_M_TRIM_THRESHOLD, TRIM_BYTES),
        ):
            mallopt(parameter, value)


def settle() -> None:
    """What exists now stays: the garbage collector need not look at it again and again, which would stop the event
    loop for tens of milliseconds."""
    gc.collect()
    gc.freeze()


async def keep_clean(healthy: Callable[[], None], *, every_s: float = COLLECT_EVERY_S) -> None:
    """Collect what is not frozen (some milliseconds), until cancelled.

    By itself Python collects the old generation only when a quarter of all that it kept last time has been added; that
    includes what is frozen, so it comes after hours. Until then each lost connection leaves its traceback, and with
    it its buffers: 25 to 30 kB. What a disk that stood still for a moment made the heap grow by is given back, too,
    also from amid the heap (malloc_trim(3), glibc).
    """
    healthy()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while True:
        await asyncio.sleep(every_s)
        gc.collect()
        if trim is not None:
            trim(0)
