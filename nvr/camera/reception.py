"""What a receiver of RTP tells the sender about its packets. Pure.

Source: RFC 3550, 6.4.2, A.3 (loss), A.8 (jitter).
"""

from __future__ import annotations

from nvr.camera.rtp import RTP_CLOCK_HZ, ReportBlock, parse_sender_report, receiver_report

_MAX_LOST, _MIN_LOST = 0x7F_FFFF, -0x80_0000


class Reception:
    """Counts the packets of one sender; another SSRC starts anew. `ssrc`: our own; `clock_hz`: of the timestamps."""

    def __init__(self, ssrc: int, cname: str, clock_hz: int = RTP_CLOCK_HZ):
        self._clock_hz = clock_hz
        self._ssrc, self._cname = ssrc, cname
        self._source: int | None = None
        self._begin(0)

    def _begin(self, sequence: int) -> None:
        self._base = self._highest = sequence
        self._received = self._expected_before = self._received_before = 0
        self._transit: int | None = None
        self._jitter = 0.0
        self._report_ntp = 0
        self._report_at_s = 0.0

    def note(self, sequence: int, timestamp: int, source: int, at_s: float) -> None:
        """A packet arrived at `at_s`."""
        if source != self._source:
            self._source = source
            self._begin(sequence)
        ahead = (sequence - self._highest + 0x8000 & 0xFFFF) - 0x8000
        self._highest = max(self._highest, self._highest + ahead)
        self._received += 1
        transit = round(at_s * self._clock_hz) - timestamp
        if self._transit is not None:
            change = (transit - self._transit + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
            self._jitter += (abs(change) - self._jitter) / 16
        self._transit = transit

    def note_report(self, packet: bytes, at_s: float) -> None:
        """An RTCP packet arrived at `at_s`; anything but a sender report of this sender is ignored."""
        found = parse_sender_report(packet)
        if found is not None and found[0] == self._source:
            self._report_ntp, self._report_at_s = found[1], at_s

    def report(self, now_s: float) -> bytes:
        """The compound RTCP packet to send now; without a report block before the first packet."""
        if self._source is None:
            return receiver_report(ssrc=self._ssrc, block=None, cname=self._cname)
        expected = self._highest - self._base + 1
        expected_now, received_now = expected - self._expected_before, self._received - self._received_before
        self._expected_before, self._received_before = expected, self._received
        lost_now = max(expected_now - received_now, 0)
        delay_s = now_s - self._report_at_s if self._report_ntp else 0.0
        block = ReportBlock(
            source=self._source,
            fraction_lost=min(lost_now * 256 // expected_now, 255) if expected_now > 0 else 0,
            lost=max(min(expected - self._received, _MAX_LOST), _MIN_LOST),
            highest_sequence=self._highest,
            jitter=int(self._jitter),
            last_report=self._report_ntp,
            delay=round(delay_s * 65_536),
        )
        return receiver_report(ssrc=self._ssrc, block=block, cname=self._cname)
