"""The ZIP around a package, byte by byte: one way to lay it out, so that every changed byte of it shows. Pure.

APPNOTE 6.3.10, entries stored without compression, one after another in the order given, no extra fields or comments,
the time 1980-01-01 everywhere; ZIP64 exactly where an offset, a size or a count asks for it (a file has at most 1 GiB).
Sizes and checksums are known before, so the whole ZIP is a list of small pieces and files: it can be sent as it is
made, its length is known, and nothing of it needs to be stored. A reader that takes only this layout cannot be shown
other files than another program sees.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nvr.evidence.manifest import MAX_FILE_BYTES, MAX_FILES

Read = Callable[[int, int], bytes]
"""(offset, length) -> bytes, fewer at the end. Raises OSError."""

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_OFFSET64 = struct.Struct("<2HQ")
_LOCAL_SIGN, _CENTRAL_SIGN, _END64_SIGN = b"PK\x03\x04", b"PK\x01\x02", b"PK\x06\x06"
_LOCATOR_SIGN, _END_SIGN = b"PK\x06\x07", b"PK\x05\x06"
_PLAIN, _ZIP64 = 20, 45
"""Versions of the format that a reader must know."""
_UNIX = 3 << 8
_DATE = 1 << 5 | 1
"""1980-01-01, the first there is."""
_MODE = 0o100644 << 16
_MAX_32, _MAX_16 = 0xFFFFFFFF, 0xFFFF
MAX_ENTRIES = MAX_FILES + 2
_MAX_NAME = 250
_MAX_TAIL = MAX_ENTRIES * (_CENTRAL.size + _MAX_NAME + _OFFSET64.size) + 256
_NAME = re.compile(rb"[\x21-\x7e]+")


class NoPackage(ValueError):
    """No ZIP of this layout, not even a damaged one."""


class Entry(NamedTuple):
    """One file in the ZIP. `crc32`: of its bytes, as zlib has it."""

    name: str
    size: int
    crc32: int


class Opened(NamedTuple):
    """What there is of a ZIP. `entries`: (entry, where its bytes begin); `differences`: (file or "", in words) where
    it is not as its layout says."""

    entries: list[tuple[Entry, int]]
    differences: list[tuple[str, str]]


def local_header(entry: Entry) -> bytes:
    """What stands before the bytes of a file."""
    name = entry.name.encode("ascii")
    sizes = (entry.crc32, entry.size, entry.size)
    return _LOCAL.pack(_LOCAL_SIGN, _PLAIN, 0, 0, 0, _DATE, *sizes, len(name), 0) + name


def directory(entries: Sequence[Entry]) -> bytes:
    """What stands behind the last file."""
    records, offset = [], 0
    for entry in entries:
        records.append(_record(entry, offset))
        offset += len(local_header(entry)) + entry.size
    size = sum(map(len, records))
    count, at = len(entries), offset + size
    ends = b""
    if count >= _MAX_16 or size >= _MAX_32 or offset >= _MAX_32:
        ends = _END64.pack(
            _END64_SIGN, _END64.size - 12, _UNIX | _ZIP64, _ZIP64, 0, 0, count, count, size, offset
        )
        ends += _LOCATOR.pack(_LOCATOR_SIGN, 0, at, 1)
    few = min(count, _MAX_16)
    ends += _END.pack(_END_SIGN, 0, 0, few, few, min(size, _MAX_32), min(offset, _MAX_32), 0)
    return b"".join(records) + ends


def _record(entry: Entry, offset: int) -> bytes:
    name = entry.name.encode("ascii")
    is_far = offset >= _MAX_32
    extra = _OFFSET64.pack(1, 8, offset) if is_far else b""
    version = _ZIP64 if is_far else _PLAIN
    return (
        _CENTRAL.pack(
            *(_CENTRAL_SIGN, _UNIX | version, version, 0, 0, 0, _DATE, entry.crc32, entry.size, entry.size),
            *(len(name), len(extra), 0, 0, 0, _MODE, min(offset, _MAX_32)),
        )
        + name
        + extra
    )


def open_zip(read: Read, total: int) -> Opened:
    """Find the files of a ZIP with `total` bytes and compare everything around them with the layout. Where one of the
    two places that name them is damaged, the other tells. Raises NoPackage; OSError."""
    entries, is_whole = _walk(read, total)
    if not is_whole:
        try:
            entries = _by_directory(read, total)
        except NoPackage:
            if not entries:
                raise
    differences, opened, at = [], [], 0
    for entry in entries:
        header = local_header(entry)
        if not is_whole and read(at, len(header)) != header:
            differences.append((entry.name, "the ZIP's header of this file was changed"))
        opened.append((entry, at + len(header)))
        at += len(header) + entry.size
    wanted = directory(entries)
    if at > total or total - at > _MAX_TAIL:
        differences.append(("", f"the ZIP's directory is not at byte {at}, where it belongs"))
    else:
        differences += _compare(entries, wanted, read(at, total - at))
    return Opened(opened, differences)


def _walk(read: Read, total: int) -> tuple[list[Entry], bool]:
    """(what there is from file to file, whether the directory follows it)"""
    entries: list[Entry] = []
    at = 0
    while at < total and len(entries) <= MAX_ENTRIES:
        head = read(at, _LOCAL.size + _MAX_NAME)
        if head[:4] == _CENTRAL_SIGN:
            return entries, bool(entries)
        if len(head) < _LOCAL.size or head[:4] != _LOCAL_SIGN:
            break
        *_, crc32, size, _, name_bytes, _ = _LOCAL.unpack_from(head)
        entry = _entry(head[_LOCAL.size : _LOCAL.size + name_bytes], size, crc32)
        if entry is None or not head.startswith(local_header(entry)):
            break
        at += len(local_header(entry)) + size
        entries.append(entry)
    return entries, False


def _by_directory(read: Read, total: int) -> list[Entry]:
    """Raises NoPackage."""
    tail = read(max(0, total - _END.size), _END.size)
    if len(tail) < _END.size or tail[:4] != _END_SIGN:
        raise NoPackage("no ZIP, or cut off at its end")
    *_, size, start, _ = _END.unpack(tail)
    if start == _MAX_32 or size == _MAX_32 or _END.unpack(tail)[3] == _MAX_16:
        end64 = read(max(0, total - _END.size - _LOCATOR.size - _END64.size), _END64.size)
        if len(end64) < _END64.size or end64[:4] != _END64_SIGN:
            raise NoPackage("its ZIP64 directory cannot be found")
        *_, size, start = _END64.unpack(end64)
    if size > _MAX_TAIL:
        raise NoPackage("its ZIP directory is too large")
    records = read(start, size)
    entries: list[Entry] = []
    at = 0
    while at < len(records):
        if len(entries) > MAX_ENTRIES or len(records) - at < _CENTRAL.size:
            raise NoPackage("its ZIP directory cannot be read")
        fields = _CENTRAL.unpack_from(records, at)
        at += _CENTRAL.size
        entry = _entry(records[at : at + fields[10]], fields[9], fields[7])
        if fields[0] != _CENTRAL_SIGN or entry is None:
            raise NoPackage("its ZIP directory cannot be read")
        entries.append(entry)
        at += fields[10] + fields[11] + fields[12]
    if not entries:
        raise NoPackage("an empty ZIP")
    return entries


def _entry(name: bytes, size: int, crc32: int) -> Entry | None:
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME or size > MAX_FILE_BYTES:
        return None
    return Entry(name.decode("ascii"), size, crc32)


def _compare(entries: Sequence[Entry], wanted: bytes, found: bytes) -> list[tuple[str, str]]:
    if wanted == found:
        return []
    at = next((i for i, pair in enumerate(zip(wanted, found, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        return [
            (
                "",
                "bytes stand behind the ZIP's end"
                if len(found) > len(wanted)
                else "the ZIP's end is missing",
            )
        ]
    record_ends = 0
    for entry in entries:
        # An extra field for a far offset may follow; to name the file that does not matter by a few bytes.
        record_ends += _CENTRAL.size + len(entry.name)
        if at < record_ends:
            return [(entry.name, "the ZIP's header or directory says something else of this file")]
    return [("", "the ZIP's directory was changed at its end")]
