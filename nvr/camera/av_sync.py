"""Where audio stands on the time line of its stream's pictures. Pure.

The two tracks of a camera count time from points of their own (RFC 3550, 5.1). Sender reports say which timestamps of
both belong to one moment; where a camera sends none, or nonsense, the arrivals do: of each track the least delayed
packet counts, because delays only ever add. The appliance's wall clock is not asked here: recording anchors the
pictures in it (`nvr/record/clock/wall_timeline.py`), and the audio goes along.
"""

from __future__ import annotations

TICKS = 90_000
AHEAD_LIMIT_90K = 2 * TICKS
BEHIND_LIMIT_90K = 30 * TICKS
"""Audio that far from its arrival has a clock that jumped; behind it may fall while the network stands still."""
PLAUSIBLE_90K = 3 * TICKS
"""Reports that put the tracks further apart than their arrivals are wrong."""
REPORT_AGE_S = 60.0
STEP_90K = TICKS // 20
"""Audio that is off by more is put right at once, else bit by bit,"""
BEND = 0.002
"""by this share of the time."""
_FORGET = 0.001
"""The least delay seen counts less and less, because the clocks drift apart."""


class _LeastDelay:
    """Least (arrival - media time) in 1/90000 s of late."""

    def __init__(self) -> None:
        self.value_90k: float | None = None
        self._at_s = 0.0

    def note(self, delay_90k: float, at_s: float) -> float:
        if self.value_90k is None:
            self.value_90k = delay_90k
        else:
            passed_s = max(at_s - self._at_s, 0.0)
            self.value_90k = min(self.value_90k + passed_s * TICKS * _FORGET, delay_90k)
        self._at_s = at_s
        return self.value_90k


class AudioPlacement:
    """Turns the timestamps of an audio track of `rate_hz` into pts on the pictures' time line."""

    def __init__(self, rate_hz: int):
        self._rate_hz = rate_hz
        self._timestamp: int | None = None
        self._samples = 0
        self._placed_s = 0.0
        self._offset_90k: float | None = None
        self._video, self._audio = _LeastDelay(), _LeastDelay()
        self._video_report: tuple[float, int, float] | None = None
        self._audio_report: tuple[float, float, float] | None = None

    def note_picture(self, pts_90k: int, at_s: float) -> None:
        """A picture with this pts arrived."""
        self._video.note(at_s * TICKS - pts_90k, at_s)

    def restart(self) -> None:
        """The pictures' time line has a new relation to their timestamps."""
        self._video = _LeastDelay()
        self._video_report = None
        self._offset_90k = None

    def report_video(self, ntp_s: float, pts_90k: int, at_s: float) -> None:
        """A sender report of the video: the picture time `pts_90k` was at `ntp_s` by the camera's clock."""
        self._video_report = ntp_s, pts_90k, at_s

    def report_audio(self, ntp_s: float, timestamp: int, at_s: float) -> None:
        """A sender report of the audio."""
        if self._timestamp is not None:
            samples = self._samples + _difference(timestamp, self._timestamp)
            self._audio_report = ntp_s, samples * TICKS / self._rate_hz, at_s

    def place(self, timestamp: int, following: int, at_s: float) -> int | None:
        """pts in 1/90000 s of the sample with this timestamp, which arrived with `following` samples from it on; None
        before the first picture."""
        step = 0 if self._timestamp is None else _difference(timestamp, self._timestamp)
        self._samples += step
        self._timestamp = timestamp
        time_90k = self._samples * TICKS / self._rate_hz
        delay_90k = at_s * TICKS - time_90k - following * TICKS / self._rate_hz
        video_90k = self._video.value_90k
        if video_90k is None:
            self._audio.note(delay_90k, at_s)
            return None
        if self._offset_90k is not None:
            late_90k = delay_90k - video_90k - self._offset_90k
            if not -AHEAD_LIMIT_90K <= late_90k <= BEHIND_LIMIT_90K:
                self._audio = _LeastDelay()
                self._audio_report = self._offset_90k = None
        wanted_90k = self._audio.note(delay_90k, at_s) - video_90k
        by_report_90k = self._by_reports(at_s)
        if by_report_90k is not None and abs(by_report_90k - wanted_90k) <= PLAUSIBLE_90K:
            wanted_90k = by_report_90k
        self._offset_90k = self._followed(self._offset_90k, wanted_90k, max(at_s - self._placed_s, 0.0))
        self._placed_s = at_s
        return round(time_90k + self._offset_90k)

    def _followed(self, offset_90k: float | None, wanted_90k: float, passed_s: float) -> float:
        if offset_90k is None or abs(wanted_90k - offset_90k) > STEP_90K:
            return wanted_90k
        most_90k = passed_s * TICKS * BEND
        return offset_90k + max(-most_90k, min(wanted_90k - offset_90k, most_90k))

    def _by_reports(self, at_s: float) -> float | None:
        if self._video_report is None or self._audio_report is None:
            return None
        video_ntp_s, pts_90k, video_at_s = self._video_report
        audio_ntp_s, time_90k, audio_at_s = self._audio_report
        if at_s - min(video_at_s, audio_at_s) > REPORT_AGE_S:
            return None
        return pts_90k - time_90k + (audio_ntp_s - video_ntp_s) * TICKS


def _difference(later: int, earlier: int) -> int:
    """Of 32-bit timestamps that are less than half a turn apart."""
    return (later - earlier + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
