"""Where things lie: the BR2_EXTERNAL tree, its packages, the cache of the checks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from firmware.package_file import Package, read_package

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "buildroot"
CACHE = ROOT / ".cache" / "firmware"


def packages() -> list[Package]:
    """All packages of the tree. Raises ValueError."""
    return [_package(folder) for folder in sorted((TREE / "package").iterdir())]


def config_in() -> Iterator[Path]:
    """All files of Kconfig in the tree."""
    yield TREE / "Config.in"
    yield from sorted((TREE / "package").glob("*/Config.in"))


def defconfigs() -> list[Path]:
    """What Buildroot is configured with, one for each board."""
    return sorted((TREE / "configs").glob("*_defconfig"))


def _package(folder: Path) -> Package:
    name = folder.name
    hashes = folder / f"{name}.hash"
    text = hashes.read_text() if hashes.exists() else ""
    return read_package(name, (folder / f"{name}.mk").read_text(), text)
