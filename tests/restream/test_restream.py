"""The cameras for platforms, as real players get them."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest
from restream_site import (
    FFMPEG,
    FPS,
    GATE,
    GATE_SUB,
    PATIENCE_S,
    YARD,
    Loop,
    Site,
    decoded_hashes,
    encode_h264,
    ffmpeg_pictures,
    follow,
    run,
    running_site,
    sounds_of,
)

import x265
from nvr.media.audio import AudioConfig, aac_config, g711_config
from nvr.media.nal import to_annex_b
from nvr.restream.accounts import Platform
from peers.appliance import free_port
from peers.rtsp_raw import raw

TCP = ("-rtsp_transport", "tcp")
WAYS = pytest.mark.parametrize("way", ["tcp", "udp"])


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Gate with B-frames on main and none on sub, the yard in H.265 with B-frames."""
    async with running_site(tmp_path) as running:
        running.loops += [
            Loop(running.hub, GATE, encode_h264(b_frames=2)),
            Loop(running.hub, GATE_SUB, encode_h264(size=(80, 48))),
            Loop(running.hub, YARD, x265.encode(b_frames=2)),
        ]
        yield running


@pytest.fixture
async def platform(site: Site) -> Platform:
    return await site.add("tinh", "gate", "yard")


@WAYS
async def test_ffmpeg_gets_every_picture_as_it_is(site: Site, platform: Platform, way: str) -> None:
    for path, units in (
        ("gate/main", encode_h264(b_frames=2)),
        ("gate/sub", encode_h264(size=(80, 48))),
        ("yard/main", x265.encode(b_frames=2)),
    ):
        seen = await ffmpeg_pictures(site.url(path, platform), 60, "-rtsp_transport", way)
        assert len(seen) == 60 and follow(decoded_hashes(units), seen), path


async def test_who_may_not_see_a_camera_cannot_tell_it_from_none(site: Site) -> None:
    commune = await site.add("xa", "gate")
    answers = set()
    for path in ("yard/main", "nothing/main", "gate/x", "gate"):
        code, _, errors = await run(
            FFMPEG, "-v", "error", *TCP, "-i", site.url(path, commune), "-f", "null", "-"
        )
        assert code != 0 and "404" in errors
        answers.add(errors.replace(path, "").split("method DESCRIBE")[-1].splitlines()[0])
    assert len(answers) == 1


async def test_over_tls(tmp_path: Path) -> None:
    async with running_site(tmp_path, rtsps_port=free_port()) as site:
        site.loops.append(Loop(site.hub, GATE, encode_h264()))
        platform = await site.add("tinh", "gate")
        url = site.url("gate/main", platform, "rtsps")
        assert follow(decoded_hashes(encode_h264()), await ffmpeg_pictures(url, 40, *TCP))
        trust = ssl.create_default_context(cafile=tmp_path / "tls/ca.crt")
        async with raw(site.url("", scheme="rtsps").rstrip("/"), ssl=trust) as client:
            url = site.url("gate/main", scheme="rtsps")
            assert (await client.log_in(url, platform.name, platform.password)).status == 200
            udp = "RTP/AVP;unicast;client_port=5000-5001"
            assert (await client.told("SETUP", url, Transport=udp)).status == 461, "it would go in the clear"


@WAYS
@pytest.mark.parametrize(("path", "codec"), [("gate/main", "h264"), ("yard/main", "h265")])
async def test_gstreamer_gets_every_picture_as_it_is(
    site: Site, platform: Platform, way: str, path: str, codec: str, tmp_path: Path
) -> None:
    file = tmp_path / codec
    login = f"user-id={platform.name} user-pw={platform.password}"
    pipeline = (
        f"rtspsrc location={site.url(path)} protocols={way} {login} latency=200 ! rtp{codec}depay ! {codec}parse ! "
        f"video/x-{codec},stream-format=byte-stream,alignment=au ! identity eos-after=60 ! filesink location={file}"
    )
    code, out, errors = await run("/usr/bin/gst-launch-1.0", "-q", *pipeline.split())
    assert code == 0, (out, errors)
    with av.open(str(file), format="hevc" if codec == "h265" else codec) as container:
        pictures = [picture.to_ndarray().tobytes() for picture in container.decode(video=0)]
    seen = [hashlib.md5(picture, usedforsecurity=False).hexdigest() for picture in pictures]
    units = encode_h264(b_frames=2) if codec == "h264" else x265.encode(b_frames=2)
    assert len(seen) >= 55 and follow(decoded_hashes(units), seen[:-3]), path  # cut amid B-frames


SINE = tuple(bytes((n * 7 + k) % 256 for k in range(160)) for n in range(100))
"""Twenty milliseconds of G.711 each, all different."""


def encode_aac(frames: int = 376) -> tuple[AudioConfig, list[bytes]]:
    """A tone that rises."""
    codec = av.CodecContext.create("aac", "w")
    codec.sample_rate, codec.layout, codec.format = 48_000, "mono", "fltp"
    codec.bit_rate = 64_000
    packets = []
    for number in range(frames):
        at = np.arange(1024) + number * 1024
        tone = np.sin(at * (0.05 + number * 0.0002)).astype(np.float32)[None, :] / 2
        frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
        frame.sample_rate, frame.pts = 48_000, number * 1024
        packets += codec.encode(frame)
    assert codec.extradata
    return aac_config(codec.extradata, 48_000), [bytes(packet) for packet in packets[-375:]]


@pytest.mark.parametrize("codec", ["alaw", "ulaw", "aac"])
@WAYS
async def test_pyav_gets_pictures_and_sound_that_belong_together(
    tmp_path: Path, way: str, codec: str
) -> None:
    if codec == "aac":
        config, frames = encode_aac()
    else:
        config, frames = g711_config("alaw" if codec == "alaw" else "ulaw"), list(SINE)
    units = encode_h264()
    async with running_site(tmp_path) as site:
        site.loops.append(Loop(site.hub, GATE, units, sounds_of(config, frames)))
        platform = await site.add("tinh", "gate")
        async with asyncio.timeout(PATIENCE_S):
            while site.hub[GATE].audio is None:
                await asyncio.sleep(0.02)
        seen = await asyncio.to_thread(demux, site.url("gate/main", platform), way, 3.0)
    video, audio = seen["video"], seen["audio"]
    payload = [to_annex_b(unit.data) for unit in units]
    starts = [next(n for n, data in enumerate(payload) if data in packet) for packet, _ in video]
    assert [n % len(units) for n in range(starts[0], starts[0] + len(starts))] == starts
    first = frames.index(audio[0][0])
    assert [data for data, _ in audio] == [frames[(first + n) % len(frames)] for n in range(len(audio))]
    duration_s = config.samples_of(frames[0]) / config.rate_hz
    assert len(audio) > 1.0 / duration_s
    times = [time_s for _, time_s in audio]
    assert [round(b - a, 3) for a, b in itertools.pairwise(times)] == pytest.approx(
        [duration_s] * (len(times) - 1), abs=0.002
    )
    # Both loops began at 0, and that of the sound is once or four times as long as that of the pictures.
    loop_s = len(units) / FPS
    assert (len(frames) * duration_s) % loop_s == pytest.approx(0, abs=1e-6)
    off_s = (audio[0][1] - video[0][1]) - (first * duration_s - starts[0] / FPS)
    assert min(off_s % loop_s, -off_s % loop_s) < 0.03


def demux(url: str, way: str, seconds: float) -> dict[str, list[tuple[bytes, float]]]:
    """(data, pts in s) of the packets of each track."""
    found: dict[str, list[tuple[bytes, float]]] = {"video": [], "audio": []}
    with av.open(url, options={"rtsp_transport": way}, timeout=PATIENCE_S) as container:
        for packet in container.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            found[packet.stream.type].append((bytes(packet), float(packet.pts * packet.time_base)))
            if len(found["video"]) >= seconds * FPS:
                return found
    return found
