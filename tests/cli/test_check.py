"""`nvr check` and the exit codes: each kind of mistake is named with its place, and scripts can read it."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import av
import numpy as np
import pytest

from hw.sim import SimulatedBoard
from nvr.__main__ import main
from nvr.record.disk.identity import MARKER, DiskIdentity
from nvr.state import open_state

CAMERA = '[[camera]]\nid = "gate"\nname = "Gate"\nmain = "rtsp://127.0.0.1:{port}/x"\n'


@pytest.fixture
def write(tmp_path):
    def write(text: str = "", recordings: str = "recordings", port: int = 9) -> Path:
        file = tmp_path / "nvr.toml"
        storage = f'[storage]\nrecordings = "{recordings}"\nstate = "state"\n'
        file.write_text(storage + text + CAMERA.format(port=port), "utf-8")
        return file

    return write


def check(file: Path, capsys, *options: str) -> tuple[int, list[dict]]:
    code = main(["check", "--config", str(file), "--json", *options])
    return code, json.loads(capsys.readouterr().out)


def wrong(findings: list[dict]) -> list[dict]:
    return [finding for finding in findings if not finding["ok"]]


def test_all_is_well(write, capsys, tmp_path):
    with SimulatedBoard(tmp_path / "relay"):
        code, findings = check(write('[siren]\nport = "relay"\ntimer_relay = true\n'), capsys)
    assert (code, wrong(findings)) == (0, [])
    places = {finding["place"] for finding in findings}
    assert {"storage recordings", "storage state", "analysis model", "siren port"} <= places


def test_a_loudspeaker_that_takes_sound(write, capsys, tmp_path, monkeypatch):
    (tmp_path / "asound.conf").write_text("pcm.!default { type null }\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    code, findings = check(write("[speaker]\n"), capsys)
    assert (code, wrong(findings)) == (0, [])
    (finding,) = [finding for finding in findings if finding["place"] == "speaker"]
    assert "3 times a chime" in finding["detail"]


def test_unknown_key(write, capsys):
    code, findings = check(write("[web]\nport = 1\n"), capsys)
    assert code == 78
    assert findings[0]["place"] == "web port"
    assert "unknown key" in findings[0]["detail"]


def test_a_latching_relay_is_said_so_without_an_exit_code(write, capsys, tmp_path):
    with SimulatedBoard(tmp_path / "relay"):
        code, findings = check(write('[siren]\nport = "relay"\n'), capsys)
    (finding,) = wrong(findings)
    assert (code, finding["place"]) == (0, "siren")
    assert "latches" in finding["detail"]
    assert "timer relay in series" in finding["remedy"]


def test_an_identity_that_is_not_there(write, capsys):
    code, findings = check(write('[siren]\nport = "usb:ffff:fffe"\ntimer_relay = true\n'), capsys)
    (finding,) = wrong(findings)
    assert (code, finding["place"]) == (69, "siren port")
    assert "nvr hw list" in finding["detail"]


@pytest.mark.parametrize(
    ("text", "place", "words", "exit_code"),
    [
        ('[siren]\nport = "nowhere"\ntimer_relay = true\n', "siren port", "does not exist", 69),
        ('[siren]\nport = "nvr.toml"\ntimer_relay = true\n', "siren port", "no serial device", 69),
        ('[speaker]\ndevice = "nowhere"\n', "speaker", 'output "nowhere": audio open error', 69),
        ('[speaker]\nmessage = "nvr.toml"\n', "speaker", "nvr.toml: it is no uncompressed WAV file", 78),
        ('[analysis]\nmodel = "missing.tflite"\n', "analysis model", "missing.tflite", 72),
        ('[analysis]\nmodel = "nvr.toml"\n', "analysis model", "nvr.toml", 72),
    ],
)
def test_parts_that_cannot_work(write, capsys, text, place, words, exit_code):
    code, findings = check(write(text), capsys)
    assert code == exit_code
    (finding,) = wrong(findings)
    assert finding["place"] == place
    assert words in finding["detail"]
    assert finding["remedy"]


def said(findings: list[dict], place: str) -> str:
    (finding,) = (finding for finding in findings if finding["place"] == place)
    return finding["detail"]


async def made_on_the_page(state: Path, schedule: str) -> None:
    database = await open_state(state)
    row = (3, schedule, 1_800_000_000.0, "Lan")
    await database.write(lambda c: c.execute("INSERT INTO schedule VALUES (1, ?, ?, ?, ?)", row))
    await database.close()


def test_which_schedule_is_in_force(write, capsys, tmp_path):
    assert said(check(write(), capsys)[1], "schedule") == "none: armed and disarmed only by hand"
    file = write('[schedule]\narm = "22:00"\ndisarm = "05:00"\n')
    assert re.fullmatch(
        r"nvr.toml's; next \S+ \S+ (22:00: night|05:00: off)", said(check(file, capsys)[1], "schedule")
    )
    asyncio.run(made_on_the_page(tmp_path / "state", '{"holidays": ["01-01"]}'))
    code, findings = check(file, capsys)
    assert said(findings, "schedule") == (
        "made on the page by Lan (2027-01-15 15:00), not nvr.toml's; nothing changes in the coming days"
    )
    assert (code, [finding["place"] for finding in wrong(findings)]) == (0, ["schedule holidays"])


def test_a_schedule_of_the_page_that_cannot_be_used(write, capsys, tmp_path):
    asyncio.run(made_on_the_page(tmp_path / "state", '{"change": [{"at": "sunset", "set": "off"}]}'))
    code, findings = check(write(), capsys)
    (finding,) = wrong(findings)
    assert (code, finding["place"]) == (74, "schedule")
    assert "add `latitude` and `longitude` to [site]" in finding["detail"]
    (tmp_path / "state" / "state.db").write_bytes(b"x" * 5000)
    assert "cannot be read" in wrong(check(write(), capsys)[1])[0]["detail"]


def test_recordings_that_cannot_be_written(write, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, findings = check(write(recordings="file/recordings"), capsys)
    assert code == 74
    assert wrong(findings)[0]["place"] == "storage recordings"


def test_disk_that_was_there_before_is_missing_until_it_is_accepted(write, capsys, tmp_path):
    (tmp_path / "recordings").mkdir()
    (tmp_path / "state").mkdir()
    DiskIdentity(tmp_path / "recordings", tmp_path / "state").settle()
    file = write()
    assert wrong(check(file, capsys)[1]) == []
    assert main(["disk", "--config", str(file)]) == 0
    assert "is there" in capsys.readouterr().out
    (tmp_path / "recordings" / MARKER).unlink()
    code, findings = check(file, capsys)
    assert code == 74
    (finding,) = wrong(findings)
    assert finding["place"] == "storage recordings"
    assert "nvr disk --accept" in finding["remedy"]
    assert main(["disk", "--config", str(file)]) == 74
    assert main(["disk", "--config", str(file), "--accept"]) == 0
    capsys.readouterr()
    assert check(file, capsys)[0] == 0


def test_several_disks_are_each_looked_at(write, capsys, tmp_path):
    for name in ("a", "b", "state"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        DiskIdentity(tmp_path / name, tmp_path / "state").settle()
    file = write(recordings="a")
    file.write_text(file.read_text("utf-8").replace('"a"', '["a", "b"]'), "utf-8")
    assert wrong(check(file, capsys)[1]) == []
    (tmp_path / "b" / MARKER).write_bytes((tmp_path / "a" / MARKER).read_bytes())
    (finding,) = wrong(check(file, capsys)[1])
    assert finding["place"] == f'storage recordings "{tmp_path / "b"}"'
    assert "the same disk as" in finding["detail"]
    (tmp_path / "b" / MARKER).unlink()
    (finding,) = wrong(check(file, capsys)[1])
    assert "nvr disk --accept" in finding["remedy"]
    assert main(["disk", "--config", str(file)]) == 74
    out = capsys.readouterr().out
    assert f"{tmp_path / 'a'}: its disk is there" in out
    assert main(["fsck", "--config", str(file), "--json"]) == 65
    disks = json.loads(capsys.readouterr().out)["disks"]
    assert disks[0]["problem_count"] == 1, "there is no index yet"
    assert "nvr disk --accept" in disks[1]["error"]
    assert main(["disk", "--config", str(file), "--accept"]) == 0
    assert main(["disk", "--config", str(file)]) == 0


def test_unreachable_camera(write, capsys):
    code, findings = check(write(), capsys, "--cameras")
    assert code == 69
    (finding,) = wrong(findings)
    assert finding["place"] == 'camera "gate" main'
    assert "127.0.0.1" in finding["detail"]


def test_words_for_a_person(write, capsys):
    assert main(["check", "--config", str(write("[web]\nport = 1\n"))]) == 78
    out = capsys.readouterr().out
    assert "WRONG web port" in out
    assert "unknown key" in out


def serve(file: Path) -> subprocess.CompletedProcess[str]:
    """As a process: it sets up logging for good."""
    command = [sys.executable, "-m", "nvr", "serve", "--config", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_all_mistakes_are_told_at_once_with_their_values_but_no_secret(write, capsys):
    text = '[web]\nhttps_port = 99999\npasswort = "hunter2"\n[site]\ntimezone = "Hanoi"\n'
    code, findings = check(write(text), capsys)
    assert code == 78
    assert {f["place"]: f["detail"] for f in findings}.keys() == {
        "web https_port",
        "web passwort",
        "site timezone",
    }
    details = " ".join(finding["detail"] for finding in findings)
    assert "99999" in details
    assert '"Hanoi"' in details
    assert "hunter2" not in json.dumps(findings)


def test_a_camera_that_plays_leaves_only_findings_in_the_output(write, tmp_path):
    """In processes of their own: pytest would take the log's output for itself."""
    video = tmp_path / "clip.mp4"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for _ in range(30):
            frame = av.VideoFrame.from_ndarray(np.zeros((96, 160, 3), np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    simulator = [sys.executable, "-m", "nvr", "simulate", str(video), "--port", "0", "--json"]
    with subprocess.Popen(simulator, stdout=subprocess.PIPE) as cameras:
        try:
            assert cameras.stdout
            url = json.loads(cameras.stdout.readline())["ready"][0]
            file = write(port=urlsplit(url).port)
            file.write_text(file.read_text().replace("/x", urlsplit(url).path))
            command = [sys.executable, "-m", "nvr", "check", "--config", str(file), "--cameras", "--json"]
            answer = subprocess.run(command, capture_output=True, check=True)
        finally:
            cameras.terminate()
    assert "plays h264" in json.loads(answer.stdout)[-1]["detail"]


def test_cameras_that_are_no_rtsp_are_tried_too(write, tmp_path, capsys):
    file = write()
    addresses = {"a": f"file:{tmp_path / 'none.mp4'}", "b": "v4l2:/dev/nvr-none", "c": "v4l2:/dev/null"}
    cameras = "".join(
        f'[[camera]]\nid = "{name}"\nname = "{name}"\nmain = "{address}"\n'
        for name, address in addresses.items()
    )
    file.write_text(file.read_text("utf-8").partition("[[camera]]")[0] + cameras, "utf-8")
    code, findings = check(file, capsys, "--cameras")
    assert code == 69
    found = {finding["place"]: finding for finding in wrong(findings)}
    assert found.keys() == {'camera "a" main', 'camera "b" main', 'camera "c" main'}
    assert all(finding["remedy"] for finding in found.values())
    assert "/dev/nvr-none is not there" in found['camera "b" main']["detail"]


def test_serve_refuses_a_broken_file_with_one_sentence(write):
    result = serve(write("[web]\nport = 1\n"))
    assert result.returncode == 78
    assert result.stderr.count("\n") == 1
    assert "web port" in result.stderr


def test_serve_without_state_directory_ends_with_storage_error(tmp_path):
    (tmp_path / "state").write_text("in the way")
    (tmp_path / "nvr.toml").write_text('[storage]\nrecordings = "recordings"\nstate = "state"\n')
    result = serve(tmp_path / "nvr.toml")
    assert result.returncode == 74
    assert str(tmp_path / "state") in result.stderr
