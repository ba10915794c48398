"""The real file of a package: fetched with pip into the cache, and compared with what the package says of it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

from firmware.package_file import Package

PYTHON_VERSION = "3.14"
"""Of Buildroot 2026.08, for wheels."""
FETCH_S = 240.0


class NotFetched(Exception):
    """The file could not be had: no network, or no such file there."""


def fetched(package: Package, cache: Path) -> Path:
    """The file, from the cache or else from the package index. pip itself refuses one with another hash.

    Raises NotFetched.
    """
    path = cache / package.source
    if path.exists():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    wanted = cache / f"{package.name}.txt"
    wanted.write_text(
        f"{package.distribution}=={package.version} --hash=sha256:{package.hashes[package.source]}\n"
    )
    wheel = package.wheel
    kind = ["--no-binary", ":all:"]
    if wheel is not None:
        kind = ["--only-binary", ":all:", "--python-version", PYTHON_VERSION]
        kind += [option for tag in wheel.platform.split(".") for option in ("--platform", tag)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += [*kind, "--require-hashes", "--dest", str(cache), "--requirement", str(wanted)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=FETCH_S)
    except subprocess.CalledProcessError as error:
        last = [line for line in error.stderr.splitlines() if not line.startswith("WARNING")][-3:]
        raise NotFetched(f"{package.source}: {' '.join(last)}") from None
    except subprocess.TimeoutExpired:
        raise NotFetched(f"{package.source}: not there after {FETCH_S:.0f} s") from None
    finally:
        wanted.unlink()
    if not path.exists():
        raise NotFetched(f"{package.source}: the package index has another file of this version")
    return path


def differences(package: Package, path: Path) -> Iterator[str]:
    """Where the file is not as the package says, a sentence each: its hash, its folder on the package index, its
    licence files."""
    data = path.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != package.hashes.get(package.source):
        yield f"{package.source}: its SHA-256 is {found}"
    folder = index_folder(data)
    if package.folder is not None and package.folder != folder:
        yield f"{package.source}: the package index keeps it in {folder}"
    for name in package.licence_files:
        text = member(path, name)
        if text is None:
            yield f"{package.source}: no {name} in it"
        elif (found := hashlib.sha256(text).hexdigest()) != package.hashes.get(name):
            yield f"{package.source}: the SHA-256 of {name} is {found}"


def index_folder(data: bytes) -> str:
    """Where the package index keeps a file: by its BLAKE2b-256."""
    digest = hashlib.blake2b(data, digest_size=32).hexdigest()
    return f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"


def requirements(path: Path) -> list[str]:
    """What the distribution asks for (PEP 508), with extras and markers."""
    name = "PKG-INFO"
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    text = member(path, name)
    if text is None:
        raise ValueError(f"{path.name}: no {name} in it")
    return HeaderParser().parsestr(text.decode()).get_all("Requires-Dist", [])


def member(path: Path, name: str) -> bytes | None:
    """A file in the archive; of sources, without the folder that all is in."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return archive.read(name) if name in archive.namelist() else None
    with tarfile.open(path) as archive:
        for entry in archive:
            if entry.name.partition("/")[2] == name and entry.isfile():
                opened = archive.extractfile(entry)
                return opened.read() if opened else None
    return None
