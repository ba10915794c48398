"""Raw and MJPEG pictures to H.264 as they come, in the child process: otherwise nobody could record or see them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from nvr.camera.av_units import UnitMaker

GOP_S = 2.0
THREADS = 2
BITS_PER_PIXEL = 0.1
MIN_BIT_RATE, MAX_BIT_RATE = 300_000, 8_000_000
MAX_FPS = 60.0
_90K = 90_000


def bit_rate(width: int, height: int, fps: float) -> int:
    """Bits a second that a picture of this size is worth."""
    return min(max(int(width * height * fps * BITS_PER_PIXEL), MIN_BIT_RATE), MAX_BIT_RATE)


@dataclass(frozen=True, slots=True)
class Rate:
    """How much a picture may cost: constant quality `crf` (0 to 51), or `bits_per_s` in the mean, which, where
    `capped`, holds in each second too (CBR)."""

    crf: float | None = None
    bits_per_s: int = 0
    capped: bool = False


class LiveEncoder:
    """libx264 without delay: Constrained Baseline, no B-frames, a keyframe every `gop_s`. A change of the picture's
    size begins a new stream. `rate` None: what `bit_rate` says, capped. `maker.sets`: the parameter sets of what
    `add` returned last."""

    def __init__(self, *, fps: float, gop_s: float = GOP_S, rate: Rate | None = None, threads: int = THREADS):
        self.maker = UnitMaker("h264", b"")
        self._fps = min(max(fps, 1.0), MAX_FPS)
        self._gop_90k, self._rate, self._threads = gop_s * _90K, rate, threads
        self._codec: VideoCodecContext | None = None
        self._size = (0, 0)
        self._last_90k = self._key_90k = -1

    def add(self, frame: VideoFrame, pts_90k: int) -> list[tuple[int, bytes]]:
        """(pts in 1/90000 s, `AccessUnit.data`) of the picture. Raises av.FFmpegError: libx264 refuses it."""
        size = frame.width // 2 * 2, frame.height // 2 * 2
        if self._codec is None or size != self._size:
            self._codec, self._size = self._open(size), size
            self._key_90k = -1
        pts_90k = max(pts_90k, self._last_90k + 1)
        is_key = self._key_90k < 0 or pts_90k >= self._key_90k + self._gop_90k
        self._last_90k = pts_90k
        if is_key:
            self._key_90k = pts_90k
        picture = frame.reformat(width=size[0], height=size[1], format="yuv420p")
        picture.pts, picture.time_base = pts_90k, Fraction(1, _90K)
        picture.pict_type = PictureType.I if is_key else PictureType.NONE
        made = []
        for packet in self._codec.encode(picture):
            data = self.maker.take(bytes(packet))
            if data:
                made.append((pts_90k if packet.pts is None else packet.pts, data))
        return made

    def _open(self, size: tuple[int, int]) -> VideoCodecContext:
        rate = self._rate or Rate(bits_per_s=bit_rate(*size, self._fps), capped=True)
        codec = VideoCodecContext.create("libx264", "w")
        codec.width, codec.height = size
        codec.pix_fmt = "yuv420p"
        codec.time_base = Fraction(1, _90K)
        codec.framerate = Fraction(self._fps).limit_denominator(1000)
        codec.max_b_frames = 0
        codec.thread_count = self._threads
        # Keyframes are set by time, because the rate that a camera names is seldom the one it keeps.
        x264 = "keyint=infinite:scenecut=0:bframes=0"
        if rate.crf is None:
            codec.bit_rate = rate.bits_per_s
        if rate.capped:
            x264 += f":vbv-maxrate={rate.bits_per_s // 1000}:vbv-bufsize={rate.bits_per_s // 1000}"
        codec.options = {
            "preset": "superfast",
            "tune": "zerolatency",
            "profile": "baseline",
            "forced-idr": "1",
            "x264-params": x264,
        }
        if rate.crf is not None:
            codec.options["crf"] = f"{rate.crf:g}"
        codec.open()
        return codec
