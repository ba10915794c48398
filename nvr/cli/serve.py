"""`nvr serve`: run the appliance."""

from __future__ import annotations

import argparse
import asyncio
import signal
from ipaddress import ip_address
from pathlib import Path

import ifaddr

from nvr import log
from nvr.app import App, serve
from nvr.config import Config, load


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("serve", help="run the appliance", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("/etc/nvr/nvr.toml"), metavar="FILE")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0 after SIGINT or SIGTERM. Raises NvrError for what makes serving impossible."""
    config = load(arguments.config)
    log.configure(level=arguments.log_level)
    asyncio.run(_until_signal(config))
    return 0


async def _until_signal(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(config, on_ready=_greet, stop=stop)


def _greet(app: App) -> None:
    """What the console of the appliance shows: the address, and the claim code while nobody is administrator."""
    web = app.config.web
    for name in ["localhost", *_lan_addresses()]:
        print(f"address: https://{name}:{web.https_port}/", flush=True)
    print(f"certificate: http://localhost:{web.http_port}/", flush=True)
    if app.auth.claim_code is not None:
        print(f"claim code: {app.auth.claim_code}", flush=True)
    print("ready", flush=True)


def _lan_addresses() -> list[str]:
    """This machine's IPv4 addresses, without loopback and link-local ones."""
    found = {str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)}
    return sorted(a for a in found if not (ip_address(a).is_loopback or ip_address(a).is_link_local))
