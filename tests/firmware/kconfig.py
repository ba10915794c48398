"""Kconfig's files as far as the checks need them (pure): configurations, defconfigs, fragments, Config.in.

The syntax is that of the kernel's Documentation/kbuild/kconfig-language, which Buildroot uses too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

_LINE = re.compile(r"(?:(?P<set>\w+)=(?P<value>.+)|# (?P<unset>\w+) is not set)")
_DEFINED = re.compile(r"^[ \t]*(?:menu)?config[ \t]+(\w+)", re.MULTILINE)
_SYMBOL = re.compile(r"\bBR2_\w+")
_SELECT = re.compile(r"^[ \t]+select[ \t]+(\w+)", re.MULTILINE)
NOT_SET = "n"


class Conflict(NamedTuple):
    """Two fragments want different values of one symbol."""

    symbol: str
    first: tuple[str, str]
    second: tuple[str, str]
    """(name of the fragment, value)."""

    def __str__(self) -> str:
        (one, value), (other, differs) = self.first, self.second
        return f"{self.symbol}: {value} in {one}, but {differs} in {other}"


def read_config(text: str) -> dict[str, str]:
    """Value of each symbol that `text` (a .config, a defconfig, a fragment) sets; "n" where it is said not to be set.

    Raises ValueError: a line that is neither, nor a comment; or a symbol that is there twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or (line.startswith("#") and not line.endswith(" is not set")):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number} sets nothing: {line}")
        symbol = match["set"] or match["unset"]
        if symbol in found:
            raise ValueError(f"line {number} sets {symbol} again")
        found[symbol] = match["value"] or NOT_SET
    return found


def dropped(asked: Mapping[str, str], got: Mapping[str, str]) -> list[str]:
    """What was asked for and is not so in the configuration that came of it, a sentence each."""
    return [
        f"{symbol}: {value} was asked for, it is {got.get(symbol, 'not set')}"
        for symbol, value in asked.items()
        if got.get(symbol, NOT_SET) != value
    ]


def merged(fragments: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[Conflict]]:
    """Fragments, as (name, text), as one; and where two differ. One that repeats another's value is no conflict."""
    found: dict[str, tuple[str, str]] = {}
    conflicts = []
    for name, text in fragments:
        for symbol, value in read_config(text).items():
            earlier = found.setdefault(symbol, (name, value))
            if earlier[1] != value:
                conflicts.append(Conflict(symbol, earlier, (name, value)))
    return {symbol: value for symbol, (_, value) in found.items()}, conflicts


def defined(text: str) -> set[str]:
    """Symbols that a Config.in defines."""
    return set(_DEFINED.findall(text))


def selected(text: str) -> list[str]:
    """Symbols that a Config.in selects, with or without a condition."""
    return _SELECT.findall(text)


def mentioned(text: str) -> Iterator[str]:
    """Symbols of Buildroot that a Config.in names anywhere but in comments and help texts: in `select`, `depends on`,
    conditions."""
    in_help = False
    for line in text.splitlines():
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        if in_help and (not word or line.startswith(("\t  ", "\t\t"))):
            continue
        in_help = word == "help"
        if not in_help:
            yield from _SYMBOL.findall(line.partition("#")[0])
