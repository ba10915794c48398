"""The audit trail's hash chain: what a row's hash covers, and which change of the rows shows. Pure.

`hash = SHA-256(hash of the row before, canonical bytes of the row)`; before the first row stand 32 zero bytes. The
canonical bytes are the UTF-8 of the JSON array `[id,wall_s,actor,address,action,subject,detail]` without spaces, text
not escaped beyond what JSON asks for, `wall_s` as the shortest decimal that reads back as the same double, `detail` as
the text that stands in the column. Anybody can check it with a page of code of their own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

GENESIS = bytes(32)
LEAST_DIGITS = 16
"""So many hexadecimal digits of a head must be known: 64 bits that nobody can make a second history for by trying."""
_HEAD = re.compile(r"([0-9]{1,15}):([0-9a-fA-F]{16,64})")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table `audit`, as it stands there. `hash`: 32 bytes."""

    id: int
    wall_s: float
    actor: str
    address: str
    action: str
    subject: str
    detail: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain as somebody knew it: number and hash of the then newest row. `digest`: lowercase
    hexadecimal, at least its first LEAST_DIGITS digits."""

    row: int
    digest: str

    def __str__(self) -> str:
        return f"{self.row}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """From "NUMBER:HEX", spaces ignored. Raises ValueError."""
        match = _HEAD.fullmatch("".join(text.split()))
        if match is None:
            raise ValueError(f"a head is ROW:HASH with at least {LEAST_DIGITS} hexadecimal digits")
        return cls(int(match[1]), match[2].lower())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking a chain found.

    `rows`: how many were read and right. `head`: of the last right row, None: there is none. `broken_row`: the first
    row that does not follow from those before it (what was changed is it, or what stood before it and is gone);
    nothing is known of those behind it. `missing`: a head that was known once and is not in this chain: rows were cut
    off at its end, or it was written anew.
    """

    rows: int
    head: Head | None
    broken_row: int | None = None
    missing: Head | None = None

    @property
    def state(self) -> Literal["whole", "broken", "cut"]:
        if self.broken_row is not None:
            return "broken"
        return "whole" if self.missing is None else "cut"


def row_hash(
    previous: bytes,
    row_id: int,
    wall_s: float,
    actor: str,
    address: str,
    action: str,
    subject: str,
    detail: str,
) -> bytes:
    """The 32 bytes that belong to a row behind the row with the hash `previous`. Raises TypeError, ValueError: a value
    is not what such a row holds."""
    row = [row_id, float(wall_s), actor, address, action, subject, detail]
    canonical = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
    return hashlib.sha256(previous + canonical).digest()


def check(rows: Iterable[Row], heads: Iterable[Head] = ()) -> Verdict:
    """Follow the chain through `rows`, in the order of their ids; `heads`: what was known of it at other times."""
    wanted = list(heads)
    previous, count, last = GENESIS, 0, None
    for row in rows:
        if (last is not None and row.id <= last.row) or not _follows(previous, row):
            return Verdict(count, last, broken_row=row.id)
        previous, count, last = row.hash, count + 1, Head(row.id, row.hash.hex())
        wanted = [head for head in wanted if not _is_at(head, last)]
    return Verdict(count, last, missing=wanted[0] if wanted else None)


def _follows(previous: bytes, row: Row) -> bool:
    try:
        wanted = row_hash(
            previous, row.id, row.wall_s, row.actor, row.address, row.action, row.subject, row.detail
        )
    except (TypeError, ValueError):
        return False
    return wanted == row.hash


def _is_at(head: Head, there: Head) -> bool:
    return head.row == there.row and there.digest.startswith(head.digest)
