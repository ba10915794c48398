"""Audio of gst-rtsp-server through our client into our files: complete, and in step with the pictures."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from camera_peers import PATIENCE_S, camera

from nvr.camera.client import AudioProblem, play
from nvr.clock import SystemClock
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, MediaItem
from nvr.media.audio import AudioUnit
from nvr.record.model import Fragment
from nvr.record.mp4.fmp4 import fragment_header, segment_header
from nvr.record.mp4.samples import AudioSamples, Samples
from nvr.record.mp4.segment import SegmentBuilder

SERVER = Path(__file__).parents[1] / "peers" / "rtsp_gst.py"
KEY = StreamKey("gate", Role.MAIN)
SECONDS = 6.5
LOGINS = {"none": ("", ""), "digest": ("anna", "quê hương")}


@pytest.fixture(scope="module", params=["none", "digest"])
def gst(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, str]]:
    """(address, user, password) of a server with that kind of login."""
    command = ["/usr/bin/python3", str(SERVER), request.param]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        port = int(process.stdout.readline())
        yield f"rtsp://127.0.0.1:{port}", *LOGINS[request.param]
        process.stdin.close()
        process.wait(PATIENCE_S)


class Recording:
    """Cuts what a camera sends, until there is enough of it."""

    def __init__(self) -> None:
        self.fragments: list[Fragment] = []
        self.audio: list[AudioUnit] = []
        self.problems: list[AudioProblem | None] = []
        self.enough = asyncio.Event()
        self._first_s: float | None = None
        self._builder = SegmentBuilder(KEY, end_90k=None, next_number=iter(range(1, 99)).__next__)

    def publish(self, item: MediaItem) -> None:
        self._keep(self._builder.push(item, 1.8e9))
        if isinstance(item, AccessUnit):
            self._first_s = self._first_s or item.received_mono_s
            if item.received_mono_s - self._first_s > SECONDS:
                self.enough.set()

    def publish_audio(self, unit: AudioUnit) -> None:
        self.audio.append(unit)
        self._builder.push_audio(unit)

    def file(self) -> bytes:
        """The longest file."""
        self._keep(self._builder.stop("stopped", 1.8e9))
        runs = [list(run) for _, run in groupby(self.fragments, key=lambda fragment: fragment.segment.number)]
        longest = max(runs, key=len)
        content = segment_header(longest[0].segment)
        for fragment in longest:
            samples, audio = Samples.of(fragment), AudioSamples.of(fragment.audio)
            content += fragment_header(fragment, samples, audio) + b"".join(fragment.data)
            content += b"".join(fragment.audio.data) if fragment.audio else b""
        return content

    def _keep(self, fragment: Fragment | None) -> None:
        if fragment is not None:
            self.fragments.append(fragment)


async def record(url: str, user: str, password: str, *, audio: bool, transport: str = "tcp") -> Recording:
    config = camera(url, user, password).model_copy(update={"audio": audio, "transport": transport})
    recording = Recording()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        life = tasks.create_task(
            play(
                config,
                Role.MAIN,
                SystemClock(),
                recording.publish,
                lambda: None,
                publish_audio=recording.publish_audio,
                on_audio=recording.problems.append,
            )
        )
        await recording.enough.wait()
        life.cancel()
    return recording


def onsets(loud: list[tuple[float, bool]]) -> list[float]:
    """When it becomes loud, or bright."""
    return [at for (_, before), (at, now) in pairwise(loud) if now and not before]


def seen_and_heard(content: bytes) -> tuple[list[float], list[float]]:
    """(when the picture turns white, when the sound begins) in s."""
    with av.open(io.BytesIO(content)) as container:
        pictures = [
            (float(frame.pts * frame.time_base), float(frame.to_ndarray()[:96].mean()) > 128)
            for frame in container.decode(video=0)
            if frame.pts is not None and frame.time_base is not None
        ]
    sounds: list[tuple[float, bool]] = []
    with av.open(io.BytesIO(content)) as container:
        for frame in container.decode(audio=0):
            assert frame.pts is not None and frame.time_base is not None
            wave = frame.to_ndarray()[0].astype(np.float64)
            wave = np.abs(wave / 32768 if frame.format.name == "s16" else wave)
            for at in range(0, len(wave) - 39, 40):
                time = frame.pts * frame.time_base + Fraction(at, frame.sample_rate)
                sounds.append((float(time), bool(wave[at : at + 40].max() > 0.15)))
    return onsets(pictures), onsets(sounds)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("path", ["h264-aac", "h264-alaw", "h264-ulaw", "h265-aac"])
async def test_sound_is_complete_and_in_step(gst: tuple[str, str, str], path: str, transport: str) -> None:
    address, user, password = gst
    recording = await record(f"{address}/{path}", user, password, audio=True, transport=transport)
    assert recording.problems == [None]
    codec = path.partition("-")[2]
    assert {unit.config.codec for unit in recording.audio} == {codec}
    content = recording.file()
    with av.open(io.BytesIO(content)) as container:
        name = {"aac": "aac", "alaw": "pcm_alaw", "ulaw": "pcm_mulaw"}[codec]
        assert container.streams.audio[0].codec_context.name == name
    seen, heard = seen_and_heard(content)
    assert len(seen) >= 4
    off = [min((at - flash for at in heard), key=abs) for flash in seen[1:-1]]
    assert max(map(abs, off)) < 0.1, (seen, heard)
    # Nothing is missing: each unit goes on where the one before ended, but for corrections of its place.
    settled = recording.audio[len(recording.audio) // 2 :]
    holes = [b.pts_90k - a.pts_90k - a.duration_90k for a, b in pairwise(settled)]
    assert max(map(abs, holes)) < 90 * 50
    assert sum(map(abs, holes)) < 90 * 100


async def test_audio_that_is_off_is_not_even_asked_for(gst: tuple[str, str, str]) -> None:
    address, user, password = gst
    recording = await record(f"{address}/h264-aac", user, password, audio=False)
    assert recording.audio == [] and recording.problems == []
    assert all(fragment.segment.audio is None and fragment.audio is None for fragment in recording.fragments)


async def test_other_audio_costs_nothing_but_itself(gst: tuple[str, str, str]) -> None:
    address, user, password = gst
    recording = await record(f"{address}/h264-opus", user, password, audio=True)
    (problem,) = recording.problems
    assert problem is not None and problem.code == "audio_unsupported" and problem.params["codec"] == "OPUS"
    assert "AAC or G.711" in problem.detail
    assert len(recording.fragments) > 4


async def test_a_stream_without_audio_says_so(gst: tuple[str, str, str]) -> None:
    address, user, password = gst
    recording = await record(f"{address}/h264", user, password, audio=True)
    assert [problem and problem.code for problem in recording.problems] == ["audio_missing"]
