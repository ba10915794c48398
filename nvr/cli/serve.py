"""`nvr serve`: run the appliance."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import ifaddr

from hw import sd_notify
from nvr import heap, log
from nvr.app import App, serve
from nvr.config import Config, load
from nvr.gathering import new_loop


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("serve", help="run the appliance", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("/etc/nvr/nvr.toml"), metavar="FILE")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0 after SIGINT or SIGTERM. Raises NvrError for what makes serving impossible."""
    heap.keep_small()
    config = load(arguments.config)
    log.configure(level=arguments.log_level)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_until_signal(config))
    return 0


async def _until_signal(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    console, systemd = _Console(), _Systemd(loop)

    def ready(app: App) -> None:
        console.greet(app)
        systemd.ready()

    try:
        await serve(config, on_ready=ready, on_pages=console.pages, stop=stop)
    finally:
        systemd.stopping()


def _say(line: str) -> None:
    """A console that went away must not end the service."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


class _Systemd:
    """Tells systemd that the appliance runs, and at each half of its watchdog's time that the loop still turns."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._notifier = loop, sd_notify.Notifier()
        self._next: asyncio.TimerHandle | None = None

    def ready(self) -> None:
        """All jobs are started; what is wrong with them is shown as faults."""
        self._notifier.notify(sd_notify.READY)
        if self._notifier.watchdog_s is not None:
            self._beat(self._notifier.watchdog_s / 2)

    def stopping(self) -> None:
        """The end has begun."""
        self._notifier.notify(sd_notify.STOPPING)
        if self._next is not None:
            self._next.cancel()

    def _beat(self, period_s: float) -> None:
        self._notifier.notify(sd_notify.ALIVE)
        self._next = self._loop.call_later(period_s, self._beat, period_s)


class _Console:
    """What the console of the appliance shows."""

    def __init__(self) -> None:
        self._ready = False
        self._told = ""

    def greet(self, app: App) -> None:
        """The addresses, and the claim code while nobody is administrator."""
        web, names = app.config.web, ["localhost", *_lan_addresses()]
        for name in names:
            _say(f"address: https://{name}:{web.https_port}/")
        for name in names:
            _say(f"certificate: http://{name}:{web.http_port}/")
        if app.auth.claim_code is not None:
            _say(f"claim code: {app.auth.claim_code}")
        app.faults.on_change(partial(self._tell_fault, app))

    def pages(self, app: App) -> None:
        """The page answers: what its certificate is to be compared with, and "ready"."""
        if not self._ready:
            self._ready = True
            heap.settle()
            _say(f"fingerprint: {app.ca_fingerprint}")
            _say("ready")

    def _tell_fault(self, app: App) -> None:
        """Why there is no page; all other faults are shown in it."""
        fault = app.faults.at("web")
        if fault is not None and fault.detail != self._told:
            self._told = fault.detail
            _say(f"no page: {fault.detail}")


def _lan_addresses() -> list[str]:
    """This machine's IPv4 addresses, without loopback and link-local ones."""
    found = {str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)}
    return sorted(a for a in found if not (ip_address(a).is_loopback or ip_address(a).is_link_local))
