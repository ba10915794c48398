from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import pytest
from live_peers import LoopCamera, Viewer, encode

from webrtc.session import LiveServer


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[LiveServer]]]:
    """Starts a `LiveServer` with the given arguments; every one is cancelled at the end and must end cleanly."""
    running: list[asyncio.Task[None]] = []

    async def start(*, max_sessions: int = 8, **options: float) -> LiveServer:
        server = LiveServer(max_sessions=max_sessions, **options)
        running.append(asyncio.create_task(server.run()))
        await asyncio.sleep(0)  # its first step
        return server

    yield start
    for task in running:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def viewer() -> AsyncIterator[Callable[[], Viewer]]:
    """Makes viewers, and closes them at the end."""
    async with AsyncExitStack() as stack:

        def make() -> Viewer:
            made = Viewer()
            stack.push_async_callback(made.pc.close)
            return made

        yield make


@pytest.fixture
async def camera() -> LoopCamera:
    return LoopCamera(encode("baseline", 320, 240))
