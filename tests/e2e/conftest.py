"""A running site for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from footage import bikes_mp4
from peers.appliance import Appliance


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Appliance]:
    """A folder for one site; whatever was started in it is ended."""
    site = Appliance(tmp_path)
    try:
        yield site
    finally:
        await site.stop()


@pytest.fixture(scope="session")
def clip() -> Path:
    return bikes_mp4()
