"""Real peers: a simulated board on a pty, guards as processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hw_peers import GuardProcess

from hw.sim import SimulatedBoard


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(tmp_path / "tty") as board:
        yield board


@pytest.fixture
def start_guard(tmp_path: Path) -> Iterator[Callable[..., GuardProcess]]:
    """Starts guards on tmp_path/tty and tmp_path/guard.sock unless told otherwise."""
    guards: list[GuardProcess] = []

    def start(*options: str, port: Path = tmp_path / "tty", socket: str = "guard.sock") -> GuardProcess:
        guards.append(GuardProcess(port, tmp_path / socket, *options))
        return guards[-1]

    yield start
    for guard in guards:
        guard.close()


@pytest.fixture
def bare_pty() -> Iterator[tuple[int, str]]:
    """A pty whose board end nobody reads: (board end, path of the host end)."""
    board_end, host_end = os.openpty()
    try:
        yield board_end, os.ttyname(host_end)
    finally:
        os.close(host_end)
        os.close(board_end)
