"""What one camera's stream sends to the analysis process: every picture, or its keyframes alone."""

from __future__ import annotations

from typing import Protocol

from nvr.detect.gop import GopMeter
from nvr.detect.messages.protocol import MAX_UNIT, Parameters, ToWorker, Unit
from nvr.media.access_unit import AccessUnit, CodecConfig, MediaItem
from nvr.media.hub import StreamHub

MAX_WAITING_BYTES = 1 << 20
"""Of all cameras, not yet taken by the socket."""
MAX_WAITING_SHARE = 0.25
"""Of that, for cameras that do not come first."""
KEYFRAME_EVERY_S = 2.0
KEYFRAME_SLACK_S = 0.2
"""Keyframes come a little early and late."""


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

    Drop policy: while more than MAX_WAITING_BYTES wait for the worker nothing is sent, or already while a share of that
    does, unless the camera `is_first`; the next picture is then a keyframe. Of a camera that is not `whole` a keyframe
    every KEYFRAME_EVERY_S is sent at the most; the others are dropped here, where that costs nothing.
    """

    def __init__(self, worker: Recipient, index: int, stream: StreamHub, gop: GopMeter | None = None):
        self.index, self.is_whole, self.is_first = index, False, False
        self.gop = gop or GopMeter()
        self._worker, self._stream = worker, stream
        self._overflowed, self._arrived = False, 0
        self._wait_for_key = True
        self._keyframe_s = float("-inf")
        self._config: CodecConfig | None = None

    def start(self, *, whole: bool) -> None:
        """Begin with what the hub has of the present GOP."""
        self.is_whole = whole
        self._stream.attach(self)
        for unit in self._stream.gop if whole else self._stream.gop[:1]:
            self._send(unit, is_old=True)

    def stop(self) -> None:
        self._stream.detach(self)

    def set_whole(self, whole: bool) -> None:
        """From now on every picture, with those since the last keyframe; or only keyframes."""
        if whole and not self.is_whole:
            self.is_whole = True
            self._wait_for_key = True
            for unit in self._stream.gop:
                self._send(unit, is_old=True)
        self.is_whole = whole

    def take_overflow(self) -> bool:
        """Whether something was not sent since the last call because the worker is behind."""
        overflowed, self._overflowed = self._overflowed, False
        return overflowed

    def take_arrived(self) -> int:
        """How many pictures came from the camera since the last call."""
        arrived, self._arrived = self._arrived, 0
        return arrived

    def push(self, item: MediaItem) -> None:
        if not isinstance(item, AccessUnit):
            self._wait_for_key = True
            self.gop.gap()
            return
        self._arrived += 1
        self.gop.picture(item.received_mono_s, is_key=item.is_key)
        self._send(item)

    def _send(self, item: AccessUnit, *, is_old: bool = False) -> None:
        if not self.is_whole and not self._is_due(item):
            return
        if not item.is_key and self._wait_for_key:
            return
        limit = MAX_WAITING_BYTES if self.is_first else MAX_WAITING_BYTES * MAX_WAITING_SHARE
        is_behind = self._worker.waiting_bytes > limit
        self._overflowed = self._overflowed or is_behind
        self._wait_for_key = is_behind or len(item.data) > MAX_UNIT
        if self._wait_for_key:
            return
        if item.is_key:
            self._keyframe_s = item.received_mono_s
        if item.config is not self._config:
            self._config = config = item.config
            self._worker.send(Parameters(self.index, config.codec, config.sps, config.pps, config.vps))
        alone = not self.is_whole
        self._worker.send(
            Unit(self.index, item.is_key, item.received_mono_s, item.data, alone=alone, is_old=is_old)
        )

    def _is_due(self, item: AccessUnit) -> bool:
        """Whether it is a keyframe, long enough after the last."""
        due_s = self._keyframe_s + KEYFRAME_EVERY_S - KEYFRAME_SLACK_S
        return item.is_key and item.received_mono_s >= due_s
