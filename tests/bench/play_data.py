"""A recordings directory as 30 days with 58 cameras leave it, made in a minute or two and kept in `.cache/`.

The index is the real one. Its first day goes through `Index.commit`: twenty minutes of it in the order of a real
recorder, which commits all streams every 1.5 s while their segments grow (what this leaves of half-empty pages is
`grown_bytes`), the rest a segment at a time. The other days are copies of that day's rows. The first CAMERA has an hour
and a quarter of real files; no others are there, since nothing that is measured reads them.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from nvr.events import Role, StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.record.index.index import NAME, Index
from nvr.record.layout import path_of
from nvr.record.model import TICKS, FragmentEntry, Gap, Segment, SegmentRow
from nvr.record.mp4.fmp4_reader import read_footer, read_segment_header
from nvr.record.mp4.segment import SegmentBuilder
from nvr.state import open_state
from record.record_streams import encode, file_bytes, reader, take_units

CAMERAS, DAYS = 58, 30
DAY_S, MINUTE_S = 86_400, 60
CAMERA = "c01"
REAL_MINUTES = 75
"""Of real files; the recorder's start looks whether the oldest 64 are there."""
GROWN_MINUTES = 20
COMMIT_S = 1.5
SHAPES = 200
GAPS_A_DAY = 3
BYTES = {Role.MAIN: 250_000, Role.SUB: 37_500}
"""A second: 2 Mbit/s and 0.3 Mbit/s."""
HEADER_BYTES, FOOTER_BYTES = 1100, 18_000


@dataclass(frozen=True, slots=True)
class Recordings:
    """`begin_s`: wall time of the first picture of 30 days. `grown_bytes`: of index for a camera and day as a real
    recorder writes it."""

    root: Path
    state: Path
    begin_s: int
    grown_bytes: float


def camera_ids() -> list[str]:
    return [f"c{number:02d}" for number in range(1, CAMERAS + 1)]


async def recordings(cache: Path, begin_s: int) -> Recordings:
    """The directory, made if there is none of this version; then it begins at `begin_s`."""
    nvr = Path(__file__).parents[2] / "nvr"
    sources = [
        *nvr.glob("**/schema/*.sql"),
        *(nvr / "record").glob("f*.py"),
        nvr / "record/layout.py",
        Path(__file__),
    ]
    version = hashlib.sha256(b"".join(source.read_bytes() for source in sorted(sources))).hexdigest()
    root, state, note = cache / "recordings", cache / "state", cache / "made.json"
    if note.exists():
        made = json.loads(note.read_text())
        if made["version"] == version:
            return Recordings(root, state, made["begin_s"], made["grown_bytes"])
    shutil.rmtree(cache, ignore_errors=True)
    for folder in (root, state):
        folder.mkdir(parents=True)
    grown_bytes = await _make(root, state, begin_s)
    note.write_text(json.dumps({"version": version, "begin_s": begin_s, "grown_bytes": grown_bytes}))
    return Recordings(root, state, begin_s, grown_bytes)


async def _make(root: Path, state: Path, begin_s: int) -> float:
    rng = random.Random(1)
    index = Index(root)
    index.set_classes_known()  # as of a recorder that has been told all along
    index.db._writer.execute("PRAGMA cache_size=-200000")
    index.db._writer.execute("PRAGMA synchronous=OFF")  # what is made here can be made again
    real = list(_real_files(root, StreamKey(CAMERA, Role.MAIN), begin_s))
    index.commit(real)
    day = list(_first_day(rng, begin_s, real))
    grown = [row for row in day if row.segment.start_90k < (begin_s + GROWN_MINUTES * MINUTE_S) * TICKS]
    before = _pages(index)
    _commit_as_recorded(index, grown, begin_s)
    grown_bytes = (_pages(index) - before) / len(grown) * len(Role) * DAY_S / MINUTE_S
    for start in range(len(grown), len(day), 10_000):
        rows = day[start : start + 10_000]
        index.commit(rows, _gaps(rows, rng))
    await index.close()
    _copy_days(root, real[-1].segment.number, day[-1].segment.number)
    await _motion(state, begin_s, rng)
    return grown_bytes


def _pages(index: Index) -> int:
    """Bytes of the index without its log."""

    def work(connection: sqlite3.Connection) -> int:
        (pages,), (size,) = (
            connection.execute(f"PRAGMA {n}").fetchone() for n in ("page_count", "page_size")
        )
        return int(pages) * int(size)

    return index.db.write_now(work)


def _real_files(root: Path, key: StreamKey, begin_s: int) -> Iterator[SegmentRow]:
    """Real footage, small pictures, in files of a minute."""
    builder = SegmentBuilder(key, end_90k=None, next_number=iter(range(1, 1000)).__next__)
    pushed = [
        builder.push(unit, float(begin_s)) for unit in take_units(encode(), REAL_MINUTES * MINUTE_S, key)
    ]
    fragments = [fragment for fragment in (*pushed, builder.stop("stopped", float(begin_s))) if fragment]
    for segment, found in groupby(fragments, key=lambda fragment: fragment.segment):
        content, _ = file_bytes(list(found))
        path = root / path_of(segment)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        _, header_bytes = read_segment_header(reader(content))
        stored, footer_bytes = read_footer(reader(content), len(content))
        entries = tuple(fragment.entry for fragment in stored)
        yield SegmentRow(segment, header_bytes, footer_bytes, False, entries)


def _first_day(rng: random.Random, begin_s: int, real: list[SegmentRow]) -> Iterator[SegmentRow]:
    """A segment a minute of every stream, in the order in which they begin; each stream has a phase of its own."""
    config = real[0].segment.config
    configs = [CodecConfig("h264", config.sps, config.pps + bytes([n]), 1920, 1080, False) for n in range(8)]
    shapes = {role: [_shape(rng, BYTES[role]) for _ in range(SHAPES)] for role in Role}
    begins = []
    for key in (StreamKey(camera, role) for camera in camera_ids() for role in Role):
        phase_90k = rng.randrange(MINUTE_S * TICKS)
        end_90k = (begin_s + DAY_S) * TICKS + phase_90k  # where its next day begins
        start_90k = begin_s * TICKS + phase_90k
        if key == real[0].segment.key:
            start_90k = real[-1].end_90k
        begins.append((start_90k, key, end_90k))
    heapq.heapify(begins)
    number = real[-1].segment.number
    while begins:
        start_90k, key, end_90k = heapq.heappop(begins)
        segment = Segment(number + 1, key, rng.choice(configs), start_90k, rng.randint(-50, 50))
        row = SegmentRow(segment, HEADER_BYTES, FOOTER_BYTES, False, rng.choice(shapes[key.role]))
        if row.end_90k <= end_90k:
            number += 1
            heapq.heappush(begins, (row.end_90k, key, end_90k))
            yield row


def _shape(rng: random.Random, bytes_a_second: int) -> tuple[FragmentEntry, ...]:
    """A minute in seconds, with sizes that differ as those of scenes do and times that jitter as those of cameras."""
    entries, media_90k = [], 0
    jitter_90k = rng.choice((0, 0, 200))
    for _ in range(MINUTE_S):
        duration_90k = TICKS + rng.randint(-jitter_90k, jitter_90k)
        size = int(bytes_a_second * rng.uniform(0.7, 1.3))
        entries.append(FragmentEntry(media_90k, duration_90k, size, True))
        media_90k += duration_90k
    return tuple(entries)


def _commit_as_recorded(index: Index, rows: list[SegmentRow], begin_s: int) -> None:
    """Every 1.5 s one commit of all segments that have grown."""
    at_90k, step_90k = begin_s * TICKS, int(COMMIT_S * TICKS)
    written: dict[int, int] = {}
    waiting = list(rows)
    while waiting:
        at_90k += step_90k
        batch = []
        for row in waiting:
            if row.segment.start_90k > at_90k:
                break  # in order of their starts, but for less than a minute
            whole = min((at_90k - row.segment.start_90k) // TICKS, len(row.fragments))
            if whole > written.get(row.segment.number, 0):
                written[row.segment.number] = whole
                is_open = whole < len(row.fragments)
                footer_bytes = 0 if is_open else row.footer_bytes
                batch.append(
                    SegmentRow(row.segment, row.header_bytes, footer_bytes, is_open, row.fragments[:whole])
                )
        index.commit(batch)
        waiting = [row for row in waiting if written.get(row.segment.number, 0) < len(row.fragments)]


def _gaps(rows: list[SegmentRow], rng: random.Random) -> list[Gap]:
    """A few of a second before segments, as after lost packets."""
    share = GAPS_A_DAY * MINUTE_S / DAY_S
    chosen = [row.segment for row in rows if rng.random() < share]
    return [Gap(segment.key, segment.start_90k - TICKS, segment.start_90k, "loss") for segment in chosen]


def _copy_days(root: Path, first: int, last: int) -> None:
    """The rows with numbers above `first` up to `last`, which are the first day, as those of the days after it."""
    with closing(sqlite3.connect(root / NAME, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=OFF")  # the service turns it on again
        database.execute("PRAGMA cache_size=-500000")
        gaps = "INSERT INTO gaps SELECT stream, start_90k + :later, end_90k + :later, cause FROM first_gaps"
        database.execute("CREATE TEMP TABLE first_gaps AS SELECT * FROM gaps")
        for day in range(1, DAYS):
            later = {"later": day * DAY_S * TICKS}
            database.execute("BEGIN")
            database.execute(
                "INSERT INTO segments (id, stream, config, start_90k, duration_90k, slew_ppm, bytes, header_bytes,"
                " footer_bytes, is_open, fragments)"
                " SELECT id + :numbers, stream, config, start_90k + :later, duration_90k, slew_ppm, bytes,"
                " header_bytes, footer_bytes, is_open, fragments FROM segments"
                " WHERE id > :first AND id <= :last ORDER BY id",
                {"numbers": day * (last - first), "first": first, "last": last, **later},
            )
            database.execute(gaps, later)
            database.execute("COMMIT")
        database.execute(
            "UPDATE streams SET bytes = (SELECT SUM(bytes) FROM segments WHERE stream = streams.id)"
        )


async def _motion(state: Path, begin_s: int, rng: random.Random) -> None:
    """Something moves in about a third of all minutes."""
    database = await open_state(state)
    rows = [
        (camera, begin_s // 3600 + hour, rng.getrandbits(60) & rng.getrandbits(60) | 1)
        for camera in camera_ids()
        for hour in range(DAYS * 24)
    ]
    await database.write(lambda c: c.executemany("INSERT INTO motion VALUES (?, ?, ?)", rows))
    await database.close()
