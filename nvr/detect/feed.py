"""What one camera's stream sends to the analysis process: every picture, or its keyframes alone."""

from __future__ import annotations

from typing import Protocol

from nvr.detect.protocol import MAX_UNIT, Parameters, ToWorker, Unit
from nvr.media.access_unit import AccessUnit, CodecConfig, MediaItem
from nvr.media.hub import StreamHub

MAX_WAITING_BYTES = 1 << 20
"""Of all cameras, not yet taken by the socket."""


class Recipient(Protocol):
    """The worker, as `nvr.detect.process.WorkerProcess` is."""

    @property
    def waiting_bytes(self) -> int:
        """What was sent and not taken yet."""
        ...

    def send(self, message: ToWorker) -> None:
        """Queue a message; never waits."""
        ...


class Feed:
    """A consumer of the camera's hub.

    Drop policy: while more than MAX_WAITING_BYTES wait for the worker nothing is sent; the next picture is then a
    keyframe. Pictures of a camera that is not `whole` are dropped here, where that costs nothing.
    """

    def __init__(self, worker: Recipient, index: int, stream: StreamHub):
        self.index, self.is_whole = index, False
        self._worker, self._stream = worker, stream
        self._overflowed = False
        self._wait_for_key = True
        self._config: CodecConfig | None = None

    def start(self, *, whole: bool) -> None:
        """Begin with what the hub has of the present GOP."""
        self.is_whole = whole
        self._stream.attach(self)
        for unit in self._stream.gop if whole else self._stream.gop[:1]:
            self.push(unit)

    def stop(self) -> None:
        self._stream.detach(self)

    def set_whole(self, whole: bool) -> None:
        """From now on every picture, with those since the last keyframe; or only keyframes."""
        if whole and not self.is_whole:
            self.is_whole = True
            self._wait_for_key = True
            for unit in self._stream.gop:
                self.push(unit)
        self.is_whole = whole

    def take_overflow(self) -> bool:
        """Whether something was not sent since the last call because the worker is behind."""
        overflowed, self._overflowed = self._overflowed, False
        return overflowed

    def push(self, item: MediaItem) -> None:
        if not isinstance(item, AccessUnit):
            self._wait_for_key = True
            return
        if not item.is_key and (self._wait_for_key or not self.is_whole):
            return
        is_behind = self._worker.waiting_bytes > MAX_WAITING_BYTES
        self._overflowed = self._overflowed or is_behind
        self._wait_for_key = is_behind or len(item.data) > MAX_UNIT
        if self._wait_for_key:
            return
        if item.config is not self._config:
            self._config = config = item.config
            self._worker.send(Parameters(self.index, config.codec, config.sps, config.pps, config.vps))
        self._worker.send(
            Unit(self.index, item.is_key, item.received_mono_s, item.data, alone=not self.is_whole)
        )
