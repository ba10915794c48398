"""`nvr simulate`: a video file as RTSP cameras, for the demo, tests and benchmarks."""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from nvr.camera.encoder import Plan, Stopped, encode, parse_shots
from nvr.camera.simulator import Simulator
from nvr.clock import SystemClock
from nvr.errors import ConfigError
from nvr.restream.mounts import camera_server

_PLACE = "nvr simulate"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "simulate",
        help="serve a video file as RTSP cameras",
        description="Encodes VIDEO once (H.264 without B-frames, every source frame once) and serves it in an "
        "endless live loop as rtsp://HOST:PORT/cam1/main, …/cam1/sub and so on.",
    )
    add = parser.add_argument
    add("video", metavar="VIDEO", type=Path, help="any video file that FFmpeg can decode")
    add("--port", type=int, default=8554, help="TCP port, 0 for a free one (default 8554)")
    add("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    add("--cameras", type=int, default=1, metavar="N", help="how many cameras, all in phase (default 1)")
    add("--user", help="ask for this user by Digest authentication")
    add("--password-file", type=Path, metavar="FILE", help="its password: the first line of FILE")
    add("--shots", help="parts of the video, first-last*repeats, comma between: 138-186*5,106-136*4")
    add("--log", type=Path, metavar="FILE", help="write a JSON line for each shot as it begins")
    add("--main", metavar="WxH", help="size of the main stream (default: as the video)")
    add("--sub", metavar="WxH", help="size of the sub stream (default: half of main)")
    add("--fps", type=int, default=25, help="frames a second (default 25)")
    add("--gop", type=int, default=25, help="frames from keyframe to keyframe (default 25)")
    add("--bitrate", type=int, default=2000, metavar="KBIT", help="main stream, kbit/s (default 2000)")
    add("--sub-bitrate", type=int, default=300, metavar="KBIT", help="sub stream, kbit/s (default 300)")
    add("--json", action="store_true", help="print the ready line as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; then 0. Raises ConfigError naming the argument."""
    plan = _plan(args)
    users = _users(args)
    with ExitStack() as stack:
        shot_log: Callable[[str], object] | None = None
        if args.log is not None:
            try:
                file = stack.enter_context(args.log.open("w", encoding="utf-8", buffering=1))
            except OSError as error:
                raise ConfigError(
                    _PLACE, "--log", f"{args.log}: {error.strerror}", "a writable file"
                ) from None
            shot_log = functools.partial(print, file=file)
        return asyncio.run(_serve(args, plan, users, shot_log))


async def _serve(
    args: argparse.Namespace,
    plan: Plan,
    users: dict[str, str] | None,
    shot_log: Callable[[str], object] | None,
) -> int:
    stop_encoding, stopped = threading.Event(), asyncio.Event()

    def stop() -> None:
        stop_encoding.set()
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        programme = await asyncio.to_thread(encode, args.video, plan, _progress(), stop_encoding)
    except Stopped:
        return 0
    clock = SystemClock()
    simulator = Simulator(programme, args.cameras, clock, shot_log)
    server = camera_server(simulator.hubs, clock, users=users)
    try:
        async with server.listening(args.host, args.port) as port, asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(simulator.run())
            host = f"[{args.host}]" if ":" in args.host else args.host
            _announce([f"rtsp://{host}:{port}/{path}" for path in simulator.hubs], as_json=args.json)
            await stopped.wait()
            playing.cancel()
    except OSError as error:
        problem = f"cannot listen on {args.host} port {args.port}: {os.strerror(error.errno or 0)}"
        raise ConfigError(_PLACE, "--port", problem, "a free port of this machine") from None
    return 0


def _announce(addresses: list[str], *, as_json: bool) -> None:
    print(json.dumps({"ready": addresses}) if as_json else " ".join(["ready", *addresses]), flush=True)


def _progress() -> Callable[[int, int], None]:
    """Shows how far encoding is, on a terminal only."""
    if not sys.stdout.isatty():
        return lambda done, total: None

    def show(done: int, total: int) -> None:
        if done % 10 == 0 or done == total:
            end = "\n" if done == total else ""
            print(f"\rencoding {done}/{total or '?'} pictures", end=end, flush=True)

    return show


def _plan(args: argparse.Namespace) -> Plan:
    for key, low, high in (
        ("port", 0, 65535),
        ("cameras", 1, 256),
        ("fps", 1, 120),
        ("gop", 1, 10_000),
        ("bitrate", 50, 100_000),
        ("sub_bitrate", 50, 100_000),
    ):
        if not low <= getattr(args, key) <= high:
            option = "--" + key.replace("_", "-")
            raise ConfigError(_PLACE, option, f"{getattr(args, key)} is out of range", f"{low} to {high}")
    return Plan(
        shots=parse_shots(args.shots) if args.shots else (),
        fps=args.fps,
        gop=args.gop,
        main_size=_size("--main", args.main),
        sub_size=_size("--sub", args.sub),
        main_bit_rate=args.bitrate * 1000,
        sub_bit_rate=args.sub_bitrate * 1000,
    )


def _size(option: str, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch("([0-9]{2,4})x([0-9]{2,4})", text, re.ASCII)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if min(size) < 32 or size[0] % 2 or size[1] % 2:
        raise ConfigError(_PLACE, option, f'"{text[:20]}" is no size', "even numbers from 32, as in 1280x544")
    return size


def _users(args: argparse.Namespace) -> dict[str, str] | None:
    if args.user is None and args.password_file is None:
        return None
    if args.user is None or args.password_file is None:
        raise ConfigError(_PLACE, "--user", "user and password file are needed together")
    try:
        password = args.password_file.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(_PLACE, "--password-file", f"{args.password_file}: {why}") from None
    return {args.user: password}
