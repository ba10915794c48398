"""G.711 passed through: packets, time, and what two other implementations hear."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import av
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st
from live_browser import DEFAULT, WATCH, chromium, served, wait_for_decoded
from live_peers import LoopCamera, Viewer, encode, until

from webrtc.audio_rtp import GAP_MAX_8K, SAMPLES_MAX, SLACK_8K, AudioClock, packetize
from webrtc.frames import EncodedAudio
from webrtc.session import LiveServer

Serve = Callable[..., Awaitable[LiveServer]]

HEARD = """async () => {
    for (const report of (await pc.getStats()).values())
        if (report.type === "inbound-rtp" && report.kind === "audio")
            return {packets: report.packetsReceived, energy: report.totalAudioEnergy || 0, lost: report.packetsLost,
                    codec: (await pc.getStats()).get(report.codecId).mimeType};
    return {packets: 0, energy: 0, lost: 0, codec: ""};
}"""


@given(st.binary(max_size=5000), st.integers(0, 65_535), st.integers(-5, 1 << 33))
def test_samples_come_back_at_their_times(data: bytes, first_seq: int, time_8k: int) -> None:
    packets = [
        RtpPacket.parse(packet) for packet in packetize(data, first_seq=first_seq, time_8k=time_8k, ssrc=3)
    ]
    at = 0
    for index, packet in enumerate(packets):
        assert (packet.sequence_number, packet.ssrc) == ((first_seq + index) & 0xFFFF, 3)
        assert packet.timestamp == (time_8k + at) & 0xFFFFFFFF
        assert 0 < len(packet.payload) <= SAMPLES_MAX
        at += len(packet.payload)
    assert b"".join(packet.payload for packet in packets) == data


def unit(pts_90k: float, samples: int = 160) -> EncodedAudio:
    return EncodedAudio(bytes(samples), round(pts_90k))


@given(
    st.integers(-(1 << 40), 1 << 40),
    st.lists(st.tuples(st.integers(1, 1000), st.floats(-SLACK_8K / 2, SLACK_8K / 2))),
)
def test_units_that_follow_each_other_have_no_gap(start_90k: int, units: list[tuple[int, float]]) -> None:
    """Whatever the rounding of their times, and however unevenly the camera keeps them."""
    clock, total = AudioClock(), 0
    for samples, error in units:
        pts_90k = start_90k + (total + (error if total else 0)) * 45 / 4
        assert clock.time_8k(unit(pts_90k, samples), 5.0) == total
        total += samples


def test_a_gap_is_silence_and_a_new_origin_goes_on_by_what_has_passed() -> None:
    clock = AudioClock()
    assert clock.time_8k(unit(0), 10.0) == 0
    assert clock.time_8k(unit(90_000), 11.0) == 8000
    assert clock.time_8k(unit(-5_000_000), 13.0) == 8160 + 2 * 8000 - 160
    assert clock.time_8k(unit(-5_000_000 + 1800), 13.02) == 8160 + 2 * 8000


@given(st.lists(st.tuples(st.integers(-(1 << 40), 1 << 40), st.floats(0, 100)), max_size=20))
def test_time_never_goes_back(units: list[tuple[int, float]]) -> None:
    clock, now_s, least = AudioClock(), 0.0, 0
    for pts_90k, after_s in units:
        now_s += after_s
        time_8k = clock.time_8k(unit(pts_90k), now_s)
        assert least <= time_8k <= least + max(GAP_MAX_8K, after_s * 8000)
        least = time_8k + 160


async def test_an_aiortc_client_hears_it(serve: Serve, viewer: Callable[[], Viewer]) -> None:
    camera, server, watching = LoopCamera(encode("baseline", 320, 240)), await serve(), viewer()
    camera.audio = "PCMA"
    watching.pc.addTransceiver("audio", direction="recvonly")
    answer = await watching.connect(server, camera)
    assert "a=rtpmap:8 PCMA/8000" in answer.sdp
    assert (await watching.picture()).width == 320
    (track,) = [receiver.track for receiver in watching.pc.getReceivers() if receiver.track.kind == "audio"]
    loud = 0
    async with asyncio.timeout(30):
        while loud < 20:
            frame = await track.recv()
            assert isinstance(frame, av.AudioFrame)
            loud += int(abs(frame.to_ndarray()).max() > 1000)
    await server.close(answer.session_id, owner=None)
    await until(lambda: camera.listeners == camera.viewers == 0)


async def test_who_does_not_ask_hears_nothing(serve: Serve, viewer: Callable[[], Viewer]) -> None:
    camera, server, watching = LoopCamera(encode("baseline", 320, 240)), await serve(), viewer()
    camera.audio = "PCMA"
    answer = await watching.connect(server, camera)
    await watching.picture()
    assert camera.listeners == 0
    assert "PCMA" not in answer.sdp


async def test_chromium_plays_it_beside_the_video(serve: Serve) -> None:
    main, sub = LoopCamera(encode("high", 640, 480)), LoopCamera(encode("baseline", 320, 240))
    main.scene = sub.scene = (main, sub)
    main.audio = "PCMA"
    server = await serve()
    async with chromium() as page, served(page, server, sub):
        answer = await page.evaluate(WATCH, {**DEFAULT, "audioFirst": True})
        assert answer.index("m=audio") < answer.index("a=msid:live audio") < answer.index("a=msid:live video")
        await wait_for_decoded(page, 20)
        await page.wait_for_function(f"async () => (await ({HEARD})()).energy > 0.01")
        heard = await page.evaluate(HEARD)
        assert heard["codec"] == "audio/PCMA"
        assert heard["lost"] == 0
        assert main.listeners == 1 and main.viewers == 0, "the camera's audio, whatever is seen of it"
        (session,) = server.sessions()
        assert server.switch(session.session_id, main, owner="browser")
        await page.wait_for_function("video.videoWidth === 640")
        await page.evaluate("pc.close()")
    await until(lambda: not server.sessions() and main.listeners == 0)
