"""A recordings directory is used only on its own disk; a disk that is pulled is noticed, and comes back by itself."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from record_running import FAST, Start
from record_streams import GATE, take_units
from record_streams import encode as pictures

from nvr.clock import SystemClock
from nvr.errors import StorageError
from nvr.events import Fault
from nvr.faults import FaultBoard
from nvr.record import filesystem
from nvr.record.disk.identity import MARKER, REGISTRY, DiskIdentity, DiskMissing
from nvr.record.disks.disk import Limits
from nvr.record.disks.disks import Disks
from nvr.supervise import Backoff, Supervisor


class Socket:
    """A mount point `point` and a disk that can be plugged in and pulled."""

    def __init__(self, folder: Path):
        self.disk, self.point, self.state = folder / "disk", folder / "point", folder / "state"
        for path in (self.disk, self.point, self.state):
            path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(self.disk)], check=True)

    def plug(self) -> None:
        subprocess.run(["mount", "--bind", str(self.disk), str(self.point)], check=True)

    def pull(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.point)], check=True)

    def close(self) -> None:
        while self.point.is_mount():
            self.pull()
        subprocess.run(["umount", "--lazy", str(self.disk)], check=True)


@pytest.fixture
def plugged(tmp_path: Path) -> Iterator[Socket]:
    found = Socket(tmp_path)
    found.plug()
    yield found
    found.close()


def test_first_use_marks_and_remembers(tmp_path: Path) -> None:
    (tmp_path / "rec").mkdir()
    identity = DiskIdentity(tmp_path / "rec", tmp_path)
    identity.expect()
    identity.settle()
    marker = (tmp_path / "rec" / MARKER).read_bytes()
    identity.expect()
    identity.settle()
    assert (tmp_path / "rec" / MARKER).read_bytes() == marker
    assert not list(tmp_path.rglob("*.part"))


def test_marker_that_is_missing_damaged_or_anothers_stops(tmp_path: Path) -> None:
    root = tmp_path / "rec"
    root.mkdir()
    identity = DiskIdentity(root, tmp_path)
    identity.settle()
    for content in (b"", b"[]", b'{"id": ""}', b'{"id": "another"}', b"\xff\xfe"):
        (root / MARKER).write_bytes(content)
        with pytest.raises(DiskMissing, match="nvr disk --accept"):
            identity.expect()
    (root / MARKER).unlink()
    root.rmdir()
    with pytest.raises(DiskMissing, match=str(root)):
        identity.expect()
    assert identity.forget()
    assert not identity.forget()
    identity.expect()


def test_disk_moved_to_a_new_appliance_keeps_its_marker(tmp_path: Path) -> None:
    for state in ("old", "new"):
        (tmp_path / state).mkdir()
    (tmp_path / "rec").mkdir()
    DiskIdentity(tmp_path / "rec", tmp_path / "old").settle()
    marker = (tmp_path / "rec" / MARKER).read_bytes()
    other = DiskIdentity(tmp_path / "rec", tmp_path / "new")
    other.expect()
    other.settle()
    assert (tmp_path / "rec" / MARKER).read_bytes() == marker
    assert (tmp_path / "new" / REGISTRY).exists()


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a": 1}', b"\xff"])
def test_damaged_memory_names_its_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / REGISTRY).write_bytes(content)
    with pytest.raises(StorageError, match=REGISTRY):
        DiskIdentity(tmp_path, tmp_path).expect()


async def test_unmounted_mount_point_gets_nothing(plugged: Socket, start: Start) -> None:
    identity = DiskIdentity(plugged.point, plugged.state)
    recording = await start(plugged.point, identity=identity)
    await recording.record(2)
    await recording.stop()
    plugged.pull()
    with pytest.raises(DiskMissing):
        await start(plugged.point, identity=identity)
    assert list(plugged.point.iterdir()) == []
    plugged.plug()
    again = await start(plugged.point, identity=identity)
    assert await again.covered_s() == pytest.approx(2.0)


@asynccontextmanager
async def appliance(plugged: Socket) -> AsyncIterator[tuple[Disks, FaultBoard, SystemClock]]:
    """The disk under its supervisor, as in the appliance."""
    clock = SystemClock()
    faults = FaultBoard(clock)
    disk = Disks([plugged.point], clock=clock, faults=faults, limits=Limits(), state=plugged.state)
    ((place, run),) = disk.jobs()
    supervisor = Supervisor(clock, faults)
    async with asyncio.TaskGroup() as group:
        job = group.create_task(supervisor.keep_running(place, run, Backoff(0.05, 0.05)))
        try:
            yield disk, faults, clock
        finally:
            job.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_pulled_while_running_is_one_clear_fault_and_comes_back(plugged: Socket) -> None:
    async with appliance(plugged) as (disk, faults, clock):
        consumer = disk.consumer(GATE)
        await until(lambda: disk.usage() is not None)

        def push() -> None:
            for unit in take_units(pictures(), 4, start_mono_s=clock.monotonic() - 4):
                consumer.push(unit)

        def current() -> list[Fault]:
            return [fault for fault, _ in faults.current]

        async def covered() -> float:
            return sum(end - begin for begin, end in await disk.coverage(GATE, 0, 1e11))

        push()
        while await covered() < 3:
            await asyncio.sleep(0.05)
        plugged.pull()
        push()
        await until(lambda: disk.usage() is None and [fault.code for fault in current()] == ["disk_missing"])
        assert current()[0].params == {"path": str(plugged.point)}
        assert list(plugged.point.iterdir()) == [], "nothing is written beside the disk"
        with pytest.raises(StorageError):
            await disk.coverage(GATE, 0, 1e11)
        plugged.plug()
        await until(lambda: disk.usage() is not None and current() == [])
        before = await covered()
        assert before >= 3, "what was recorded before is there"
        push()
        async with asyncio.timeout(30):
            while await covered() < before + 2:
                await asyncio.sleep(0.05)


async def test_directory_is_let_go_when_only_errors_come(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk whose device is gone answers EIO for ever, until it is unmounted."""
    recording = await start(pace=replace(FAST, reopen_s=0.2))
    await recording.record(2)
    consumer = recording.recorder.consumer(GATE)

    def fails(_self: object, _files: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(filesystem.FileSystemSync, "__call__", fails)
    for unit in take_units(pictures(), 4, start_mono_s=recording.clock.monotonic()):
        consumer.push(unit)
    assert recording.task is not None
    async with asyncio.timeout(30):
        with pytest.raises(ExceptionGroup) as raised:
            await recording.task
    (error,) = raised.value.exceptions
    assert isinstance(error, StorageError)
    assert "Input/output error" in str(error)
