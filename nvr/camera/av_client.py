"""Plays what is not RTSP: USB cameras, files, streams over HTTP and RTMP. libav reads them in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from nvr.camera.av_errors import CameraReaderLost, deaf, error_for
from nvr.camera.av_job import OPEN_S, job_for
from nvr.camera.av_messages import Failed, Opened, ParameterSets, Reader, Unit
from nvr.camera.av_units import UnitIntake
from nvr.child.process import END_S, ChildProcess
from nvr.clock import Clock
from nvr.config import Camera
from nvr.errors import CameraError, ProtocolViolation, StreamStalled
from nvr.events import Role, StreamKey
from nvr.media.access_unit import Discontinuity, MediaItem
from nvr.stream_address import StreamAddress, parse_address

log = structlog.get_logger(__name__)

CHILD_MODULE = "nvr.camera.av_source"
RECEIVE_BYTES = 256 << 10
MAX_BYTES_PER_S, MAX_MESSAGES_PER_S = 16 << 20, 20_000
"""Of one source: the event loop is everybody's."""


async def play_av(
    camera: Camera,
    role: Role,
    clock: Clock,
    publish: Callable[[MediaItem], None],
    healthy: Callable[[], None],
    *,
    stall_s: float = 5.0,
    open_s: float = 2 * OPEN_S,
) -> None:
    """As `nvr.camera.client.play`, for all other addresses; returns at the end of a file.

    Time limits: `open_s` until the source is open, `stall_s` without a picture.
    Raises a CameraError that names camera and stream; besides those of `play`: those of `av_errors`.
    """
    url = camera.url(role)
    if url is None:
        raise ValueError(f"camera {camera.id} has no {role} stream")
    address = parse_address(url)
    job = job_for(address, camera.username, camera.password.get_secret_value())
    child = await ChildProcess.start(CHILD_MODULE)
    try:
        child.write(job.pack())
        source = _Source(StreamKey(camera.id, role), address, child, clock, publish, healthy)
        await source.run(stall_s, open_s)
    except CameraError as error:
        params = {"camera": camera.id, "stream": role.value, **error.params}
        text = f'Camera "{camera.id}" ({role.value}): {error.message}'
        raise type(error)(text, remedy=error.remedy, params=params) from None
    finally:
        await child.end()


class _Source:
    """One life of one child."""

    def __init__(
        self,
        key: StreamKey,
        address: StreamAddress,
        child: ChildProcess,
        clock: Clock,
        publish: Callable[[MediaItem], None],
        healthy: Callable[[], None],
    ):
        self._key, self._address, self._child, self._clock = key, address, child, clock
        self._publish, self._healthy = publish, healthy
        self._reader = Reader()
        self._intake = UnitIntake(key, publish)
        self._is_open = False
        self._unit_s = 0.0
        self._second, self._bytes, self._messages = 0, 0, 0

    async def run(self, stall_s: float, open_s: float) -> None:
        """Until a file has been played. Raises CameraError."""
        started_s = self._clock.monotonic()
        while True:
            due_s = self._unit_s + stall_s if self._is_open else started_s + open_s
            try:
                async with asyncio.timeout(max(due_s - self._clock.monotonic(), 0.0)):
                    data = await self._child.read(RECEIVE_BYTES)
            except TimeoutError:
                if self._is_open:
                    raise StreamStalled(
                        f"no video for {stall_s:g} s", remedy="Check the camera and its connection"
                    ) from None
                raise deaf(self._address) from None
            if not data:
                raise await self._lost()
            if self._take(data):
                return

    def _take(self, data: bytes) -> bool:
        """Whether the source has come to its end."""
        now_s = self._clock.monotonic()
        messages = 0
        for message in self._reader.feed(data):
            messages += 1
            match message:
                case Opened(mechanisms) if not self._is_open:
                    self._is_open, self._unit_s = True, now_s
                    self._publish(Discontinuity(self._key, "reconnect", now_s))
                    log.info("source is open", stream=str(self._key), locked_in_by=mechanisms)
                case ParameterSets() if self._is_open:
                    self._intake.take_sets(message)
                case Unit() if self._is_open:
                    self._unit_s = now_s
                    first = not self._intake.units
                    self._intake.take(message, now_s)
                    if first and self._intake.units:
                        self._healthy()
                case Failed("end"):
                    return True
                case Failed():
                    raise error_for(message, self._address)
                case _:
                    raise ProtocolViolation("its process says things out of order")
        self._count(len(data), messages, now_s)
        return False

    def _count(self, size: int, messages: int, now_s: float) -> None:
        if int(now_s) != self._second:
            self._second, self._bytes, self._messages = int(now_s), 0, 0
        self._bytes += size
        self._messages += messages
        if self._bytes > MAX_BYTES_PER_S or self._messages > MAX_MESSAGES_PER_S:
            raise ProtocolViolation(
                f"more than {MAX_BYTES_PER_S >> 20} MiB or {MAX_MESSAGES_PER_S} messages in a second"
            )

    async def _lost(self) -> CameraReaderLost:
        try:
            async with asyncio.timeout(END_S):
                await self._child.keep_last_words()
        except TimeoutError:
            pass
        return CameraReaderLost(
            f"the process that reads it {await self._child.obituary()}", remedy="It is started again"
        )
