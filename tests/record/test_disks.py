"""Several disks: one that is lost leaves the rest recording and findable, and what returns takes its part again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_disks import CAMERAS, Site, Slot, site
from record_streams import pictures

from nvr.config import load
from nvr.errors import ConfigError, StorageError
from nvr.record.disk.identity import MARKER, REGISTRY
from nvr.record.disks.disk import Limits
from nvr.record.disks.joined import join_holes, join_spans
from nvr.record.disks.spread import Trust, spread
from nvr.record.index.timeline import Hole
from nvr.record.keep.hold import Hold
from nvr.supervise import Backoff
from played import whole

EAST, NORTH = CAMERAS[:2]


@pytest.fixture
def slots(tmp_path: Path) -> Iterator[list[Slot]]:
    (tmp_path / "state").mkdir()
    found = [Slot(tmp_path / name) for name in ("a", "b")]
    yield found
    for slot in found:
        slot.close()


sizes = st.lists(st.one_of(st.none(), st.integers(1, 100)), min_size=1, max_size=5)


@given(st.sets(st.text("abc", min_size=1, max_size=4), max_size=30), sizes, st.data())
def test_cameras_are_spread_by_size_and_only_those_of_a_lost_disk_move(
    cameras: set[str], sizes: list[int | None], data: st.DataObject
) -> None:
    everywhere = range(len(sizes))
    homes = spread(sorted(cameras), sizes, everywhere)
    assert homes == spread(sorted(cameras, reverse=True), sizes, everywhere)
    assert homes.keys() == cameras
    weights = [size or max((s for s in sizes if s), default=1) for size in sizes]
    counts = [list(homes.values()).count(disk) for disk in everywhere]
    for one in everywhere:  # no camera would be better off on another disk
        for other in everywhere:
            assert (
                counts[one] == 0 or counts[one] / weights[one] <= (counts[other] + 1) / weights[other] + 1e-9
            )
    usable = data.draw(st.sets(st.sampled_from(everywhere)))
    found = spread(sorted(cameras), sizes, usable)
    assert set(found.values()) <= usable
    assert found.keys() == (cameras if usable else set())
    assert all(found[camera] == homes[camera] for camera in found if homes[camera] in usable)


def test_a_disk_that_fails_again_and_again_waits_longer_each_time() -> None:
    trust = Trust(Backoff(first_s=2, max_s=100, reset_after_s=50))
    assert trust.look(True, 0)
    assert not trust.look(False, 10)
    assert [trust.look(True, at) for at in (11, 12.9, 13)] == [False, False, True]
    assert not trust.look(False, 14)
    assert [trust.look(True, at) for at in (15, 18.9, 19)] == [False, False, True]
    assert not trust.look(False, 80)
    assert [trust.look(True, at) for at in (81, 83)] == [False, True]


spans = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10)).map(lambda p: (p[0], p[0] + p[1])))


@given(spans, st.integers(0, 3))
def test_spans_of_several_disks_are_one_answer(found: list[tuple[int, int]], touching: int) -> None:
    joined = join_spans(found, touching)
    assert all(after[0] - before[1] > touching for before, after in pairwise(joined))
    inside = {tick for start, end in found for tick in range(start, end)}
    assert inside <= {tick for start, end in joined for tick in range(start, end)}
    edges = {edge for span in found for edge in span}
    assert {edge for span in joined for edge in span} <= edges


@given(st.lists(st.tuples(spans, st.sampled_from(["disk", "loss", "stall"])), max_size=3))
def test_gaps_of_several_disks_do_not_overlap(found: list[tuple[list[tuple[int, int]], str]]) -> None:
    holes = [Hole(start, end, cause) for part, cause in found for start, end in part]  # type: ignore[arg-type]
    joined = join_holes(holes)
    assert all(before.end_s <= after.start_s for before, after in pairwise(joined))
    missing = {second for hole in holes for second in range(int(hole.start_s), int(hole.end_s))}
    assert missing == {s for hole in joined for s in range(int(hole.start_s), int(hole.end_s))}


async def both(running: Site) -> None:
    await running.until(lambda: running.where() == {"east": 0, "north": 1, "south": 0, "west": 1})


async def test_lost_disk_leaves_the_rest_recording_and_comes_back(slots: list[Slot], tmp_path: Path) -> None:
    async with site([slot.point for slot in slots], tmp_path / "state") as running:
        disks = running.disks
        await both(running)
        for key in CAMERAS:
            await running.recorded(key, 1.5)
        assert running.codes() == {}
        slots[0].pull()
        await running.until(lambda: set(running.where().values()) == {1} and len(running.where()) == 4)
        assert running.codes() == {f"disk:{slots[0].point}": "disk_missing"}
        assert [state.state for state in disks.states()] == ["missing", "recording"]
        for key in CAMERAS:
            await running.recorded(key, 1.5)
        timeline = await running.timeline(EAST)
        assert timeline.is_partial
        assert len(timeline.spans) == 1, "what lies on the lost disk cannot be found"
        assert list(slots[0].point.iterdir()) == []

        slots[0].plug()
        await both(running)
        await running.until(lambda: running.codes() == {})
        for key in CAMERAS:
            await running.recorded(key, 1.5)
        timeline = await running.timeline(EAST)
        assert not timeline.is_partial
        # Going home costs nothing: the only hole is that of the loss.
        assert len(timeline.spans) == 2, timeline
        assert [(gap.cause, gap.start_s, gap.end_s) for gap in timeline.gaps] == [
            ("disk", timeline.spans[0].end_s, timeline.spans[1].start_s)
        ]
        assert timeline.gaps[0].end_s - timeline.gaps[0].start_s < 10
        north = await running.timeline(NORTH)
        assert (len(north.spans), north.gaps) == (1, [])
        covered = await disks.coverage(EAST, 0, timeline.spans[-1].end_s)
        assert [pytest.approx(span) for span in covered] == timeline.spans
        (mp4,) = await disks.mp4(EAST, 0, timeline.spans[-1].end_s)
        assert mp4.duration_s == pytest.approx(sum(end - start for start, end in covered), abs=2)
        assert len(pictures(whole(mp4))) == pytest.approx(mp4.duration_s * 25, abs=2)
        walls = [wall for _, wall in mp4.media_to_wall]
        assert walls == sorted(walls)
        for start, end in timeline.spans:
            keyframe = await disks.keyframe(EAST, (start + end) / 2, 1 << 20)
            assert keyframe is not None
            assert keyframe.wall_s == pytest.approx((start + end) / 2, abs=1)
        usage = disks.usage()
        assert usage is not None
        parts = [state.usage for state in disks.states() if state.usage is not None]
        assert usage.used_bytes == sum(part.used_bytes for part in parts)


async def test_start_does_not_wait_for_a_missing_disk(slots: list[Slot], tmp_path: Path) -> None:
    roots = [slot.point for slot in slots]
    async with site(roots, tmp_path / "state") as running:
        await both(running)
        await running.recorded(EAST, 1)
    slots[0].pull()
    async with site(roots, tmp_path / "state") as running:
        await running.until(lambda: running.where().get("east") == 1)
        await running.recorded(EAST, 1)
        timeline = await running.timeline(EAST)
        assert timeline.is_partial
        assert running.codes() == {f"disk:{slots[0].point}": "disk_missing"}
        slots[0].plug()
        await both(running)
        await running.recorded(EAST, 1)
        timeline = await running.timeline(EAST)
        assert len(timeline.spans) == 2
        assert not timeline.is_partial


def hold(camera: str, number: int = 1) -> Hold:
    return Hold(
        id=f"{number:016x}",
        camera=camera,
        start_s=0,
        end_s=1e11,
        case="12/2027",
        person="Lê Văn B",
        reason="trộm xe",
        expires_s=1e11,
        made_by="minh",
        made_s=number,
    )


def files(slot: Slot) -> set[str]:
    return {path.name for path in (slot.disk / "holds").glob("*")}


async def test_holds_reach_a_disk_that_was_away(slots: list[Slot], tmp_path: Path) -> None:
    roots, state = [slot.point for slot in slots], tmp_path / "state"
    limits = Limits(hold_share=0.9)
    first, second = hold("east", 1), hold("east", 2)
    async with site(roots, state, limits=limits, cameras=(EAST,)) as running:
        await running.until(
            lambda: running.where() == {"east": 0} and running.disks.states()[1].usage is not None
        )
        await running.disks.holds.add(first)
        assert files(slots[0]) == files(slots[1]) == {f"{first.id}.json"}
        slots[0].pull()
        await running.until(lambda: running.where() == {"east": 1})
        await running.disks.holds.add(second)
        await running.disks.holds.remove(first)
        assert running.disks.holds.all == [second]
        assert f"{first.id}.json" in files(slots[0])
    # The service is started anew meanwhile: what ended stays ended.
    async with site(roots, state, limits=limits, cameras=(EAST,)) as running:
        await running.until(lambda: running.where() == {"east": 1})
        slots[0].plug()
        await running.until(lambda: files(slots[0]) == files(slots[1]) == {f"{second.id}.json"})
        assert running.disks.holds.all == [second]
        assert running.disks.holds.quota_bytes > 64 * 2**20
        await running.disks.holds.remove(second)
        await running.until(lambda: files(slots[0]) == files(slots[1]) == set())


async def test_disk_full_of_held_footage_gives_its_cameras_away(slots: list[Slot], tmp_path: Path) -> None:
    roots, state = [slot.point for slot in slots], tmp_path / "state"
    (slots[0].disk / "filler").write_bytes(bytes(40 << 20))
    limits = Limits(hold_share=0.9)
    async with site(roots, state, limits=limits, cameras=(EAST,), bytes_a_picture=200_000) as running:
        await running.until(
            lambda: running.where() == {"east": 0} and running.disks.states()[1].usage is not None
        )
        await running.disks.holds.add(hold("east"))
        await running.until(lambda: running.where() == {"east": 1})
        assert running.codes()[f"disk:{slots[0].point}"] == "disk_full"
        await running.recorded(EAST, 1)
        timeline = await running.timeline(EAST)
        assert all(gap.cause in ("disk", "overflow") for gap in timeline.gaps)
        assert not timeline.is_partial, "a full disk can be read"
        assert len(timeline.spans) <= 2
        # When there is room again it gets its camera back, and what waited is written.
        (slots[0].disk / "filler").unlink()
        await running.until(lambda: running.where() == {"east": 0})
        await running.recorded(EAST, 1)
        timeline = await running.timeline(EAST)
        assert len(timeline.spans) == 1


async def test_pictures_are_found_wherever_they_are(slots: list[Slot], tmp_path: Path) -> None:
    async with site([slot.point for slot in slots], tmp_path / "state", cameras=(EAST,)) as running:
        disks = running.disks
        await running.until(lambda: running.where() == {"east": 0} and disks.states()[1].usage is not None)
        await disks.save_picture("1", "east", b"one", 1e9)
        assert len(list((slots[0].disk / "pictures").rglob("*.jpg"))) == 1
        slots[0].pull()
        await disks.save_picture("2", "east", b"two", 1e9)
        assert len(list((slots[1].disk / "pictures").rglob("*.jpg"))) == 1
        assert list(slots[0].point.iterdir()) == [], "nothing beside the disk"
        await running.until(lambda: disks.states()[0].state == "missing")
        assert await disks.load_picture("1", "east", 1e9) is None
        slots[0].plug()
        await running.until(lambda: disks.states()[0].state != "missing")
        assert await disks.load_picture("1", "east", 1e9) == b"one"
        assert await disks.load_picture("2", "east", 1e9) == b"two"
        slots[0].pull()
        slots[1].pull()
        with pytest.raises(StorageError):
            await disks.save_picture("3", "east", b"three", 1e9)


async def test_one_disk_under_two_names_is_refused_once(slots: list[Slot], tmp_path: Path) -> None:
    slots[1].pull()
    slots[1].disk, own = slots[0].disk, slots[1].disk
    async with site([slots[0].point], tmp_path / "state") as running:
        await running.until(lambda: len(running.where()) == 4)
    slots[1].plug()
    assert (slots[1].point / MARKER).exists()
    async with site([slot.point for slot in slots], tmp_path / "state") as running:
        await running.until(lambda: "disk_twice" in running.codes().values())
        (wrong,) = (place for place, code in running.codes().items() if code == "disk_twice")
        await running.until(lambda: len(running.where()) == 4)
        await running.recorded(EAST, 1)
    slots[1].pull()
    slots[1].disk = own
    assert wrong in {f"disk:{slot.point}" for slot in slots}


def test_a_directory_is_named_once_and_each_disk_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "nvr.toml"
    file.write_text('[storage]\nrecordings = ["/data/a", "/data/b/../a"]\nstate = "state"\n')
    with pytest.raises(ConfigError, match="twice") as caught:
        load(file)
    assert caught.value.key == "storage recordings"
    file.write_text('[storage]\nrecordings = ["/data/a", "b"]\nstate = "state"\n')
    assert load(file).storage.recordings == (Path("/data/a"), tmp_path / "b")
    file.write_text('[storage]\nrecordings = []\nstate = "state"\n')
    with pytest.raises(ConfigError):
        load(file)


async def test_both_disks_are_remembered_though_they_open_at_once(slots: list[Slot], tmp_path: Path) -> None:
    async with site([slot.point for slot in slots], tmp_path / "state") as running:
        await both(running)
    remembered = (tmp_path / "state" / REGISTRY).read_text()
    assert all(str(slot.point) in remembered for slot in slots)
