"""One source to several viewers: loss, lost pictures, changes of the stream, of the network and of the pace."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest
from live_peers import STEP_90K, LoopCamera, Relay, Viewer, encode, is_video, until

from webrtc.session import LiveServer

Serve = Callable[..., Awaitable[LiveServer]]
MakeViewer = Callable[..., Viewer]
MakeRelay = Callable[[Callable[[bytes], bool]], Relay]


def every(nth: int) -> Callable[[bytes], bool]:
    """Loses every `nth` packet of video."""
    counter = itertools.count(1)
    return lambda datagram: is_video(datagram) and next(counter) % nth == 0


@pytest.mark.parametrize("codecs", [("h264", "rtx"), ("h264",)])
async def test_what_was_lost_is_sent_again(
    serve: Serve, viewer: MakeViewer, relay: MakeRelay, codecs: tuple[str, ...]
) -> None:
    camera = LoopCamera(encode("main", 640, 480))
    server, watching, network = await serve(), viewer(*codecs), relay(every(7))
    answer = await watching.connect(server, camera, relay=network)
    assert ("a=ssrc-group:FID" in answer.sdp) == ("rtx" in codecs)
    times = await watching.times_90k(60)
    assert [b - a for a, b in itertools.pairwise(times)] == [STEP_90K] * 59
    assert network.lost >= 8


async def test_a_lost_picture_is_made_good_from_the_cached_gop(
    serve: Serve, viewer: MakeViewer, relay: MakeRelay
) -> None:
    """The camera's next keyframe is far away: only the cache can help."""
    camera = LoopCamera(encode("main", 320, 240, gops=2, gop_frames=400))
    camera.cached = 1
    server, watching, network = await serve(), viewer(), relay(lambda datagram: False)
    await watching.connect(server, camera, relay=network)
    first = await watching.picture()
    assert first.key_frame
    for _ in range(20):
        assert not (await watching.picture()).key_frame
    receiver = watching.pc.getReceivers()[0]
    (source,) = receiver.getSynchronizationSources()
    await receiver._send_rtcp_pli(source.source)
    times = []
    async with asyncio.timeout(60):
        while True:
            picture = await watching.picture()
            times.append(picture.pts)
            if picture.key_frame:
                break
    times += await watching.times_90k(60)
    assert all(a < b for a, b in itertools.pairwise(times)), "time goes forward through the second start"
    assert [b - a for a, b in itertools.pairwise(times)][-10:] == [STEP_90K] * 10, (
        "and is the stream's own again"
    )


async def test_a_viewer_s_new_address_is_followed(
    serve: Serve, viewer: MakeViewer, relay: MakeRelay, camera: LoopCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.5)
    monkeypatch.setattr("webrtc.peer.SILENT_PATH_S", 0.2)
    server, watching, network = await serve(), viewer(), relay(lambda datagram: False)
    await watching.connect(server, camera, relay=network)
    await watching.picture()
    await network.move()
    await watching.times_90k(100)
    assert len(server.sessions()) == 1


async def test_a_later_viewer_begins_with_the_cached_keyframe(serve: Serve, viewer: MakeViewer) -> None:
    camera = LoopCamera(encode("main", 320, 240, gops=2, gop_frames=400))
    camera.cached = 1
    server, first, second = await serve(), viewer(), viewer("h264")
    await first.connect(server, camera)
    await first.times_90k(40)
    await second.connect(server, camera)
    picture = await second.picture()
    assert picture.key_frame
    bar = picture.to_ndarray(format="rgb24")[120, 16]
    assert bar[0] > 200 > 60 > bar[2], "the first picture of all, with the bar at the left"
    times = await second.times_90k(40)
    assert [b - a for a, b in itertools.pairwise(times)] == [STEP_90K] * 39
    assert camera.viewers == 1
    await first.pc.close()
    await until(lambda: len(server.sessions()) == 1)
    await second.times_90k(5)
    await second.pc.close()
    await until(lambda: camera.viewers == 0)


async def test_a_camera_that_changes_its_size_goes_on(serve: Serve, viewer: MakeViewer) -> None:
    camera = LoopCamera(encode("main", 320, 240))
    server, watching = await serve(), viewer()
    await watching.connect(server, camera)
    await watching.picture()
    camera.frames = encode("main", 640, 480)
    async with asyncio.timeout(60):
        while (picture := await watching.picture()).width != 640:
            pass
    times = [picture.pts, *await watching.times_90k(10)]
    assert all(a is not None and a < b for a, b in itertools.pairwise(times))


async def test_an_old_picture_is_not_shown_as_live(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webrtc.fanout.STALE_S", 0.3)
    server, first, second = await serve(), viewer(), viewer()
    await first.connect(server, camera)
    await first.picture()
    camera.present.clear()
    await asyncio.sleep(1.0)
    await second.connect(server, camera)
    await until(lambda: len(server.sessions()) == 2 and server.sessions()[1].state.value == "live")
    await asyncio.sleep(0.5)
    assert server.sessions()[1].frames_sent == 0
    camera.present.set()
    assert (await second.picture()).key_frame


async def test_sender_reports_tell_what_was_sent(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    server, watching = await serve(), viewer()
    await watching.connect(server, camera)
    await watching.times_90k(60)
    stats = await watching.pc.getReceivers()[0].getStats()
    (report,) = [value for value in stats.values() if value.type == "remote-outbound-rtp"]
    assert 20 <= report.packetsSent <= server.sessions()[0].frames_sent
    assert report.bytesSent > 500
