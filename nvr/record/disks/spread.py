"""Which camera records on which disk, and when a disk that failed is trusted again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from nvr.supervise import Backoff

TRUST = Backoff(first_s=2.0, max_s=600.0, reset_after_s=600.0)
"""How long a disk must have been well after its n-th failure before it gets its cameras back."""


def spread(cameras: Sequence[str], sizes: Sequence[int | None], usable: Collection[int]) -> dict[str, int]:
    """For each camera the index of its disk; {} while no disk is `usable`.

    Every camera has a home among all disks: in order of their ids each goes where there are the fewest for the disk's
    size, so that all disks keep about as many days. Only the cameras of a disk that is not usable go elsewhere, by
    the same rule among the others. `sizes`: None where a disk has not been seen yet; it counts as large as the largest.
    """
    if not usable:
        return {}
    known = [size for size in sizes if size]
    largest = max(known, default=1)
    weights = [size or largest for size in sizes]
    counts = [0] * len(sizes)

    def place(camera: str, among: Collection[int]) -> int:
        best = min(sorted(among), key=lambda disk: (counts[disk] + 1) / weights[disk])
        counts[best] += 1
        return best

    homes = {camera: place(camera, range(len(sizes))) for camera in sorted(cameras)}
    return {camera: home if home in usable else place(camera, usable) for camera, home in homes.items()}


class Trust:
    """Whether one disk may have cameras: at once when it is well for the first time; after failures only when it has
    been well for a while, longer each time, so that a disk that works for seconds does not take footage again and
    again."""

    def __init__(self, backoff: Backoff = TRUST):
        self._backoff = backoff
        self._well_since_s: float | None = None
        self._failures = 0

    def look(self, is_well: bool, now_s: float) -> bool:
        """Whether it may have cameras now."""
        if not is_well:
            if self._well_since_s is not None:
                lasted_s = now_s - self._well_since_s
                self._failures = 1 if lasted_s >= self._backoff.reset_after_s else self._failures + 1
                self._well_since_s = None
            return False
        if self._well_since_s is None:
            self._well_since_s = now_s
        if self._failures == 0:
            return True
        return now_s - self._well_since_s >= self._backoff.delay_s(self._failures, 0.0)
