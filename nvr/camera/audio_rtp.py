"""RTP packets to audio frames: AAC and G.711. Pure.

Sources: RFC 3640, 3.2 and 3.3 (AAC-lbr, AAC-hbr), RFC 3551, 4.5.14 (G.711). Recording video never depends on this: a
packet that makes no sense is dropped and counted, not raised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nvr.camera.rtp import parse_header
from nvr.camera.rtsp import Buffer
from nvr.errors import ProtocolViolation
from nvr.media.audio import AudioConfig

MAX_FRAMES = 64
"""In one packet."""
Place = Callable[[int, int, float], int | None]
"""(RTP timestamp, samples that follow it in the packet, arrival) -> pts in 1/90000 s, None while there is none."""
Publish = Callable[[AudioConfig, bytes, int, int, float], None]
"""Takes (config, frame, pts in 1/90000 s, samples, arrival)."""


@dataclass(frozen=True, slots=True)
class AuHeaders:
    """Widths in bits of the fields of an AU header (RFC 3640, 4.1): `sizelength`, and `indexlength` or
    `indexdeltalength`."""

    size: int = 13
    index: int = 3
    index_delta: int = 3


class AudioDepacketizer:
    """Turns the RTP packets of one audio track, in sequence order, into frames. `headers` None: G.711.

    A frame of which a packet is missing is left out; time goes on by the timestamps. `dropped`: packets that were
    damaged. Raises nothing.
    """

    def __init__(
        self,
        payload_type: int,
        config: AudioConfig,
        place: Place,
        publish: Publish,
        *,
        headers: AuHeaders | None = None,
    ):
        self.dropped = 0
        self._payload_type, self._config, self._headers = payload_type, config, headers
        self._place, self._publish = place, publish
        self._next_sequence: int | None = None
        self._frame_samples = config.frame_samples
        # A frame in several packets: its bytes so far, its size, its timestamp.
        self._parts = bytearray()
        self._size = self._timestamp = 0

    def push(self, buffer: Buffer, start: int, end: int, at_s: float) -> None:
        """Take the packet `buffer[start:end]`, which arrived at `at_s`; packets of other types are ignored."""
        try:
            _, payload_type, sequence, timestamp, _, at, end = parse_header(buffer, start, end)
            if payload_type != self._payload_type:
                return
            if self._next_sequence is not None and sequence != self._next_sequence:
                if (sequence - self._next_sequence & 0xFFFF) == 0xFFFF:
                    return  # the same once more
                self._size = 0
            self._next_sequence = sequence + 1 & 0xFFFF
            if at >= end:
                return
            if self._headers is None:
                self._take_g711(bytes(buffer[at:end]), timestamp, at_s)
            else:
                self._take_aac(buffer, at, end, timestamp, self._headers, at_s)
        except (ProtocolViolation, ValueError):
            self.dropped += 1
            self._size = 0

    def _take_g711(self, data: bytes, timestamp: int, at_s: float) -> None:
        samples = len(data) // self._config.channels
        if not samples:
            raise ValueError("less than a sample")
        self._emit([data[: samples * self._config.channels]], samples, timestamp, at_s)

    def _take_aac(
        self, buffer: Buffer, at: int, end: int, timestamp: int, headers: AuHeaders, at_s: float
    ) -> None:
        header_bits = int.from_bytes(buffer[at : at + 2], "big")
        data_at = at + 2 + (header_bits + 7) // 8
        if end - at < 2 or data_at > end or header_bits > 8 * 4 * MAX_FRAMES:
            raise ValueError("AU headers run past the end")
        sizes = _au_sizes(
            int.from_bytes(buffer[at + 2 : data_at], "big"), data_at - at - 2, header_bits, headers
        )
        if len(sizes) == 1 and (sizes[0] > end - data_at or self._size):
            self._take_fragment(bytes(buffer[data_at:end]), sizes[0], timestamp, at_s)
            return
        self._size = 0
        if sum(sizes) > end - data_at:
            raise ValueError("AUs run past the end")
        frames = []
        for size in sizes:
            frames.append(bytes(buffer[data_at : data_at + size]))
            data_at += size
        self._emit(frames, self._frame_samples, timestamp, at_s)

    def _take_fragment(self, data: bytes, size: int, timestamp: int, at_s: float) -> None:
        """Each part of a fragmented AU comes with the size of the whole."""
        if not self._size or timestamp != self._timestamp or size != self._size:
            self._parts = bytearray()
            self._size, self._timestamp = size, timestamp
        self._parts += data
        if len(self._parts) < size:
            return
        frame, self._size = bytes(self._parts[:size]), 0
        self._emit([frame], self._frame_samples, timestamp, at_s)

    def _emit(self, frames: list[bytes], samples: int, timestamp: int, at_s: float) -> None:
        """`samples`: in each frame."""
        for number, frame in enumerate(frames):
            following = (len(frames) - number) * samples
            pts_90k = self._place(timestamp + number * samples & 0xFFFF_FFFF, following, at_s)
            if pts_90k is not None and frame:
                self._publish(self._config, frame, pts_90k, samples, at_s)


def _au_sizes(bits: int, size_bytes: int, header_bits: int, headers: AuHeaders) -> list[int]:
    """Sizes of the AUs; `bits` are the bytes of the AU header section, of which `header_bits` count. Raises ValueError:
    interleaved, too many, or they do not fill the section."""
    left = header_bits
    bits >>= 8 * size_bytes - header_bits
    sizes: list[int] = []
    index_bits = headers.index
    while left > 0:
        left -= headers.size + index_bits
        if left < 0 or len(sizes) == MAX_FRAMES:
            raise ValueError("AU header section of a strange length")
        header = bits >> left & (1 << headers.size + index_bits) - 1
        if sizes and header & (1 << index_bits) - 1:
            raise ValueError("interleaved AUs")
        sizes.append(header >> index_bits)
        index_bits = headers.index_delta
    if not sizes:
        raise ValueError("no AU header")
    return sizes
