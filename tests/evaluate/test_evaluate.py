"""Clips through the real model and the real alarm, from the command line."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest

from footage import EMPTY, PERSON, bikes_mp4
from nvr.__main__ import main
from nvr.camera.av_encode import Rate
from nvr.detect.model.objects import ObjectDetector
from nvr.evaluate.appliance import Appliance, camera_for
from nvr.evaluate.clip import Watching
from nvr.evaluate.pace import Pace
from nvr.evaluate.run import Job, Settings, run_all
from nvr.evaluate.takes import Take
from nvr.evaluate.truth import ClipTruth, Span
from nvr.evaluate.variation import Variation
from nvr.evaluate.video import ClipError, pictures, scan, units

FPS = 25
WAITS = Span(PERSON.start / FPS, (PERSON.stop - 1) / FPS)
NOBODY = Span(EMPTY.start / FPS, (EMPTY.stop - 1) / FPS)
STREET = ClipTruth("street", "street.mp4", "day", (WAITS,), (NOBODY,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The street clip, others made of it, and what is no clip."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "street.mp4").write_bytes(bikes_mp4().read_bytes())
    (folder / "broken.mp4").write_bytes(b"this is no video")
    (folder / "cut.mp4").write_bytes((folder / "street.mp4").read_bytes()[:50_000])
    return folder


@pytest.fixture(scope="module")
def convert(folder: Path) -> Callable[..., Path]:
    """Makes a file of the street clip with FFmpeg."""

    def convert(name: str, *options: str) -> Path:
        source = ["ffmpeg", "-v", "error", "-y", "-i", str(folder / "street.mp4")]
        subprocess.run([*source, *options, str(folder / name)], check=True, stdin=subprocess.DEVNULL)
        return folder / name

    return convert


@pytest.fixture(scope="module")
def watching() -> Watching:
    return Watching(camera_for(("person",)), ObjectDetector(), 6.0)


def truth_file(folder: Path, *names: str) -> Path:
    file = folder / "TRUTH.toml"
    labels = f"light = 'day'\nperson = [{list(WAITS)}]\nempty = [{list(NOBODY)}]\n"
    file.write_text("".join(f"[{Path(name).stem}]\nfile = '{name}'\n{labels}" for name in names), "utf-8")
    return file


def evaluate(folder: Path, truth: Path, *options: str) -> int:
    return main(["evaluate", "--truth", str(truth), "--clips", str(folder), "--jobs", "2", *options])


def test_a_street_and_files_that_are_none(folder: Path, capsys: pytest.CaptureFixture[str]):
    truth = truth_file(folder, "street.mp4", "broken.mp4", "cut.mp4", "missing.mp4")
    assert evaluate(folder, truth, "--json", "--loop-empty", "6s") == 65
    out, err = capsys.readouterr()
    said = json.loads(out)
    street = said["clips"][0]
    assert (street["person_spans"], street["found"], street["codec"], street["encoded_anew"]) == (
        1,
        1,
        "h264",
        False,
    )
    assert 0 < street["delay_s"]["median"] < 1.3
    assert street["false_sirens"]["count"] == 0 and street["false_sirens"]["per_hour_interval"][1] > 0
    assert any(one["in"] == "person" for one in street["sightings"])
    assert street["footage_hours"] == pytest.approx(10 / 3600, rel=0.01) and street["cpu_s"] > 0
    assert said["total"]["found"] == said["by_light"]["day"]["found"] == 1
    assert {one["clip"] for one in said["errors"]} == {"broken", "cut", "missing"}
    assert all(f"{one['clip']}.mp4" in one["error"] for one in said["errors"])
    (take,) = (one for one in said["looped"]["takes"] if "error" not in one)
    assert take["clip"] == "street" and take["empty_hours"] == pytest.approx(6 / 3600)
    assert said["looped"]["total"]["person_spans"] == 0
    assert "[8/8]" in err and "broken.mp4" in err


def test_the_table_is_for_people(folder: Path, capsys: pytest.CaptureFixture[str]):
    truth = truth_file(folder, "street.mp4", "broken.mp4")
    assert evaluate(folder, truth, "--clip", "street", "--fps", "10", "--encode", "cbr=400k") == 0
    out = capsys.readouterr().out
    assert "Found: 1 of 1 person spans, 100 % (95 %: 21 to 100 %)" in out
    assert "NOT EVALUATED" not in out
    assert evaluate(folder, truth, "--clip", "broken") == 65
    assert "NOT EVALUATED: broken: broken.mp4: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "place"),
    [
        (["--clip", "nobody"], "--clip"),
        (["--objects", "person,ghost"], "--objects"),
        (["--fps", "0"], "--fps"),
        (["--analysis-fps", "99"], "--analysis-fps"),
        (["--encode", "fast"], "--encode"),
        (["--truth", "/nowhere/TRUTH.toml"], "/nowhere/TRUTH.toml"),
        (["--clips", "/nowhere"], "--clips"),
    ],
)
def test_wrong_options_are_named(
    folder: Path, options: list[str], place: str, capsys: pytest.CaptureFixture[str]
):
    assert evaluate(folder, truth_file(folder, "street.mp4"), *options) == 78
    assert place in capsys.readouterr().err


def test_a_missing_model_is_one_error(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert evaluate(folder, truth_file(folder, "street.mp4"), "--model", "/nowhere.tflite") == 72
    assert capsys.readouterr().err.count("/nowhere.tflite") == 1


@pytest.mark.parametrize(
    ("name", "options", "taken_as_it_is"),
    [
        ("motion.avi", ["-c:v", "mjpeg", "-q:v", "3"], False),
        ("divx.avi", ["-c:v", "mpeg4", "-q:v", "3"], False),
        ("b_frames.ts", ["-c:v", "libx264", "-bf", "3"], True),
        ("b_frames.avi", ["-c:v", "libx264", "-bf", "3"], True),
        ("later.mkv", ["-c:v", "libx265", "-x265-params", "log-level=none", "-output_ts_offset", "7"], True),
        ("gray16.mkv", ["-vf", "format=gray16le", "-c:v", "ffv1"], False),
        ("odd.mp4", ["-vf", "scale=481:205", "-c:v", "libx264", "-pix_fmt", "yuv444p"], True),
        ("without_times.h264", ["-c:v", "libx264", "-bf", "0"], False),
    ],
)
def test_any_codec_and_container(
    convert: Callable[..., Path], watching: Watching, name: str, options: list[str], taken_as_it_is: bool
):
    file = convert(name, "-ss", "3", "-t", "3.5", *options)
    truth = replace(STREET, person=(Span(WAITS.start_s - 3, WAITS.end_s - 3),), empty=())
    watched = watching.clip(truth, file, Variation())
    assert watched.encoded is not taken_as_it_is
    assert watched.work.undecodable == 0
    assert watched.work.footage_s == pytest.approx(3.5, abs=0.1)
    assert watched.end_s == pytest.approx(3.5, abs=0.2)
    assert any(truth.person[0].holds(one.t_s) for one in watched.seen)


def test_a_stream_that_begins_without_an_idr_picture_is_encoded_anew(
    convert: Callable[..., Path], watching: Watching
):
    whole = convert("idr.mkv", "-c:v", "libx264", "-x264-params", "keyint=20:intra-refresh=1:scenecut=0")
    file = whole.with_name("recovery.mkv")
    with av.open(str(whole)) as source, av.open(str(file), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if number >= 20 and packet.size:
                packet.stream = stream
                target.mux(packet)
    watched = watching.clip(replace(STREET, file=file.name), file, Variation())
    assert scan(file).codec is None and watched.encoded
    assert watched.work.examined > 20


def test_time_of_a_file_that_starts_late_is_as_its_labels_say(convert: Callable[..., Path]):
    file = convert("late.mkv", "-c:v", "copy", "-output_ts_offset", "7")
    found = scan(file)
    assert found.first_s == pytest.approx(7.0, abs=0.1)
    first, *_ = units(file, found, Pace(found.frame_s))
    assert abs(first.arrival_s) < 0.15
    _, t_s = next(pictures(file, found, Pace(found.frame_s)))
    assert t_s == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize(
    "variation",
    [Variation(rate=Rate(crf=30)), Variation(fps=5.0), Variation(fps=15.0), Variation(gop_s=4.0)],
    ids=str,
)
def test_varied(folder: Path, watching: Watching, variation: Variation):
    watched = watching.clip(STREET, folder / "street.mp4", variation)
    assert watched.encoded
    due = 10 * min(variation.fps or 6.0, 6.0)
    assert watched.work.examined == pytest.approx(due, rel=0.05)
    assert any(WAITS.holds(one.t_s) for one in watched.seen)
    assert not any(NOBODY.holds(one.t_s) for one in watched.seen)


def test_what_is_lost_is_not_seen(folder: Path, watching: Watching):
    file = folder / "street.mp4"
    whole = watching.clip(STREET, file, Variation(gop_s=1.0))
    lossy = watching.clip(STREET, file, Variation(gop_s=1.0, lose_s=4.0))
    assert 3.5 * 6 <= whole.work.examined - lossy.work.examined <= 5.5 * 6
    assert not any(3.0 < one.t_s < 7.0 for one in lossy.seen)
    assert lossy.work.undecodable == 0


def test_a_take_goes_on_for_as_long_as_it_is_told(folder: Path, watching: Watching):
    take = Take(NOBODY, 20.0, 2, constant_rate=False)
    watched = watching.take(STREET, folder / "street.mp4", Variation(), take)
    assert watched.work.footage_s == 20.0
    assert watched.work.examined == pytest.approx(120, abs=6)
    nowhere = Take(Span(100.0, 110.0), 5.0, 1, constant_rate=True)
    with pytest.raises(ClipError, match=r"street\.mp4: no picture from 100 to 110"):
        watching.take(STREET, folder / "street.mp4", Variation(), nowhere)


def test_a_process_that_dies_costs_its_clip_alone(folder: Path):
    """Opening the pipe's other end tells that a process reads it as a clip; all of the pool's are killed then."""
    os.mkfifo(folder / "deadly.mp4")
    deadly = ClipTruth("deadly", "deadly.mp4", "", (), ())

    def kill() -> None:
        for _ in range(2):  # with others, and alone
            with (folder / "deadly.mp4").open("wb"):
                for process in multiprocessing.active_children():
                    process.kill()
                    process.join()

    killer = threading.Thread(target=kill)
    killer.start()
    done: list[str] = []
    jobs = [Job(STREET), Job(deadly), Job(replace(STREET, name="again"))]
    outcomes = run_all(jobs, Settings(folder), 2, lambda outcome: done.append(outcome.job.truth.name))
    killer.join()
    assert [bool(outcome.watched) for outcome in outcomes] == [True, False, True]
    assert outcomes[1].error == "deadly.mp4: the process that ran it died"
    assert sorted(done) == ["again", "deadly", "street"]


def test_the_siren_follows_what_is_configured(folder: Path):
    """A zone that looks for cars alone sounds for cars, and a long stay of one is one decision."""
    detector = ObjectDetector()
    cars = Watching(camera_for(("car",)), detector, 6.0).clip(STREET, folder / "street.mp4", Variation())
    assert cars.seen and {one.kind for one in cars.seen} == {"car"}
    assert any(one.siren for one in cars.seen) and not cars.seen[0].siren  # it is sure a moment later
    for one, other in zip(cars.seen, cars.seen[1:], strict=False):
        assert not (other.siren and other.t_s - one.t_s < 1.0 and one.siren)
    assert Appliance(camera_for(("dog",)), detector, fps=6.0).seen == []
