"""A simulated relay board on a pty: the real bytes, and outputs that behave as those of a real one.

    python -m hw.sim --link PATH [--log FILE] [--board lcus|modbus] [--address N] [--latching] [--fault FAULT]

PATH becomes a symlink to the pty, to be used as the serial port. Each frame that switches is printed, and an output
that ends by itself; with --log they are also appended to FILE as {"t_mono": s, "t_wall": s, "frame": "a00101a2",
"channel": 1, "on": true}, the frame being "" where none did it.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import signal
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from hw import modbus
from hw.board_model import BoardModel, LcusModel, ModbusModel, Received

FAULTS = ("deaf", "silent", "wrong_speed", "wrong_check", "echo")


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """A frame the board understood, or an output that ended by itself (`frame` empty). `t_mono_s` is
    CLOCK_MONOTONIC, the same for all processes."""

    t_mono_s: float
    t_wall_s: float
    frame: bytes
    channel: int | None
    on: bool | None

    def to_json(self) -> str:
        """The line of the log file, without newline."""
        return json.dumps(
            {
                "t_mono": self.t_mono_s,
                "t_wall": self.t_wall_s,
                "frame": self.frame.hex(),
                "channel": self.channel,
                "on": self.on,
            }
        )


class SimulatedBoard:
    """A board "plugged in" at `link`. A context manager; a thread of its own reads the line.

    As with the real ones, losing the USB plug drops power and so all outputs.
    """

    def __init__(
        self,
        link: Path,
        model: BoardModel | None = None,
        *,
        on_frame: Callable[[ReceivedFrame], None] | None = None,
        bytewise: bool = False,
    ) -> None:
        """`model`: an LCUS board with 8 channels by default. `on_frame` is called in the reading thread for what
        switches an output. `bytewise`: replies arrive byte by byte."""
        self.link = link
        self._model = model or LcusModel()
        self._bytewise = bytewise
        self._on_frame = on_frame
        self._received: list[ReceivedFrame] = []
        self._changed = threading.Condition()
        self._powered: ExitStack | None = None

    @property
    def received(self) -> list[ReceivedFrame]:
        """All frames since the start, oldest first (a copy)."""
        with self._changed:
            return self._received.copy()

    @property
    def frames(self) -> list[bytes]:
        """The bytes of all frames since the start, oldest first (a copy)."""
        return [received.frame for received in self.received if received.frame]

    @property
    def switching(self) -> list[bytes]:
        """As `frames`, without questions."""
        return [received.frame for received in self.received if received.frame and received.on is not None]

    @property
    def state(self) -> dict[int, bool]:
        """Channel -> output closed."""
        with self._changed:
            self._model.tick(time.monotonic())
            return dict(self._model.outputs)

    @contextmanager
    def altered(self) -> Iterator[None]:
        """Within it the model, its inputs and its faults may be changed."""
        with self._changed:
            yield
            self._changed.notify_all()

    def wait_for(self, predicate: Callable[[SimulatedBoard], bool], timeout_s: float) -> bool:
        """Wait until `predicate(self)` holds, looking after each change. False after `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: predicate(self), timeout_s)

    def __enter__(self) -> Self:
        self.replug()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def replug(self) -> None:
        """Power up, all outputs off, on a new pty under the same link. Raises OSError; not twice."""
        if self._powered is not None:
            raise RuntimeError(f"{self.link}: already plugged in")
        if os.path.lexists(self.link) and not self.link.is_symlink():
            raise FileExistsError(f"{self.link} exists and is no symlink; choose another --link")
        with ExitStack() as stack:
            board_end, host_end = os.openpty()
            stack.callback(os.close, board_end)
            stack.callback(os.close, host_end)  # kept open: the line must survive a host that closes it
            tty.setraw(host_end)
            fresh = self.link.with_name(self.link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(os.ttyname(host_end))
            fresh.replace(self.link)
            stack.callback(self.link.unlink, missing_ok=True)
            stop_read, stop_write = os.pipe()
            stack.callback(os.close, stop_read)
            reader = threading.Thread(target=self._run, args=(board_end, stop_read), name=f"sim {self.link}")
            with self._changed:
                self._model.power_up()
            reader.start()
            stack.callback(reader.join)
            stack.callback(os.close, stop_write)  # the reader sees the end of the pipe and returns
            self._powered = stack.pop_all()

    def unplug(self) -> None:
        """Pull the plug: the host's end hangs up, the link vanishes, the outputs drop. May be called twice."""
        if self._powered is not None:
            powered, self._powered = self._powered, None
            powered.close()
            with self._changed:
                self._model.power_up()
                self._changed.notify_all()

    def _run(self, board_end: int, stop_read: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(board_end, selectors.EVENT_READ)
            selector.register(stop_read, selectors.EVENT_READ)
            while True:
                with self._changed:
                    wait_s = self._model.deadline_s() - time.monotonic()
                ready = {
                    key.fd for key, _ in selector.select(None if wait_s == float("inf") else max(0.0, wait_s))
                }
                if stop_read in ready:
                    return
                self._let_time_pass()
                if board_end in ready:
                    self._answer(board_end, os.read(board_end, 4096))

    def _let_time_pass(self) -> None:
        with self._changed:
            before = dict(self._model.outputs)
            self._model.tick(time.monotonic())
            ended = [c for c, on in self._model.outputs.items() if before[c] and not on]
        for channel in ended:
            self._note(Received(b"", channel, False))

    def _answer(self, board_end: int, data: bytes) -> None:
        with self._changed:
            frames, reply = self._model.feed(data, time.monotonic())
        for frame in frames:
            self._note(frame)
        pieces = [reply[i : i + 1] for i in range(len(reply))] if self._bytewise else [reply] * bool(reply)
        for piece in pieces:
            os.write(board_end, piece)

    def _note(self, received: Received) -> None:
        noted = ReceivedFrame(time.monotonic(), time.time(), received.frame, received.channel, received.on)
        with self._changed:
            self._received.append(noted)
            self._changed.notify_all()
        if self._on_frame is not None and received.on is not None:
            self._on_frame(noted)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a board until SIGINT, SIGTERM or SIGHUP."""
    parser = argparse.ArgumentParser(prog="python -m hw.sim", description="Simulates a relay board.")
    add = parser.add_argument
    add("--link", required=True, type=Path, metavar="PATH", help="symlink to make to the pty")
    add("--log", type=Path, metavar="FILE", help="append each frame that switches to FILE as a JSON line")
    add("--board", choices=("lcus", "modbus"), default="lcus", help="kind of board (default %(default)s)")
    add(
        "--address",
        type=int,
        default=1,
        choices=range(1, modbus.MAX_ADDRESS + 1),
        metavar="N",
        help="Modbus address",
    )
    add("--latching", action="store_true", help="the Modbus board has no timed flash-on")
    add("--fault", choices=FAULTS, action="append", default=[], help="something that is wrong with the line")
    arguments = parser.parse_args(argv)
    model: BoardModel = LcusModel()
    if arguments.board == "modbus":
        model = ModbusModel(arguments.address, timed=not arguments.latching)
    for fault in arguments.fault:
        setattr(model.faults, fault, True)
    ends = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before the thread starts, which inherits it
    with ExitStack() as stack:
        try:
            log = stack.enter_context(arguments.log.open("a", encoding="utf-8")) if arguments.log else None

            def report(frame: ReceivedFrame) -> None:
                at = datetime.fromtimestamp(frame.t_wall_s).astimezone().isoformat(timespec="milliseconds")
                print(
                    f"{at} {frame.t_mono_s:.3f} relay {frame.channel} {'ON' if frame.on else 'OFF'}",
                    flush=True,
                )
                if log is not None:
                    print(frame.to_json(), file=log, flush=True)

            stack.enter_context(SimulatedBoard(arguments.link, model, on_frame=report))
        except OSError as error:
            print(f"simulated relay board: {error}", file=sys.stderr)
            return 1
        print(f"simulated {model.name} board at {arguments.link}", flush=True)
        signal.sigwait(ends)
    return 0


if __name__ == "__main__":
    sys.exit(main())
