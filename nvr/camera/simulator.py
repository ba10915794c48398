"""Simulated cameras: an encoded programme as endless live streams on our own RTSP server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from nvr.camera.encoder import Programme
from nvr.clock import Clock
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit
from nvr.media.hub import StreamHub

ShotLog = Callable[[str], object]


class Simulator:
    """`cameras` cameras, cam1, cam2…, all in phase. Timestamps go on from one loop to the next.

    `hubs`: path ("cam1/main") to hub, for an RTSP server; each knows its parameter sets from the start.
    """

    def __init__(self, programme: Programme, cameras: int, clock: Clock, shot_log: ShotLog | None = None):
        """`shot_log` gets a JSON object a line whenever a shot's first access unit leaves for the clients:
        `t_mono` and `t_wall` in s, `shot` (index), `frames` ("106-136"), `loop` (from 0)."""
        self._programme, self._clock, self._shot_log = programme, clock, shot_log
        self.hubs: dict[str, StreamHub] = {}
        for number in range(1, cameras + 1):
            for role, stream in programme.streams.items():
                key = StreamKey(f"cam{number}", role)
                hub = self.hubs[str(key)] = StreamHub(key)
                hub.config = stream.config

    async def run(self) -> None:
        """Publish pictures at the programme's frame rate until cancelled. After a delay the pictures that are
        due follow at once."""
        fps = self._programme.fps
        length = len(self._programme.streams[Role.MAIN].units)
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        number = 0
        while True:
            await asyncio.sleep(max(started_s + number / fps - loop.time(), 0))
            round_, index = divmod(number, length)
            self._log_shot(index, round_)
            self._publish(index, number * 90_000 // fps)
            number += 1

    def _publish(self, index: int, pts_90k: int) -> None:
        now_s = self._clock.monotonic()
        for hub in self.hubs.values():
            stream = self._programme.streams[hub.key.role]
            data, is_key = stream.units[index]
            hub.publish(AccessUnit(hub.key, stream.config, data, pts_90k, is_key, now_s))

    def _log_shot(self, index: int, round_: int) -> None:
        start = self._programme.shot_starts.get(index)
        if start is None or self._shot_log is None:
            return
        shot, frames = start
        entry = {
            "t_mono": self._clock.monotonic(),
            "t_wall": self._clock.wall(),
            "shot": shot,
            "frames": frames,
            "loop": round_,
        }
        self._shot_log(json.dumps(entry))
