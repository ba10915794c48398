"""RTP over UDP: reordering, reports, and the client against a scripted camera on real sockets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from camera_peers import PATIENCE_S, Collector, Packets, ScriptedCamera, camera, decode, description
from hypothesis import given
from hypothesis import strategies as st

from nvr.camera import udp
from nvr.camera.client import play
from nvr.camera.encoder import EncodedStream, Programme
from nvr.camera.reception import Reception
from nvr.camera.reorder import MAX_PACKETS, MAX_WAIT_S, ReorderBuffer
from nvr.camera.rtp import pack_header, sender_report
from nvr.camera.rtsp import Headers, Response
from nvr.clock import SystemClock
from nvr.errors import CameraError, ProtocolViolation, StreamStalled, UnsupportedStream
from nvr.events import Role


class Line:
    """Feeds numbers to a buffer and collects what comes out."""

    def __init__(self, first: int) -> None:
        self.out: list[int] = []
        self.buffer = ReorderBuffer(lambda data, start, end, at_s: self.out.append(int(data[start:end])))
        self._first = first

    def push(self, number: int, at_s: float = 0.0) -> None:
        self.buffer.push(str(number).encode(), self._first + number & 0xFFFF, at_s)


@given(
    first=st.integers(0, 65_535),
    delays=st.lists(st.integers(0, MAX_PACKETS - 1), min_size=1, max_size=60),
    copies=st.sets(st.integers(0, 59)),
)
def test_any_order_within_the_window_is_mended(first: int, delays: list[int], copies: set[int]) -> None:
    """Each packet is overtaken by at most as many as the window holds; some come twice."""
    line = Line(first)
    line.push(0)
    order = sorted(range(1, len(delays)), key=lambda n: (n + delays[n], n))
    for number in order:
        line.push(number)
        if number in copies:
            line.push(number)
    assert line.out == list(range(len(delays)))
    assert line.buffer.due_s is None


@given(
    first=st.integers(0, 65_535),
    arrivals=st.lists(st.tuples(st.integers(0, 80), st.floats(0, 0.3)), max_size=80),
)
def test_whatever_comes_order_and_bounds_hold(first: int, arrivals: list[tuple[int, float]]) -> None:
    line = Line(first)
    now_s = 0.0
    for number, passed_s in arrivals:
        now_s += passed_s
        line.push(number, now_s)
        line.buffer.expire(now_s)
        assert line.buffer.due_s is None or line.buffer.due_s > now_s
    line.buffer.expire(now_s + MAX_WAIT_S)
    assert line.buffer.due_s is None
    behind = sum(b <= a for a, b in zip(line.out, line.out[1:], strict=False))
    assert behind <= len(arrivals) // MAX_PACKETS, "only a camera that counts anew goes back"
    if not behind:
        assert len(set(line.out)) == len(line.out)


def test_a_missing_packet_is_given_up_by_number_or_time_and_then_too_late() -> None:
    line = Line(65_530)
    for number in [0, *range(2, MAX_PACKETS + 2)]:
        line.push(number)
    assert line.out == [0]
    line.push(MAX_PACKETS + 2)
    assert line.out == [0, *range(2, MAX_PACKETS + 3)]
    line.push(1)
    line.push(MAX_PACKETS + 4, at_s=5.0)
    line.buffer.expire(5.0 + MAX_WAIT_S / 2)
    assert line.out[-1] == MAX_PACKETS + 2
    line.buffer.expire(5.0 + MAX_WAIT_S)
    assert line.out[-1] == MAX_PACKETS + 4 and 1 not in line.out


def test_a_camera_that_counts_anew_is_followed() -> None:
    line = Line(40_000)
    line.push(0)
    for number in range(-20_000, -20_000 + MAX_PACKETS + 3):
        line.push(number)
    assert line.out == [0, *range(-20_000 + MAX_PACKETS - 1, -20_000 + MAX_PACKETS + 3)]


def test_receiver_report() -> None:
    reception = Reception(0x11223344, "me")
    assert reception.report(0.0)[:8] == bytes.fromhex("80c9000111223344")
    for index, sequence in enumerate((65_534, 65_535, 1, 2)):  # 0 is lost
        reception.note(sequence, 3600 * index, 7, 100 + index * 0.04 + (0.016 if index == 3 else 0))
    other, own = (
        sender_report(ssrc=ssrc, wall_s=1.5, timestamp=0, packets=1, payload_bytes=1, cname="x")
        for ssrc in (8, 7)
    )
    reception.note_report(own, 101.0)
    reception.note_report(other, 101.5)
    reception.note_report(b"junk", 101.5)
    report = reception.report(103.0)
    head, length, ssrc, source, lost, highest, jitter, last, delay = struct.unpack(">HH7I", report[:32])
    assert (head, length, ssrc, source) == (0x81C9, 7, 0x11223344, 7)
    assert lost == (256 // 5) << 24 | 1
    assert highest == 0x1_0002
    assert jitter == 90
    assert last == (2_208_988_801 << 16 | 0x8000) & 0xFFFF_FFFF
    assert delay == 2 * 65_536
    assert report[32:36] == bytes.fromhex("81ca0003") and b"\x01\x02me" in report
    reception.note(3, 0, 7, 104.0)
    assert reception.report(104.0)[12] == 0, "nothing was lost since"
    reception.note(500, 0, 9, 105.0)
    assert struct.unpack(">I", reception.report(105.0)[16:20])[0] == 500, "another sender"


class UdpCamera(ScriptedCamera):
    """Sends by `script(send, packets)` from a socket of its own to the ports that SETUP named."""

    def __init__(self, stream: EncodedStream, script: Callable[[Callable[[bytes], None], Packets], Any]):
        self._rtp, self._rtcp = udp.bind_pair("127.0.0.1")
        port = self._rtp.getsockname()[1]
        transport = f"RTP/AVP;unicast;client_port=1-2;server_port={port}-{port + 1}"
        answer = Response(200, headers=Headers((("Transport", transport), ("Session", "1"))))
        self._packets, self._udp_script = Packets(stream), script
        super().__init__(description(stream.config), self._play, {"SETUP": answer})

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        asked = self.sent("SETUP")[-1].headers.get("Transport")
        port = int(asked.partition("client_port=")[2].partition("-")[0])
        assert port % 2 == 0 and asked == f"RTP/AVP;unicast;client_port={port}-{port + 1}"
        await self._udp_script(lambda data: self._rtp.sendto(data, ("127.0.0.1", port)), self._packets)

    async def report(self) -> bytes:
        """The next RTCP packet of the client."""
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.get_running_loop().sock_recv(self._rtcp, 2000)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        with self._rtp, self._rtcp:
            async with super().listening() as url:
                yield url


@pytest.fixture
def stream(programme: Programme) -> EncodedStream:
    return programme.streams[Role.MAIN]


async def run(url: str, collector: Collector, **limits: Any) -> None:
    config = camera(url).model_copy(update={"transport": "udp"})
    async with asyncio.timeout(PATIENCE_S):
        await play(config, Role.MAIN, SystemClock(), collector.publish, collector.on_healthy, **limits)


async def send_swapped(send: Callable[[bytes], None], packets: Packets, count: int, lost: int = -1) -> None:
    """Every two neighbouring packets swapped, one twice; the last of unit `lost` never sent."""
    for index in range(count):
        unit = packets.unit(index)
        unit = unit[:-1] if index == lost else unit
        for pair in (unit[at : at + 2] for at in range(0, len(unit), 2)):
            for packet in reversed(pair) if index else pair:  # where a stream begins, nothing can be before
                send(packet)
        for packet in unit[:1]:
            send(packet)
        await asyncio.sleep(0.005)


async def test_disordered_datagrams_become_whole_pictures(
    stream: EncodedStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "REPORT_EVERY_S", 0.05)
    peer, collector = UdpCamera(stream, partial(send_swapped, count=40)), Collector()
    async with peer.listening() as url, asyncio.TaskGroup() as tasks:
        life = tasks.create_task(run(url, collector))
        await collector.wait_for(39)
        reports = [await peer.report()]
        while reports[-1][:2] != b"\x81\xc9":  # the first may be sent before a packet came
            reports.append(await peer.report())
        life.cancel()
    fraction_lost, lost = reports[-1][12], int.from_bytes(reports[-1][13:16], "big", signed=True)
    assert fraction_lost == 0 and lost < 0, "nothing is lost, and some came twice"
    assert peer.sent("TEARDOWN")
    assert [(u.data, u.is_key) for u in collector.units[:30]] == list(stream.units)
    assert collector.causes == ["reconnect"] and len(decode(collector.units)) == len(collector.units)


async def test_a_lost_datagram_is_a_discontinuity(stream: EncodedStream) -> None:
    peer, collector = UdpCamera(stream, partial(send_swapped, count=31, lost=4)), Collector()
    async with peer.listening() as url, asyncio.TaskGroup() as tasks:
        life = tasks.create_task(run(url, collector))
        await collector.wait_for(4 + 20)
        life.cancel()
    assert [unit.pts_90k // 3600 for unit in collector.units][:6] == [0, 1, 2, 3, 10, 11]
    assert collector.causes == ["reconnect", "loss"]


async def test_datagrams_of_others_and_no_rtp_are_ignored(stream: EncodedStream) -> None:
    async def script(send: Callable[[bytes], None], packets: Packets) -> None:
        port = int(
            peer.sent("SETUP")[-1].headers.get("Transport").partition("client_port=")[2].partition("-")[0]
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.9", 0))
            for index in range(12):
                forged = pack_header(
                    marker=True, payload_type=96, sequence=packets.sequence + 1, timestamp=1, ssrc=7
                )
                for target in (port, port + 1):
                    stranger.sendto(forged + b"\x65\x88forged", ("127.0.0.1", target))
                send(b"")
                send(b"junk that is no RTP packet")
                for packet in packets.unit(index):
                    send(packet)
                await asyncio.sleep(0.005)

    peer, collector = UdpCamera(stream, script), Collector()
    async with peer.listening() as url, asyncio.TaskGroup() as tasks:
        life = tasks.create_task(run(url, collector))
        await collector.wait_for(11)
        life.cancel()
    assert [unit.data for unit in collector.units] == [data for data, _ in stream.units[:12]][
        : len(collector.units)
    ]
    assert collector.causes == ["reconnect"]


async def failure(peer: ScriptedCamera, kind: type[CameraError], **limits: Any) -> CameraError:
    async with peer.listening() as url:
        with pytest.raises(kind) as caught:
            await run(url, Collector(), **limits)
    return caught.value


async def test_nothing_arrives(stream: EncodedStream) -> None:
    async def script(send: Callable[[bytes], None], packets: Packets) -> None:
        pass

    peer = UdpCamera(stream, script)
    assert 'transport = "tcp"' in (await failure(peer, StreamStalled, stall_s=0.3)).remedy


async def test_a_violation_in_a_datagram_ends_the_life(stream: EncodedStream) -> None:
    async def script(send: Callable[[bytes], None], packets: Packets) -> None:
        header = pack_header(marker=True, payload_type=96, sequence=1, timestamp=0, ssrc=7)
        send(header + b"\x78\x00\x05ab")

    peer = UdpCamera(stream, script)
    assert "RTP packet 1" in (await failure(peer, ProtocolViolation)).message


@pytest.mark.parametrize(
    "answer",
    [
        Response(461),
        Response(
            200, headers=Headers((("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1"), ("Session", "1")))
        ),
    ],
)
async def test_a_camera_that_insists_on_tcp(stream: EncodedStream, answer: Response) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        pass

    peer = ScriptedCamera(description(stream.config), script, {"SETUP": answer})
    error = await failure(peer, UnsupportedStream)
    assert "UDP" in error.message and 'transport = "tcp"' in error.remedy
