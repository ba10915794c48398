"""`nvr fsck` on real footage: what is wrong is named, the index is made anew, and the service is never disturbed."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from record_running import Start
from record_streams import GATE, YARD

from nvr.record.disk.identity import DiskIdentity
from nvr.record.index.index import Index

Fsck = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "nvr.toml"
    file.write_text('[storage]\nrecordings = "rec"\nstate = "state"\n')
    (tmp_path / "state").mkdir()
    return file


@pytest.fixture
def fsck(config: Path) -> Fsck:
    """Exit code and findings; {} where it refuses."""

    async def fsck(*options: str) -> tuple[int, dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "nvr", "fsck", "--config", str(config), "--json", *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        assert b"Traceback" not in errors, errors.decode()
        assert process.returncode is not None
        return process.returncode, json.loads(out) if out else {}

    return fsck


@pytest.fixture
async def footage(start: Start, tmp_path: Path) -> list[Path]:
    """Four files of a stopped recorder, the oldest first."""
    recording = await start(tmp_path / "rec")
    for ago_s in (300, 200, 100):
        await recording.record(4, GATE, ago_s=ago_s)
    await recording.record(4, YARD, ago_s=50)
    await recording.stop()
    return sorted(recording.root.rglob("*.mp4"), key=lambda path: path.name)


async def test_whole_footage_is_fine(footage: list[Path], fsck: Fsck) -> None:
    before = [path.read_bytes() for path in footage]
    for options in ((), ("--full",)):
        code, found = await fsck(*options)
        assert (code, found["problems"], found["problem_count"]) == (0, [], 0)
        assert (found["files"], found["segments"]) == (4, 4)
        assert found["bytes"] == sum(map(len, before))
    assert [path.read_bytes() for path in footage] == before


async def test_each_kind_of_damage_is_named(footage: list[Path], fsck: Fsck, tmp_path: Path) -> None:
    missing, torn, renamed, whole = footage
    missing.unlink()
    os.truncate(torn, torn.stat().st_size - 5000)
    strange = renamed.with_name(renamed.name.replace("_3", "_77"))
    renamed.rename(strange)
    (tmp_path / "rec" / "holds").mkdir()
    (tmp_path / "rec" / "holds" / "x.json").write_text("{}")
    code, found = await fsck()
    assert code == 65
    words = {problem["path"].rsplit("/", 1)[1]: problem["what"] for problem in found["problems"]}
    assert words.keys() == {missing.name, torn.name, renamed.name, strange.name, "x.json"}
    assert "file is missing" in words[missing.name]
    assert "the index has 4" in words[torn.name]
    assert "file is missing" in words[renamed.name]
    assert words[strange.name] == "not in the index"
    assert whole.name not in words


async def test_changed_bytes_are_found_only_by_reading_all(footage: list[Path], fsck: Fsck) -> None:
    content = bytearray(footage[0].read_bytes())
    content[len(content) // 2] ^= 1
    footage[0].write_bytes(content)
    assert (await fsck())[0] == 0
    code, found = await fsck("--full")
    assert code == 65
    (problem,) = found["problems"]
    assert problem["path"].endswith(footage[0].name)
    assert "of 4 fragments" in problem["what"]


@pytest.mark.parametrize("how", ["missing", "damaged", "wrong"])
async def test_index_is_made_anew(
    footage: list[Path], fsck: Fsck, start: Start, tmp_path: Path, how: str
) -> None:
    root = tmp_path / "rec"
    if how == "wrong":
        index = Index(root)
        index.drop_rows([1, 4], 0)
        await index.close()
    else:
        for file in root.glob("index.db*"):
            file.unlink()
        if how == "damaged":
            (root / "index.db").write_bytes(b"no database" * 1000)
    code, found = await fsck()
    assert code == 65
    whats = [problem["what"] for problem in found["problems"]]
    assert whats == ["not in the index"] * 2 if how == "wrong" else "missing or damaged" in whats[0]
    assert (root / "index.db").exists() == (how != "missing"), "looking makes no index"
    code, found = await fsck("--rebuild")
    assert (code, found["problems"], found["segments"], found["rebuilt"]) == (0, [], 4, True)
    again = await start(root)
    assert again.faults.current == []
    assert await again.covered_s(GATE) == pytest.approx(12)
    assert await again.covered_s(YARD) == pytest.approx(4)


async def test_deletions_are_told(footage: list[Path], fsck: Fsck, tmp_path: Path) -> None:
    index = Index(tmp_path / "rec")
    index.drop_rows([1], 20_000 * 86_400 * 90_000)
    await index.close()
    footage[0].unlink()
    code, found = await fsck()
    assert code == 0
    (deletion,) = found["deletions"]
    assert (deletion["day"], deletion["stream"], deletion["cause"]) == ("2024-10-04", "gate/main", "missing")
    assert deletion["from"] < deletion["to"]


async def test_it_refuses_while_the_service_records(start: Start, fsck: Fsck, tmp_path: Path) -> None:
    recording = await start(tmp_path / "rec")
    await recording.record(2)
    for options in ((), ("--rebuild",)):
        assert await fsck(*options) == (74, {})
    assert recording.faults.current == []
    assert await recording.covered_s() == pytest.approx(2)


async def test_it_refuses_without_the_disk_and_makes_nothing(fsck: Fsck, tmp_path: Path) -> None:
    assert await fsck() == (74, {})
    assert not (tmp_path / "rec").exists()
    (tmp_path / "rec").mkdir()
    DiskIdentity(tmp_path / "rec", tmp_path / "state").settle()
    for file in (tmp_path / "rec").iterdir():
        file.unlink()
    assert await fsck("--rebuild") == (74, {})
    assert list((tmp_path / "rec").iterdir()) == []


async def test_bar_on_a_terminal_only(footage: list[Path], config: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "nvr", "fsck", "--config", str(config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=theirs,
        )
        out, _ = await process.communicate()
        shown = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 0
    assert "100.0 % of 4 files" in shown
    assert out.decode().startswith("4 files, ")
