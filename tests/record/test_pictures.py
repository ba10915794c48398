from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nvr.errors import StorageError
from nvr.record.disk.picture_days import KEPT_DAYS, is_over
from nvr.record.disk.pictures import PictureStore
from nvr.record.keep.retention import DAY_90K, Days, Keep

WALL_S = 1_800_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PictureStore]:
    store = PictureStore(tmp_path)
    yield store
    store.close()


async def test_picture_comes_back_and_lies_where_a_person_finds_it(
    store: PictureStore, tmp_path: Path
) -> None:
    await store.save("17", "gate", b"jpeg", WALL_S)
    assert await store.load("17", "gate", WALL_S) == b"jpeg"
    assert await store.load("18", "gate", WALL_S) is None
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")] == [
        "pictures/2027-01-15/gate/17.jpg"
    ]
    await store.save("17", "gate", b"newer", WALL_S)
    assert await store.load("17", "gate", WALL_S) == b"newer"


@pytest.mark.parametrize("name", ["", "..", "../17", "a/b", "a\x00", ".hidden", "-", "x" * 65, "1\n"])
async def test_ids_that_are_no_names_are_refused(store: PictureStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a picture id"):
        await store.save(name, "gate", b"", WALL_S)
    with pytest.raises(ValueError, match="not a picture id"):
        await store.load(name, "gate", WALL_S)


async def test_disk_that_refuses_is_a_storage_error(store: PictureStore, tmp_path: Path) -> None:
    (tmp_path / "pictures").write_bytes(b"in the way")
    with pytest.raises(StorageError) as caught:
        await store.save("17", "gate", b"jpeg", WALL_S)
    assert str(tmp_path) in caught.value.message
    assert caught.value.remedy
    assert await store.load("17", "gate", WALL_S) is None


DAY = "2027-01-15"
DAY_ENDS = int(WALL_S // 86_400 + 1) * DAY_90K


@pytest.mark.parametrize(
    ("camera", "after_days", "oldest_days", "is_gone"),
    [
        ("home", 2.9, 0, False),
        ("home", 3.1, 0, True),
        ("yard", KEPT_DAYS - 0.1, 1, False),
        ("yard", KEPT_DAYS + 0.1, 1, True),
        ("yard", KEPT_DAYS + 0.1, -0.5, False),
        ("yard", KEPT_DAYS + 0.1, None, True),
        ("held", 1000, 1, False),
    ],
)
def test_pictures_go_with_their_cameras_maximum_or_after_the_footage(
    camera: str, after_days: float, oldest_days: float | None, is_gone: bool
) -> None:
    """`oldest_days`: where the footage begins, seen from the end of the day."""
    found = is_over(
        camera,
        DAY,
        keep=Keep(Days(), {"home": Days(0, 3)}),
        held={"held": [(DAY_ENDS - 5, DAY_ENDS + 5)]},
        oldest_90k=None if oldest_days is None else DAY_ENDS + int(oldest_days * DAY_90K),
        now_90k=DAY_ENDS + int(after_days * DAY_90K),
    )
    assert found == is_gone


async def test_days_that_are_over_go_and_the_rest_is_counted(store: PictureStore, tmp_path: Path) -> None:
    for camera, wall_s in (("gate", WALL_S), ("yard", WALL_S), ("gate", WALL_S + 86_400)):
        await store.save("17", camera, b"12345", wall_s)
    assert store.bytes == 15
    await store.tidy(lambda camera, day: camera == "gate" and day == DAY)
    assert store.bytes == 10
    assert await store.load("17", "gate", WALL_S) is None
    assert await store.load("17", "yard", WALL_S) == b"12345"
    await store.tidy(lambda _camera, day: day == DAY)
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["2027-01-16"]
    await store.tidy(None)
    assert store.bytes == 5


async def test_a_disk_that_is_let_go_cancels_nobody(tmp_path: Path) -> None:
    """Who waits for a picture, or asks for one too late, gets an error to act on."""
    blocked, may_go_on = threading.Event(), threading.Event()

    def check() -> None:
        blocked.set()
        may_go_on.wait(20)

    pictures = PictureStore(tmp_path, check)
    first = asyncio.create_task(pictures.save("1", "gate", b"one", 1e9))
    await asyncio.to_thread(blocked.wait, 20)
    second = asyncio.create_task(pictures.save("2", "gate", b"two", 1e9))
    await asyncio.sleep(0)
    pictures.close()
    with pytest.raises(StorageError, match="let go"):
        await second
    with pytest.raises(StorageError, match="let go"):
        await pictures.load("1", "gate", 1e9)
    may_go_on.set()
    await first
