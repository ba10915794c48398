"""A package from what is recorded: originals and gaps of some cameras and a span, with what is known of their time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nvr import __version__
from nvr.audit_chain import Head, Row
from nvr.clock import ClockState
from nvr.events import Role, StreamKey
from nvr.evidence.coverage import declare
from nvr.evidence.manifest import (
    Camera,
    Cause,
    ClockNow,
    CustodyRow,
    Deed,
    Footage,
    Gap,
    Manifest,
    Signer,
    Site,
    Span,
    one_line,
    utc,
    utc_ms,
)
from nvr.evidence.packing import Content, Measured, Package, measure, seal
from nvr.evidence.readme_text import README, readme_text
from nvr.evidence.verifier_page import VERIFIER, verifier_page
from nvr.record.disks.disks import Disks
from nvr.record.layout import path_of
from nvr.record.model import TICKS
from nvr.record.play.originals import Original

MAX_SPAN_S = 86_400.0
"""Up to here a timeline shows every gap as it is."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a package is to be about; `start_s`, `end_s`: seconds since 1970 UTC, at most MAX_SPAN_S apart, in the
    past."""

    id: str
    site: Site
    cameras: tuple[Camera, ...]
    start_s: float
    end_s: float
    case: str
    reason: str
    person: str
    requested: Deed
    approved: Deed


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is recorded for an order. `is_partial`: more may lie on a disk that is away."""

    contents: list[Content]
    gaps: list[Gap]
    is_partial: bool

    @property
    def bytes(self) -> int:
        return sum(
            len(content.data) if isinstance(content.data, bytes) else content.data.length
            for content in self.contents
        )


@dataclass(frozen=True, slots=True)
class Custody:
    """The audit trail's rows about a package, its head, and the clock, all as of `now_s`."""

    rows: Iterable[Row]
    head: Head | None
    clock: ClockState
    now_s: float


async def gather(disks: Disks, order: Order) -> Gathered:
    """Find the footage. Raises StorageError."""
    contents: list[Content] = []
    gaps: list[Gap] = []
    is_partial = False
    taken: set[str] = set()
    for camera in order.cameras:
        for stream in camera.streams:
            key = StreamKey(camera.id, Role(stream))
            originals = await disks.originals(key, order.start_s, order.end_s)
            timeline = await disks.timeline(key, order.start_s, order.end_s)
            is_partial = is_partial or timeline.is_partial
            known: list[tuple[int, int, Cause]] = [
                (round(hole.start_s * 1000), round(hole.end_s * 1000), hole.cause) for hole in timeline.gaps
            ]
            found = [(original, _times(original)) for original in originals]
            recorded = [times for _, times in found if times[0] < times[1]]
            start_ms, end_ms = round(order.start_s * 1000), round(order.end_s * 1000)
            gaps += [
                Gap(camera.id, stream, utc_ms(begin_ms), utc_ms(stop_ms), cause)
                for begin_ms, stop_ms, cause in declare(recorded, known, start_ms, end_ms)
            ]
            for original, (begin_ms, stop_ms) in found:
                if begin_ms < stop_ms:
                    shift_ms = original.segment.shift_90k * 1000 // TICKS
                    of = Footage(
                        camera.id, stream, utc_ms(begin_ms), utc_ms(stop_ms), original.source, shift_ms
                    )
                    contents.append(Content(_name(original, taken), "segment", original.file, of))
    return Gathered(contents, gaps, is_partial)


async def build(
    order: Order,
    gathered: Gathered,
    custody: Custody,
    key: Ed25519PrivateKey,
    progress: Callable[[int], None] = lambda done: None,
) -> Package:
    """Read all of it once and sign. `progress(bytes)`: of each chunk, from another thread. Raises OSError, EOFError:
    footage cannot be read; ValueError: more than a package can hold."""
    measured = await asyncio.to_thread(measure, gathered.contents, progress)
    return await asyncio.to_thread(_seal, order, gathered.gaps, measured, custody, key)


def _seal(
    order: Order, gaps: list[Gap], footage: list[Measured], custody: Custody, key: Ed25519PrivateKey
) -> Package:
    def manifest(files: list[Measured]) -> Manifest:
        return Manifest(
            id=order.id,
            made=utc(custody.now_s),
            software=__version__,
            site=order.site,
            signer=Signer("Ed25519", key.public_key().public_bytes_raw().hex()),
            case=order.case,
            reason=order.reason,
            person=order.person,
            requested=order.requested,
            approved=order.approved,
            span=Span(utc(order.start_s), utc(order.end_s)),
            clock=_clock(custody),
            audit_head=str(custody.head) if custody.head is not None else "",
            cameras=order.cameras,
            files=tuple(measured.file for measured in files),
            gaps=tuple(gaps),
            custody=tuple(_row(row) for row in custody.rows),
        )

    notes = measure(
        [
            Content(README, "readme", readme_text(manifest([]))),
            Content(VERIFIER, "verifier", verifier_page()),
        ]
    )
    files = [*notes, *footage]
    return seal(manifest(files), files, key)


def _times(original: Original) -> tuple[int, int]:
    """In milliseconds since 1970 UTC."""
    return round(original.segment.start_90k * 1000 / TICKS), round(original.end_90k * 1000 / TICKS)


def _name(original: Original, taken: set[str]) -> str:
    """As on the disk, in one folder; a name that another disk has used gets a number."""
    folder, *parts = path_of(original.segment).split("/")
    plain = f"{folder}/{'_'.join(parts).removesuffix('.mp4')}"
    name, number = f"{plain}.mp4", 2
    while name in taken:
        name, number = f"{plain}_{number}.mp4", number + 1
    taken.add(name)
    return name


def _clock(custody: Custody) -> ClockNow:
    error_s = custody.clock.error_s
    error_ms = None if error_s is None else round(error_s * 1000)
    return ClockNow(utc(custody.now_s), custody.clock.source, error_ms, custody.clock.boot_id)


def _row(row: Row) -> CustodyRow:
    texts = (one_line(text) for text in (row.actor, row.action, row.subject, row.detail))
    return CustodyRow(row.id, utc(row.wall_s), *texts)
