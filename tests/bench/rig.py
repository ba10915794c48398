"""The farm and the shipped service in front of it, for benches that record 58 cameras."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import children
from peers.appliance import Api, Appliance

LIVE_S = 120
STATUS_S = 60


@dataclass(slots=True)
class Offered:
    """What the farm sent: `[path, first, last, why it ended]`, how many of those pictures nobody took, and when a
    person came: `[path, time.monotonic()]`."""

    offered: list[tuple[str, int, int, str]]
    dropped: int
    entries: list[tuple[str, float]]


class FarmProcess:
    """`bench.farm` as a process."""

    def __init__(self, process: Process, ready: dict[str, Any]):
        self.process = process
        self.urls: list[str] = ready["urls"]
        self.began_mono_s: float = ready["began_mono_s"]
        self.began_wall_s: float = ready["began_wall_s"]

    @classmethod
    async def start(cls, cameras: int, *, subs: bool, watched: int = 0) -> FarmProcess:
        options = (str(cameras), *(["--subs"] if subs else []), "--watched", str(watched))
        command = (sys.executable, "-m", "bench.farm", *options)
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=16 << 20)
        assert process.stdout
        return cls(process, json.loads(await process.stdout.readline()))

    def tell(self, **command: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(command).encode() + b"\n")

    async def end(self) -> Offered:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        line = await self.process.stdout.readline()
        await self.process.wait()
        return Offered(**json.loads(line))


def write_config(
    site: Appliance,
    urls: list[str],
    *,
    keep: str = "",
    web: str = "",
    response: str = "siren",
    responses: Mapping[str, str] = {},
    siren: str = "timer_relay = true\nmax_seconds = 5\n",
    analysis: bool = True,
) -> None:
    """nvr.toml for the farm's streams: one zone a camera, the whole picture, which answers with `response`, or as
    `responses` has it for the camera; `keep`, `web`, `siren`: further keys of [storage], [web] and [siren]; without
    `analysis` it only records."""
    site.streams = urls
    text = (
        f'[site]\nname = "Xã Thử"\n[storage]\nrecordings = "recordings"\nstate = "state"\nkeep_free_gb = 0.1\n{keep}'
        f'[web]\nhost = "127.0.0.1"\nhttps_port = {site.https_port}\nhttp_port = {site.http_port}\nlive_port = 0\n{web}'
        f'[alarm]\nexit_seconds = 0\n[siren]\nport = "relay"\n{siren}'
        f"[analysis]\nenabled = {str(analysis).lower()}\n"
    )
    for main in (url for url in urls if url.endswith("/main")):
        name = main.split("/")[-2]
        text += f'[[camera]]\nid = "{name}"\nname = "Mắt {name}"\nmain = "{main}"\n'
        sub = main.removesuffix("main") + "sub"
        text += f'sub = "{sub}"\n' if sub in urls else ""
        text += f'[[camera.zone]]\nname = "sân"\nresponse = "{responses.get(name, response)}"\n'
        text += 'decided_by = "Nguyễn Văn A"\n'
    (site.folder / "nvr.toml").write_text(text, "utf-8")


async def until_all_live(api: Api, timeout_s: float = LIVE_S, *, analysis: bool = True) -> None:
    """Every stream plays, and `analysis` runs or does not."""
    async with asyncio.timeout(timeout_s):
        while True:
            cameras = (await api.get("/api/cameras"))["cameras"]
            states = [s["state"] for c in cameras for s in c["streams"].values() if s]
            if (
                all(state == "live" for state in states)
                and (await api.get("/api/status"))["analysis"]["running"] == analysis
            ):
                return
            await asyncio.sleep(0.5)


def service_pids(site: Appliance) -> dict[str, int]:
    """The appliance's own processes that run now: "service", "analysis", "guard"."""
    assert site.service
    pid = site.service.process.pid
    found = {"service": pid}
    for child, name in children(pid).items():
        found["analysis" if name == "nvr-analysis" else "guard"] = child
    return found


def footage_of(folder: Path, path: str) -> list[Path]:
    """All recorded files of "cam1/main", in order of time."""
    return sorted((folder / "recordings/footage" / path).glob("*/*.mp4"))
