"""RTP packets to access units: what H.264 and H.265 have in common. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from struct import Struct

from nvr.camera.rtp import FIXED, HEADER_BYTES, PLAIN, parse_header
from nvr.camera.rtsp import FRAME_PREFIX_BYTES, Buffer
from nvr.camera.timeline import Timeline
from nvr.errors import ProtocolViolation
from nvr.events import StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig, Discontinuity, MediaItem

MAX_ACCESS_UNIT_BYTES = 8 << 20
MAX_PARTS = 20_000


class Depacketizer(ABC):
    """Turns the RTP packets of one video track, in sequence order, into access units.

    An access unit ends at the marker bit or where the timestamp changes. Where a sequence number is missing a
    Discontinuity("loss") is published and then nothing until an intact keyframe; so also nothing before the
    first. Parameter sets may come from the SDP, in band, or both; while their bytes stay the same every unit
    carries the same `CodecConfig` object. Further picture parameter sets with another id stay in the data.

    `publish` may be exchanged. `first_packet_s`, `last_packet_s`: arrival times, None before. `last_unit_s`:
    arrival of the last published unit. `config`: None until there are parameter sets.

    A subclass knows its codec's payload structures and NAL units; it collects the unit's parts by `_add_part`,
    `_open_fragmented`, `_continue_fragmented`, `_note_slice`, and sets `_sets_changed` with new parameter sets.
    """

    codec: str
    """As people write it."""

    def __init__(self, stream: StreamKey, payload_type: int, publish: Callable[[MediaItem], None]):
        self.publish = publish
        self.first_packet_s: float | None = None
        self.last_packet_s: float | None = None
        self.last_unit_s: float | None = None
        self.config: CodecConfig | None = None
        self._stream, self._payload_type = stream, payload_type
        self._timeline = Timeline()
        self._sets_changed = True
        self._sets_in_band = False
        self._next_sequence: int | None = None
        self._timestamp = 0
        self._wait_for_key = True
        # The access unit being put together. `_fragmented_at`: where in `_parts` the open fragments stand, or -1.
        self._parts: list[Buffer] = []
        self._bytes = 0
        self._has_slice = self._is_key = self._damaged = False
        self._fragmented_at = -1
        # What precedes the data in each further fragment but the last, and the layout of such packets of one size.
        self._fragment_header = b""
        self._run_bytes = 0
        self._run_layout = Struct("")

    def push(self, buffer: Buffer, start: int, end: int, at_s: float) -> None:
        """Take the packet `buffer[start:end]`, which arrived at `at_s`; packets of other types are ignored.

        Raises ProtocolViolation (packet number named), or UnsupportedStream for interleaved packetization.
        """
        at = start + HEADER_BYTES
        if at < end and buffer[start] == PLAIN:  # done here, because it is for 12,000 packets a second
            _, kind, sequence, timestamp, _ = FIXED.unpack_from(buffer, start)
            marker, payload_type = kind > 0x7F, kind & 0x7F
        else:
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
            self._take_payload(buffer, at, end, sequence)
        if marker:
            self._finish_unit()

    def push_run(self, buffer: Buffer, start: int, end: int, at_s: float) -> int:
        """As `nvr.camera.rtsp.Run`: take packets that continue the open fragmented NAL unit and neither end it nor have
        anything optional. A picture comes in some eight packets of which all but the first and last are such, and this
        takes a quarter of the time of `push`. Raises ProtocolViolation."""
        header, stride = self._fragment_header, end - start
        data_bytes = stride - FRAME_PREFIX_BYTES - HEADER_BYTES - len(header)
        if self._fragmented_at < 0 or data_bytes <= 0:
            return 0
        if stride != self._run_bytes:
            self._run_bytes = stride
            self._run_layout = Struct(f">IHHII{len(header)}s{data_bytes}s")
        prefix = int.from_bytes(buffer[start : start + FRAME_PREFIX_BYTES], "big")
        kind, timestamp, parts = PLAIN << 8 | self._payload_type, self._timestamp, self._parts
        sequence, taken = self._next_sequence or 0, 0
        follow = memoryview(buffer)[end : end + (len(buffer) - end) // stride * stride]
        for of_frame, of_packet, number, time, _, of_data, data in self._run_layout.iter_unpack(follow):
            if (of_frame, of_packet, number, time, of_data) != (prefix, kind, sequence, timestamp, header):
                break
            parts.append(data)
            sequence = sequence + 1 & 0xFFFF
            taken += 1
        self._next_sequence = sequence
        self.last_packet_s = at_s
        self._count(taken * data_bytes)
        return taken

    def pts_of(self, timestamp: int) -> int | None:
        """pts in 1/90000 s of an RTP timestamp near that of the last published unit; None before the first."""
        return self._timeline.at(timestamp)

    @abstractmethod
    def _begins_picture(self, buffer: Buffer, at: int, end: int) -> bool:
        """Whether nothing of this packet's access unit was lost before the packet. Where parameter sets come in
        band, a changed one may be among what was lost, so then only a unit that begins with them will do."""

    @abstractmethod
    def _take_payload(self, buffer: Buffer, at: int, end: int, sequence: int) -> None:
        """Take the payload `buffer[at:end]`, which is not empty."""

    @abstractmethod
    def _add_nal(self, nal: Buffer) -> None:
        """Take a whole NAL unit, which is not empty."""

    @abstractmethod
    def _note_slice(self, header: Buffer) -> bool:
        """Note what the slice with this NAL unit header means for the unit; False: it is no slice."""

    @abstractmethod
    def _make_config(self) -> CodecConfig | None:
        """From the parameter sets, None if some are missing. Raises ValueError where they are malformed."""

    def _accepts_unit(self) -> bool:
        """Whether the complete, undamaged access unit may be published; not asked while a keyframe is awaited."""
        return True

    def _add_part(self, nal: Buffer) -> None:
        """Add a whole NAL unit to the access unit."""
        self._parts += (len(nal).to_bytes(4, "big"), nal)
        self._count(len(nal))

    def _open_fragmented(self, header: bytes, fragment_header: bytes) -> None:
        """A fragmented NAL unit with this header begins; `fragment_header`: of its further fragments."""
        self._close_fragmented()
        self._fragment_header = fragment_header
        self._fragmented_at = len(self._parts)
        self._parts += (b"", header)

    def _continue_fragmented(self, data: Buffer) -> None:
        """The next bytes of the open NAL unit; without one the access unit is damaged."""
        if self._fragmented_at < 0:
            self._damage()
            return
        self._parts.append(data)
        self._count(len(data))

    def _close_fragmented(self) -> None:
        """The open NAL unit, if there is one, is complete: no packet is missing, even where a camera forgets the
        end bit."""
        at = self._fragmented_at
        if at < 0:
            return
        self._fragmented_at = -1
        nal = self._parts[at + 1 :]
        if self._note_slice(nal[0]):
            self._parts[at] = sum(map(len, nal)).to_bytes(4, "big")
        else:
            del self._parts[at:]
            self._add_nal(b"".join(nal))

    def _add_aggregated(self, buffer: Buffer, at: int, end: int, sequence: int) -> None:
        """The NAL units of an aggregation packet, each behind its length in 2 bytes."""
        while at < end:
            size = int.from_bytes(buffer[at : min(at + 2, end)], "big")
            at += 2
            if at + size > end:
                raise ProtocolViolation(f"RTP packet {sequence}: aggregation packet runs past the end")
            if size:
                self._add_nal(buffer[at : at + size])
            at += size

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
        if not self._accepts_unit():
            return
        self._wait_for_key = False
        at_s = self.last_unit_s = self.last_packet_s
        pts_90k, jumped = self._timeline.place(self._timestamp, at_s)
        if jumped:
            self.publish(Discontinuity(self._stream, "timestamp", at_s))
        self.publish(AccessUnit(self._stream, config, b"".join(self._parts), pts_90k, self._is_key, at_s))

    def _current_config(self) -> CodecConfig | None:
        try:
            config = self._make_config()
        except ValueError as error:
            raise ProtocolViolation(f"{self.codec} parameter sets: {error}") from None
        if config is not None:
            self.config = config
            self._sets_changed = False
        return config
