"""Remembers what was already told. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable


class Once:
    """`first(key)` is True the first time; the last `size` keys are remembered."""

    def __init__(self, size: int = 1024):
        self._size = size
        self._seen: OrderedDict[Hashable, None] = OrderedDict()

    def first(self, key: Hashable) -> bool:
        """Whether `key` was not seen before (as far as is remembered)."""
        if key in self._seen:
            self._seen.move_to_end(key)
            return False
        self._seen[key] = None
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return True

    def forget(self, key: Hashable) -> None:
        """It could not be told after all."""
        self._seen.pop(key, None)
