"""One check of `make firmware-check`, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple


class LeftOut(Exception):
    """The check needs something that this machine does not have; the message says what."""


class Outcome(NamedTuple):
    """`done`: what was checked, for people. `problems`: a sentence each; none: it is right. `left_out`: what of it
    could not be checked."""

    done: str
    problems: Sequence[str]
    left_out: Sequence[str] = ()


Check = Callable[[], Outcome]


def run(name: str, check: Check, say: Callable[[str], None]) -> tuple[int, int]:
    """Run it and tell; (problems, things left out)."""
    try:
        found = check()
    except LeftOut as error:
        found = Outcome("", [], [str(error)])
    if found.done and not found.problems:
        say(f"ok        {name}: {found.done}")
    for problem in found.problems:
        say(f"WRONG     {name}: {problem}")
    for missing in found.left_out:
        say(f"LEFT OUT  {name}: {missing}")
    return len(found.problems), len(found.left_out)
