"""Check: the real file of every package has the hashes that its package says, and what it asks for is there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from firmware.check import Outcome
from firmware.kconfig import selected
from firmware.needs import unmet
from firmware.package_file import Package
from firmware.source_file import NotFetched, differences, fetched, requirements
from firmware.tree import CACHE, TREE, packages

AT_ONCE = 3
"""Downloads: pip prepares each archive of sources in an environment of its own."""


def check() -> Outcome:
    """Files that cannot be had are left out; two kinds: no network, and not from the package index."""
    found = [package for package in packages() if not package.is_local]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(_one, found))
    problems = [problem for each, _ in results for problem in each]
    left_out = [missing for _, each in results for missing in each]
    return Outcome(f"{len(found) - len(left_out)} files of {len(found)} packages", problems, left_out)


def _one(package: Package) -> tuple[list[str], list[str]]:
    path = CACHE / package.source
    if package.folder is None:
        if not path.exists():
            return [], [
                f"{package.source} is not from the package index; put it into {CACHE} to have it compared"
            ]
        return list(differences(package, path)), []
    try:
        path = fetched(package, CACHE)
    except NotFetched as error:
        return [], [str(error)]
    config = (TREE / "package" / package.name / "Config.in").read_text()
    asked = unmet(package.distribution, requirements(path), selected(config), {})
    return [*differences(package, path), *asked], []
