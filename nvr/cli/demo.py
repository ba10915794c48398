"""`nvr demo`: simulated cameras, a simulated relay board and the appliance, each a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nvr.cli import footage
from nvr.errors import ConfigError, NvrError

START_S = 180.0
"""Encoding the footage once may take a minute on a small board."""
STOP_S = 10.0
SHOTS = f"{footage.EMPTY_SHOT}*5,{footage.PERSON_SHOT}*4"


class DemoFailed(NvrError):
    """One of the demo's processes ended or did not become ready."""

    code = "demo"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("demo", help="show the whole product on this machine", description=__doc__)
    parser.add_argument(
        "--dir", type=Path, default=Path("demo-data"), metavar="DIR", help="where it keeps its data"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path(".cache"), metavar="DIR", help="for the downloaded clip"
    )
    parser.add_argument("--video", type=Path, metavar="FILE", help="another video for the simulated cameras")
    parser.add_argument("--cameras", nargs="*", default=[], metavar="RTSP_URL", help="real cameras instead")
    parser.add_argument("--relay", type=Path, metavar="DEVICE", help="a real relay board instead")
    parser.add_argument("--https-port", type=int, default=8443)
    parser.add_argument("--http-port", type=int, default=8080)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0 after Ctrl-C. Raises NvrError when a part cannot start."""
    folder: Path = arguments.dir.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(_demo(folder, arguments))
    except asyncio.CancelledError:
        print("ended", flush=True)
    except ExceptionGroup as group:
        errors, others = group.split(NvrError)
        if errors is None or others is not None:
            raise
        raise errors.exceptions[0] from None
    return 0


async def _demo(folder: Path, arguments: argparse.Namespace) -> None:
    """Runs until a signal cancels it."""
    this = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if this is not None:
            loop.add_signal_handler(number, this.cancel)
    async with asyncio.TaskGroup() as echoes, AsyncExitStack() as children:

        def echo(process: Process, prefix: str) -> None:
            echoes.create_task(_echo(process, prefix))

        _check_free("--https-port", arguments.https_port)
        _check_free("--http-port", arguments.http_port)
        relay: Path | None = arguments.relay
        if relay is None:
            relay = folder / "relay"
            print(f"1/3  a simulated relay board at {relay}", flush=True)
            board = await children.enter_async_context(_child(folder, "hw.sim", "--link", str(relay)))
            await _line(board, "the relay board", "simulated")
            echoes.create_task(_echo_board(board))
        urls: list[str] = arguments.cameras
        if not urls:
            video = arguments.video or await asyncio.to_thread(footage.fetch, arguments.cache)
            print(f"2/3  two simulated cameras from {video.name}, which is encoded once now", flush=True)
            shots = () if arguments.video else ("--shots", SHOTS)
            options = ("simulate", str(video), "--port", "0", "--cameras", "2", "--json", *shots)
            cameras = await children.enter_async_context(_child(folder, "nvr", *options))
            urls = json.loads(await _line(cameras, "the cameras", "{"))["ready"]
            echo(cameras, "     cameras: ")
        config = folder / "nvr.toml"
        config.write_text(_config(urls, relay, arguments), "utf-8")
        config.chmod(0o600)
        print(f"3/3  the appliance; configuration {config}, log {folder / 'nvr.log'}", flush=True)
        appliance = await children.enter_async_context(
            _child(folder, "nvr", "serve", "--config", str(config))
        )
        print(flush=True)
        await _line(appliance, "the appliance", "ready", show=True)
        echo(appliance, "")
        print(_WHAT_NEXT.format(http_port=arguments.http_port), flush=True)
        code = await appliance.wait()
        raise DemoFailed(f"the appliance ended with code {code}", remedy=f"See {folder / 'nvr.log'}")


def _check_free(option: str, port: int) -> None:
    """Raises ConfigError before anything is started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except (OSError, OverflowError):
            allowed = f'a free one, as in make demo DEMO_OPTIONS="{option} {port + 1000}"'
            raise ConfigError("nvr demo", option, f"port {port} cannot be used", allowed) from None


@asynccontextmanager
async def _child(folder: Path, module: str, *options: str) -> AsyncIterator[Process]:
    """A process of ours; its log goes to nvr.log. Ended by SIGTERM with the block."""
    with (folder / "nvr.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            # Ctrl-C reaches only the demo, which ends the others in order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _line(process: Process, who: str, start: str, *, show: bool = False) -> str:
    """The first line of the process that begins with `start`; the lines before it are shown where asked.

    Raises DemoFailed: it ended, or took too long.
    """
    try:
        async with asyncio.timeout(START_S):
            async for line in _lines(process):
                if line.startswith(start):
                    return line
                if show:
                    print(f"     {line}", flush=True)
    except TimeoutError:
        raise DemoFailed(f"{who}: not ready after {START_S:.0f} s", remedy="See nvr.log") from None
    raise DemoFailed(f"{who}: ended with code {await process.wait()}", remedy="See nvr.log")


async def _echo(process: Process, prefix: str) -> None:
    """Show the process's lines until it ends."""
    async for line in _lines(process):
        print(prefix + line, flush=True)


async def _echo_board(process: Process) -> None:
    """Show when the relay switches; the guard repeats each state every 10 s, which is left out."""
    before = "relay 1 OFF"
    async for line in _lines(process):
        state = " ".join(line.split()[-3:])
        if state != before:
            print(f"     relay board: {line}", flush=True)
        before = state


async def _lines(process: Process) -> AsyncIterator[str]:
    if process.stdout is not None:
        async for line in process.stdout:
            yield line.decode("utf-8", "replace").rstrip()


def _config(urls: list[str], relay: Path, arguments: argparse.Namespace) -> str:
    """nvr.toml for these cameras. The first may sound the siren when armed, the others call."""
    lines = [
        "# Made by `nvr demo`; every key is described in README.md.",
        '[site]\nname = "Thôn Demo"\n',
        '[storage]\nrecordings = "recordings"\nstate = "state"\nmax_gb = 5\nkeep_free_gb = 0.5\n',
        f"[web]\nhttps_port = {arguments.https_port}\nhttp_port = {arguments.http_port}\nlive_port = 0\n",
        "[alarm]\nexit_seconds = 10\n",
        f"[siren]\nport = {_quoted(str(relay))}\nmax_seconds = 10\ncooldown_seconds = 20",
        # A real board that latches is warned of; with the simulated one there is nothing to add.
        "timer_relay = true\n" if arguments.relay is None else "",
    ]
    for number, main, sub in _pairs(urls):
        parts = urlsplit(main)
        lines.append(
            f'[[camera]]\nid = "cam{number}"\nname = "Camera {number}"\nmain = {_quoted(_bare(main))}'
        )
        if sub is not None:
            lines.append(f"sub = {_quoted(_bare(sub))}")
        if parts.username is not None:
            lines.append(f"username = {_quoted(unquote(parts.username))}")
            lines.append(f"password = {_quoted(unquote(parts.password or ''))}")
        siren = 'response = "siren"\ndecided_by = "whoever started the demo"'
        lines.append(
            '\n[[camera.zone]]\nname = "lòng đường"\n'
            + (siren if number == 1 else 'response = "call"')
            + "\n"
        )
    return "\n".join(lines)


def _pairs(urls: list[str]) -> list[tuple[int, str, str | None]]:
    """(number, main, sub): the simulator's …/camN/main and …/camN/sub belong together, other addresses stand alone."""
    subs = {url.removesuffix("/sub"): url for url in urls if url.endswith("/sub")}
    mains = [url for url in urls if not url.endswith("/sub")]
    return [(number, url, subs.get(url.removesuffix("/main"))) for number, url in enumerate(mains, start=1)]


def _bare(url: str) -> str:
    """`url` without user and password, which have keys of their own. Raises ConfigError: no address."""
    parts = urlsplit(url)
    if parts.scheme != "rtsp" or not parts.hostname:
        raise ConfigError(
            "nvr demo", "--cameras", f"{url[:80]!r} is no address", "rtsp://user:password@host/path"
        )
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(text, ensure_ascii=False)


_WHAT_NEXT = """
What happens next
  1. Open the address in a browser and accept its certificate (http://localhost:{http_port}/ explains how to trust
     the appliance for good), then make the first administrator with the claim code, or log in.
  2. Both cameras are recorded from now on and shown live.
  3. Arm (Bật canh gác). Every 15 s a cyclist stops in front of the cameras: camera 1 then sounds the siren (a line
     "relay 1 ON" appears here) and camera 2 rings in the page, until somebody acknowledges. Each camera gets an
     incident with picture and footage; sightings less than a minute apart are one incident, for at most 10 minutes.
  Ctrl-C ends everything.
"""
