"""What an evidence package says of itself: manifest.json, its one form as bytes, and reading it from strangers. Pure.

The bytes are JSON with one statement a line (each top-level value, and each item of a list), keys in the order of the
classes here, no spaces, nothing escaped beyond what JSON asks for. So there is one way to write a manifest, a signature
can vouch for single lines (signature.py), and a person can read it in an editor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from nvr.clock import Source
from nvr.record.model import GapCause

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
FORMAT: Literal["village-nvr-evidence/1"] = "village-nvr-evidence/1"
MAX_MANIFEST_BYTES = 64 << 20
MAX_FILES = 100_000
"""Also of gaps, cameras and custody rows."""
MAX_FILE_BYTES = 1 << 30
"""So that a browser can hash any file whole, and a FAT32 stick takes it."""

Utc = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z\Z")]
MAX_LINE = 1000
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_NO_LINE = re.compile(rf"[{_CONTROLS}]+")
Line = Annotated[str, Meta(pattern=rf"^[^{_CONTROLS}]*\Z", max_length=MAX_LINE)]
"""Text without line breaks and control characters."""
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""32 bytes."""
Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
CameraId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]
_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
Path = Annotated[str, Meta(pattern=rf"^{_NAME}(/{_NAME}){{0,7}}\Z", max_length=200)]
"""Relative, of plain letters: means the same on every system and can lead nowhere else."""
Count = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
Stream = Literal["main", "sub"]
Cause = GapCause | Literal["unknown"]
"""As in `Gap`; "unknown": nothing is recorded, and why is not known (deleted, never switched on, on another disk)."""
FileRole = Literal["segment", "copy", "still", "incident", "minutes", "readme", "verifier"]


class ManifestError(ValueError):
    """These bytes are no manifest; the text says where and why."""


class Site(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the appliance stands; `zone`: IANA name of its time zone."""

    name: Line
    zone: Line


class Signer(Struct, frozen=True, forbid_unknown_fields=True):
    """The appliance's key: the 32 bytes of the public key in hexadecimal."""

    algorithm: Literal["Ed25519"]
    key: Hex32


class Deed(Struct, frozen=True, forbid_unknown_fields=True):
    """Who did it, and when."""

    by: Line
    at: Utc


class Span(Struct, frozen=True, forbid_unknown_fields=True):
    """From `start` until before `end`, in UTC by the appliance's clock."""

    start: Utc
    end: Utc

    def __post_init__(self) -> None:
        if milliseconds(self.start) >= milliseconds(self.end):
            raise ValueError("a span must end after it starts")


class ClockNow(Struct, frozen=True, forbid_unknown_fields=True):
    """The appliance's clock when the package was made. `source`, `error_ms`: as in `ClockState`."""

    at: Utc
    source: Source
    error_ms: Count | None
    boot: Line


class Camera(Struct, frozen=True, forbid_unknown_fields=True):
    """A camera that the package is about, and which of its streams; no owner's name."""

    id: CameraId
    name: Line
    streams: Annotated[tuple[Stream, ...], Meta(min_length=1, max_length=2)]


class Footage(Struct, frozen=True, forbid_unknown_fields=True):
    """What a segment shows, from `start` until before `end`. `clock`: the best that its time is known by; `shift_ms`:
    how much later than what stands in the file, since the clock was corrected."""

    camera: CameraId
    stream: Stream
    start: Utc
    end: Utc
    clock: Source
    shift_ms: Annotated[int, Meta(ge=-(1 << 53) + 1, le=(1 << 53) - 1)]


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the package. `of`: for role "segment"."""

    path: Path
    role: FileRole
    size: Annotated[int, Meta(ge=0, le=MAX_FILE_BYTES)]
    sha256: Hex32
    of: Footage | None = None

    def __post_init__(self) -> None:
        if (self.role == "segment") != (self.of is not None):
            raise ValueError("a segment says what it shows, and nothing else does")


class Gap(Struct, frozen=True, forbid_unknown_fields=True):
    """Footage known to be missing from the span, and why."""

    camera: CameraId
    stream: Stream
    start: Utc
    end: Utc
    cause: Cause


class CustodyRow(Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the appliance's audit trail about this package."""

    id: Count
    at: Utc
    actor: Line
    action: Line
    subject: Line
    detail: Line


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of it. `person`: who needs the package, outside of the appliance. `approved`: by somebody else than
    `requested`. `audit_head`: of the audit trail when the package was made ("ROW:HASH", see nvr/audit_chain.py; "": it
    had no rows)."""

    format: Literal["village-nvr-evidence/1"] = FORMAT
    id: Id
    made: Utc
    software: Line
    site: Site
    signer: Signer
    case: Line
    reason: Line
    person: Line
    requested: Deed
    approved: Deed
    span: Span
    clock: ClockNow
    audit_head: Line
    cameras: Annotated[tuple[Camera, ...], Meta(max_length=MAX_FILES)]
    files: Annotated[tuple[File, ...], Meta(max_length=MAX_FILES)]
    gaps: Annotated[tuple[Gap, ...], Meta(max_length=MAX_FILES)]
    custody: Annotated[tuple[CustodyRow, ...], Meta(max_length=MAX_FILES)]

    def __post_init__(self) -> None:
        milliseconds(self.made)
        # Windows takes two names that differ in capitals for one.
        names = [file.path.lower() for file in self.files]
        if len({*names, MANIFEST, SIGNATURE}) != len(names) + 2:
            raise ValueError("two files have one name")
        for moment in (self.requested.at, self.approved.at, self.clock.at, *(row.at for row in self.custody)):
            milliseconds(moment)
        parts: list[Footage | Gap] = [*self.gaps, *(of for _, of in footage_of(self.files))]
        for part in parts:
            if milliseconds(part.start) >= milliseconds(part.end):
                raise ValueError("what was recorded or is missing must end after it starts")

    def encode(self) -> bytes:
        """The bytes of manifest.json."""
        return in_lines(self)


def in_lines(document: Struct) -> bytes:
    """A document as canonical JSON, one value a line and lists with one item a line."""
    parts = []
    for name in document.__struct_fields__:
        value = getattr(document, name)
        if isinstance(value, tuple):
            items = b",\n".join(msgspec.json.encode(item) for item in value)
            text = b"[\n" + items + b"\n]" if value else b"[]"
        else:
            text = msgspec.json.encode(value)
        parts.append(b'"%s":%s' % (name.encode(), text))
    return b"{\n" + b",\n".join(parts) + b"\n}\n"


def parse(data: bytes) -> Manifest:
    """From the bytes of manifest.json, whoever wrote them. Raises ManifestError: they are none, hold more than allowed,
    or are not in their one form."""
    if len(data) > MAX_MANIFEST_BYTES:
        raise ManifestError(f"more than {MAX_MANIFEST_BYTES} bytes")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (ValueError, RecursionError) as error:
        raise ManifestError(str(error)) from None
    if manifest.encode() != data:
        raise ManifestError("not in the one form that a manifest has: written or changed by other software")
    return manifest


def one_line(text: str) -> str:
    """Any text as a `Line`: cut, and with spaces for what it may not hold."""
    return _NO_LINE.sub(" ", text)[:MAX_LINE]


def utc(wall_s: float) -> str:
    """Seconds since 1970 UTC as the manifest writes them, to the nearest millisecond."""
    return utc_ms(round(wall_s * 1000))


def utc_ms(wall_ms: int) -> str:
    """Milliseconds since 1970 UTC as the manifest writes them."""
    seconds, rest = divmod(wall_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def milliseconds(text: str) -> int:
    """Milliseconds since 1970 UTC. Raises ValueError: no such time, or before."""
    moment = datetime.fromisoformat(text)
    wall_ms = int(moment.timestamp()) * 1000 + moment.microsecond // 1000
    if wall_ms < 0 or utc_ms(wall_ms) != text:
        raise ValueError("no such time")
    return wall_ms


_TOP = re.compile(rb'"([a-z_]{1,40})":')


def line_labels(lines: Iterable[bytes]) -> list[str]:
    """What each line of a manifest is about, as "span" or "gaps/3" ("" for brackets), also where lines are damaged."""
    labels: list[str] = []
    within: str | None = None
    index = 0
    for line in lines:
        top = _TOP.match(line)
        if top is not None:
            name = top[1].decode()
            labels.append(name)
            within, index = (name, 0) if line.endswith(b"[") else (None, 0)
        elif within is not None and line not in (b"]", b"],"):
            labels.append(f"{within}/{index}")
            index += 1
        else:
            labels.append("")
            within = None
    return labels


def footage_of(files: Sequence[File]) -> list[tuple[File, Footage]]:
    """The segments among `files`."""
    return [(file, file.of) for file in files if file.of is not None]
