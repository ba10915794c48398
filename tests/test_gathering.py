"""The event loop of the service: nothing is lost or starved by asking the kernel less often."""

import asyncio
import socket
import time

from nvr.gathering import GATHER_S, GatheringSelector, new_loop


def test_what_is_ready_is_found_and_timeouts_are_kept():
    ours, theirs = socket.socketpair()
    with ours, theirs, GatheringSelector() as selector:
        selector.register(ours, 1)
        assert selector.select(0) == []
        began_s = time.monotonic()
        assert selector.select(0.02) == []
        assert time.monotonic() - began_s >= 0.02
        theirs.send(b"x")
        for _ in range(3):
            ((key, events),) = selector.select()
            assert (key.fileobj, events) == (ours, 1)


def test_it_gathers_what_comes_close_together():
    """Asked again and again while something is ready, it pauses; told not to wait, it does not."""
    ours, theirs = socket.socketpair()
    with ours, theirs, GatheringSelector() as selector:
        selector.register(ours, 1)
        theirs.send(b"x")
        began_s = time.monotonic()
        for _ in range(11):
            assert selector.select()
        assert time.monotonic() - began_s >= 10 * GATHER_S
        for _ in range(11):
            assert selector.select(0)


def test_a_loop_runs_on_it():
    async def conversation() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readexactly(4))[::-1])
            await reader.read()  # its end
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"ping")
            reply = await reader.readexactly(4)
            writer.close()
            await writer.wait_closed()
            return await asyncio.to_thread(bytes, reply)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(conversation()) == b"gnip"
