from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nvr.errors import StorageError
from nvr.record.pictures import PictureStore

WALL_S = 1_800_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PictureStore]:
    store = PictureStore(tmp_path)
    yield store
    store.close()


async def test_picture_comes_back_and_lies_where_a_person_finds_it(
    store: PictureStore, tmp_path: Path
) -> None:
    await store.save("17", b"jpeg", WALL_S)
    assert await store.load("17", WALL_S) == b"jpeg"
    assert await store.load("18", WALL_S) is None
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")] == [
        "pictures/2027-01-15/17.jpg"
    ]
    await store.save("17", b"newer", WALL_S)
    assert await store.load("17", WALL_S) == b"newer"


@pytest.mark.parametrize("name", ["", "..", "../17", "a/b", "a\x00", ".hidden", "-", "x" * 65, "1\n"])
async def test_ids_that_are_no_names_are_refused(store: PictureStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a picture id"):
        await store.save(name, b"", WALL_S)
    with pytest.raises(ValueError, match="not a picture id"):
        await store.load(name, WALL_S)


async def test_disk_that_refuses_is_a_storage_error(store: PictureStore, tmp_path: Path) -> None:
    (tmp_path / "pictures").write_bytes(b"in the way")
    with pytest.raises(StorageError) as caught:
        await store.save("17", b"jpeg", WALL_S)
    assert str(tmp_path) in caught.value.message
    assert caught.value.remedy
    assert await store.load("17", WALL_S) is None
