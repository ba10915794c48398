"""A simulated LCUS board on a pty: the real bytes, and outputs that latch as long as it has power.

    python -m hw.sim --link PATH [--log FILE]

PATH becomes a symlink to the pty, to be used as the serial port. Each received frame is printed; with --log
it is also appended to FILE as {"t_mono": s, "t_wall": s, "frame": "a00101a2", "channel": 1, "on": true}.
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
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from hw import lcus


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """A frame the board understood; `t_mono_s` is CLOCK_MONOTONIC, the same for all processes."""

    t_mono_s: float
    t_wall_s: float
    command: lcus.Command

    def to_json(self) -> str:
        """The line of the log file, without newline."""
        return json.dumps(
            {
                "t_mono": self.t_mono_s,
                "t_wall": self.t_wall_s,
                "frame": lcus.encode(self.command).hex(),
                "channel": self.command.channel,
                "on": self.command.on,
            }
        )


class SimulatedBoard:
    """An LCUS board "plugged in" at `link`. A context manager; a thread of its own reads the line.

    Like the real one it sends nothing, and losing the USB plug drops power and so all its outputs.
    """

    def __init__(
        self,
        link: Path,
        *,
        channels: int = lcus.MAX_CHANNEL,
        on_frame: Callable[[ReceivedFrame], None] | None = None,
    ) -> None:
        """`on_frame` is called in the reading thread."""
        self.link = link
        self._channels = channels
        self._on_frame = on_frame
        self._received: list[ReceivedFrame] = []
        self._on: set[int] = set()
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
        return [lcus.encode(frame.command) for frame in self.received]

    @property
    def state(self) -> dict[int, bool]:
        """Channel -> output closed."""
        with self._changed:
            return {channel: channel in self._on for channel in range(1, self._channels + 1)}

    def wait_for(self, predicate: Callable[[SimulatedBoard], bool], timeout_s: float) -> bool:
        """Wait until `predicate(self)` holds, looking after each frame. False after `timeout_s`."""
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
            reader = threading.Thread(target=self._read, args=(board_end, stop_read), name=f"sim {self.link}")
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
                self._on.clear()
                self._changed.notify_all()

    def _read(self, board_end: int, stop_read: int) -> None:
        decoder = lcus.Decoder()
        with selectors.DefaultSelector() as selector:
            selector.register(board_end, selectors.EVENT_READ)
            selector.register(stop_read, selectors.EVENT_READ)
            while stop_read not in {key.fd for key, _ in selector.select()}:
                for command in decoder.feed(os.read(board_end, 4096)):
                    if command.channel <= self._channels:
                        self._switch(command)

    def _switch(self, command: lcus.Command) -> None:
        frame = ReceivedFrame(time.monotonic(), time.time(), command)
        with self._changed:
            self._received.append(frame)
            (self._on.add if command.on else self._on.discard)(command.channel)
            self._changed.notify_all()
        if self._on_frame is not None:
            self._on_frame(frame)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a board until SIGINT, SIGTERM or SIGHUP."""
    parser = argparse.ArgumentParser(prog="python -m hw.sim", description="Simulates an LCUS relay board.")
    parser.add_argument("--link", required=True, type=Path, metavar="PATH", help="symlink to make to the pty")
    parser.add_argument("--log", type=Path, metavar="FILE", help="append each frame to FILE as a JSON line")
    arguments = parser.parse_args(argv)
    ends = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before the thread starts, which inherits it
    with ExitStack() as stack:
        try:
            log = stack.enter_context(arguments.log.open("a", encoding="utf-8")) if arguments.log else None

            def report(frame: ReceivedFrame) -> None:
                at = datetime.fromtimestamp(frame.t_wall_s).astimezone().isoformat(timespec="milliseconds")
                state = "ON" if frame.command.on else "OFF"
                print(f"{at} {frame.t_mono_s:.3f} relay {frame.command.channel} {state}", flush=True)
                if log is not None:
                    print(frame.to_json(), file=log, flush=True)

            stack.enter_context(SimulatedBoard(arguments.link, on_frame=report))
        except OSError as error:
            print(f"simulated relay board: {error}", file=sys.stderr)
            return 1
        print(f"simulated LCUS board at {arguments.link}", flush=True)
        signal.sigwait(ends)
    return 0


if __name__ == "__main__":
    sys.exit(main())
