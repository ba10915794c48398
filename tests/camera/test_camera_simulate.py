"""The simulator: what it makes of a video, its loop, and `nvr simulate` as a process."""

import asyncio
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import pytest
from camera_peers import PATIENCE_S, Collector, camera, decode, make_clip

from nvr.camera.client import play
from nvr.camera.encoder import EncodedStream, Plan, Programme, Shot, Stopped, encode, parse_shots
from nvr.camera.simulator import Simulator
from nvr.clock import SystemClock
from nvr.errors import ConfigError
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit
from nvr.media.nal import to_annex_b


def luma(frame: av.VideoFrame) -> int:
    return int(frame.to_ndarray()[: frame.height].mean())


def pictures(stream: EncodedStream) -> list[int]:
    """Mean luma of each picture: `make_clip` gives every source frame its own."""
    units = [
        AccessUnit(StreamKey("x", Role.MAIN), stream.config, data, n, is_key, 0.0)
        for n, (data, is_key) in enumerate(stream.units)
    ]
    return [luma(frame) for frame in decode(units)]


def source(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [luma(frame.reformat(format="yuv420p")) for frame in container.decode(video=0)]


def test_whole_video_closed_gops_no_b_frames(programme: Programme) -> None:
    main, sub = programme.streams[Role.MAIN], programme.streams[Role.SUB]
    assert (main.config.width, main.config.height, main.config.reorders) == (160, 96, False)
    assert (sub.config.width, sub.config.height, sub.config.reorders) == (80, 48, False)
    for stream in (main, sub):
        assert [n for n, (_, is_key) in enumerate(stream.units) if is_key] == [0, 10, 20]
        annex_b = [to_annex_b(d, stream.config.parameter_sets if k else ()) for d, k in stream.units]
        codec = av.CodecContext.create("h264", "r")
        frames = [frame for data in annex_b for frame in codec.decode(av.Packet(data))]
        assert not any(frame.pict_type == av.video.frame.PictureType.B for frame in frames)
    assert programme.shot_starts == {0: (0, "0-29")}


def test_shots_go_back_and_forth_and_begin_with_keyframes(clip: Path) -> None:
    plan = Plan(shots=parse_shots("20-24*3, 3-5"), gop=10, sub_size=(64, 64))
    programme = encode(clip, plan)
    main = programme.streams[Role.MAIN]
    forward, back = [20, 21, 22, 23, 24], [24, 23, 22, 21, 20]
    wanted = [source(clip)[n] for n in [*forward, *back, *forward, 3, 4, 5]]
    assert all(abs(a - b) <= 2 for a, b in zip(pictures(main), wanted, strict=True))
    assert [n for n, (_, is_key) in enumerate(main.units) if is_key] == [0, 10, 15]
    assert programme.shot_starts == {0: (0, "20-24"), 15: (1, "3-5")}
    assert (programme.streams[Role.SUB].config.width, programme.streams[Role.SUB].config.height) == (64, 64)


def test_shots_are_parsed() -> None:
    assert parse_shots("138-186*5,106-136") == (Shot(138, 186, 5), Shot(106, 136, 1))


@pytest.mark.parametrize("text", ["", "5", "5-3", "1-2*0", "1-2*", "1-2,", "a-b", "1-2*99999", "-1-2"])
def test_shots_that_make_no_sense(text: str) -> None:
    with pytest.raises(ConfigError, match="--shots"):
        parse_shots(text)


def test_frames_that_the_video_does_not_have(clip: Path) -> None:
    with pytest.raises(ConfigError, match=r"no frame 30.*frames 0 to 29"):
        encode(clip, Plan(shots=(Shot(28, 30),)))


def test_videos_that_cannot_be_used(tmp_path: Path) -> None:
    garbage, sound = tmp_path / "garbage.mp4", tmp_path / "sound.wav"
    garbage.write_bytes(b"no video at all" * 100)
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame("s16", "mono", 800)
        frame.rate = 8000
        container.mux(stream.encode(frame))
    for path, problem in [
        (tmp_path / "missing.mp4", "no such file"),
        (tmp_path, "no such file"),
        (garbage, "cannot be decoded"),
        (sound, "no video"),
    ]:
        with pytest.raises(ConfigError, match=problem) as caught:
            encode(path, Plan())
        assert str(path) in caught.value.message


def test_encoding_reports_and_stops(clip: Path) -> None:
    stop, seen = threading.Event(), []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 3:
            stop.set()

    with pytest.raises(Stopped):
        encode(clip, Plan(), progress, stop)
    assert seen == [(1, 30), (2, 30), (3, 30)]


@contextmanager
def process(*arguments: str | Path, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "nvr", "simulate", *map(str, arguments)]
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_nvr_simulate(clip: Path, tmp_path: Path, end: signal.Signals) -> None:
    password, log = tmp_path / "password", tmp_path / "shots.log"
    password.write_text("quê hương\n")
    with process(
        *(clip, "--port", "0", "--cameras", "2", "--gop", "5", "--shots", "0-4,10-14*2", "--json"),
        *("--user", "anna", "--password-file", password, "--log", log, "--fps", "50"),
    ) as running:
        assert running.stdout is not None
        addresses = json.loads(running.stdout.readline())["ready"]
        assert [a.split("/", 3)[3] for a in addresses] == ["cam1/main", "cam1/sub", "cam2/main", "cam2/sub"]
        collector = Collector()
        config = camera(addresses[3], "anna", "quê hương")
        clock = SystemClock()
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(play(config, Role.MAIN, clock, collector.publish, collector.on_healthy))
            await collector.wait_for(40)
            life.cancel()
        running.send_signal(end)
        out, errors = running.communicate(timeout=PATIENCE_S)
        assert (running.returncode, out, errors) == (0, "", "")
    units = collector.units
    assert len(decode(units)) == len(units) and collector.causes == ["reconnect"]
    assert [unit.pts_90k for unit in units] == [1800 * n for n in range(len(units))]
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(e["loop"], e["shot"], e["frames"]) for e in entries[:3]] == [
        (0, 0, "0-4"),
        (0, 1, "10-14"),
        (1, 0, "0-4"),
    ]
    assert all(a["t_mono"] < b["t_mono"] for a, b in itertools.pairwise(entries))
    assert entries[0]["t_mono"] < units[-1].received_mono_s < entries[-1]["t_mono"] + 1


def test_progress_on_a_terminal_and_stopping_while_it_encodes(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "long.mp4", frames=1500, size=(320, 192))
    ours, theirs = os.openpty()
    with process(clip, "--port", "0", "--main", "1280x768", stdout=theirs) as running:
        os.close(theirs)
        shown = b""
        while b"/1500 pictures" not in shown:
            shown += os.read(ours, 1000)
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=PATIENCE_S)
        assert (running.returncode, errors) == (0, "")
    with suppress(OSError):  # EIO: the other end is closed
        while data := os.read(ours, 1000):
            shown += data
    os.close(ours)
    assert b"encoding 10/1500 pictures" in shown and b"ready" not in shown


def test_nvr_simulate_errors(clip: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for arguments, problem in [
            ((tmp_path / "missing.mp4",), "VIDEO: .*missing.mp4: no such file"),
            (
                (clip, "--port", port),
                f"--port: cannot listen on 127.0.0.1 port {port}: Address already in use",
            ),
            ((clip, "--main", "161x96"), "--main"),
            ((clip, "--fps", "0"), "--fps"),
            ((clip, "--user", "anna"), "--user"),
            ((clip, "--user", "anna", "--password-file", tmp_path / "no"), "--password-file: .*No such file"),
            ((clip, "--log", tmp_path / "no" / "log"), "--log: .*No such file"),
        ]:
            with process(*arguments) as running:
                _, errors = running.communicate(timeout=PATIENCE_S)
                assert running.returncode == 78
                assert re.search(problem, errors), errors
                assert "Traceback" not in errors


def test_every_camera_gets_the_same_pictures_at_the_same_time(programme: Programme) -> None:
    simulator = Simulator(programme, 3, SystemClock())
    assert list(simulator.hubs) == [f"cam{n}/{role}" for n in (1, 2, 3) for role in ("main", "sub")]
    for path, hub in simulator.hubs.items():
        assert str(hub.key) == path and hub.config is programme.streams[hub.key.role].config
