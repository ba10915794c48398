"""H.264 in RTP: packets to access units and back. Pure.

Source: RFC 6184, non-interleaved mode: 5.6 single NAL unit, 5.7.1 STAP-A, 5.8 FU-A.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nvr.camera.depacketizer import Depacketizer
from nvr.camera.rtsp import Buffer
from nvr.errors import ProtocolViolation, UnsupportedStream
from nvr.events import StreamKey
from nvr.media.access_unit import CodecConfig, MediaItem
from nvr.media.h264 import NAL_AUD, NAL_IDR, NAL_PPS, NAL_SEI, NAL_SLICE, NAL_SPS, codec_config
from nvr.media.nal import exp_golomb_id

STAP_A, FU_A = 24, 28


class H264Depacketizer(Depacketizer):
    """`Depacketizer` for H.264; `sps`, `pps` from the SDP, empty where it has none."""

    codec = "H.264"

    def __init__(
        self,
        stream: StreamKey,
        payload_type: int,
        publish: Callable[[MediaItem], None],
        *,
        sps: bytes = b"",
        pps: bytes = b"",
    ):
        super().__init__(stream, payload_type, publish)
        self._sps, self._pps = sps.rstrip(b"\x00"), pps.rstrip(b"\x00")

    def _begins_picture(self, buffer: Buffer, at: int, end: int) -> bool:
        if end - at < 3:
            return False
        kind = buffer[at] & 0x1F
        if kind == STAP_A and end - at > 4:
            kind, first = buffer[at + 3] & 0x1F, buffer[at + 4]
        elif kind == FU_A:
            if not buffer[at + 1] & 0x80:
                return False
            kind, first = buffer[at + 1] & 0x1F, buffer[at + 2]
        else:
            first = buffer[at + 1]
        if kind in (NAL_SPS, NAL_AUD):
            return True
        # The first bit of a slice is 1 where first_mb_in_slice is 0.
        return not self._sets_in_band and (kind in (NAL_SEI, NAL_PPS) or (kind <= NAL_IDR and first > 0x7F))

    def _take_payload(self, buffer: Buffer, at: int, end: int, sequence: int) -> None:
        kind = buffer[at] & 0x1F
        if kind == FU_A:
            self._add_fragment(buffer, at, end, sequence)
            return
        self._close_fragmented()
        if kind == STAP_A:
            self._add_aggregated(buffer, at + 1, end, sequence)
        elif 1 <= kind < STAP_A:
            self._add_nal(buffer[at:end])
        elif kind not in (0, 30, 31):  # those are reserved, to be ignored
            raise UnsupportedStream(
                f"RTP packet {sequence}: H.264 payload structure {kind} of the interleaved mode"
            )

    def _add_fragment(self, buffer: Buffer, at: int, end: int, sequence: int) -> None:
        if end - at < 2:
            raise ProtocolViolation(f"RTP packet {sequence}: FU-A without a header")
        flags = buffer[at + 1]
        if not flags & 0xC0 and self._fragmented_at >= 0:  # neither start nor end, as most are
            self._parts.append(buffer[at + 2 : end])
            self._count(end - at - 2)
            return
        if flags & 0x80:
            self._open_fragmented(
                bytes((buffer[at] & 0xE0 | flags & 0x1F,)), bytes((buffer[at], flags & 0x3F))
            )
        self._continue_fragmented(buffer[at + 2 : end])
        if flags & 0x40:
            self._close_fragmented()

    def _add_nal(self, nal: Buffer) -> None:
        kind = nal[0] & 0x1F
        if kind in (0, NAL_AUD) or kind >= STAP_A:
            return
        if kind in (NAL_SPS, NAL_PPS) and self._take_parameter_set(kind, bytes(nal).rstrip(b"\x00")):
            return
        self._add_part(nal)
        self._note_slice(nal)

    def _note_slice(self, header: Buffer) -> bool:
        kind = header[0] & 0x1F
        if not NAL_SLICE <= kind <= NAL_IDR:
            return False
        self._has_slice = True
        self._is_key |= kind == NAL_IDR
        return True

    def _take_parameter_set(self, kind: int, nal: bytes) -> bool:
        """Keep an in-band parameter set; False if it must stay in the data."""
        if kind == NAL_SPS:
            self._sets_in_band = True
            self._sets_changed |= nal != self._sps
            self._sps = nal
            return True
        if self._pps and exp_golomb_id(nal[1:]) != exp_golomb_id(self._pps[1:]):
            return False
        self._sets_changed |= nal != self._pps
        self._pps = nal
        return True

    def _make_config(self) -> CodecConfig | None:
        return codec_config(self._sps, self._pps) if self._sps and self._pps else None


def packetize(nals: Iterable[Buffer | memoryview], max_payload: int) -> list[bytes]:
    """RTP payloads of at most `max_payload` (at least 3) bytes for the NAL units of one access unit, in order:
    each unit as it is, or in FU-A fragments. Empty units are left out."""
    payloads: list[bytes] = []
    room = max_payload - 2
    for nal in nals:
        if not nal:
            continue
        if len(nal) <= max_payload:
            payloads.append(bytes(nal))
            continue
        indicator, kind = nal[0] & 0xE0 | FU_A, nal[0] & 0x1F
        for at in range(1, len(nal), room):
            flags = (0x80 if at == 1 else 0) | (0x40 if at + room >= len(nal) else 0)
            payloads.append(bytes((indicator, flags | kind)) + nal[at : at + room])
    return payloads
