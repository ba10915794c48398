from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from page_browser import Look, Visit
from page_scene import movie
from page_standin import StandIn
from playwright.async_api import Browser, async_playwright

from peers.browser import ARGUMENTS, CHROMIUM


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("footage") / "part.mp4"
    movie(path, seed=1, seconds=37)
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def appliance(footage: Path) -> AsyncIterator[StandIn]:
    async with StandIn(footage).serve() as standin:
        yield standin


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Where screenshots go: a directory to look at afterwards if NVR_PAGE_SHOTS names one."""
    path = Path(os.environ.get("NVR_PAGE_SHOTS", tmp_path))
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium: Browser, appliance: StandIn) -> AsyncIterator[Callable[[Look], Visit]]:
    """Makes visits in fresh profiles; each must have ended without console errors and CSP violations."""
    async with AsyncExitStack() as stack:

        async def make(look: Look) -> Visit:
            visitor = Visit(chromium, appliance, look)
            await visitor.open()
            stack.push_async_callback(visitor.close)
            return visitor

        yield make  # type: ignore[misc]
