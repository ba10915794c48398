"""Network namespaces of our own, for what needs several machines (as root)."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

CLONE_FS, CLONE_NEWNS, CLONE_NEWNET = 0x200, 0x20000, 0x40000000
_HOLD = (
    "mount --make-rprivate / && mkdir -p /run/wireguard && mount -t tmpfs tmpfs /run/wireguard "
    "&& mount -t sysfs sysfs /sys && ip link set lo up && echo ready && exec sleep infinity"
)


class Namespace:
    """One machine of a network: interfaces, routes, firewall and WireGuard's sockets of its own. It ends with
    `close`, or with the test process."""

    def __init__(self, name: str):
        assert os.geteuid() == 0, "network namespaces need root: run the tests as root"
        self.name = name
        self._started: list[subprocess.Popen[bytes]] = []
        self._holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "sh", "-c", _HOLD],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout
        assert self._holder.stdout.readline() == "ready\n", f"no namespace {name}"

    @property
    def pid(self) -> int:
        return self._holder.pid

    def command(self, *arguments: str) -> tuple[str, ...]:
        """The command line that runs `arguments` inside."""
        here = f"--wdns={Path.cwd()}"  # it would begin in the root
        return ("nsenter", "--target", str(self.pid), "--net", "--mount", here, "--", *arguments)

    def run(self, *arguments: str, stdin: str = "", check: bool = True) -> str:
        """Run a program inside to its end; what it printed."""
        done = subprocess.run(
            self.command(*arguments), input=stdin, text=True, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0 or not check, f"{self.name}: {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def start(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a program inside; what it says goes to `log`."""
        with log.open("ab") as file:
            process = subprocess.Popen(
                self.command(*arguments), stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
        self._started.append(process)
        return process

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket inside, for code that runs outside."""
        made: list[socket.socket] = []
        self._thread(lambda: made.append(socket.socket(family, kind, protocol)))
        return made[0]

    def live(self, life: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `life()` inside to its end, in an event loop of its own: its threads and processes are inside too."""
        self._thread(lambda: asyncio.run(life()))

    def _thread(self, work: Callable[[], object]) -> None:
        """Only a thread goes there, and ends with the work."""
        failures: list[BaseException] = []

        def enter() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.unshare(CLONE_FS) == 0
            for kind, flag in (("net", CLONE_NEWNET), ("mnt", CLONE_NEWNS)):
                with open(f"/proc/{self.pid}/ns/{kind}", "rb") as file:
                    assert libc.setns(file.fileno(), flag) == 0
            try:
                work()
            except BaseException as error:  # noqa: BLE001  (raised again by who waits for the thread)
                failures.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]

    def close(self) -> None:
        """End it and what else runs inside."""
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and int(process.name) != self.pid and self._is_inside(process):
                with suppress(ProcessLookupError):
                    os.kill(int(process.name), 9)
        for started in (*self._started, self._holder):
            started.kill()
            started.wait()
        assert self._holder.stdout
        self._holder.stdout.close()

    def _is_inside(self, process: Path) -> bool:
        try:
            return (process / "ns/net").readlink() == Path(f"/proc/{self.pid}/ns/net").readlink()
        except OSError:
            return False


def connect(one: Namespace, other: Namespace, name: str, addresses: Sequence[str]) -> None:
    """A cable called `name` between both, with an address (as 192.0.2.1/24) at each end."""
    one.run("ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", str(other.pid))
    for end, address in zip((one, other), addresses, strict=True):
        end.run("ip", "address", "add", address, "dev", name)
        end.run("ip", "link", "set", name, "up")


def masquerade(router: Namespace, outside: str) -> None:
    """`router` hides what is behind it, and lets nothing in through its interface `outside` that was not asked for
    from inside."""
    router.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
    rules = f"""
        add table ip nat
        add chain ip nat out {{ type nat hook postrouting priority 100; }}
        add rule ip nat out oifname "{outside}" masquerade random
        add table ip filter
        add chain ip filter in {{ type filter hook input priority 0; }}
        add chain ip filter forward {{ type filter hook forward priority 0; }}
    """
    for chain in ("in", "forward"):
        for rule in ("ct state established accept", "drop"):
            rules += f'add rule ip filter {chain} iifname "{outside}" {rule}\n'
    router.run("nft", "-f", "-", stdin=rules)
