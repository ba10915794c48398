"""The cameras at work: one connection for each stream, its units to the hub, its state to the board of streams."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from nvr.camera.client import AudioProblem
from nvr.camera.link import receive_buffer
from nvr.camera.source import play
from nvr.clock import Clock
from nvr.config import Camera
from nvr.errors import NvrError
from nvr.events import Fault, Role, StreamKey, StreamStatus
from nvr.faults import FaultBoard
from nvr.media.hub import Hub
from nvr.web.stream_board import StreamBoard

Job = Callable[[Callable[[], None]], Awaitable[None]]


class Cameras:
    """All streams of the configured cameras; `jobs` are for the supervisor, which connects again after an error."""

    def __init__(
        self, cameras: Sequence[Camera], hub: Hub, streams: StreamBoard, *, clock: Clock, faults: FaultBoard
    ):
        self._cameras, self._hub, self._streams = cameras, hub, streams
        self._clock, self._faults = clock, faults
        self._received = receive_buffer()

    def jobs(self) -> list[tuple[str, Job]]:
        """(place on the fault board, job) of each stream."""
        return [
            (f"camera:{key}", partial(self._play, camera, key.role))
            for camera in self._cameras
            for key in camera.streams
        ]

    async def _play(self, camera: Camera, role: Role, healthy: Callable[[], None]) -> None:
        """One connection. Raises NvrError: the camera cannot be reached, or sends what cannot be used."""
        key = StreamKey(camera.id, role)
        stream, fault = self._hub[key], self._streams.get(key).fault
        self._streams.set(StreamStatus(key, "connecting", self._clock.wall(), fault=fault))

        def playing() -> None:
            healthy()
            status = StreamStatus(key, "live", self._clock.wall())
            if stream.config is not None:
                codec, width, height = stream.config.codec, stream.config.width, stream.config.height
                status = replace(status, codec=codec, width=width, height=height)
            self._streams.set(status)

        try:
            await play(
                camera,
                role,
                self._clock,
                stream.publish,
                playing,
                publish_audio=stream.publish_audio,
                on_audio=partial(self._audio, key),
                received=self._received,
            )
        except NvrError as error:
            fault = Fault(f"camera:{key}", error.code, str(error), error.params)
            self._streams.set(StreamStatus(key, "down", self._clock.wall(), fault=fault))
            raise
        self._streams.set(StreamStatus(key, "connecting", self._clock.wall()))  # a file begins again

    def _audio(self, key: StreamKey, problem: AudioProblem | None) -> None:
        """What is wrong with the stream's audio, if anything, stands on the fault board."""
        place = f"audio:{key}"
        if problem is None or (problem.code == "audio_missing" and key.role is Role.SUB):
            self._faults.clear(place)  # many sub streams have none
        else:
            self._faults.raise_fault(Fault(place, problem.code, problem.detail, problem.params))
