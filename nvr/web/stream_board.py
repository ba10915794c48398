"""What is known of every stream now; app.py fills it from the cameras' tasks."""

from __future__ import annotations

from collections.abc import Callable

from nvr.events import StreamKey, StreamStatus


class StreamBoard:
    """The latest `StreamStatus` of each stream. One event loop."""

    def __init__(self) -> None:
        self._streams: dict[StreamKey, StreamStatus] = {}
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change; it must neither block nor raise."""
        self._listeners.append(listener)

    def set(self, status: StreamStatus) -> None:
        """Replace what is known of `status.key`."""
        if self._streams.get(status.key) != status:
            self._streams[status.key] = status
            for listener in self._listeners:
                listener()

    def get(self, key: StreamKey) -> StreamStatus:
        """The latest status; "connecting" since 0.0 where nothing was ever told."""
        return self._streams.get(key) or StreamStatus(key, "connecting", 0.0)
