"""Fixtures of the web tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from web_site import Site, running_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A running site with the cameras `gate` (main and sub) and `yard` (main), without siren."""
    async with running_site(tmp_path) as running:
        yield running
