"""Real pictures for tests: a street clip, downloaded once into `.cache/` at the root of the repository."""

from __future__ import annotations

from pathlib import Path

from nvr.cli.footage import fetch

CACHE = Path(__file__).resolve().parents[1] / ".cache"

EMPTY = range(138, 187)
"""Frames that show a street with cars and nobody on foot; the camera stands still."""
PERSON = range(106, 137)
"""Frames that show one cyclist who waits; the camera stands still."""


def bikes_mp4() -> Path:
    """H.264, 640x272 pixels, 25 frames a second, 250 frames. Raises StorageError if it cannot be had."""
    return fetch(CACHE)
