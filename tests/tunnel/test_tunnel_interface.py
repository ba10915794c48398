"""The tunnel's interface against a real hub: wg-quick with the text that the appliance gives, in network namespaces of
our own (as root)."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from nvr.clock import FakeClock
from nvr.events import Actor
from nvr.faults import FaultBoard
from nvr.state import open_state
from nvr.supervise import Backoff, Supervisor
from nvr.tunnel import commands, tunnel
from nvr.tunnel.errors import TunnelError, TunnelOverlap, TunnelProgram, TunnelRights, TunnelUnresolved
from nvr.tunnel.health import LOST_S, TunnelState
from nvr.tunnel.interface import NAME, interface
from nvr.tunnel.keys import new_pair
from nvr.tunnel.settings import Endpoint, read_hub
from nvr.tunnel.store import TunnelStore
from nvr.tunnel.tunnel import Tunnel, check_overlap, resolve
from nvr.tunnel.wg_conf import hub_conf
from peers.namespace import Namespace, connect
from peers.wireguard import quick_up

LAN = Actor("Lan")
HUB_KEYS = new_pair()


def hub(endpoint="192.0.2.1:51820", **changed):
    known = {"hub_key": HUB_KEYS.public, "network": "10.77.0.0/24", "address": "10.77.0.2"}
    return read_hub(endpoint=endpoint, **(known | changed))


@pytest.fixture
def machines():
    """(appliance, hub), joined by a cable."""
    with ExitStack() as opened:
        appliance, far = (opened.enter_context(closing(Namespace(name))) for name in ("appliance", "hub"))
        connect(far, appliance, "cable", ("192.0.2.1/24", "192.0.2.2/24"))
        yield appliance, far


class Site:
    """The tunnel of an appliance, run as the appliance does."""

    def __init__(self, store: TunnelStore, clock: FakeClock):
        self.store, self.clock = store, clock
        self.faults = FaultBoard(clock)
        self.tunnel = Tunnel(store, clock=clock, faults=self.faults, on_change=lambda: None)

    def codes(self) -> list[str]:
        return [fault.code for fault, _ in self.faults.current]

    async def until(self, condition, what: str) -> None:
        try:
            async with asyncio.timeout(60):
                while not condition():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never: {what}; {self.tunnel.link} {self.faults.current}") from None


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Site]:
    state, clock = await open_state(folder), FakeClock()
    site = Site(await TunnelStore.open(state, clock), clock)
    supervisor = Supervisor(clock, site.faults)
    async with asyncio.TaskGroup() as tasks:
        job = tasks.create_task(
            supervisor.keep_running("tunnel", site.tunnel.run, Backoff(first_s=0.1, max_s=0.5))
        )
        try:
            yield site
        finally:
            job.cancel()
    await state.close()


def test_it_comes_up_changes_and_goes(machines, tmp_path, monkeypatch):
    appliance, far = machines
    monkeypatch.setattr(tunnel, "LOOK_S", 0.1)

    async def life() -> None:
        async with running(tmp_path) as site:
            store = site.store
            # What an earlier life left behind is in nobody's way.
            appliance.start("wireguard-go", "--foreground", NAME, log=tmp_path / "left-behind.log")
            await site.until(lambda: NAME in appliance.run("wg", "show", "interfaces"), "it is there")
            await store.set_hub(hub(), by=LAN)
            await asyncio.sleep(0.3)
            assert site.tunnel.link.state is TunnelState.OFF, "nobody has switched it on"
            await store.switch(True, by=LAN)
            await site.until(lambda: site.tunnel.link.state is TunnelState.WAITING, "it is up")
            text = hub_conf(store.hub, site="Thôn Đông", own_key=store.public_key, phones=store.phones)
            quick_up(far, "hub", text, tmp_path, key=HUB_KEYS.private)
            await site.until(lambda: site.tunnel.link.state is TunnelState.CONNECTED, "the hub answers")
            assert site.tunnel.userspace == (not in_kernel(appliance))
            assert site.codes() == []
            with (
                far.socket(socket.AF_INET, socket.SOCK_STREAM) as asking,
                pytest.raises(ConnectionRefusedError),
            ):
                asking.connect(("10.77.0.2", 9))  # it is reached: nobody listens there
            assert site.tunnel.link.received_bytes > 0

            # Phones come and go while it stays up.
            await store.add_phone("Lan", by=LAN)
            await site.until(lambda: "10.77.0.3/32" in allowed(appliance), "the phone is let in")
            await store.remove_phone("Lan", by=LAN)
            await site.until(lambda: "10.77.0.3/32" not in allowed(appliance), "it no longer is")
            assert site.tunnel.link.state is TunnelState.CONNECTED

            # Another address takes the place of the old one.
            await store.set_hub(hub(address="10.77.0.9"), by=LAN)
            await site.until(lambda: "10.77.0.9/24" in addresses(appliance), "the new address")
            assert "10.77.0.2/" not in addresses(appliance)
            await store.set_hub(hub(), by=LAN)
            await site.until(lambda: "10.77.0.2/24" in addresses(appliance), "the old address")

            # The hub goes away: a fault after three minutes, gone with the next handshake.
            site.clock.advance(LOST_S + 1)
            await site.until(lambda: site.codes() == ["tunnel_lost"], "a fault")
            assert site.tunnel.link.state is TunnelState.LOST
            far.run("wg-quick", "down", str(tmp_path / "hub.conf"))
            quick_up(far, "hub", text, tmp_path, key=HUB_KEYS.private)
            await store.renew_key(by=LAN)
            text = hub_conf(store.hub, site="Thôn Đông", own_key=store.public_key, phones=store.phones)
            far.run("wg-quick", "down", str(tmp_path / "hub.conf"))
            quick_up(far, "hub", text, tmp_path, key=HUB_KEYS.private)
            await site.until(lambda: site.codes() == [], "the fault ends")

            # What does the work dies, and is started again.
            appliance.run("ip", "link", "delete", NAME)
            await site.until(lambda: site.codes() == ["tunnel_interface"], "a fault")
            await site.until(lambda: site.tunnel.link.state is TunnelState.CONNECTED, "it is back")
            assert site.codes() == []

            await store.switch(False, by=LAN)
            await site.until(lambda: not addresses(appliance), "the interface is gone")
            await site.until(lambda: site.tunnel.link.state is TunnelState.OFF, "it says so")
            await store.switch(True, by=LAN)
            await site.until(lambda: site.tunnel.link.state is TunnelState.CONNECTED, "it is up again")
        assert not addresses(appliance), "nothing is left at the end"
        assert "nvr-tunnel.sock" not in appliance.run("ls", "/run/wireguard")

    appliance.live(life)


def test_a_network_that_is_there_already(machines, tmp_path):
    async def life() -> None:
        async with running(tmp_path) as site:
            machines[0].run("ip", "address", "add", "10.77.3.1/16", "dev", "lo")
            await site.store.set_hub(hub(), by=LAN)
            await site.store.switch(True, by=LAN)
            await site.until(lambda: site.codes() == ["tunnel_overlap"], "a fault")
            assert site.tunnel.link.state is TunnelState.DOWN
            machines[0].run("ip", "address", "del", "10.77.3.1/16", "dev", "lo")
            await site.until(lambda: site.tunnel.link.state is TunnelState.WAITING, "it is up")
            assert site.codes() == []

    machines[0].live(life)


def test_a_name_without_an_address(machines, tmp_path):
    async def life() -> None:
        async with running(tmp_path) as site:
            await site.store.set_hub(hub("hub.invalid"), by=LAN)
            await site.store.switch(True, by=LAN)
            await site.until(lambda: site.codes() == ["tunnel_unresolved"], "a fault")
            assert not addresses(machines[0])
            await site.store.set_hub(hub(), by=LAN)
            await site.until(lambda: site.tunnel.link.state is TunnelState.WAITING, "it is up")
            assert site.codes() == []

    machines[0].live(life)


async def test_without_rights_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(commands, "may_change_network", lambda: False)
    with pytest.raises(TunnelRights):
        async with interface():
            raise AssertionError("it came up")


async def test_a_damaged_row_is_a_fault(tmp_path):
    async with running(tmp_path) as site:
        assert site.codes() == []
    state = await open_state(tmp_path)
    store = await TunnelStore.open(state, FakeClock())
    await store.set_hub(hub(), by=LAN)
    await state.write(lambda c: c.execute("UPDATE tunnel SET hub_key = 'x', enabled = 1"))
    await state.close()
    async with running(tmp_path) as site:
        await site.until(lambda: site.codes() == ["tunnel_unusable"], "a fault")
        assert site.tunnel.link.state is TunnelState.OFF
        await site.store.set_hub(hub(), by=LAN)


def test_rights_are_those_of_this_process():
    script = "from nvr.tunnel.commands import may_change_network as may; print(may())"
    for wrapper, may in (
        ((), True),
        (("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"), False),
    ):
        told = subprocess.run(
            [*wrapper, sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == str(may)


async def test_what_programs_say_is_told(monkeypatch):
    with pytest.raises(TunnelError, match="wg show nvr-none dump: Unable to access interface") as failed:
        await commands.run("wg", "show", "nvr-none", "dump")
    assert failed.value.code == "tunnel_interface"
    secret = new_pair().private
    with pytest.raises(TunnelError) as failed:
        await commands.run(
            "wg", "setconf", "nvr-none", "/dev/stdin", stdin=f"[Interface]\nPrivateKey = {secret}\n"
        )
    assert secret not in f"{failed.value} {failed.value.params}"
    monkeypatch.setattr(commands, "PLACES", "/nowhere")
    with pytest.raises(TunnelProgram, match="wireguard-tools"):
        await commands.run("wg")


async def test_names_are_looked_up():
    assert await resolve(Endpoint("2001:db8::1", 5)) == ("2001:db8::1", 5)
    assert await resolve(Endpoint("localhost", 5)) == ("127.0.0.1", 5)
    with pytest.raises(TunnelUnresolved):
        await resolve(Endpoint("hub.invalid", 5))


def test_overlaps():
    network = hub().network
    others = [
        hub(network=n, address=a).network
        for n, a in (("10.78.0.0/24", "10.78.0.2"), ("fd77::/64", "fd77::2"))
    ]
    check_overlap(network, others)
    with pytest.raises(TunnelOverlap) as overlap:
        check_overlap(network, [*others, hub(network="10.77.0.128/29", address="10.77.0.130").network])
    assert overlap.value.params == {"network": "10.77.0.0/24", "other": "10.77.0.128/29"}


def allowed(appliance: Namespace) -> str:
    return appliance.run("wg", "show", NAME, "allowed-ips")


def addresses(appliance: Namespace) -> str:
    return appliance.run("ip", "-oneline", "address", "show", "dev", NAME, check=False)


def in_kernel(namespace: Namespace) -> bool:
    with suppress(AssertionError):
        namespace.run("ip", "link", "add", "probe", "type", "wireguard")
        namespace.run("ip", "link", "delete", "probe")
        return True
    return False
