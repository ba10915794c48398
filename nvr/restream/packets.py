"""Access units and audio frames to RTP packets with sender reports. Pure.

Sources: RFC 6184 and 7798 (H.264, H.265), RFC 3640, 3.2 and 3.3.6 (AAC-hbr), RFC 3551, 4.5.14 (G.711), RFC 3550, 6.4.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from nvr.camera import h264_rtp, h265_rtp
from nvr.camera.rtp import FIXED, PLAIN, RTP_CLOCK_HZ, sender_report
from nvr.media.access_unit import AccessUnit
from nvr.media.audio import AudioConfig, AudioUnit
from nvr.media.nal import split_length_prefixed

MAX_PAYLOAD_BYTES = 1400
VIDEO_TYPE, AUDIO_TYPE = 96, 97
_STATIC_TYPES = {"ulaw": 0, "alaw": 8}
CNAME = "village-nvr"
MAX_AAC_BYTES = (1 << 13) - 1
"""What the field for its size holds; AAC has no frame so large."""
SNAP_SAMPLES = 4
"""Times of audio come rounded to 1/90000 s and bent by the camera's clock: below this the samples just go on."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a track's numbers begin; random (RFC 3550, 5.1)."""

    ssrc: int
    sequence: int
    timestamp: int


class RtpTrack:
    """The numbers of one track, common to all its receivers."""

    def __init__(self, payload_type: int, clock_hz: int, start: Start):
        self.payload_type, self.clock_hz = payload_type, clock_hz
        self.next_sequence = start.sequence
        self._ssrc, self._offset = start.ssrc, start.timestamp
        self._packets = self._payload_bytes = 0

    def timestamp(self, time_90k: int) -> int:
        """RTP time of a media time."""
        return time_90k * self.clock_hz // RTP_CLOCK_HZ + self._offset & 0xFFFF_FFFF

    def pack(self, payloads: list[bytes], timestamp: int, *, marker: bool) -> list[bytes]:
        """Packets of one access unit or frame; `marker`: on the last (RFC 6184, 5.1)."""
        packets: list[bytes] = []
        sequence, plain, last = self.next_sequence, self.payload_type, len(payloads) - 1
        for number, payload in enumerate(payloads):
            kind = plain | 0x80 if marker and number == last else plain
            packets.append(FIXED.pack(PLAIN, kind, sequence, timestamp, self._ssrc) + payload)
            sequence = sequence + 1 & 0xFFFF
            self._payload_bytes += len(payload)
        self.next_sequence = sequence
        self._packets += len(packets)
        return packets

    def report(self, timestamp: int, wall_s: float) -> bytes:
        """A sender report: `timestamp` was sampled at `wall_s`."""
        return sender_report(
            ssrc=self._ssrc,
            wall_s=wall_s,
            timestamp=timestamp,
            packets=self._packets,
            payload_bytes=self._payload_bytes,
            cname=CNAME,
        )


def video_track(start: Start) -> RtpTrack:
    return RtpTrack(VIDEO_TYPE, RTP_CLOCK_HZ, start)


def video_packets(track: RtpTrack, unit: AccessUnit, timestamp: int) -> list[bytes]:
    """A keyframe's behind its parameter sets."""
    nals: list[bytes | memoryview] = [*unit.config.parameter_sets] if unit.is_key else []
    nals += split_length_prefixed(unit.data)
    packetize = h264_rtp.packetize if unit.config.codec == "h264" else h265_rtp.packetize
    return track.pack(packetize(nals, MAX_PAYLOAD_BYTES), timestamp, marker=True)


class AudioTrack:
    """The packets of one audio track."""

    def __init__(self, config: AudioConfig, start: Start):
        self.config = config
        self.rtp = RtpTrack(audio_type(config), config.rate_hz, start)
        self._next: int | None = None
        self._starts_talking = True

    def packets(self, unit: AudioUnit, time_90k: int) -> list[bytes]:
        """Of one unit, whose first sample is heard at the media time `time_90k`."""
        timestamp = self.rtp.timestamp(time_90k)
        if self._next is not None:
            off = (timestamp - self._next + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
            if abs(off) <= SNAP_SAMPLES:
                timestamp = self._next
        self._next = timestamp + self.config.samples_of(unit.data) & 0xFFFF_FFFF
        if self.config.codec == "aac":
            if len(unit.data) > MAX_AAC_BYTES:
                return []
            return self.rtp.pack(_aac_payloads(unit.data), timestamp, marker=True)
        packets: list[bytes] = []
        room = MAX_PAYLOAD_BYTES // self.config.channels * self.config.channels
        for at in range(0, len(unit.data), room):
            # The marker begins a talkspurt (RFC 3551, 4.1).
            marker, self._starts_talking = self._starts_talking, False
            part = timestamp + at // self.config.channels & 0xFFFF_FFFF
            packets += self.rtp.pack([unit.data[at : at + room]], part, marker=marker)
        return packets


def audio_type(config: AudioConfig) -> int:
    """The payload type: the fixed one where there is one (RFC 3551, 6)."""
    is_static = config.codec != "aac" and config.channels == 1
    return _STATIC_TYPES[config.codec] if is_static else AUDIO_TYPE


def _aac_payloads(frame: bytes) -> list[bytes]:
    """One AU, in fragments that all tell the size of the whole."""
    header = struct.pack(">HH", 16, len(frame) << 3)
    room = MAX_PAYLOAD_BYTES - len(header)
    return [header + frame[at : at + room] for at in range(0, len(frame), room)]
