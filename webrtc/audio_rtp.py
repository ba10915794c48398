"""RTP of G.711 (RFC 3551, 4.5.14) with a clock of 8 kHz. Pure.

As with video, packets are made with payload type 0 and the source's own numbers; `rtp.readdress` makes them a
listener's.
"""

from __future__ import annotations

import struct

from webrtc.frames import EncodedAudio

SAMPLES_MAX = 960
"""In one packet: 120 ms, what browsers take."""
SLACK_8K = 400
"""Units follow each other without a gap unless their times say otherwise by more than 50 ms."""
GAP_MAX_8K = 10 * 8000

_HEADER = struct.Struct("!BBHII")


def packetize(data: bytes, *, first_seq: int, time_8k: int, ssrc: int) -> list[bytes]:
    """`data`, a byte for each sample, the first at RTP time `time_8k` (any integer; taken modulo 2^32)."""
    return [
        _HEADER.pack(0x80, 0, (first_seq + index) & 0xFFFF, (time_8k + at) & 0xFFFFFFFF, ssrc)
        + data[at : at + SAMPLES_MAX]
        for index, at in enumerate(range(0, len(data), SAMPLES_MAX))
    ]


class AudioClock:
    """Turns `pts_90k` of any origin into RTP time of 8 kHz that begins at 0 and never goes back. Time is an argument.

    What follows without a gap is numbered without one, sample by sample. Where `pts_90k` jumps back or far ahead (the
    camera came with a new origin), time goes on by what has passed.
    """

    def __init__(self) -> None:
        self._offset_8k: int | None = None
        self._next_8k = 0
        self._last_at_s = 0.0

    def time_8k(self, unit: EncodedAudio, now_s: float) -> int:
        """The time of the first sample of `unit`, handed over at `now_s` of a monotonic clock."""
        own_8k = round(unit.pts_90k * 4 / 45)
        if self._offset_8k is None:
            self._offset_8k = -own_8k
        ahead_8k = own_8k + self._offset_8k - self._next_8k
        if not -SLACK_8K <= ahead_8k <= GAP_MAX_8K:
            passed_8k = max(0, round((now_s - self._last_at_s) * 8000) - len(unit.data))
            self._offset_8k = self._next_8k + passed_8k - own_8k
            ahead_8k = passed_8k
        time_8k = self._next_8k + (ahead_8k if ahead_8k > SLACK_8K else 0)
        self._next_8k = time_8k + len(unit.data)
        self._last_at_s = now_s
        return time_8k
