"""Running the programs of iproute2 and WireGuard: by their own paths, without a shell, with an emptied environment."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nvr.tunnel.errors import TunnelError, TunnelProgram

PLACES = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for, whatever PATH says: they run with the right to change the network."""
PACKAGES = {"ip": "iproute2", "wg": "wireguard-tools", "wireguard-go": "wireguard-go"}
COMMAND_S = 15.0
WORDS_BYTES = 300
_CAP_NET_ADMIN = 12


def program(name: str) -> str:
    """The path of one of PACKAGES. Raises TunnelProgram."""
    path = find_program(name)
    if path is None:
        raise TunnelProgram(
            f"{name} is not installed",
            remedy=f"Install the package {PACKAGES[name]}",
            params={"program": name, "package": PACKAGES[name]},
        )
    return path


def find_program(name: str) -> str | None:
    """None: it is not installed."""
    return shutil.which(name, path=PLACES)


def may_change_network() -> bool:
    """Whether this process has CAP_NET_ADMIN. Reads /proc."""
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_NET_ADMIN & 1)
    return False


async def run(name: str, *arguments: str, stdin: str = "") -> str:
    """Run a program to its end; what it printed. No argument may be a secret: give those by `stdin`, which is in no
    message either.

    Raises TunnelError: it failed, or took longer than COMMAND_S; TunnelProgram.
    """
    with _in_memory(stdin) as file:
        process = await start(name, *arguments, stdin=file.fileno(), stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(COMMAND_S):
            output, words = await process.communicate()
    except TimeoutError:
        raise failed(name, arguments, f"not done within {COMMAND_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise failed(name, arguments, last_line(words) or f"exit code {process.returncode}")
    return output.decode("utf-8", "replace")


async def start(
    name: str,
    *arguments: str,
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: int = asyncio.subprocess.DEVNULL,
    **environment: str,
) -> asyncio.subprocess.Process:
    """Start a program; its stderr is a pipe. Raises TunnelProgram, TunnelError."""
    path = await asyncio.to_thread(program, name)
    try:
        return await asyncio.create_subprocess_exec(
            *(path, *arguments),
            stdin=stdin,
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": PLACES, "LC_ALL": "C", **environment},
            # Its own session: Ctrl-C on the console must reach the service first.
            start_new_session=True,
        )
    except OSError as error:
        raise failed(name, arguments, error.strerror or str(error)) from None


def failed(name: str, arguments: tuple[str, ...], why: str) -> TunnelError:
    return TunnelError(
        f"{' '.join((name, *arguments[:3]))}: {why}",
        remedy="See the service's log; the programs come with the packages iproute2, wireguard-tools, wireguard-go",
        params={"error": f"{name}: {why}"},
    )


@contextmanager
def _in_memory(content: str) -> Iterator[BinaryIO]:
    """A file on no disk: `wg` opens /dev/stdin by its name, which a socket, as asyncio gives it, does not allow."""
    with os.fdopen(os.memfd_create("tunnel"), "w+b") as file:
        file.write(content.encode())
        file.seek(0)
        yield file


def last_line(words: bytes) -> str:
    """Of what a program said on stderr."""
    lines = words.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:WORDS_BYTES] if lines else ""


def exists(interface: str) -> bool:
    """Whether there is a network interface of that name."""
    return Path("/sys/class/net", interface).exists()
