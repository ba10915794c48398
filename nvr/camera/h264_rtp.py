"""H.264 in RTP: packets to access units and back. Pure.

Source: RFC 6184, non-interleaved mode: 5.6 single NAL unit, 5.7.1 STAP-A, 5.8 FU-A.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nvr.camera.rtp import parse_header
from nvr.camera.rtsp import Buffer
from nvr.camera.timeline import Timeline
from nvr.errors import ProtocolViolation, UnsupportedStream
from nvr.events import StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig, Discontinuity, MediaItem
from nvr.media.h264 import NAL_AUD, NAL_IDR, NAL_PPS, NAL_SEI, NAL_SLICE, NAL_SPS, codec_config

MAX_ACCESS_UNIT_BYTES = 8 << 20
MAX_PARTS = 20_000
STAP_A, FU_A = 24, 28


class H264Depacketizer:
    """Turns the RTP packets of one H.264 track, in sequence order, into access units.

    An access unit ends at the marker bit or where the timestamp changes. Where a sequence number is missing a
    Discontinuity("loss") is published and then nothing until an intact keyframe; so also nothing before the
    first. Parameter sets may come from the SDP, in band, or both; while their bytes stay the same every unit
    carries the same `CodecConfig` object. Further picture parameter sets with another id stay in the data.

    `publish` may be exchanged. `first_packet_s`, `last_packet_s`: arrival times, None before. `last_unit_s`:
    arrival of the last published unit. `config`: None until there are parameter sets.
    """

    def __init__(
        self,
        stream: StreamKey,
        payload_type: int,
        publish: Callable[[MediaItem], None],
        *,
        sps: bytes = b"",
        pps: bytes = b"",
    ):
        self.publish = publish
        self.first_packet_s: float | None = None
        self.last_packet_s: float | None = None
        self.last_unit_s: float | None = None
        self.config: CodecConfig | None = None
        self._stream, self._payload_type = stream, payload_type
        self._timeline = Timeline()
        self._sps, self._pps = sps.rstrip(b"\x00"), pps.rstrip(b"\x00")
        self._sets_changed = True
        self._sps_in_band = False
        self._next_sequence: int | None = None
        self._timestamp = 0
        self._wait_for_key = True
        # The access unit being put together. `_fragmented_at`: where in `_parts` the open FU-A stands, or -1.
        self._parts: list[Buffer] = []
        self._bytes = 0
        self._has_slice = self._is_key = self._damaged = False
        self._fragmented_at = -1

    def push(self, buffer: Buffer, start: int, end: int, at_s: float) -> None:
        """Take the packet `buffer[start:end]`, which arrived at `at_s`; packets of other types are ignored.

        Raises ProtocolViolation (packet number named), or UnsupportedStream for interleaved packetization.
        """
        marker, payload_type, sequence, timestamp, _, at, end = parse_header(buffer, start, end)
        if payload_type != self._payload_type:
            return
        if sequence != self._next_sequence:
            if self._next_sequence is None:
                self.first_packet_s = at_s
            self._reset_unit()
            self._lose(at_s)
            self._timestamp = timestamp
            self._damaged = not self._begins_picture(buffer, at, end)
        elif timestamp != self._timestamp:
            self._finish_unit()
            self._timestamp = timestamp
        self._next_sequence = sequence + 1 & 0xFFFF
        self.last_packet_s = at_s
        if at < end:
            kind = buffer[at] & 0x1F
            if kind == FU_A:
                self._add_fragment(buffer, at, end, sequence)
            else:
                self._close_fragmented()
                if kind == STAP_A:
                    self._add_aggregate(buffer, at + 1, end, sequence)
                elif 1 <= kind < STAP_A:
                    self._add_nal(buffer[at:end])
                elif kind not in (0, 30, 31):  # those are reserved, to be ignored
                    raise UnsupportedStream(
                        f"RTP packet {sequence}: H.264 payload structure {kind} of the interleaved mode"
                    )
        if marker:
            self._finish_unit()

    def _begins_picture(self, buffer: Buffer, at: int, end: int) -> bool:
        """Whether nothing of this packet's access unit was lost before the packet. Where parameter sets come in
        band, a changed one may be among what was lost, so then only a unit that begins with them will do."""
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
        return not self._sps_in_band and (kind in (NAL_SEI, NAL_PPS) or (kind <= NAL_IDR and first > 0x7F))

    def _add_fragment(self, buffer: Buffer, at: int, end: int, sequence: int) -> None:
        if end - at < 2:
            raise ProtocolViolation(f"RTP packet {sequence}: FU-A without a header")
        flags = buffer[at + 1]
        if flags & 0x80:
            self._close_fragmented()
            self._fragmented_at = len(self._parts)
            self._parts += (b"", bytes((buffer[at] & 0xE0 | flags & 0x1F,)))
        elif self._fragmented_at < 0:
            self._damage()
            return
        self._parts.append(buffer[at + 2 : end])
        self._count(end - at)
        if flags & 0x40:
            self._close_fragmented()

    def _close_fragmented(self) -> None:
        """The open FU-A is complete: no packet is missing, even where a camera forgets the end bit."""
        at = self._fragmented_at
        if at < 0:
            return
        self._fragmented_at = -1
        nal = self._parts[at + 1 :]
        kind = nal[0][0] & 0x1F
        if NAL_SLICE <= kind <= NAL_IDR:
            self._parts[at] = sum(map(len, nal)).to_bytes(4, "big")
            self._note(kind)
        else:
            del self._parts[at:]
            self._add_nal(b"".join(nal))

    def _add_aggregate(self, buffer: Buffer, at: int, end: int, sequence: int) -> None:
        while at < end:
            size = int.from_bytes(buffer[at : min(at + 2, end)], "big")
            at += 2
            if at + size > end:
                raise ProtocolViolation(f"RTP packet {sequence}: STAP-A runs past the end")
            if size:
                self._add_nal(buffer[at : at + size])
            at += size

    def _add_nal(self, nal: Buffer) -> None:
        kind = nal[0] & 0x1F
        if kind in (0, NAL_AUD) or kind >= STAP_A:
            return
        if kind in (NAL_SPS, NAL_PPS) and self._take_parameter_set(kind, bytes(nal).rstrip(b"\x00")):
            return
        self._parts += (len(nal).to_bytes(4, "big"), nal)
        self._count(len(nal))
        self._note(kind)

    def _note(self, kind: int) -> None:
        if kind <= NAL_IDR:
            self._has_slice = True
            if kind == NAL_IDR:
                self._is_key = True

    def _take_parameter_set(self, kind: int, nal: bytes) -> bool:
        """Keep an in-band parameter set; False if it must stay in the data."""
        if kind == NAL_SPS:
            self._sps_in_band = True
            self._sets_changed |= nal != self._sps
            self._sps = nal
            return True
        if self._pps and _pps_id(nal) != _pps_id(self._pps):
            return False
        self._sets_changed |= nal != self._pps
        self._pps = nal
        return True

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > MAX_ACCESS_UNIT_BYTES or len(self._parts) > MAX_PARTS:
            raise ProtocolViolation(f"a picture of more than {MAX_ACCESS_UNIT_BYTES} bytes")

    def _damage(self) -> None:
        """Part of the current unit is missing although no sequence number is."""
        if not self._damaged:
            self._damaged = True
            self._lose(self.last_packet_s or 0.0)

    def _lose(self, at_s: float) -> None:
        if not self._wait_for_key:
            self._wait_for_key = True
            self.publish(Discontinuity(self._stream, "loss", at_s))

    def _finish_unit(self) -> None:
        self._close_fragmented()
        if self._has_slice and not self._damaged:
            self._publish_unit()
        self._reset_unit()

    def _reset_unit(self) -> None:
        self._parts = []
        self._bytes = 0
        self._has_slice = self._is_key = self._damaged = False
        self._fragmented_at = -1

    def _publish_unit(self) -> None:
        config = self._current_config() if self._sets_changed else self.config
        if config is None or (self._wait_for_key and not self._is_key) or self.last_packet_s is None:
            return
        self._wait_for_key = False
        at_s = self.last_unit_s = self.last_packet_s
        pts_90k, jumped = self._timeline.place(self._timestamp, at_s)
        if jumped:
            self.publish(Discontinuity(self._stream, "timestamp", at_s))
        self.publish(AccessUnit(self._stream, config, b"".join(self._parts), pts_90k, self._is_key, at_s))

    def _current_config(self) -> CodecConfig | None:
        if not self._sps or not self._pps:
            return None
        try:
            self.config = codec_config(self._sps, self._pps)
        except ValueError as error:
            raise ProtocolViolation(f"H.264 parameter sets: {error}") from None
        self._sets_changed = False
        return self.config


def _pps_id(pps: bytes) -> int:
    """pic_parameter_set_id (ISO/IEC 14496-10, 7.3.2.2), an Exp-Golomb code of at most 17 bits."""
    value = int.from_bytes(pps[1:4].ljust(3, b"\x00"), "big")
    bits = format(value, "024b")
    zeros = len(bits) - len(bits.lstrip("0"))
    return -1 if zeros > 8 else int(bits[zeros : 2 * zeros + 1], 2) - 1


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
