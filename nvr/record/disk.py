"""The recordings disk as the rest of the appliance sees it: also while it is missing, unwritable or being mended.

Streams are attached once at start; while there is no recorder their pictures are dropped (that is a gap in the
footage), and questions about footage are answered with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nvr.clock import Clock
from nvr.errors import StorageError
from nvr.events import StreamKey
from nvr.faults import FaultBoard
from nvr.media.access_unit import MediaItem
from nvr.media.audio import AudioUnit
from nvr.media.hub import MediaConsumer
from nvr.record.holds import Holds
from nvr.record.identity import DiskIdentity
from nvr.record.keyframe import Keyframe
from nvr.record.model import Interval, Usage
from nvr.record.outlook import Outlook
from nvr.record.playback import Audio
from nvr.record.recorder import HOLD_SHARE, Recorder
from nvr.record.retention import KEEP_AS_ROOM_ALLOWS, Keep
from nvr.record.timeline import Timeline
from nvr.record.virtual_mp4 import VirtualMp4


class Disk:
    """One recordings directory, opened by `run`. Methods that need it raise StorageError while it is not open."""

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock,
        faults: FaultBoard,
        max_bytes: int | None,
        keep_free_bytes: int,
        identity: DiskIdentity | None = None,
        keep: Keep = KEEP_AS_ROOM_ALLOWS,
        hold_share: float = HOLD_SHARE,
    ):
        self._hold_share = hold_share
        self._identity, self._keep = identity, keep
        self._root, self._clock, self._faults = root, clock, faults
        self._max_bytes, self._keep_free_bytes = max_bytes, keep_free_bytes
        self._inputs: list[_Input] = []
        self._recorder: Recorder | None = None

    async def run(self, healthy: Callable[[], None]) -> None:
        """One life of the recorder, from opening the directory on. Raises StorageError."""
        recorder = await Recorder.open(
            self._root,
            clock=self._clock,
            faults=self._faults,
            max_bytes=self._max_bytes,
            keep_free_bytes=self._keep_free_bytes,
            identity=self._identity,
            keep=self._keep,
            hold_share=self._hold_share,
        )
        try:
            self._recorder = recorder
            for stream in self._inputs:
                stream.recorder = recorder.consumer(stream.key)
            await recorder.run(healthy)
        finally:
            self._recorder = None
            for stream in self._inputs:
                stream.recorder = None
            await recorder.close()

    def consumer(self, key: StreamKey) -> MediaConsumer:
        """What to attach to the stream's hub, once."""
        stream = _Input(key)
        self._inputs.append(stream)
        return stream

    async def coverage(self, key: StreamKey, start_s: float, end_s: float) -> list[Interval]:
        """`Recorder.coverage`."""
        return await self._open.coverage(key, start_s, end_s)

    async def timeline(self, key: StreamKey, start_s: float, end_s: float) -> Timeline:
        """`Recorder.timeline`."""
        return await self._open.timeline(key, start_s, end_s)

    async def keyframe(self, key: StreamKey, at_s: float, max_bytes: int) -> Keyframe | None:
        """`Recorder.keyframe`."""
        return await self._open.keyframe(key, at_s, max_bytes)

    async def mp4(
        self, key: StreamKey, start_s: float, end_s: float, audio: Audio = "all"
    ) -> list[VirtualMp4]:
        """`Recorder.mp4`."""
        return await self._open.mp4(key, start_s, end_s, audio)

    async def save_picture(self, picture_id: str, jpeg: bytes, wall_s: float) -> None:
        """`PictureStore.save`."""
        await self._open.pictures.save(picture_id, jpeg, wall_s)

    async def load_picture(self, picture_id: str, wall_s: float) -> bytes | None:
        """`PictureStore.load`."""
        return await self._open.pictures.load(picture_id, wall_s)

    @property
    def holds(self) -> Holds:
        """The holds of the directory."""
        return self._open.holds

    def outlook(self) -> Outlook | None:
        """How many days are kept and possible, as of the last minute; None while that is not known."""
        return self._recorder.forecast.current if self._recorder is not None else None

    def usage(self) -> Usage | None:
        """`Recorder.usage`; None while the directory is not open."""
        return self._recorder.usage() if self._recorder is not None else None

    @property
    def _open(self) -> Recorder:
        if self._recorder is None:
            raise StorageError(
                f"{self._root}: the recordings cannot be used now",
                remedy="See the faults on the page",
                params={"path": str(self._root)},
            )
        return self._recorder


class _Input:
    """Passes one stream's items to the recorder there is, if there is one."""

    def __init__(self, key: StreamKey):
        self.key = key
        self.recorder: MediaConsumer | None = None

    def push(self, item: MediaItem) -> None:
        if self.recorder is not None:
            self.recorder.push(item)

    def push_audio(self, unit: AudioUnit) -> None:
        if self.recorder is not None:
            self.recorder.push_audio(unit)
