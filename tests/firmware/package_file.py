"""A package of the tree as its files say it (pure): variables of the .mk, lines of the .hash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

_ASSIGNMENT = re.compile(r"^([A-Z0-9_]+)[ \t]*=[ \t]*((?:\\\n|.)*)$", re.MULTILINE)
_REFERENCE = re.compile(r"\$\(([A-Z0-9_]+)\)")
_FOLDER = re.compile(r"\$\(VILLAGE_NVR_PYTHON_FILES\)/([0-9a-f/]+)")
_WHEEL = re.compile(
    r"(?P<name>[^-]+)-(?P<version>[^-]+)-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl"
)
_SDIST = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)\.tar\.gz")


class Wheel(NamedTuple):
    """What the name of a wheel says (PEP 427)."""

    name: str
    version: str
    python: str
    abi: str
    platform: str


@dataclass(frozen=True)
class Package:
    """`folder`: where the package index keeps the file, as ab/cd/ef…; None: it is from elsewhere. `hashes`: SHA-256 by
    file name, of the source and of its licence files."""

    name: str
    version: str
    source: str
    folder: str | None
    is_local: bool
    licence: str
    licence_files: tuple[str, ...]
    hashes: Mapping[str, str]

    @property
    def wheel(self) -> Wheel | None:
        """None: the source is an archive of sources."""
        match = _WHEEL.fullmatch(self.source)
        return Wheel(**match.groupdict()) if match else None

    @property
    def distribution(self) -> str:
        """Its name on the package index. Raises ValueError: it is not from there."""
        match = _WHEEL.fullmatch(self.source) or _SDIST.fullmatch(self.source)
        if match is None or self.folder is None:
            raise ValueError(f"{self.name}: {self.source} is not from the package index")
        return match["name"].replace("_", "-")


def read_package(name: str, makefile: str, hashes: str) -> Package:
    """`hashes`: "" where there is no .hash. Raises ValueError: a line does not fit, or something is missing."""
    prefix = name.upper().replace("-", "_")
    values = _expanded(makefile)

    def value(what: str, default: str | None = None) -> str:
        found = values.get(f"{prefix}_{what}", default)
        if found is None:
            raise ValueError(f"{name}: no {prefix}_{what}")
        return found

    version = value("VERSION")
    is_local = value("SITE_METHOD", "") == "local"
    folder = _FOLDER.fullmatch(value("SITE"))
    return Package(
        name=name,
        version=version,
        source="" if is_local else value("SOURCE", f"{name}-{version}.tar.gz"),
        folder=folder[1] if folder else None,
        is_local=is_local,
        licence=value("LICENSE"),
        licence_files=tuple(value("LICENSE_FILES", "").split()),
        hashes=read_hashes(hashes),
    )


def read_hashes(text: str) -> dict[str, str]:
    """SHA-256 by file name. Raises ValueError: a line that is no SHA-256."""
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            kind, digest, name = line.split()
            if kind != "sha256" or not re.fullmatch(r"[0-9a-f]{64}", digest):
                raise ValueError(f"no SHA-256: {line}")
            found[name] = digest
    return found


def _expanded(makefile: str) -> dict[str, str]:
    """Simple assignments; references to those before are replaced, others stay as they are."""
    found: dict[str, str] = {}
    for name, raw in _ASSIGNMENT.findall(makefile):
        text = " ".join(raw.replace("\\\n", " ").split())
        found[name] = _REFERENCE.sub(lambda match: found.get(match[1], match[0]), text)
    return found
