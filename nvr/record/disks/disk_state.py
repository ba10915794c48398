"""What is told of one disk. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nvr.record.model import Usage


@dataclass(frozen=True, slots=True)
class DiskState:
    """One disk now. `state`: "recording", "idle" (open, but its cameras are elsewhere or there are none) or "missing".
    `usage` while it is open; `cameras`: that record on it."""

    path: str
    state: str
    usage: Usage | None
    days_possible: float | None
    cameras: tuple[str, ...]
