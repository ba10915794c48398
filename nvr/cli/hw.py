"""`nvr hw`: which serial ports and relay boards are there, and what a relay does. For whoever installs the siren."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError

from hw import identity, modbus
from hw.port import BAUD, found_ports
from hw.probe import Found, Verdict, probe, try_lcus, try_modbus
from hw.relay import RelayError
from nvr.alarm.guard_process import switch_off
from nvr.alarm.siren import SirenUnavailable
from nvr.config import load
from nvr.config.siren import Siren
from nvr.config.words import as_config_error
from nvr.errors import ConfigError

BAUDS = (9600, 19200, 38400, 57600, 115200)
MOST_ADDRESSES = 16
CONFIRM = "on"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("hw", help="look at relay boards", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="the serial ports and how to name them in nvr.toml")
    listing.set_defaults(run=_list)

    probing = actions.add_parser("probe", help="what answers behind a port; only reads, switches nothing")
    probing.add_argument("port", help="serial device or identity, from `nvr hw list`")
    probing.add_argument("--baud", type=int, choices=BAUDS, action="append", help="only this speed")
    addresses = f"Modbus addresses 1 to N (default {MOST_ADDRESSES})"
    probing.add_argument("--addresses", type=int, metavar="N", default=MOST_ADDRESSES, help=addresses)
    probing.set_defaults(run=_probe)

    trial = actions.add_parser(
        "test", help="close the siren's relay shortly, and say whether it ends by itself"
    )
    trial.add_argument(
        "port", nargs="?", help="serial device or identity; without it that of the configuration"
    )
    trial.add_argument("--config", type=Path, default=Path("/etc/nvr/nvr.toml"), metavar="FILE")
    trial.add_argument("--board", choices=("lcus", "modbus"), default="lcus")
    trial.add_argument("--address", type=int, default=1, metavar="N")
    trial.add_argument("--baud", type=int, choices=BAUDS, default=BAUD)
    trial.add_argument("--channel", type=int, default=1, metavar="N")
    trial.add_argument("--yes", action="store_true", help="do not ask: somebody stands by, and it may sound")
    trial.set_defaults(run=_test)
    off = actions.add_parser(
        "off", help="switch the siren of the configuration off, as when the appliance starts"
    )
    off.add_argument("--config", type=Path, default=Path("/etc/nvr/nvr.toml"), metavar="FILE")
    off.set_defaults(run=_off)
    for each in (listing, probing, trial):
        each.add_argument("--json", action="store_true", help="print it as JSON")


def _list(arguments: argparse.Namespace) -> int:
    """Exit code 0, also where there is none."""
    ports = found_ports()
    names = [str(identity.identity_of(port) or "") for port in ports]
    found = [
        {
            "device": port.device,
            "identity": name,
            "unique": bool(name) and sum(identity.parse(name).fits(other) for other in ports) == 1,
            "product": port.product or "",
        }
        for port, name in zip(ports, names, strict=True)
    ]
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return 0
    if not found:
        print("no serial port; plug the relay board in")
    for port in found:
        print(f"{port['device']}  {port['identity'] or 'no USB adapter'}  {port['product']}".rstrip())
        if port["identity"] and not port["unique"]:
            print("      several have this identity: name it by its place, a path of /dev/serial/by-path")
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    """Exit code 0 if a board answers, 69 if none does or the port cannot be used."""
    if not 1 <= arguments.addresses <= modbus.MAX_ADDRESS:
        raise ConfigError("nvr hw probe", "--addresses", f"must be 1 to {modbus.MAX_ADDRESS}")
    found: list[Found] = []
    try:
        for board in probe(arguments.port, arguments.baud or BAUDS, range(1, arguments.addresses + 1)):
            found.append(board)
            if not arguments.json:
                print(_found_in_words(board), flush=True)
    except (RelayError, ValueError) as error:
        raise SirenUnavailable(str(error)) from None
    if arguments.json:
        print(json.dumps([asdict(board) for board in found], indent=2))
    elif not found:
        print("nothing answers. An LCUS board with one relay never does: try it with `nvr hw test`")
    return 0 if found else SirenUnavailable.exit_code


def _found_in_words(board: Found) -> str:
    if board.protocol == "lcus":
        return f'LCUS board, {board.outputs} outputs: board = "lcus". It latches'
    inputs = "with inputs" if board.inputs else "without inputs"
    return f'Modbus board, {inputs}: board = "modbus", address = {board.address}, baud = {board.baud}'


def _test(arguments: argparse.Namespace) -> int:
    """Exit code 0 if the relay did what it was told, 69 if not, or if nobody confirmed."""
    siren = _asked(arguments) if arguments.port else load(arguments.config).siren
    if siren is None:
        raise ConfigError(str(arguments.config), "siren", "there is no [siren] section", "give a port")
    if not arguments.yes:
        print(
            f"Output {siren.channel} of {siren.port} will close for up to a second: what hangs on it will sound."
        )
        print(f'Type "{CONFIRM}" to do it: ', end="", flush=True)
        if sys.stdin.readline().strip() != CONFIRM:
            raise SirenUnavailable("not confirmed, nothing was switched")
    try:
        if siren.board == "lcus":
            verdict = try_lcus(siren.port, siren.channel)
        else:
            verdict = try_modbus(siren.port, siren.address, siren.channel, siren.baud)
    except RelayError as error:
        raise SirenUnavailable(str(error)) from None
    if arguments.json:
        print(json.dumps(asdict(verdict), indent=2))
    else:
        print("\n".join(_verdict_in_words(siren, verdict)))
    return 0


def _off(arguments: argparse.Namespace) -> int:
    """Exit code 0, also where there is no siren, its board is missing, or a guard that lives owns it."""
    siren = load(arguments.config).siren
    if siren is not None:
        asyncio.run(switch_off(siren))
    return 0


def _asked(arguments: argparse.Namespace) -> Siren:
    """Raises ConfigError."""
    keys = {key: getattr(arguments, key) for key in ("board", "port", "channel", "address", "baud")}
    if arguments.board == "lcus":
        del keys["address"], keys["baud"]
    try:
        return Siren.model_validate(keys)
    except ValidationError as error:
        raise as_config_error("nvr hw test", keys, error) from None


def _verdict_in_words(siren: Siren, verdict: Verdict) -> list[str]:
    lines = []
    if verdict.reads_back:
        lines.append("the relay closed and opened again, as the board itself tells")
    else:
        lines.append("the relay was told to close and to open: did it click twice? This board cannot tell")
    if verdict.ends_by_itself and verdict.renews:
        lines.append("FAIL-SAFE: it times itself out, and the time can be renewed. Leave `timed` as it is")
        return lines
    if verdict.ends_by_itself:
        lines.append(
            "it times itself out, but the time cannot be renewed: the siren would stutter. Set timed = false"
        )
    lines.append(
        "LATCHES: whatever switched it on has to switch it off. If the whole computer fails while the siren"
    )
    lines.append(
        "sounds, it sounds on. Put a timer relay in series with the siren, set to its longest time, and then"
    )
    lines.append("timer_relay = true" + (" and timed = false" if siren.board == "modbus" else ""))
    return lines
