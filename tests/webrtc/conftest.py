from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import pytest
from live_peers import LoopCamera, Relay, Viewer, encode

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
async def viewer() -> AsyncIterator[Callable[..., Viewer]]:
    """Makes viewers, and closes them at the end."""
    async with AsyncExitStack() as stack:

        def make(*codecs: str) -> Viewer:
            made = Viewer(codecs or ("h264", "rtx"))
            stack.push_async_callback(made.pc.close)
            return made

        yield make


@pytest.fixture
async def camera() -> LoopCamera:
    return LoopCamera(encode("baseline", 320, 240))


@pytest.fixture
async def relay() -> AsyncIterator[Callable[[Callable[[bytes], bool]], Relay]]:
    """Makes relays that lose what they are told to, and closes them at the end."""
    made: list[Relay] = []

    def make(loses: Callable[[bytes], bool]) -> Relay:
        made.append(Relay(loses))
        return made[-1]

    yield make
    for one in made:
        one.close()
