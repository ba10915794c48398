"""What a Python package asks for, against what its package of Buildroot selects (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TARGET = {
    "extra": "",
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "aarch64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.14.0",
    "python_version": "3.14",
    "sys_platform": "linux",
}
"""Environment markers (PEP 508) of the image."""

OTHER_SYMBOLS = {
    "pyserial": "BR2_PACKAGE_PYTHON_SERIAL",
    "tzdata": "BR2_TARGET_TZ_INFO",  # the time zones of the system, which zoneinfo looks for first
}
LEFT_OUT = {
    "ai-edge-litert": {
        "backports-strenum",
        "flatbuffers",
        "ml-dtypes",
        "protobuf",
        "tqdm",
        "typing-extensions",
    },
}
"""By distribution: what it asks for and the image does without (buildroot/README.md, Wheels)."""


def applying(requirements: Iterable[str]) -> Iterator[Requirement]:
    """Those that hold in the image."""
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(TARGET):
            yield requirement


def symbol(name: str) -> str:
    """The Kconfig symbol of a distribution."""
    known = canonicalize_name(name)
    return OTHER_SYMBOLS.get(known) or "BR2_PACKAGE_PYTHON_" + known.replace("-", "_").upper()


def unmet(
    distribution: str, requirements: Iterable[str], selects: Collection[str], versions: Mapping[str, str]
) -> Iterator[str]:
    """What `distribution` asks for and does not get, a sentence each.

    `selects`: the symbols that its Config.in selects. `versions`: by symbol, of the packages that are known; others are
    taken as they come.
    """
    for requirement in applying(requirements):
        if canonicalize_name(requirement.name) in LEFT_OUT.get(distribution, ()):
            continue
        wanted = symbol(requirement.name)
        version = versions.get(wanted)
        if wanted not in selects:
            yield f"{distribution} asks for {requirement.name}, but its package does not select {wanted}"
        elif version is not None and not requirement.specifier.contains(version, prereleases=True):
            yield f"{distribution} asks for {requirement}, but the image has {version}"
