"""How long footage is kept, by what was seen in it, as nvr.toml says it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class ClassDays(NamedTuple):
    """Days that footage of one class is kept: at least `least` where there is room, at most `most` (None: as long as
    there is room); `least_key`, `most_key`: the keys that said so."""

    least: float
    most: float | None
    least_key: str
    most_key: str


Pair = tuple[float | None, float | None]


def days_of_classes(
    continuous: ClassDays, motion: Sequence[Pair], person: Sequence[Pair]
) -> tuple[ClassDays, ClassDays, ClassDays]:
    """`motion`, `person`: (least, most) in the sections of the file where they may stand, the one that counts first;
    None: not there. What is nowhere is as in the class below."""
    found = [continuous]
    for name, sections in (("motion", motion), ("person", person)):
        least, most, least_key, most_key = found[-1]
        for value, _ in reversed(sections):
            if value is not None:
                least, least_key = value, f"{name}_days_min"
        for _, value in reversed(sections):
            if value is not None:
                most, most_key = value, f"{name}_days_max"
        found.append(ClassDays(least, most, least_key, most_key))
    return found[0], found[1], found[2]


def in_order(classes: Sequence[ClassDays]) -> list[ClassDays]:
    """No class shorter than the one below it."""
    found = [classes[0]]
    for days in classes[1:]:
        below = found[-1]
        most = None if days.most is None or below.most is None else max(days.most, below.most)
        found.append(days._replace(least=max(days.least, below.least), most=most))
    return found


def check_days(camera: str, classes: Sequence[ClassDays]) -> None:
    """Raises ValueError: a minimum above its maximum, or a class that goes before the one below it."""
    for days in classes:
        if days.most is not None and days.least > days.most:
            raise ValueError(
                f'camera "{camera}": {days.least_key} {days.least:g} is more than its maximum of {days.most:g} days'
                f" ({days.most_key}, here or in [storage])"
            )
    for below, days in pairwise(classes):
        if days.least < below.least:
            _refuse(camera, f"{days.least_key} {days.least:g}", f"{below.least_key} {below.least:g}")
        if days.most is not None and (below.most is None or days.most < below.most):
            most = f"{below.most_key} {below.most:g}" if below.most is not None else "without any maximum"
            _refuse(camera, f"{days.most_key} {days.most:g}", most)


def _refuse(camera: str, shorter: str, longer: str) -> None:
    raise ValueError(
        f'camera "{camera}": {shorter} is shorter than {longer} (here or in [storage]);'
        " footage in which more was seen must not go first"
    )
