"""The guard: the one process that owns the relay port, and grants the siren only as a lease.

    python -m hw.guard --port PORT --socket PATH [--board modbus --address 1] [--max-on-s 180] [--exit-with-client]
    python -m hw.guard --port PORT --off

Exit codes: 0 told to end (or --exit-with-client, or --off was written), 1 --off was not, 2 bad arguments,
3 another guard runs on this socket, 4 the port belongs to another process, 5 the socket cannot be made.
See hw/README.md.
"""

from __future__ import annotations

import argparse
import selectors
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hw import identity, lease
from hw.control import Control
from hw.event_log import EventLog
from hw.guard_loop import CLIENT_BACK_S, Guard
from hw.guard_socket import SocketOwned, SocketUnusable, listen
from hw.inputs import NAMES, Inputs
from hw.lcus_board import LcusBoard
from hw.link import Link
from hw.modbus_board import ModbusBoard, Settings
from hw.port import BAUD
from hw.relay import Board, PortBusy
from hw.watchdog import Watchdogs

EXIT_OK, EXIT_NOT_OFF, EXIT_SOCKET_OWNED, EXIT_PORT_BUSY, EXIT_SOCKET_UNUSABLE = 0, 1, 3, 4, 5
MODBUS_BAUDS: Final = (9600, 19200, 38400, 57600, 115200)
"""Below 9600 a transaction does not fit in its 50 ms."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the guard until SIGTERM, SIGINT or SIGHUP. Returns the exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    log = EventLog(sys.stderr.fileno())
    try:
        inputs = Inputs(dict(arguments.input), arguments.normally_closed)
        if arguments.board == "lcus" and (inputs.highest or arguments.baud != BAUD):
            raise ValueError(f"an LCUS board has no inputs, and its speed is {BAUD}")
        if identity.is_identity(arguments.port):
            identity.parse(arguments.port)
        machine = lease.LeaseMachine(arguments.max_on_s, arguments.cooldown_s)
        control = Control(machine, _board(arguments, inputs), inputs)
    except ValueError as error:
        parser.error(str(error))
    wake, wake_writer = socket.socketpair()
    with selectors.DefaultSelector() as selector, wake, wake_writer:
        link = Link(arguments.port, arguments.baud, control, selector, log)
        if arguments.off:
            return _switch_off(link, log)
        watchdogs = Watchdogs(arguments.watchdog, log, time.monotonic())
        guard = Guard(link, control, watchdogs, selector, log, exit_with_client=arguments.exit_with_client)
        wake.setblocking(False)
        wake_writer.setblocking(False)
        signal.set_wakeup_fd(wake_writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: guard.stop())
        try:
            return _serve(guard, link, log, arguments.socket, wake)
        finally:
            signal.set_wakeup_fd(-1)


def _board(arguments: argparse.Namespace, inputs: Inputs) -> Board:
    """Raises ValueError."""
    if arguments.board == "lcus":
        return LcusBoard(arguments.port, arguments.channel)
    settings = Settings(
        address=arguments.address,
        baud=arguments.baud,
        channel=arguments.channel,
        timed=not arguments.latching,
        inputs=inputs.highest,
    )
    return ModbusBoard(arguments.port, settings)


def _switch_off(link: Link, log: EventLog) -> int:
    if link.end(time.monotonic):
        return EXIT_OK
    log.event("cannot switch off", error=str(link.failure))
    return EXIT_PORT_BUSY if isinstance(link.failure, PortBusy) else EXIT_NOT_OFF


def _serve(guard: Guard, link: Link, log: EventLog, path: Path, wake: socket.socket) -> int:
    link.settle(time.monotonic())  # the first thing of all: a latching board may still be on
    if isinstance(link.failure, PortBusy):
        log.event("cannot start", error=str(link.failure))
        return EXIT_PORT_BUSY
    try:
        listener = listen(path)
    except (SocketOwned, SocketUnusable) as error:
        link.end(time.monotonic)
        log.event("cannot start", error=str(error))
        return EXIT_SOCKET_OWNED if isinstance(error, SocketOwned) else EXIT_SOCKET_UNUSABLE
    with listener:
        guard.run(listener, wake)
        path.unlink(missing_ok=True)
    return EXIT_OK


def _input(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    return name, int(number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hw.guard", description="Owns the siren's relay board.")
    add = parser.add_argument
    add("--port", required=True, help="serial device, or its identity as usb:1a86:7523[:SERIAL]")
    add("--board", choices=("lcus", "modbus"), default="lcus", help="kind of board (default %(default)s)")
    add("--channel", type=int, default=1, metavar="N", help="output of the siren (default %(default)s)")
    add("--address", type=int, default=1, metavar="N", help="Modbus address (default %(default)s)")
    add("--baud", type=int, default=BAUD, choices=MODBUS_BAUDS, help="speed (default %(default)s)")
    add("--latching", action="store_true", help="the Modbus board has no timed flash-on")
    wiring = f"what is wired to an input of the board: one of {', '.join(NAMES)}"
    add("--input", type=_input, action="append", default=[], metavar="NAME=N", help=wiring)
    closed = "this input's contact is closed at rest"
    add("--normally-closed", action="append", default=[], metavar="NAME", help=closed)
    work = parser.add_mutually_exclusive_group(required=True)
    work.add_argument("--socket", type=Path, metavar="PATH", help="unix socket to make")
    work.add_argument("--off", action="store_true", help="only switch the siren off, and end")
    add("--max-on-s", type=float, default=180.0, metavar="S", help="longest sounding (default %(default)s)")
    cooldown = "silence that gives the full sounding time back (default %(default)s)"
    add("--cooldown-s", type=float, default=lease.COOLDOWN_S, metavar="S", help=cooldown)
    add("--watchdog", type=Path, metavar="DEV", help="hardware watchdog to feed, as /dev/watchdog")
    away = f"end when the last client has been away for {CLIENT_BACK_S:.0f} s"
    add("--exit-with-client", action="store_true", help=away)
    return parser


if __name__ == "__main__":
    sys.exit(main())
