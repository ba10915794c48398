"""The asyncio client against the real guard, and against peers that misbehave."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hw_peers import PATIENCE_S, GuardProcess

from hw.guard_client import GuardClient, GuardLost
from hw.sim import SimulatedBoard
from hw.wire import Status, encode_status

StartGuard = Callable[..., GuardProcess]
IDLE = Status(on=False, link="up", error=None, cause="start", cooldown_ms=0)


@pytest.fixture
def guard(board: SimulatedBoard, start_guard: StartGuard) -> GuardProcess:
    guard = start_guard()
    guard.wait_event("listening")
    return guard


@asynccontextmanager
async def fake_guard(
    path: Path, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> AsyncIterator[None]:
    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_unix_server(run, path):
        yield


async def test_hold_renew_release(board: SimulatedBoard, guard: GuardProcess) -> None:
    async with GuardClient(guard.socket_path) as client:
        assert client.status == IDLE
        assert (await client.hold(2.0)).on
        assert (await client.hold(2.0)).on
        assert client.status.cause == "held"
        assert not (await client.release()).on
    assert await asyncio.to_thread(board.wait_for, lambda b: len(b.frames) == 3, PATIENCE_S)
    assert [frame.hex() for frame in board.frames] == ["a00100a1", "a00101a2", "a00100a1"]


async def test_leaving_the_context_silences(board: SimulatedBoard, guard: GuardProcess) -> None:
    async with GuardClient(guard.socket_path) as client:
        await client.hold(5.0)
    assert await asyncio.to_thread(board.wait_for, lambda b: len(b.frames) == 3, PATIENCE_S)
    assert not board.state[1]
    with pytest.raises(GuardLost, match="closed by this client"):
        await client.hold(1.0)


async def test_refusal_is_an_answer(guard: GuardProcess) -> None:
    async with GuardClient(guard.socket_path) as first, GuardClient(guard.socket_path) as second:
        await first.hold(5.0)
        assert (await second.hold(5.0)).refused == "another client holds the siren"
        assert second.status.refused is None


async def test_changes_start_with_the_current_status(guard: GuardProcess) -> None:
    async with GuardClient(guard.socket_path) as client, GuardClient(guard.socket_path) as watcher:
        causes: list[str] = []
        async for status in watcher:
            causes.append(status.cause)
            if len(causes) == 1:
                await client.hold(0.1)
            if len(causes) == 3:
                break
        assert causes == ["start", "held", "lease expired"]


async def test_link_changes_are_told(board: SimulatedBoard, guard: GuardProcess) -> None:
    async with GuardClient(guard.socket_path) as client:
        links: list[str] = []
        async for status in client:
            links.append(status.link)
            if links == ["up"]:
                await asyncio.to_thread(board.unplug)
            elif links == ["up", "down"]:
                assert status.error is not None
                await asyncio.to_thread(board.replug)
            elif links[-1] == "up":
                break


async def test_concurrent_requests_get_their_own_answers(guard: GuardProcess) -> None:
    async with GuardClient(guard.socket_path) as client:
        answers = await asyncio.gather(client.hold(5.0), client.release(), client.hold(5.0), client.release())
        assert [(answer.re, answer.on) for answer in answers] == [("hold", True), ("release", False)] * 2


async def test_a_cancelled_request_does_not_shift_the_answers(guard: GuardProcess) -> None:
    async with GuardClient(guard.socket_path) as client, asyncio.TaskGroup() as group:
        task = group.create_task(client.hold(5.0))
        await asyncio.sleep(0)  # sent, not yet answered
        task.cancel()
        assert (await client.release()).re == "release"


async def test_guard_dies(guard: GuardProcess) -> None:
    async with GuardClient(guard.socket_path) as client:
        guard.process.kill()
        with pytest.raises(GuardLost, match="connection ended"):
            async for status in client:
                assert status == IDLE
        with pytest.raises(GuardLost, match="connection ended"):
            await client.release()


async def test_guard_hangs(guard: GuardProcess) -> None:
    async with GuardClient(guard.socket_path, timeout_s=0.2) as client:
        guard.process.send_signal(signal.SIGSTOP)
        with pytest.raises(GuardLost, match=r"no answer within 0\.2 s") as lost:
            await client.hold(1.0)
        assert lost.value.silent_pid == guard.process.pid
        with pytest.raises(GuardLost):
            await client.release()


async def test_an_answer_in_time_counts_even_if_this_process_was_late(guard: GuardProcess) -> None:
    async with GuardClient(guard.socket_path, timeout_s=0.2) as client:
        answer = asyncio.ensure_future(client.hold(1.0))
        await asyncio.sleep(0)
        time.sleep(0.5)
        assert (await answer).on


async def test_no_guard(tmp_path: Path) -> None:
    with pytest.raises(GuardLost, match=r"none: cannot connect .*is hw.guard running\?"):
        async with GuardClient(tmp_path / "none"):
            pass


def test_outside_of_its_context(tmp_path: Path) -> None:
    with pytest.raises(GuardLost, match="async with"):
        _ = GuardClient(tmp_path / "none").status


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n", "not JSON"),
        (b"{}\n", "not a status line"),
        (b"x" * 100_000 + b"\n", "line longer than"),
        (b"", "connection ended"),
        (
            encode_status(Status(on=False, link="up", error=None, cause="x", cooldown_ms=0, re="hold")),
            "answered 'hold' to 'status'",
        ),
    ],
)
async def test_a_peer_that_is_no_guard(tmp_path: Path, sent: bytes, why: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(sent)

    async with fake_guard(tmp_path / "s", serve):
        with pytest.raises(GuardLost, match=why):
            async with GuardClient(tmp_path / "s"):
                pass


async def test_an_endless_line_is_cut_off(tmp_path: Path) -> None:
    cut_off = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            cut_off.set()

    async with fake_guard(tmp_path / "s", serve), asyncio.timeout(PATIENCE_S):
        with pytest.raises(GuardLost, match="no answer within"):
            async with GuardClient(tmp_path / "s", timeout_s=0.2):
                pass
        await cut_off.wait()
