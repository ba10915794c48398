"""One stream as interleaved RTP packets, made once for all its clients.

Sources: RFC 2326, 10.12 (interleaving), RFC 6184 and 7798 (packets), RFC 3550 (reports).
"""

from __future__ import annotations

import secrets
from typing import Protocol

from nvr.camera import h264_rtp, h265_rtp
from nvr.camera.rtp import pack_header, sender_report
from nvr.clock import Clock
from nvr.media.access_unit import AccessUnit, MediaItem
from nvr.media.hub import StreamHub
from nvr.media.nal import split_length_prefixed

MAX_PAYLOAD_BYTES = 1400
REPORT_EVERY_S = 5.0


class Client(Protocol):
    """Where packets go. `channels`: of RTP and RTCP; `waits_for_key`: nothing is sent before a keyframe."""

    channels: tuple[int, int]
    waits_for_key: bool

    def send_unit(self, data: bytes, *, is_key: bool) -> bool:
        """Send the frames of one access unit; False if the client is too far behind or waits for a keyframe."""
        ...


class Fanout:
    """Packetizes one stream once for all its clients; attached to the hub only while there are any."""

    def __init__(self, hub: StreamHub, clock: Clock):
        self.hub, self.clients = hub, set[Client]()
        self._clock = clock
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._offset_90k = secrets.randbits(32)
        self._last: AccessUnit | None = None
        self._broken = False
        self._packets = self._payload_bytes = 0
        self._report_due_s = 0.0

    def add(self, client: Client) -> None:
        if not self.clients:
            self._broken = True
            self.hub.attach(self)
        self.clients.add(client)

    def remove(self, client: Client) -> None:
        self.clients.discard(client)
        if not self.clients:
            self.hub.detach(self)

    def push(self, item: MediaItem) -> None:
        """Consumer of the hub."""
        if not isinstance(item, AccessUnit):
            self._broken = True
            for client in self.clients:
                client.waits_for_key = True
            return
        timestamp = self._rtp_timestamp(item)
        nals: list[bytes | memoryview] = [*item.config.parameter_sets] if item.is_key else []
        nals += split_length_prefixed(item.data)
        packetize = h264_rtp.packetize if item.config.codec == "h264" else h265_rtp.packetize
        payloads = packetize(nals, MAX_PAYLOAD_BYTES)
        packets: list[bytes] = []
        for payload in payloads:
            marker = len(packets) == len(payloads) - 1
            header = pack_header(
                marker=marker,
                payload_type=96,
                sequence=self._sequence,
                timestamp=timestamp,
                ssrc=self._ssrc,
            )
            packets.append(header + payload)
            self._sequence = self._sequence + 1 & 0xFFFF
            self._payload_bytes += len(payload)
        self._packets += len(packets)
        report = self._report(item, timestamp)
        framed: dict[tuple[int, int], bytes] = {}
        taken = False
        for client in self.clients:
            channels = client.channels
            data = framed.get(channels)
            if data is None:
                data = framed[channels] = _frame(channels[0], packets) + _frame(channels[1], report)
            taken |= client.send_unit(data, is_key=item.is_key)
        if report and taken:
            self._report_due_s = self._clock.monotonic() + REPORT_EVERY_S

    def _rtp_timestamp(self, unit: AccessUnit) -> int:
        """Goes on by the time between arrivals where the stream was interrupted."""
        if self._last is not None and self._broken:
            passed_s = max(unit.received_mono_s - self._last.received_mono_s, 0.0)
            self._offset_90k += self._last.pts_90k + round(passed_s * 90_000) - unit.pts_90k
        self._broken = False
        self._last = unit
        return unit.pts_90k + self._offset_90k & 0xFFFF_FFFF

    def _report(self, unit: AccessUnit, timestamp: int) -> list[bytes]:
        now_s = self._clock.monotonic()
        if now_s < self._report_due_s:
            return []
        report = sender_report(
            ssrc=self._ssrc,
            wall_s=self._clock.wall() - (now_s - unit.received_mono_s),
            timestamp=timestamp,
            packets=self._packets,
            payload_bytes=self._payload_bytes,
            cname="village-nvr",
        )
        return [report]


def _frame(channel: int, packets: list[bytes]) -> bytes:
    """Packets as interleaved frames (RFC 2326, 10.12)."""
    parts: list[bytes] = []
    for packet in packets:
        parts += (b"$", bytes((channel,)), len(packet).to_bytes(2, "big"), packet)
    return b"".join(parts)
