from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hw_peers import PATIENCE_S, ROOT

from hw.board_model import LcusModel
from hw.port import SerialPort
from hw.sim import SimulatedBoard

ON, OFF = bytes.fromhex("a00101a2"), bytes.fromhex("a00100a1")


def test_latches_when_the_host_goes_away_and_drops_when_unplugged(board: SimulatedBoard) -> None:
    port = SerialPort(str(board.link))
    port.write(b"\x00garbage\xa0" + ON)
    assert board.wait_for(lambda b: b.state[1], PATIENCE_S)
    port.close()
    SerialPort(str(board.link)).close()
    assert board.state[1]
    board.unplug()
    assert not board.link.exists()
    assert not any(board.state.values())
    board.replug()
    port = SerialPort(str(board.link))
    port.write(OFF)
    assert board.wait_for(lambda b: b.frames == [ON, OFF], PATIENCE_S)
    port.close()


def test_a_board_ignores_channels_it_lacks(tmp_path: Path) -> None:
    with SimulatedBoard(tmp_path / "tty", LcusModel(1)) as board:
        port = SerialPort(str(board.link))
        port.write(bytes.fromhex("a00201a3") + ON)
        assert board.wait_for(lambda b: bool(b.frames), PATIENCE_S)
        port.close()
        assert board.frames == [ON]
        assert board.state == {1: True}


def test_never_replaces_a_real_file(tmp_path: Path) -> None:
    (tmp_path / "tty").write_text("precious")
    with pytest.raises(FileExistsError, match="is no symlink"), SimulatedBoard(tmp_path / "tty"):
        pass
    assert (tmp_path / "tty").read_text() == "precious"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_process(tmp_path: Path, number: signal.Signals) -> None:
    link, log = tmp_path / "tty", tmp_path / "frames.jsonl"
    link.symlink_to("/dev/pts/a-board-that-was-killed")
    with subprocess.Popen(
        [sys.executable, "-m", "hw.sim", "--link", str(link), "--log", str(log)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"simulated LCUS board at {link}\n"
        port = SerialPort(str(link))
        port.write(ON + OFF)
        printed = [process.stdout.readline().split()[-3:] for _ in range(2)]
        assert printed == [["relay", "1", "ON"], ["relay", "1", "OFF"]]
        port.close()
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0
    assert not os.path.lexists(link)
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(r["frame"], r["channel"], r["on"]) for r in records] == [
        ("a00101a2", 1, True),
        ("a00100a1", 1, False),
    ]
    assert all(r.keys() == {"t_mono", "t_wall", "frame", "channel", "on"} for r in records)
    assert records[0]["t_mono"] <= records[1]["t_mono"]


def test_process_says_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hw.sim", "--link", str(tmp_path / "no" / "tty")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert done.stderr.startswith("simulated relay board: ")
    assert "Traceback" not in done.stderr
