"""H.265 in RTP: packets to access units and back. Pure.

Source: RFC 7798, without decoding order numbers: 4.4.1 single NAL unit, 4.4.2 aggregation packet, 4.4.3 fragmentation
unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nvr.camera.depacketizer import Depacketizer
from nvr.camera.rtsp import Buffer
from nvr.errors import ProtocolViolation, UnsupportedStream
from nvr.events import StreamKey
from nvr.media.access_unit import CodecConfig, MediaItem
from nvr.media.h265 import (
    HEADER_BYTES,
    NAL_AUD,
    NAL_BLA_N_LP,
    NAL_CRA,
    NAL_LAST_SLICE,
    NAL_PPS,
    NAL_PREFIX_SEI,
    NAL_RASL_N,
    NAL_RASL_R,
    NAL_SPS,
    NAL_VPS,
    codec_config,
    is_keyframe_type,
    nal_type,
)
from nvr.media.nal import exp_golomb_id

AGGREGATION, FRAGMENTATION, PACI = 48, 49, 50
_FU_HEADER_BYTES = HEADER_BYTES + 1
_PARAMETER_SETS = (NAL_VPS, NAL_SPS, NAL_PPS)


class H265Depacketizer(Depacketizer):
    """`Depacketizer` for H.265; `vps`, `sps`, `pps` from the SDP, empty where it has none.

    A stream may be entered at a CRA or BLA picture; the leading pictures behind it that refer to pictures before
    (RASL, 8.1.3) are left out then.
    """

    codec = "H.265"

    def __init__(
        self,
        stream: StreamKey,
        payload_type: int,
        publish: Callable[[MediaItem], None],
        *,
        vps: bytes = b"",
        sps: bytes = b"",
        pps: bytes = b"",
    ):
        super().__init__(stream, payload_type, publish)
        self._sets = {
            NAL_VPS: vps.rstrip(b"\x00"),
            NAL_SPS: sps.rstrip(b"\x00"),
            NAL_PPS: pps.rstrip(b"\x00"),
        }
        self._slice_type = 0
        self._skip_rasl = True

    def _begins_picture(self, buffer: Buffer, at: int, end: int) -> bool:
        kind, first = nal_type(buffer[at:end] or b"\x00"), at + HEADER_BYTES
        if kind == AGGREGATION:
            first += 2 + HEADER_BYTES  # the first unit's length and header
            kind = nal_type(buffer[first - HEADER_BYTES : end] or b"\x00")
        elif kind == FRAGMENTATION:
            if not buffer[first : first + 1] or not buffer[first] & 0x80:
                return False
            kind = buffer[first] & 0x3F
            first += 1
        if first >= end:
            return False
        if kind in (NAL_VPS, NAL_SPS, NAL_AUD):
            return True
        # The first bit of a slice is first_slice_segment_in_pic_flag.
        is_first_slice = kind <= NAL_LAST_SLICE and buffer[first] > 0x7F
        return not self._sets_in_band and (kind in (NAL_PPS, NAL_PREFIX_SEI) or is_first_slice)

    def _take_payload(self, buffer: Buffer, at: int, end: int, sequence: int) -> None:
        if end - at < HEADER_BYTES:
            raise ProtocolViolation(f"RTP packet {sequence}: NAL unit without a header")
        kind = buffer[at] >> 1 & 0x3F
        if kind == FRAGMENTATION:
            self._add_fragment(buffer, at, end, sequence)
            return
        self._close_fragmented()
        if kind < AGGREGATION:
            self._add_nal(buffer[at:end])
        elif kind == AGGREGATION:
            self._add_aggregated(buffer, at + HEADER_BYTES, end, sequence)
        elif kind == PACI:
            raise UnsupportedStream(f"RTP packet {sequence}: H.265 payload structure PACI")

    def _add_fragment(self, buffer: Buffer, at: int, end: int, sequence: int) -> None:
        if end - at < _FU_HEADER_BYTES:
            raise ProtocolViolation(f"RTP packet {sequence}: fragmentation unit without a header")
        flags = buffer[at + HEADER_BYTES]
        if flags & 0x80:
            self._open_fragmented(
                bytes((buffer[at] & 0x81 | (flags & 0x3F) << 1, buffer[at + 1])),
                bytes((buffer[at], buffer[at + 1], flags & 0x3F)),
            )
        self._continue_fragmented(buffer[at + _FU_HEADER_BYTES : end])
        if flags & 0x40:
            self._close_fragmented()

    def _add_nal(self, nal: Buffer) -> None:
        if len(nal) <= HEADER_BYTES or (nal[0] & 1) << 5 | nal[1] >> 3:
            return  # empty, or of a further layer (another view, a higher resolution)
        kind = nal_type(nal)
        if kind == NAL_AUD or kind >= AGGREGATION:
            return
        if kind in _PARAMETER_SETS and self._take_parameter_set(kind, bytes(nal).rstrip(b"\x00")):
            return
        self._add_part(nal)
        self._note_slice(nal)

    def _note_slice(self, header: Buffer) -> bool:
        kind = nal_type(header)
        if kind > NAL_LAST_SLICE:
            return False
        self._has_slice = True
        self._slice_type = kind
        self._is_key |= is_keyframe_type(kind)
        return True

    def _accepts_unit(self) -> bool:
        if self._is_key:
            # A BLA never has what its leading pictures refer to, a CRA only when it continues a stream.
            self._skip_rasl = self._slice_type <= NAL_BLA_N_LP or (
                self._slice_type == NAL_CRA and self._wait_for_key
            )
        return not (self._skip_rasl and self._slice_type in (NAL_RASL_N, NAL_RASL_R))

    def _take_parameter_set(self, kind: int, nal: bytes) -> bool:
        """Keep an in-band parameter set; False if it must stay in the data."""
        known = self._sets[kind]
        if kind == NAL_PPS:
            body, other = nal[HEADER_BYTES:], known[HEADER_BYTES:]
            if known and exp_golomb_id(body) != exp_golomb_id(other):
                return False
        elif kind == NAL_SPS:
            self._sets_in_band = True
        self._sets_changed |= nal != known
        self._sets[kind] = nal
        return True

    def _make_config(self) -> CodecConfig | None:
        vps, sps, pps = (self._sets[kind] for kind in _PARAMETER_SETS)
        return codec_config(vps, sps, pps) if vps and sps and pps else None


def packetize(nals: Iterable[Buffer | memoryview], max_payload: int) -> list[bytes]:
    """RTP payloads of at most `max_payload` (at least 4) bytes for the NAL units of one access unit, in order:
    each unit as it is, or in fragmentation units. Empty units are left out."""
    payloads: list[bytes] = []
    room = max_payload - _FU_HEADER_BYTES
    for nal in nals:
        if len(nal) <= HEADER_BYTES:
            continue
        if len(nal) <= max_payload:
            payloads.append(bytes(nal))
            continue
        header, kind = bytes((nal[0] & 0x81 | FRAGMENTATION << 1, nal[1])), nal_type(nal)
        for at in range(HEADER_BYTES, len(nal), room):
            flags = (0x80 if at == HEADER_BYTES else 0) | (0x40 if at + room >= len(nal) else 0)
            payloads.append(header + bytes((flags | kind,)) + nal[at : at + room])
    return payloads
