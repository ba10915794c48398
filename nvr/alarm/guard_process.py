"""The guard as a process: its command line, its start and its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator

from nvr import config

START_S = 5.0
"""How long a guard may take to open its socket."""
END_S = 2.0
"""How long it may take to switch off and end."""
_SYSTEMD = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})


async def switch_off(settings: config.Siren) -> None:
    """Switch the siren off where no guard can do it yet, or any more: the appliance starts, or the guard hung. A board
    that is missing, or that a living guard owns, is left alone."""
    process = await start_guard(settings, "--off")
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                await process.wait()
    finally:
        await end(process)


async def start_guard(settings: config.Siren, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hw.guard"),
        *_board_options(settings),
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        # It must not speak to systemd in the service's name.
        env={key: value for key, value in os.environ.items() if key not in _SYSTEMD},
        # Its own session: Ctrl-C on the console must reach the service first, which releases the siren.
        start_new_session=True,
    )


async def end(process: asyncio.subprocess.Process) -> bool:
    """End the process; False if it hung and had to be killed."""
    if process.returncode is not None:
        return True
    process.terminate()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    return True


def _board_options(settings: config.Siren) -> Iterator[str]:
    yield from ("--port", settings.port, "--board", settings.board, "--channel", str(settings.channel))
    if settings.board == "modbus":
        yield from ("--address", str(settings.address), "--baud", str(settings.baud))
        if not settings.ends_by_itself:
            yield "--latching"
    for name, number in settings.inputs.wiring.items():
        yield from ("--input", f"{name}={number}")
    for name in settings.inputs.normally_closed:
        yield from ("--normally-closed", name)
