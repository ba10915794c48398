"""Checks with Buildroot itself, where BUILDROOT_DIR names its sources.

Do the configurations resolve, is nothing dropped, do the package files parse, do its versions fit, is its own style
checker content?
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from firmware.check import LeftOut, Outcome
from firmware.kconfig import defined, dropped, mentioned, read_config, selected
from firmware.needs import symbol, unmet
from firmware.source_file import PYTHON_VERSION, requirements
from firmware.tree import CACHE, ROOT, TREE, config_in, defconfigs, packages

MAKE_S = 300.0
VERSION = re.compile(r"^\w+_VERSION *= *(\S+)$", re.MULTILINE)


def source() -> Path:
    """Buildroot's sources. Raises LeftOut."""
    named = os.environ.get("BUILDROOT_DIR")
    if not named:
        raise LeftOut("set BUILDROOT_DIR to the sources of Buildroot 2026.08")
    path = Path(named).resolve()
    if not (path / "package" / "pkg-generic.mk").exists():
        raise LeftOut(f"BUILDROOT_DIR={named} does not hold Buildroot")
    return path


def check_configurations() -> Outcome:
    """Every defconfig resolves, keeps each symbol that it asks for, and is the same after `savedefconfig`; the package
    files parse, and what is enabled is there."""
    buildroot = source()
    problems = [problem for path in defconfigs() for problem in _configuration(buildroot, path)]
    return Outcome(
        f"{len(defconfigs())} defconfigs resolve, nothing dropped, stable under savedefconfig", problems
    )


def check_symbols() -> Outcome:
    """No Config.in and no defconfig names a symbol that is defined nowhere."""
    buildroot = source()
    known = {"BR2_CONFIG", "BR2_EXTERNAL_VILLAGE_NVR_PATH"}
    for path in (*buildroot.rglob("Config.in*"), *config_in()):
        known |= defined(path.read_text(errors="replace"))
    named = {(path, name) for path in config_in() for name in mentioned(path.read_text())}
    named |= {(path, name) for path in defconfigs() for name in read_config(path.read_text())}
    problems = [
        f"{path.relative_to(ROOT)}: {name} is defined nowhere" for path, name in named if name not in known
    ]
    return Outcome(f"{len({name for _, name in named})} symbols are defined", sorted(problems))


def check_versions() -> Outcome:
    """What the software and its packages ask for is what Buildroot has; its Python is that of the wheels."""
    buildroot = source()
    versions = {symbol(p.distribution): p.version for p in packages() if p.folder is not None}
    versions |= {
        "BR2_PACKAGE_" + path.stem.upper().replace("-", "_"): match[1]
        for path in buildroot.glob("package/python-*/*.mk")
        if (match := VERSION.search(path.read_text()))
    }
    problems = list(_unmet(versions))
    python = (buildroot / "package/python3/python3.mk").read_text()
    if f"PYTHON3_VERSION_MAJOR = {PYTHON_VERSION}\n" not in python:
        problems.append(
            f"Buildroot's Python is not {PYTHON_VERSION}: wheels and BR2_STRIP_EXCLUDE_DIRS are for that"
        )
    missing = [p.source for p in packages() if p.folder and not (CACHE / p.source).exists()]
    left_out = [f"what these ask for, since they were not fetched: {', '.join(missing)}"] if missing else []
    return Outcome("all that is asked for is there in versions that fit", problems, left_out)


def check_style() -> Outcome:
    """Buildroot's own check-package has nothing to say."""
    buildroot = source()
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", str(TREE)]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    files = [str(ROOT / name) for name in names]
    command = [sys.executable, str(buildroot / "utils" / "check-package"), "--br2-external", *files]
    run = subprocess.run(command, cwd=buildroot, capture_output=True, text=True, check=False)
    problems = [line for line in run.stdout.splitlines() if line.strip()] if run.returncode else []
    if run.returncode and not problems:
        raise LeftOut(f"check-package does not run: {run.stderr.splitlines()[-1]}")
    return Outcome(f"check-package is content with {len(files)} files", problems)


def _configuration(buildroot: Path, path: Path) -> Iterator[str]:
    name = path.name
    output = CACHE / "buildroot" / name
    output.mkdir(parents=True, exist_ok=True)
    try:
        asked = read_config(path.read_text())
        got = _resolved(buildroot, output, path)
        yield from (f"{name}: {line}" for line in dropped(asked, got))
        saved = output / "saved_defconfig"
        _make(buildroot, output, f"BR2_DEFCONFIG={saved}", "savedefconfig")
        yield from _enabled(name, json.loads(_make(buildroot, output, "show-info")), got)
        again = _resolved(buildroot, output, saved)
        # Where it was read from is part of the configuration.
        ours = {symbol: value for symbol, value in got.items() if symbol != "BR2_DEFCONFIG"}
        yield from (f"{name}: savedefconfig loses it: {line}" for line in dropped(ours, again))
    except subprocess.CalledProcessError as error:
        yield f"{name}: make {error.cmd[-1]}: {(error.stderr or error.stdout).strip()[-500:]}"


def _enabled(name: str, info: Mapping[str, Mapping[str, object]], got: Mapping[str, str]) -> Iterator[str]:
    """Each package of ours that is enabled is one that make knows, with a place to get it from."""
    for package in packages():
        if got.get("BR2_PACKAGE_" + package.name.upper().replace("-", "_")) != "y":
            yield f"{name}: {package.name} is not enabled"
        elif (known := info.get(package.name)) is None:
            yield f"{name}: make does not know {package.name}"
        elif not package.is_local and not known.get("downloads"):
            yield f"{name}: {package.name} has no place to be downloaded from"


def _unmet(versions: Mapping[str, str]) -> Iterator[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["push"]
    yield from unmet(project["name"], wanted, _selected("nvr"), versions)
    for package in packages():
        path = CACHE / package.source
        if package.folder is not None and path.exists():
            yield from unmet(package.distribution, requirements(path), _selected(package.name), versions)


def _selected(name: str) -> list[str]:
    return selected((TREE / "package" / name / "Config.in").read_text())


def _resolved(buildroot: Path, output: Path, path: Path) -> dict[str, str]:
    _make(buildroot, output, f"BR2_DEFCONFIG={path}", "defconfig")
    return read_config((output / ".config").read_text())


def _make(buildroot: Path, output: Path, *arguments: str) -> str:
    """Its standard output. Raises CalledProcessError."""
    command = ["make", "--silent", f"O={output}", f"BR2_EXTERNAL={TREE}", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "BR2_"))}
    run = subprocess.run(
        command, cwd=buildroot, env=environment, check=True, capture_output=True, text=True, timeout=MAKE_S
    )
    return run.stdout
