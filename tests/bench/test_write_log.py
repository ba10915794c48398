"""The log's reader and the power cut, on logs made here."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench.write_log import DISCARD, ENTRY, FLUSH, FUA, MAGIC, SUPER, Disk, Timing, WriteLog, cut, durable

SECTOR = 512


def make_log(file: Path, requests: list[tuple[int, bytes, int]]) -> WriteLog:
    """`requests`: (sector, bytes, flags)."""
    out = SUPER.pack(MAGIC, 1, len(requests), SECTOR).ljust(SECTOR, b"\0")
    for sector, data, flags in requests:
        out += ENTRY.pack(sector, len(data) // SECTOR, flags, 0).ljust(SECTOR, b"\0")
        out += b"" if flags & DISCARD else data
    file.write_bytes(out)
    return WriteLog.read(file)


def sectors(*letters: str) -> bytes:
    return b"".join(letter.encode() * SECTOR for letter in letters)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_bytes(sectors(".", ".", ".", "."))
    return path


def letters(image: Path) -> str:
    return image.read_bytes()[::SECTOR].decode()


def test_whole_log_is_replayed_in_order(tmp_path: Path, image: Path) -> None:
    requests = [(0, sectors("a", "a"), 0), (0, b"", FLUSH), (2, sectors("x"), DISCARD), (1, sectors("b"), 0)]
    log = make_log(tmp_path / "log", requests)
    assert [entry.flags for entry in log.entries] == [0, FLUSH, DISCARD, 0]
    disk = Disk(image, tmp_path / "log", log)
    disk.advance(2)
    assert letters(image) == "aa.."
    disk.advance(4)
    disk.close()
    assert letters(image) == "ab.."


def test_what_was_flushed_is_safe_and_nothing_else(tmp_path: Path) -> None:
    requests = [(0, sectors("a"), 0), (0, b"", FLUSH), (1, sectors("b"), 0), (2, sectors("c"), 0)]
    log = make_log(tmp_path / "log", requests)
    assert [durable(log, count) for count in range(5)] == [0, 0, 2, 2, 2]


def test_cut_drops_tears_and_keeps(tmp_path: Path, image: Path) -> None:
    requests = [(0, sectors("a", "a", "a"), 0), (3, sectors("f"), FUA)]
    log = make_log(tmp_path / "log", requests)
    seen = set()
    for seed in range(100):
        image.write_bytes(sectors(".", ".", ".", "."))
        disk = Disk(image, tmp_path / "log", log)
        cut(disk, log, 0, 2, random.Random(seed))
        disk.close()
        seen.add(letters(image))
    assert {"...f", "aaaf"} < seen
    assert any(0 < found.count("a") < 3 for found in seen)
    assert all(found[3] == "f" for found in seen)


def test_an_entry_counts_as_written_only_when_that_was_seen(tmp_path: Path) -> None:
    log = make_log(tmp_path / "log", [(0, sectors("a"), 0), (1, sectors("b"), 0)])
    first, second = (entry.end for entry in log.entries)
    timing = Timing([(10.0, first - 1), (11.0, first), (12.0, second)])
    assert [timing.until(log, at_s) for at_s in (9.0, 10.5, 11.5, 12.5)] == [0, 0, 1, 2]
    assert [timing.when(entry) for entry in log.entries] == [11.0, 12.0]


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(bytes(4096))
    with pytest.raises(ValueError, match="no write log"):
        WriteLog.read(tmp_path / "log")
