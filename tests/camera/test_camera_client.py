"""The RTSP client against a scripted camera on a real socket: what goes right, and each way to go wrong."""

import asyncio
import socket
import struct
from typing import Any

import pytest
from camera_peers import (
    PATIENCE_S,
    Collector,
    Packets,
    ScriptedCamera,
    camera,
    decode,
    description,
    interleaved,
)

from nvr.camera import session
from nvr.camera.client import play
from nvr.camera.encoder import EncodedStream, Programme
from nvr.camera.link import Link, receive_buffer
from nvr.camera.rtsp import Headers, Response
from nvr.clock import FakeClock, SystemClock
from nvr.errors import (
    CameraError,
    CameraRefused,
    CameraUnreachable,
    ProtocolViolation,
    StreamStalled,
    UnsupportedStream,
)
from nvr.events import Role


@pytest.fixture
def stream(programme: Programme) -> EncodedStream:
    return programme.streams[Role.MAIN]


async def run(url: str, collector: Collector | None = None, user: str = "", **limits: Any) -> None:
    collector = collector or Collector()
    config = camera(url, user, "secret" if user else "")
    async with asyncio.timeout(PATIENCE_S):
        await play(config, Role.MAIN, SystemClock(), collector.publish, collector.on_healthy, **limits)


async def nothing(writer: asyncio.StreamWriter) -> None:
    pass


async def send_units(writer: asyncio.StreamWriter, packets: Packets, count: int, **options: Any) -> None:
    for index in range(count):
        writer.write(interleaved(packets.unit(index, **options)))
        await writer.drain()


async def failure_of(peer: ScriptedCamera, kind: type[CameraError], **limits: Any) -> CameraError:
    """The error that a life with `peer` ends with; it must name camera and stream."""
    async with peer.listening() as url:
        with pytest.raises(kind) as caught:
            await run(url, **limits)
    assert 'Camera "gate" (main)' in caught.value.message
    assert caught.value.params["camera"] == "gate" and caught.value.params["stream"] == "main"
    assert "secret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("in_band", [False, True])
async def test_units_arrive_whole_and_decode(stream: EncodedStream, in_band: bool) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        await send_units(writer, Packets(stream), 30, in_band=in_band)

    peer, collector = ScriptedCamera(description(stream.config, sprop=not in_band), script), Collector()
    async with peer.listening() as url, asyncio.TaskGroup() as tasks:
        life = tasks.create_task(run(url, collector))
        await collector.wait_for(30)
        life.cancel()
        async with asyncio.timeout(PATIENCE_S):
            await peer.torn_down.wait()
    assert [(unit.data, unit.is_key) for unit in collector.units] == list(stream.units)
    assert [unit.pts_90k for unit in collector.units] == [n * 3600 for n in range(30)]
    assert collector.causes == ["reconnect"] and collector.items[0] is not collector.units[0]
    assert collector.healthy == 1
    assert len({id(unit.config) for unit in collector.units}) == 1
    assert len(decode(collector.units)) == 30
    assert [request.url for request in peer.sent("SETUP")] == [f"{url}/trackID=1"]
    assert peer.sent("TEARDOWN")[0].headers.get("Session") == "4711"


async def test_a_camera_may_choose_channels_and_send_other_frames(stream: EncodedStream) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        packets = Packets(stream)
        for index in range(5):
            writer.write(interleaved([b"rtcp", b""], 7) + interleaved(packets.unit(index), 6))
            writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")

    chosen = Headers((("Transport", "RTP/AVP/TCP;interleaved=6-7"), ("Session", "1")))
    peer = ScriptedCamera(description(stream.config), script, {"SETUP": Response(200, headers=chosen)})
    collector = Collector()
    async with peer.listening() as url, asyncio.TaskGroup() as tasks:
        life = tasks.create_task(run(url, collector))
        await collector.wait_for(5)
        life.cancel()


async def test_lost_packets_are_told_and_nothing_damaged_follows(stream: EncodedStream) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        packets = Packets(stream)
        for index in range(21):
            unit = packets.unit(index)
            writer.write(interleaved(unit[:-1] if index == 4 else unit))

    peer, collector = ScriptedCamera(description(stream.config), script), Collector()
    async with peer.listening() as url, asyncio.TaskGroup() as tasks:
        life = tasks.create_task(run(url, collector))
        await collector.wait_for(15)
        life.cancel()
    assert [unit.pts_90k // 3600 for unit in collector.units] == [0, 1, 2, 3, *range(10, 21)]
    assert collector.causes == ["reconnect", "loss"]


async def test_changed_parameter_sets_make_a_new_config(programme: Programme) -> None:
    main, sub = programme.streams[Role.MAIN], programme.streams[Role.SUB]

    async def script(writer: asyncio.StreamWriter) -> None:
        first = Packets(main)
        await send_units(writer, first, 10, in_band=True)
        second = Packets(sub)
        second.sequence, second.timestamp = first.sequence, first.timestamp
        await send_units(writer, second, 10, in_band=True)

    peer, collector = ScriptedCamera(description(main.config), script), Collector()
    async with peer.listening() as url, asyncio.TaskGroup() as tasks:
        life = tasks.create_task(run(url, collector))
        await collector.wait_for(20)
        life.cancel()
    assert [unit.config.width for unit in collector.units] == [160] * 10 + [80] * 10
    assert collector.causes == ["reconnect"]


@pytest.mark.parametrize("keepalive", ["GET_PARAMETER", "OPTIONS"])
async def test_keepalive_by_what_the_camera_offers(
    stream: EncodedStream, keepalive: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "KEEPALIVE_RANGE_S", (0.02, 30.0))
    alive = asyncio.Event()

    async def script(writer: asyncio.StreamWriter) -> None:
        await send_units(writer, Packets(stream), 1)
        while len([r for r in peer.sent(keepalive) if r.headers.get("Session") == "4711"]) < 3:
            await asyncio.sleep(0.01)
        alive.set()

    public = Headers((("Public", f"DESCRIBE, SETUP, PLAY, {keepalive}"),))
    peer = ScriptedCamera(description(stream.config), script, {"OPTIONS": Response(200, headers=public)})
    async with peer.listening() as url, asyncio.TaskGroup() as tasks:
        life = tasks.create_task(run(url))
        async with asyncio.timeout(PATIENCE_S):
            await alive.wait()
        life.cancel()


async def test_keepalive_answers_do_not_matter(
    stream: EncodedStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, unanswered, or with a new nonce: as long as there is video, all is well."""
    monkeypatch.setattr(session, "KEEPALIVE_RANGE_S", (0.02, 30.0))

    async def script(writer: asyncio.StreamWriter) -> None:
        packets = Packets(stream)
        for index in range(10):
            seen = len(peer.sent("GET_PARAMETER"))
            while len(peer.sent("GET_PARAMETER")) == seen:
                await asyncio.sleep(0.005)
            writer.write(interleaved(packets.unit(index)))

    challenge = Headers((("WWW-Authenticate", 'Digest realm="r", nonce="later"'),))
    for answer in (Response(501), None, Response(401, headers=challenge)):
        peer = ScriptedCamera(description(stream.config), script, {"GET_PARAMETER": answer})
        collector = Collector()
        async with peer.listening() as url, asyncio.TaskGroup() as tasks:
            life = tasks.create_task(run(url, collector, user="anna"))
            await collector.wait_for(10)
            life.cancel()
    assert 'nonce="later"' in peer.sent("TEARDOWN")[0].headers.get("Authorization")


@pytest.mark.parametrize("status", [401, 403])
async def test_wrong_password(stream: EncodedStream, status: int) -> None:
    challenge = Headers((("WWW-Authenticate", 'Digest realm="r", nonce="n"'),))
    refusal = {"DESCRIBE": Response(status, headers=challenge)}
    peer = ScriptedCamera(description(stream.config), nothing, refusal)
    error = await failure_of(peer, CameraRefused, user="anna")
    assert "`username` and `password`" in error.remedy and error.params["reason"] == "login"
    if status == 401:
        assert [bool(r.headers.get("Authorization")) for r in peer.sent("DESCRIBE")] == [False, True]


async def test_login_needed_but_none_configured(stream: EncodedStream) -> None:
    peer = ScriptedCamera(description(stream.config), nothing, {"DESCRIBE": Response(401)})
    error = await failure_of(peer, CameraRefused)
    assert "none is configured" in error.message and error.params["status"] == 401


async def test_login_of_an_unknown_kind(stream: EncodedStream) -> None:
    challenge = Headers((("WWW-Authenticate", 'Digest realm="r", nonce="n", algorithm=SHA-512-256'),))
    peer = ScriptedCamera(description(stream.config), nothing, {"OPTIONS": Response(401, headers=challenge)})
    assert "neither Basic nor Digest" in (await failure_of(peer, CameraRefused, user="anna")).message


@pytest.mark.parametrize(
    ("method", "status", "kind", "reason"),
    [
        ("DESCRIBE", 404, CameraRefused, "path"),
        ("SETUP", 453, CameraRefused, "busy"),
        ("PLAY", 503, CameraRefused, "busy"),
        ("DESCRIBE", 302, CameraRefused, "other"),
        ("SETUP", 461, UnsupportedStream, None),
    ],
)
async def test_refusals(
    stream: EncodedStream, method: str, status: int, kind: type[CameraError], reason: str | None
) -> None:
    peer = ScriptedCamera(description(stream.config), nothing, {method: Response(status)})
    error = await failure_of(peer, kind)
    assert error.params.get("reason") == reason and error.remedy


async def test_a_camera_that_insists_on_udp(stream: EncodedStream) -> None:
    udp = Headers((("Transport", "RTP/AVP;unicast;client_port=5000-5001"), ("Session", "1")))
    peer = ScriptedCamera(description(stream.config), nothing, {"SETUP": Response(200, headers=udp)})
    error = await failure_of(peer, UnsupportedStream)
    assert "TCP" in error.message and 'transport = "udp"' in error.remedy


async def test_unsupported_codec(stream: EncodedStream) -> None:
    peer = ScriptedCamera(description(stream.config).replace(b"H264/", b"AV1/"), nothing)
    error = await failure_of(peer, UnsupportedStream)
    assert "AV1" in error.message and "H.264 or H.265" in error.remedy


async def test_no_parameter_sets_anywhere(stream: EncodedStream) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        await send_units(writer, Packets(stream), 3)

    peer = ScriptedCamera(description(stream.config, sprop=False), script)
    error = await failure_of(peer, UnsupportedStream, parameter_sets_s=0.1)
    assert "SPS" in error.message


async def test_no_keyframe(stream: EncodedStream) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        packets = Packets(stream)
        for index in range(1, 4):
            writer.write(interleaved(packets.unit(index)))

    peer = ScriptedCamera(description(stream.config), script)
    assert "keyframe" in (await failure_of(peer, UnsupportedStream, keyframe_s=0.1)).message


@pytest.mark.parametrize("count", [0, 3])
async def test_stall(stream: EncodedStream, count: int) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        await send_units(writer, Packets(stream), count)

    peer = ScriptedCamera(description(stream.config), script)
    await failure_of(peer, StreamStalled, stall_s=0.5)
    assert peer.sent("TEARDOWN")


async def test_port_closed() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        port = held.getsockname()[1]
        with pytest.raises(CameraUnreachable, match=f"127.0.0.1:{port} cannot be reached") as caught:
            await run(f"rtsp://127.0.0.1:{port}/x")
    assert "`main`" in caught.value.remedy


async def test_name_unknown() -> None:
    with pytest.raises(CameraUnreachable, match="cannot be reached"):
        await run("rtsp://camera.invalid/x")


async def test_no_answer(stream: EncodedStream) -> None:
    peer = ScriptedCamera(description(stream.config), nothing, {"DESCRIBE": None})
    error = await failure_of(peer, CameraUnreachable, answer_s=0.1)
    assert "no answer to DESCRIBE" in error.message


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"\x00\xff garbage", "neither"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "start line"),
        (b"RTSP/1.0 200 OK\r\nX: " + bytes([0x61]) * (1 << 20), "header is longer"),
        (b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 999999\r\n\r\n", "body is longer"),
        (b"RTSP/1.0 200 OK\r\nCSeq: two\r\n\r\n", "CSeq"),
        (b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nhello", "SDP"),
        (b"RTSP/1.0 200 OK\r\n\r\n", "SDP"),
    ],
)
async def test_garbage_for_an_answer(stream: EncodedStream, answer: bytes, problem: str) -> None:
    peer = ScriptedCamera(description(stream.config), nothing, {"DESCRIBE": answer})
    assert problem in (await failure_of(peer, ProtocolViolation)).message


async def test_garbage_amid_the_video(stream: EncodedStream) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        await send_units(writer, Packets(stream), 2)
        writer.write(b"\x00\x01\x02")

    collector = Collector()
    async with ScriptedCamera(description(stream.config), script).listening() as url:
        with pytest.raises(ProtocolViolation, match="neither"):
            await run(url, collector)
    assert len(collector.units) == 2


@pytest.mark.parametrize("reset", [False, True])
async def test_connection_lost_amid_a_packet(stream: EncodedStream, reset: bool) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        packets = Packets(stream)
        await send_units(writer, packets, 2)
        writer.write(interleaved(packets.unit(2))[:50])
        await writer.drain()
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort() if reset else writer.close()

    peer = ScriptedCamera(description(stream.config), script)
    assert "closed the connection" in (await failure_of(peer, CameraUnreachable)).message


async def test_what_is_no_ascii_is_escaped_and_a_line_break_reaches_no_request(stream: EncodedStream) -> None:
    peer = ScriptedCamera(description(stream.config), nothing, {"DESCRIBE": Response(404)})
    async with peer.listening() as url:
        with pytest.raises(CameraRefused):
            await run(f"{url}/ổ")
        assert peer.sent("DESCRIBE")[0].url.endswith("/%E1%BB%95")
        with pytest.raises(ValueError, match="control characters"):
            camera(f"{url}/\r\nX-Evil: 1")
        with pytest.raises(CameraRefused, match="control character"):
            await run(url, user="anna\r\nX-Evil: 1")


async def test_a_defect_of_a_consumer_is_not_taken_for_the_camera(stream: EncodedStream) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        await send_units(writer, Packets(stream), 2)

    def broken() -> None:
        raise KeyError("defect")

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    async with ScriptedCamera(description(stream.config), script).listening() as url:
        with pytest.raises(KeyError, match="defect"):
            await play(camera(url), Role.MAIN, SystemClock(), lambda item: None, broken)


async def test_no_such_stream_configured() -> None:
    with pytest.raises(ValueError, match="no sub stream"):
        await play(camera("rtsp://x/"), Role.SUB, SystemClock(), lambda item: None, lambda: None)


def receive(link: Link, data: bytes) -> None:
    """As asyncio does it."""
    while data:
        buffer = link.get_buffer(-1)
        size = min(len(buffer), len(data))
        buffer[:size], data = data[:size], data[size:]
        link.buffer_updated(size)


async def test_a_flood_ends_the_connection() -> None:
    """Tiny packets, or more bytes than any stream has: either would stop the event loop for everybody."""
    for frame in (b"$\x09\x00\x01x", b"$\x09\xff\xff" + bytes(65535)):
        clock = FakeClock()
        link = Link(clock, receive_buffer())
        piece = frame * max(1, 65536 // len(frame))
        for _ in range(40):  # much, but not in one second
            receive(link, piece)
            clock.advance(1.0)
        assert not link.failed.done()
        for _ in range(400):
            receive(link, piece)
        failure = link.failed.result()
        assert isinstance(failure, ProtocolViolation)
        assert "in a second" in str(failure)
