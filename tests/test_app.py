"""The composition root where it cannot start."""

import asyncio
from pathlib import Path

import pytest

from hw.port import SerialPort
from hw.sim import SimulatedBoard
from nvr.app import serve
from nvr.config import Config, Siren, Storage
from nvr.errors import StorageError

ON, OFF = bytes.fromhex("a00101a2"), bytes.fromhex("a00100a1")


async def test_a_siren_left_on_is_switched_off_even_if_the_appliance_cannot_start(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.db").write_bytes(b"no database" * 1000)
    with SimulatedBoard(tmp_path / "tty") as board:
        port = SerialPort(str(board.link))
        port.write(ON)
        port.close()
        assert await asyncio.to_thread(board.wait_for, lambda b: b.state[1], 10)
        config = Config(
            storage=Storage(recordings=tmp_path / "recordings", state=state), siren=Siren(port=board.link)
        )
        with pytest.raises(StorageError):
            await serve(config, on_ready=lambda _app: None, stop=asyncio.Event())
        assert await asyncio.to_thread(board.wait_for, lambda b: b.frames == [ON, OFF], 10)
