"""Debian's Janus as a peer of `bench.live`: its streaming plugin, fed with the farm's video over RTP on loopback."""

from __future__ import annotations

import asyncio
import secrets
import struct
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bench.farm_video import FPS, TICKS_PER_PICTURE, encoded
from nvr.camera.h264_rtp import packetize
from nvr.media.nal import split_annex_b
from peers.appliance import free_port

MAX_PAYLOAD = 1188
PLUGINS = "/usr/lib/x86_64-linux-gnu/janus"
START_S = 30
FEED_PAYLOAD_TYPE = 96


class Janus:
    """A running Janus. It offers its one stream itself."""

    def __init__(self, pid: int, url: str, session: aiohttp.ClientSession):
        self.pid = pid
        self._url, self._session = url, session
        self._handle = ""

    async def reply(self, message: dict[str, str]) -> dict[str, str]:
        """To a viewer's messages: an offer to `{}`, `{}` to its answer."""
        if "answer" in message:
            jsep = {"type": "answer", "sdp": message["answer"]}
            await self._post(self._handle, janus="message", body={"request": "start"}, jsep=jsep)
            return {}
        session = (await self._post("", janus="create"))["data"]["id"]
        plugin = "janus.plugin.streaming"
        handle = (await self._post(f"/{session}", janus="attach", plugin=plugin))["data"]["id"]
        self._handle = f"/{session}/{handle}"
        await self._post(self._handle, janus="message", body={"request": "watch", "id": 1})
        while True:
            async with self._session.get(f"{self._url}/{session}?maxev=1") as response:
                event = await response.json()
            if "jsep" in event:
                return {"offer": str(event["jsep"]["sdp"])}
            if "error" in str(event):
                raise RuntimeError(f"Janus: {event}")

    async def _post(self, path: str, **message: Any) -> Any:
        message["transaction"] = secrets.token_hex(6)
        async with self._session.post(self._url + path, json=message) as response:
            return await response.json()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Janus]:
    """Janus, configured in `folder`, and its feed."""
    http, media = free_port(), free_port()
    (folder / "janus.jcfg").write_text(
        f'general: {{ configs_folder = "{folder}"\n plugins_folder = "{PLUGINS}/plugins"\n'
        f' transports_folder = "{PLUGINS}/transports"\n debug_level = 1\n session_timeout = 0 }}\n'
        "nat: { ice_lite = true\n ignore_mdns = true }\n"
    )
    (folder / "janus.plugin.streaming.jcfg").write_text(
        'cam: { type = "rtp"\n id = 1\n audio = false\n video = true\n videoiface = "lo"\n videocodec = "h264"\n'
        f" videoport = {media}\n videopt = {FEED_PAYLOAD_TYPE}\n"
        ' videofmtp = "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1" }\n'
    )
    (folder / "janus.transport.http.jcfg").write_text(
        f'general: {{ http = true\n port = {http}\n ip = "127.0.0.1"\n https = false }}\n'
    )
    process = await asyncio.create_subprocess_exec("janus", "-F", str(folder), stdout=DEVNULL, stderr=DEVNULL)
    try:
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            janus = Janus(process.pid, f"http://127.0.0.1:{http}/janus", session)
            await _until_up(process, janus, session, http)
            feeding = tasks.create_task(_feed(media))
            yield janus
            feeding.cancel()
    finally:
        process.terminate()
        await process.wait()


async def _until_up(process: Process, janus: Janus, session: aiohttp.ClientSession, http: int) -> None:
    async with asyncio.timeout(START_S):
        while True:
            assert process.returncode is None, "Janus ended"
            try:
                async with session.get(f"http://127.0.0.1:{http}/janus/info"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)


async def _feed(port: int) -> None:
    pictures: list[list[bytes]] = []
    for nal in split_annex_b(encoded("main").read_bytes()):
        kind = nal[0] & 31
        if not pictures or (pictures[-1][-1][0] & 31 in (1, 5) and (kind not in (1, 5) or nal[1] & 0x80)):
            pictures.append([])
        pictures[-1].append(nal)
    payloads = [packetize(nals, MAX_PAYLOAD) for nals in pictures]
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("127.0.0.1", port)
    )
    began_s, number, seq = loop.time(), 0, 0
    while True:
        parts = payloads[number % len(payloads)]
        for part in parts:
            marker = 0x80 if part is parts[-1] else 0
            time_90k = number * TICKS_PER_PICTURE & 0xFFFFFFFF
            header = struct.pack("!BBHII", 0x80, FEED_PAYLOAD_TYPE | marker, seq & 0xFFFF, time_90k, 0x1234)
            transport.sendto(header + part)
            seq += 1
        number += 1
        await asyncio.sleep(max(0.0, began_s + number / FPS - loop.time()))
