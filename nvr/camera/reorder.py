"""RTP datagrams back in the order in which they were sent. Pure."""

from __future__ import annotations

from nvr.camera.rtsp import Sink

MAX_PACKETS = 16
MAX_WAIT_S = 0.1


class ReorderBuffer:
    """Hands packets to `sink` in sequence order, without duplicates.

    A packet that is ahead of a missing one waits, until the missing one comes, `MAX_PACKETS` wait, or the first of
    them has waited `MAX_WAIT_S`: then the missing one is given up (the depacketizer sees the hole) and, should it
    still come, dropped. `MAX_PACKETS` packets in a row from behind mean that the camera counts anew.
    """

    def __init__(self, sink: Sink):
        self._sink = sink
        self._next: int | None = None
        self._waiting: dict[int, tuple[bytes, float]] = {}
        self._behind = 0

    @property
    def due_s(self) -> float | None:
        """When `expire` has to be called next; None: nothing waits."""
        return min(at_s for _, at_s in self._waiting.values()) + MAX_WAIT_S if self._waiting else None

    def push(self, packet: bytes, sequence: int, at_s: float) -> None:
        """Take a packet that arrived at `at_s`. Raises what the sink raises."""
        if self._next is None:
            self._next = sequence
        ahead = sequence - self._next & 0xFFFF
        if ahead == 0 and not self._waiting:  # nearly always
            self._behind = 0
            self._next = sequence + 1 & 0xFFFF
            self._sink(packet, 0, len(packet), at_s)
            return
        if ahead >= 0x8000:
            self._behind += 1
            if self._behind < MAX_PACKETS:
                return
            while self._waiting:
                self._give_up_missing()
            self._next = sequence
        self._behind = 0
        self._waiting.setdefault(sequence, (packet, at_s))
        self._deliver()
        if len(self._waiting) > MAX_PACKETS:
            self._give_up_missing()

    def expire(self, now_s: float) -> None:
        """Give up what has been waited for long enough. Raises what the sink raises."""
        while (due_s := self.due_s) is not None and due_s <= now_s:
            self._give_up_missing()

    def _give_up_missing(self) -> None:
        """Go on with the first packet that waits."""
        start = self._next or 0
        self._next = min(self._waiting, key=lambda sequence: sequence - start & 0xFFFF)
        self._deliver()

    def _deliver(self) -> None:
        while self._next in self._waiting:
            packet, at_s = self._waiting.pop(self._next)
            self._next = self._next + 1 & 0xFFFF
            self._sink(packet, 0, len(packet), at_s)
