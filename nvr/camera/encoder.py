"""Prepares a video file for the simulator: chosen shots, re-encoded to H.264 as main and sub stream."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from nvr.errors import ConfigError
from nvr.events import Role
from nvr.media.access_unit import CodecConfig
from nvr.media.h264 import NAL_AUD, NAL_IDR, NAL_PPS, NAL_SPS, codec_config, nal_type
from nvr.media.nal import join_length_prefixed, split_annex_b

MAX_KEPT_BYTES = 2 << 30
MAX_ENCODED_BYTES = 1 << 30
_SHOT = re.compile(r"([0-9]{1,7})-([0-9]{1,7})(?:\*([0-9]{1,4}))?", re.ASCII)
_PLACE = "nvr simulate"


@dataclass(frozen=True, slots=True)
class Shot:
    """Source frames `first` to `last` (from 0, both included), shown `repeats` times: forward, back, forward…"""

    first: int
    last: int
    repeats: int = 1

    @property
    def frames(self) -> str:
        return f"{self.first}-{self.last}"

    def order(self) -> Iterator[int]:
        """The source frames in the order of showing."""
        for turn in range(self.repeats):
            forward = range(self.first, self.last + 1)
            yield from reversed(forward) if turn % 2 else forward


def parse_shots(text: str) -> tuple[Shot, ...]:
    """Shots from "138-186*5,106-136*4". Raises ConfigError naming --shots."""
    shots: list[Shot] = []
    for part in text.split(","):
        found = _SHOT.fullmatch(part.strip())
        if not found or int(found[1]) > int(found[2]) or found[3] in ("0", "00", "000", "0000"):
            allowed = "first-last or first-last*repeats, comma between, as in 138-186*5,106-136*4"
            raise ConfigError(_PLACE, "--shots", f'"{part.strip()[:40]}" is no range of frames', allowed)
        shots.append(Shot(int(found[1]), int(found[2]), int(found[3] or 1)))
    return tuple(shots)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make of a video. Sizes are (width, height) in pixels, even; None: main as the source, sub half of
    main. Every source frame becomes one picture, whatever the source's own frame rate."""

    shots: tuple[Shot, ...] = ()
    fps: int = 25
    gop: int = 25
    main_size: tuple[int, int] | None = None
    sub_size: tuple[int, int] | None = None
    main_bit_rate: int = 2_000_000
    sub_bit_rate: int = 300_000


@dataclass(frozen=True, slots=True)
class EncodedStream:
    """A stream in memory: data of the access units as in `AccessUnit.data`, with whether each is a keyframe."""

    config: CodecConfig
    units: tuple[tuple[bytes, bool], ...]


@dataclass(frozen=True, slots=True)
class Programme:
    """The streams of all simulated cameras, equally long; `shot_starts`: index of a unit to index of the shot
    (with its frames as text) that begins there, always with a keyframe."""

    fps: int
    streams: dict[Role, EncodedStream]
    shot_starts: dict[int, tuple[int, str]]


class Stopped(Exception):
    """Encoding was told to stop."""


def encode(
    video: Path,
    plan: Plan,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stop: threading.Event | None = None,
) -> Programme:
    """Decode and encode `video`; takes a while, so it belongs in a thread. `progress(done, total)` is called for
    each picture, `total` 0 where it is not known.

    H.264 High without B-frames, closed GOPs of `plan.gop` pictures, a keyframe at the start of each shot.
    Raises ConfigError: file missing or not decodable, frames that it does not have, sizes the encoder refuses,
    or more than fits into memory. Raises Stopped once `stop` is set.
    """
    place = str(video)
    if not video.is_file():
        raise ConfigError(_PLACE, "VIDEO", f"{place}: no such file", "a video file")
    try:
        with av.open(place) as container:
            if not container.streams.video:
                raise ConfigError(_PLACE, "VIDEO", f"{place}: has no video", "a video file")
            return _encode(container.decode(video=0), container.streams.video[0], place, plan, progress, stop)
    except (av.FFmpegError, OSError) as error:
        raise ConfigError(
            _PLACE, "VIDEO", f"{place}: cannot be decoded: {error.strerror}", "a video file"
        ) from None


def _encode(
    frames: Iterator[VideoFrame],
    source: av.VideoStream,
    place: str,
    plan: Plan,
    progress: Callable[[int, int], None],
    stop: threading.Event | None,
) -> Programme:
    main = plan.main_size or (source.width // 2 * 2, source.height // 2 * 2)
    sub = plan.sub_size or (main[0] // 4 * 2, main[1] // 4 * 2)
    encoders = {
        Role.MAIN: _Encoder(main, plan, plan.main_bit_rate),
        Role.SUB: _Encoder(sub, plan, plan.sub_bit_rate),
    }
    total = sum((shot.last - shot.first + 1) * shot.repeats for shot in plan.shots) or source.frames
    starts: dict[int, tuple[int, str]] = {}
    count = 0
    pictures = _in_order(frames, place, plan.shots) if plan.shots else ((frame, None) for frame in frames)
    for frame, start in pictures:
        if stop is not None and stop.is_set():
            raise Stopped
        if start is not None:
            starts[count] = (start, plan.shots[start].frames)
        for encoder in encoders.values():
            encoder.add(frame, count, is_key=start is not None or count == 0)
        if sum(encoder.size for encoder in encoders.values()) > MAX_ENCODED_BYTES:
            allowed = f"at most {MAX_ENCODED_BYTES >> 20} MiB encoded; choose parts of it with --shots"
            raise ConfigError(_PLACE, "VIDEO", f"{place}: too long", allowed)
        count += 1
        progress(count, total)
    if not count:
        raise ConfigError(_PLACE, "VIDEO", f"{place}: has no frames", "a video file")
    if not plan.shots:
        starts[0] = (0, f"0-{count - 1}")
    return Programme(plan.fps, {role: encoder.finish() for role, encoder in encoders.items()}, starts)


def _in_order(
    frames: Iterator[VideoFrame], place: str, shots: tuple[Shot, ...]
) -> Iterator[tuple[VideoFrame, int | None]]:
    """(frame, index of the shot that begins with it) in the order of the shots."""
    wanted = {number for shot in shots for number in range(shot.first, shot.last + 1)}
    last = max(wanted)
    kept: dict[int, VideoFrame] = {}
    size = seen = 0
    for number, frame in enumerate(frames):
        seen = number + 1
        if number in wanted:
            kept[number] = frame.reformat(format="yuv420p")
            size += frame.width * frame.height * 3 // 2
            if size > MAX_KEPT_BYTES:
                allowed = f"at most {MAX_KEPT_BYTES >> 20} MiB of decoded frames"
                raise ConfigError(_PLACE, "--shots", f"{len(wanted)} different frames are too many", allowed)
        if number == last:
            break
    if last not in kept:
        raise ConfigError(_PLACE, "--shots", f"{place} has no frame {last}", f"frames 0 to {seen - 1}")
    for index, shot in enumerate(shots):
        for position, number in enumerate(shot.order()):
            yield kept[number], None if position else index


class _Encoder:
    """One H.264 encoder; `size`: bytes made so far."""

    def __init__(self, size: tuple[int, int], plan: Plan, bit_rate: int):
        self.size = 0
        self._width, self._height = size
        self._time_base = Fraction(1, plan.fps)
        self._units: list[tuple[bytes, bool]] = []
        self._config: CodecConfig | None = None
        codec = VideoCodecContext.create("libx264", "w")
        codec.width, codec.height = size
        codec.pix_fmt = "yuv420p"
        codec.time_base = self._time_base
        codec.framerate = Fraction(plan.fps)
        codec.bit_rate = bit_rate
        codec.gop_size = plan.gop
        codec.max_b_frames = 0
        codec.thread_count = 2
        codec.options = {
            "preset": "veryfast",
            "profile": "high",
            "forced-idr": "1",
            "x264-params": f"keyint={plan.gop}:min-keyint=1:scenecut=0:open-gop=0:bframes=0"
            f":vbv-maxrate={bit_rate // 1000}:vbv-bufsize={bit_rate // 1000}",
        }
        try:
            codec.open()
        except (av.FFmpegError, OSError) as error:
            raise ConfigError(
                _PLACE, "--main/--sub", f"the encoder refuses {size[0]}x{size[1]}: {error.strerror}"
            ) from None
        self._codec = codec

    def add(self, frame: VideoFrame, number: int, *, is_key: bool) -> None:
        picture = frame.reformat(width=self._width, height=self._height, format="yuv420p")
        picture.pts, picture.time_base = number, self._time_base
        picture.pict_type = PictureType.I if is_key else PictureType.NONE
        self._take(self._codec.encode(picture))

    def finish(self) -> EncodedStream:
        self._take(self._codec.encode(None))
        if self._config is None:
            raise RuntimeError("libx264 gave no parameter sets")
        return EncodedStream(self._config, tuple(self._units))

    def _take(self, packets: list[av.Packet[av.VideoStream]]) -> None:
        for packet in packets:
            nals = split_annex_b(bytes(packet))
            kinds = [nal_type(nal) for nal in nals]
            if self._config is None:
                self._config = codec_config(nals[kinds.index(NAL_SPS)], nals[kinds.index(NAL_PPS)])
            rest = (nal for nal, k in zip(nals, kinds, strict=True) if k not in (NAL_SPS, NAL_PPS, NAL_AUD))
            data = join_length_prefixed(rest)
            self._units.append((data, NAL_IDR in kinds))
            self.size += len(data)
