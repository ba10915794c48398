"""The network interface of the tunnel: the kernel's WireGuard, else `wireguard-go` as a child process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from nvr.tunnel import commands
from nvr.tunnel.errors import TunnelError, TunnelRights
from nvr.tunnel.settings import Endpoint, Hub, Phone
from nvr.tunnel.wg_conf import MTU, interface_conf
from nvr.tunnel.wg_dump import PeerDump, parse_dump

log = structlog.get_logger(__name__)

NAME = "nvr-tunnel"
"""Ours alone: what is found under this name at the start was left behind by an earlier life, and is removed."""
START_S = 10.0
END_S = 3.0
_POLL_S = 0.05


class Interface:
    """The interface while it is up. `userspace`: whether a process of ours does what the kernel cannot."""

    def __init__(self, process: asyncio.subprocess.Process | None):
        self._process = process
        self._network: str | None = None

    @property
    def userspace(self) -> bool:
        return self._process is not None

    async def configure(
        self, private_key: str, hub: Hub, phones: tuple[Phone, ...], endpoint: Endpoint
    ) -> None:
        """Set it up, or change what it is set up with; sessions that still hold go on. Raises TunnelError."""
        conf = interface_conf(private_key, hub, phones, endpoint)
        await commands.run("wg", "syncconf", NAME, "/dev/stdin", stdin=conf)
        network = f"{hub.address}/{hub.network.prefixlen}"
        if network == self._network:
            return
        await commands.run("ip", "address", "flush", "dev", NAME)
        # The address brings the route to its network with it.
        await commands.run("ip", "address", "add", network, "dev", NAME, *_no_wait(hub))
        await commands.run("ip", "link", "set", "dev", NAME, "mtu", str(MTU), "up")
        self._network = network

    async def hub_status(self, hub: Hub) -> PeerDump | None:
        """What WireGuard knows of the hub. Raises TunnelError: the interface is gone."""
        return parse_dump(await commands.run("wg", "show", NAME, "dump"), hub.public_key)


@asynccontextmanager
async def interface() -> AsyncIterator[Interface]:
    """Make the interface for the duration of the block; nothing of it is left behind.

    Raises TunnelRights, TunnelProgram, TunnelError, also out of a group.
    """
    if not await asyncio.to_thread(commands.may_change_network):
        raise TunnelRights(
            "the service may not make network interfaces",
            remedy="Run it as root, or give it AmbientCapabilities=CAP_NET_ADMIN and RuntimeDirectory=wireguard",
        )
    await _remove()
    try:
        if await _make_in_kernel():
            log.info("tunnel made", by="kernel")
            yield Interface(None)
        else:
            async with _wireguard_go() as process:
                log.info("tunnel made", by="wireguard-go")
                yield Interface(process)
    finally:
        with suppress(TunnelError):
            await _remove()


async def _make_in_kernel() -> bool:
    try:
        await commands.run("ip", "link", "add", "dev", NAME, "type", "wireguard")
    except TunnelError as error:
        if await asyncio.to_thread(commands.find_program, "wireguard-go") is None:
            raise
        log.info("the kernel has no WireGuard", error=error.message)
        return False
    return True


async def _remove() -> None:
    """Remove the interface if it is there; a wireguard-go that made it ends with it."""
    if await asyncio.to_thread(commands.exists, NAME):
        await commands.run("ip", "link", "delete", "dev", NAME)


@asynccontextmanager
async def _wireguard_go() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await commands.start("wireguard-go", "--foreground", NAME, LOG_LEVEL="error")
    words = _LastWords()
    try:
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(words.listen(process))
            await _answers(process, words)
            yield process
            listening.cancel()
    finally:
        await _end(process)


async def _answers(process: asyncio.subprocess.Process, words: _LastWords) -> None:
    """Wait until it can be configured. Raises TunnelError: it ended instead, or does not answer."""
    last = ""
    with suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            while process.returncode is None:
                try:
                    await commands.run("wg", "show", NAME, "listen-port")
                except TunnelError as error:
                    last = error.message
                else:
                    return
                await asyncio.sleep(_POLL_S)
            await asyncio.sleep(_POLL_S)  # for its last words
    raise commands.failed("wireguard-go", (), words.line or last or f"ended with code {process.returncode}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """It removes its interface and its socket when it is asked to end."""
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


class _LastWords:
    """What wireguard-go said last. It complains every few seconds while there is no network, so nobody keeps it all;
    but somebody must read it, or it would stand still."""

    def __init__(self) -> None:
        self.line = ""

    async def listen(self, process: asyncio.subprocess.Process) -> None:
        while process.stderr is not None and (data := await process.stderr.read(4096)):
            self.line = commands.last_line(data) or self.line


def _no_wait(hub: Hub) -> tuple[str, ...]:
    """An IPv6 address needs no search for duplicates in a tunnel, and could not be used while it lasts."""
    return ("nodad",) if hub.network.version == 6 else ()
