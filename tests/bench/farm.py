"""A farm of simulated cameras in one cheap process: `python -m bench.farm CAMERAS [--subs] [--watched N]`.

With `--watched` all cameras show a street, N of them, evenly among the first of them, one in which a person comes.

Prints one JSON line with `port`, `urls`, `began_mono_s`, `began_wall_s`; then takes commands, a JSON line each, on its
standard input:

- `{"do": "reset", "camera": "cam3"}`: its connections are reset;
- `{"do": "stall", "camera": "cam3", "seconds": 8}`: its connections stay, nothing is sent;
- `{"do": "restart", "camera": "cam3", "seconds": 10}`: its connections are closed, and new ones while it starts;
- `{"do": "settings", "camera": "cam3"}`: its main stream goes on with other parameter sets, or back.

Ends with its standard input, and prints one JSON line with what was offered to the clients: `offered`, a list of
`[path, first, last, why it ended]`, numbers of pictures as in `Track.unit`, every one between them included; and
`dropped`, how many of them a client was too slow to take; and `entries`, a list of `[path, time.monotonic()]`: when
the first picture with the person was sent.

Camera number c (from 0) shows picture t + 37 c at its t-th tick, 40 ms each, so keyframes do not come all at once.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
import time
from urllib.parse import urlsplit

from bench.farm_video import FPS, Track
from bench.street import SCENES

PHASE = 37
SLOTS = 10
"""The cameras' ticks are spread over this many moments of the 40 ms."""
WATCHED_EVERY = 5
"""Each so many cameras one is watched: at PHASE, persons come to them spread over the loop."""
MAX_WAITING_BYTES = 4 << 20


class Camera:
    """What all connections to one camera share."""

    def __init__(self, number: int, tracks: dict[str, Track]):
        self.name, self.phase, self.tracks = f"cam{number + 1}", PHASE * number, tracks
        self.viewers: set[Viewer] = set()
        self.silent_until_s = self.down_until_s = 0.0
        self.altered = False


class Farm:
    """The cameras and their one clock."""

    def __init__(self, tracks: list[dict[str, Track]]):
        """`tracks`: by kind, of each camera."""
        self.cameras = {f"cam{number + 1}": Camera(number, own) for number, own in enumerate(tracks)}
        self.offered: list[tuple[str, int, int, str]] = []
        self.entries: list[tuple[str, float]] = []
        self.dropped = 0

    async def run(self) -> None:
        slots = [list(self.cameras.values())[slot::SLOTS] for slot in range(SLOTS)]
        began_s, tick = time.monotonic(), 0
        while True:
            number, slot = divmod(tick, SLOTS)
            await asyncio.sleep(max(began_s + tick / (FPS * SLOTS) - time.monotonic(), 0))
            for camera in slots[slot]:
                if camera.viewers and camera.silent_until_s < time.monotonic():
                    for viewer in tuple(camera.viewers):
                        viewer.show(number + camera.phase)
            tick += 1

    def obey(self, command: dict[str, object]) -> None:
        camera, seconds = self.cameras[str(command["camera"])], float(str(command.get("seconds", 0)))
        do = command["do"]
        if do == "stall":
            camera.silent_until_s = time.monotonic() + seconds
        elif do == "restart":
            camera.down_until_s = time.monotonic() + seconds
        elif do == "settings":
            camera.altered = not camera.altered
        for viewer in tuple(camera.viewers):
            if do == "stall":
                viewer.interrupt("stall")
            elif do == "reset":
                viewer.leave("reset")
                viewer.transport.abort()
            elif do == "restart":
                viewer.leave("restart")
                viewer.transport.close()


class Viewer(asyncio.Protocol):
    """One connection: as much of RTSP as clients use."""

    transport: asyncio.Transport

    def __init__(self, farm: Farm):
        self._farm, self._rest = farm, b""
        self._camera: Camera | None = None
        self._kind = ""
        self._track: Track | None = None
        self._first = self._last = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.leave("client")

    def show(self, number: int) -> None:
        assert self._camera
        wanted = self._camera.tracks["alt" if self._camera.altered and self._kind == "main" else self._kind]
        if Track.is_key(number):
            self._track = wanted
            if self._first < 0:
                self._first = number
        if self._first < 0 or self._track is None:
            return
        self._last = number
        if self.transport.get_write_buffer_size() > MAX_WAITING_BYTES:
            self._farm.dropped += 1
        else:
            self.transport.write(self._track.unit(number))
            if self._track.is_entry(number):
                self._farm.entries.append((f"{self._camera.name}/{self._kind}", time.monotonic()))

    def interrupt(self, why: str) -> None:
        """What was offered up to now is one piece; the next begins with a keyframe."""
        if self._first >= 0 and self._camera:
            self._farm.offered.append((f"{self._camera.name}/{self._kind}", self._first, self._last, why))
        self._first = -1

    def leave(self, why: str) -> None:
        if self._camera is not None and self in self._camera.viewers:
            self._camera.viewers.discard(self)
            self.interrupt(why)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while self._rest:
            if self._rest[0] == 0x24:  # a receiver report
                size = 4 + int.from_bytes(self._rest[2:4], "big")
                if len(self._rest) < size:
                    return
                self._rest = self._rest[size:]
                continue
            head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            self._rest = rest
            self._answer(head.decode("latin-1").split("\r\n"))

    def _answer(self, lines: list[str]) -> None:
        method, url, _ = lines[0].split(" ", 2)
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        name, _, kind = urlsplit(url).path.strip("/").removesuffix("/video").partition("/")
        camera = self._farm.cameras.get(name)
        if camera is None or kind not in camera.tracks:
            self._reply(headers, "404 Not Found")
        elif camera.down_until_s > time.monotonic():
            self.transport.abort()
        elif method == "DESCRIBE":
            track = camera.tracks["alt" if camera.altered and kind == "main" else kind]
            sets = ",".join(base64.b64encode(nal).decode() for nal in (track.sps, track.pps))
            body = (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=farm\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
                "a=rtpmap:96 H264/90000\r\na=control:video\r\na=fmtp:96 packetization-mode=1;"
                f"profile-level-id={track.sps[1:4].hex()};sprop-parameter-sets={sets}\r\n"
            )
            more = f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            self._reply(headers, "200 OK", more, body)
        elif method == "SETUP":
            self._reply(
                headers, "200 OK", f"Transport: {headers.get('transport', '')}\r\nSession: 1;timeout=60\r\n"
            )
        elif method == "PLAY":
            self._reply(headers, "200 OK", "Session: 1\r\n")
            self._camera, self._kind = camera, kind
            camera.viewers.add(self)
        elif method == "TEARDOWN":
            self._reply(headers, "200 OK")
            self.leave("client")
            self.transport.close()
        else:
            self._reply(
                headers, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
            )

    def _reply(self, headers: dict[str, str], status: str, more: str = "", body: str = "") -> None:
        self.transport.write(
            f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{more}\r\n{body}".encode()
        )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cameras", type=int)
    parser.add_argument("--subs", action="store_true")
    parser.add_argument("--watched", type=int, default=0)
    arguments = parser.parse_args()
    kinds = ["main", "alt", *(["sub"] if arguments.subs else [])]
    farm = Farm(_tracks(arguments.cameras, kinds, arguments.watched))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Viewer(farm), "127.0.0.1", 0, backlog=512)
    port = server.sockets[0].getsockname()[1]
    roles = [kind for kind in kinds if kind != "alt"]
    urls = [f"rtsp://127.0.0.1:{port}/{name}/{role}" for name in farm.cameras for role in roles]
    began = {"began_mono_s": time.monotonic(), "began_wall_s": time.time()}
    print(json.dumps({"port": port, "urls": urls, **began}), flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        clock = tasks.create_task(farm.run())
        async for line in reader:
            farm.obey(json.loads(line))
        clock.cancel()
    for camera in farm.cameras.values():
        for viewer in tuple(camera.viewers):
            viewer.leave("end")
    print(json.dumps({"offered": farm.offered, "dropped": farm.dropped, "entries": farm.entries}), flush=True)


def _tracks(cameras: int, kinds: list[str], watched: int) -> list[dict[str, Track]]:
    if not watched:
        return [{kind: Track(kind) for kind in kinds}] * cameras
    scenes = {scene: {kind: Track(kind, scene) for kind in kinds if kind != "alt"} for scene in SCENES}
    return [scenes["watched" if number in watched_numbers(watched) else "idle"] for number in range(cameras)]


def watched_numbers(count: int) -> range:
    """Which cameras are watched, from 0."""
    return range(0, WATCHED_EVERY * count, WATCHED_EVERY)


if __name__ == "__main__":
    asyncio.run(main())
