"""The whole product as real processes: simulated cameras, simulated relay board, `nvr serve`."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import socket
import ssl
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from peers.namespace import Namespace

ADMINISTRATOR, PASSWORD = "Minh", "bí-mật-dài-1"
ON, OFF = "a00101a2", "a00100a1"


_taken: deque[socket.socket] = deque()
PORTS_TAKEN = 64


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses now, that the kernel gives to no connection (Linux takes
    32768 and up: tests beside this one connect all the time), and that nobody else is given here, in this process or
    another: the last PORTS_TAKEN are marked by a socket of that name."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0village-nvr-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        _taken.append(mark)
        if len(_taken) > PORTS_TAKEN:
            _taken.popleft().close()
        return port


async def until(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """The first true value of `condition()`, polled. Raises AssertionError naming `what`."""
    try:
        async with asyncio.timeout(timeout_s):
            while not (value := condition()):
                await asyncio.sleep(0.02)
            return value
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s} s: {what}") from None


class Child:
    """One process of ours; its standard output line by line, its log in a file."""

    def __init__(self, process: Process, log: Path):
        self.process, self.log = process, log
        self.lines: list[str] = []

    @classmethod
    async def start(
        cls,
        log: Path,
        module: str,
        *options: str,
        env: Mapping[str, str] | None = None,
        namespace: Namespace | None = None,
    ) -> Child:
        command = (sys.executable, "-m", module, *options)
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *(command if namespace is None else namespace.command(*command)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                start_new_session=True,
            )
        return cls(process, log)

    async def line(self, start: str, timeout_s: float = 60) -> str:
        """The first line that begins with `start`."""
        assert self.process.stdout
        async with asyncio.timeout(timeout_s):
            async for raw in self.process.stdout:
                self.lines.append(raw.decode().rstrip())
                if self.lines[-1].startswith(start):
                    return self.lines[-1]
        raise AssertionError(f"ended without {start!r}: {self.log.read_text()[-2000:]}")

    async def stop(self, number: int = signal.SIGTERM, timeout_s: float = 20) -> int:
        """Signal it and wait; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(timeout_s):
            # Unread output would keep the pipe's end open.
            assert self.process.stdout
            await self.process.stdout.read()
            return await self.process.wait()


class Appliance:
    """One site in `folder`; `namespace`: the machine that it is on, with its cameras."""

    def __init__(self, folder: Path, namespace: Namespace | None = None):
        self.folder, self.namespace = folder, namespace
        self.https_port, self.http_port = free_port(), free_port()
        self.address = f"https://localhost:{self.https_port}"
        self.children: list[Child] = []
        self.service: Child | None = None
        self.claim_code: str | None = None
        self.streams: list[str] = []

    # Parts

    async def start_cameras(self, video: Path, *options: str, count: int = 1) -> None:
        """Simulated cameras `cam1`, `cam2`, …; shots are logged to cameras.jsonl."""
        child = await Child.start(
            self.folder / "cameras.log",
            *("nvr", "simulate", str(video), "--port", "0", "--cameras", str(count), "--json"),
            *("--log", str(self.folder / "cameras.jsonl"), *options),
            namespace=self.namespace,
        )
        self.children.append(child)
        self.streams = json.loads(await child.line("{", 120))["ready"]

    async def start_relay(self, *board: str) -> None:
        """A simulated board at `relay`, by default of the LCUS type; its frames go to relay.jsonl. `board`: further
        options of hw/sim.py."""
        options = ("--link", str(self.folder / "relay"), "--log", str(self.folder / "relay.jsonl"), *board)
        child = await Child.start(self.folder / "relay.log", "hw.sim", *options)
        self.children.append(child)
        await child.line("simulated")

    def configure(
        self,
        *,
        response: str = "siren",
        siren: str = "max_seconds = 30",
        more: str = "",
        host: str = "127.0.0.1",
    ) -> None:
        """Write nvr.toml: every simulated camera with one zone, the whole picture."""
        text = (
            f'[site]\nname = "Thôn Thử"\n[storage]\nrecordings = "recordings"\nstate = "state"\nkeep_free_gb = 0.1\n'
            f'[web]\nhost = "{host}"\nhttps_port = {self.https_port}\nhttp_port = {self.http_port}\nlive_port = 0\n'
            f'[alarm]\nexit_seconds = 0\n[siren]\nport = "relay"\ntimer_relay = true\n{siren}\n{more}\n'
        )
        for main in (url for url in self.streams if url.endswith("/main")):
            name = main.split("/")[-2]
            text += f'[[camera]]\nid = "{name}"\nname = "Mắt {name}"\nmain = "{main}"\n'
            text += f'sub = "{main.removesuffix("main")}sub"\n[[camera.zone]]\nname = "sân"\n'
            text += f'response = "{response}"\ndecided_by = "Nguyễn Văn A"\n'
        (self.folder / "nvr.toml").write_text(text, "utf-8")

    async def start_service(self, env: Mapping[str, str] | None = None) -> Child:
        """`nvr serve`; returns when the page answers."""
        self.service = await self.spawn_service(env)
        await self.service.line("address: ")
        await self.reachable()
        return self.service

    async def spawn_service(self, env: Mapping[str, str] | None = None) -> Child:
        """`nvr serve`, not waiting for anything."""
        config = str(self.folder / "nvr.toml")
        child = await Child.start(
            *(self.folder / "service.log", "nvr", "serve", "--config", config),
            env=env,
            namespace=self.namespace,
        )
        self.children.append(child)
        return child

    async def reachable(self) -> None:
        """Wait until both ports accept connections."""

        def accept() -> bool:
            for port in (self.https_port, self.http_port):
                with self._socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) != 0:
                        return False
            return True

        await until(accept, 30, "the page's ports open")
        code = self.folder / "state/claim-code"
        self.claim_code = code.read_text().strip() if code.exists() else None

    def _socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
        if self.namespace is None:
            return socket.socket(family, kind)
        return self.namespace.socket(family, kind)

    def _connector(self, context: ssl.SSLContext | bool = True) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(ssl=context, socket_factory=lambda info: self._socket(info[0], info[1]))

    async def stop(self) -> None:
        """End everything, newest first."""
        for child in reversed(self.children):
            await child.stop()

    # What can be seen from outside

    def shots(self) -> list[dict[str, Any]]:
        """The simulated camera's shots so far."""
        return _json_lines(self.folder / "cameras.jsonl")

    def relay_frames(self) -> list[dict[str, Any]]:
        """The frames the relay board received so far."""
        return _json_lines(self.folder / "relay.jsonl")

    def relay_on_since(self, t_mono: float) -> dict[str, Any] | None:
        """The first "on" frame after `t_mono`."""
        return next((f for f in self.relay_frames() if f["on"] and f["t_mono"] >= t_mono), None)

    def worker_pid(self) -> int:
        """The analysis process, a child of the service. Raises LookupError."""
        return self._child_pid("nvr.detect.worker")

    def guard_pid(self) -> int:
        """The guard process, a child of the service. Raises LookupError."""
        return self._child_pid("hw.guard")

    def _child_pid(self, module: str) -> int:
        assert self.service
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                status, command = (process / "status").read_text(), (process / "cmdline").read_text()
            except OSError:
                continue
            parent = re.search(r"^PPid:\s*(\d+)", status, re.MULTILINE)
            if parent and int(parent[1]) == self.service.process.pid and module in command:
                return int(process.name)
        raise LookupError(f"no process runs {module}")

    @asynccontextmanager
    async def api(self, *, claim: bool = False) -> AsyncIterator[Api]:
        """A logged-in administrator that trusts only the appliance's own CA."""
        async with (
            aiohttp.ClientSession(connector=self._connector()) as session,
            session.get(f"http://127.0.0.1:{self.http_port}/ca.crt") as answer,
        ):
            certificate = await answer.read()
        data = certificate if not certificate.startswith(b"-----") else certificate.decode()
        context = ssl.create_default_context(cadata=data)
        jar = aiohttp.CookieJar(unsafe=True)
        connector = self._connector(context)
        async with aiohttp.ClientSession(self.address, connector=connector, cookie_jar=jar) as session:
            api = Api(session)
            if claim:
                await api.post("/api/claim", code=self.claim_code, name=ADMINISTRATOR, password=PASSWORD)
            else:
                await api.post("/api/login", name=ADMINISTRATOR, password=PASSWORD)
            yield api


class Api:
    """The HTTP API with session and CSRF token."""

    def __init__(self, session: aiohttp.ClientSession):
        self.session = session
        self.csrf: str | None = None

    async def get(self, path: str) -> Any:
        async with self.session.get(path) as answer:
            assert answer.ok, f"{path}: {answer.status} {await answer.text()}"
            return await answer.json()

    async def download(self, path: str) -> bytes:
        async with self.session.get(path) as answer:
            assert answer.ok, f"{path}: {answer.status}"
            return await answer.read()

    async def post(self, path: str, **body: Any) -> Any:
        return await self._change("POST", path, body)

    async def put(self, path: str, **body: Any) -> Any:
        return await self._change("PUT", path, body)

    async def delete(self, path: str) -> Any:
        return await self._change("DELETE", path, None)

    async def _change(self, method: str, path: str, body: Any) -> Any:
        headers = {"X-CSRF-Token": self.csrf} if self.csrf else {}
        async with self.session.request(method, path, json=body, headers=headers) as answer:
            assert answer.ok, f"{path}: {answer.status} {await answer.text()}"
            result = await answer.json() if answer.content_type == "application/json" else None
        if result and result.get("csrf"):
            self.csrf = result["csrf"]
        return result

    async def footage(self, camera: str, role: str, start_s: float, end_s: float) -> Any:
        """Parts and covered spans."""
        return await self.get(f"/api/cameras/{camera}/footage/{role}?start_s={start_s}&end_s={end_s}")


def _json_lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]


def now() -> float:
    """CLOCK_MONOTONIC, comparable with the logs of the simulated cameras and relay."""
    return time.monotonic()
