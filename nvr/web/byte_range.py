"""The Range header (RFC 9110, 14). Pure."""

from __future__ import annotations

import re

_RANGES = re.compile(r"bytes=(?P<set>[0-9\-, \t]{1,200})", re.IGNORECASE)
_ONE = re.compile(r"(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})")


class Unsatisfiable(Exception):
    """The range lies outside of the content: 416 with `Content-Range: bytes */length`."""


def parse_range(header: str | None, length: int) -> tuple[int, int] | None:
    """(start, stop) in bytes, stop exclusive, for content of `length` bytes; None: send all of it.

    None also for what may be ignored (14.2): another unit, bad syntax, several ranges. Raises Unsatisfiable.
    """
    match = _RANGES.fullmatch(header.strip()) if header else None
    one = _ONE.fullmatch(match["set"].strip(" \t")) if match else None
    if one is None or one["first"] == one["last"] == "":
        return None
    if not one["first"]:
        suffix = int(one["last"])
        if suffix == 0 or length == 0:
            raise Unsatisfiable
        return max(0, length - suffix), length
    first = int(one["first"])
    last = int(one["last"]) if one["last"] else length - 1
    if one["last"] and last < first:
        return None
    if first >= length:
        raise Unsatisfiable
    return first, min(last + 1, length)
