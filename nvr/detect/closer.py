"""The service's part in a closer look: the next keyframe of a camera's main stream, when the worker asks for one."""

from __future__ import annotations

from nvr.detect.feed import MAX_WAITING_BYTES, Recipient
from nvr.detect.messages.protocol import MAX_CLOSER, CloserLook
from nvr.media.access_unit import AccessUnit, MediaItem
from nvr.media.hub import StreamHub

PATIENCE_S = 3.0
"""A wish is forgotten where no keyframe comes for so long."""
LARGE_LINES = 720
"""An analysed stream with so many lines shows enough."""
MORE = 1.3
"""So many times the lines of the analysed stream are worth a look."""


class CloserFeed:
    """A consumer of the camera's main stream while a keyframe of it is wanted.

    The next one is sent, not the last: what moves has gone on since then.
    """

    def __init__(self, worker: Recipient, index: int, main: StreamHub, analysed: StreamHub):
        self._worker, self._index, self._main, self._analysed = worker, index, main, analysed
        self._until_s: float | None = None

    def ask(self, now_s: float) -> None:
        """Send the next keyframe, if it shows more than the analysed stream does."""
        if self._shows_more and self._until_s is None:
            self._main.attach(self)
            self._until_s = now_s + PATIENCE_S

    def stop(self) -> None:
        self._main.detach(self)
        self._until_s = None

    def push(self, item: MediaItem) -> None:
        if self._until_s is None or not isinstance(item, AccessUnit):
            return
        if item.is_key and len(item.data) <= MAX_CLOSER and self._worker.waiting_bytes <= MAX_WAITING_BYTES:
            sets = (item.config.vps, item.config.sps, item.config.pps)
            self._worker.send(
                CloserLook(self._index, item.received_mono_s, item.config.codec, *sets, item.data)
            )
            self.stop()
        elif item.received_mono_s > self._until_s:
            self.stop()

    @property
    def _shows_more(self) -> bool:
        main, analysed = self._main.config, self._analysed.config
        if main is None or analysed is None:
            return False
        return analysed.height < LARGE_LINES and main.height >= MORE * analysed.height
