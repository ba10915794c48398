"""Real H.264 for the tests of `nvr/record/`: libx264 streams as access units."""

from __future__ import annotations

import fractions
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, islice

import av
import numpy as np

from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig, MediaItem
from nvr.media.audio import AudioUnit
from nvr.media.h264 import NAL_AUD, NAL_PPS, NAL_SPS, codec_config, nal_type
from nvr.media.nal import join_length_prefixed, split_annex_b
from nvr.record.model import Fragment
from nvr.record.mp4.fmp4 import footer, fragment_header, segment_header
from nvr.record.mp4.fmp4_reader import Read
from nvr.record.mp4.samples import AudioSamples, Samples, StoredFragment
from nvr.record.mp4.segment import SegmentBuilder

GATE = StreamKey("gate", Role.MAIN)
YARD = StreamKey("yard", Role.SUB)
FPS = 25
STEP_90K = 90_000 // FPS


@cache
def encode(
    *, frames: int = 50, gop: int = 25, b_frames: int = 0, width: int = 160, height: int = 96
) -> tuple[AccessUnit, ...]:
    """`frames` pictures at 25/s with a moving bar, in decode order, pts from 0; received at their pts."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base = fractions.Fraction(1, FPS)
    codec.gop_size = gop
    codec.options = {
        "preset": "veryfast",
        "x264-params": f"scenecut=0:bframes={b_frames}:b-adapt=0:b-pyramid=none:open-gop=0:threads=1",
    }
    packets = []
    for index in range(frames):
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        left = index * 4 % (width - 16)
        picture[:height, left : left + 16] = 235
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = index
        packets += codec.encode(frame)
    packets += codec.encode(None)
    config: CodecConfig | None = None
    units = []
    for packet in packets:
        nals = split_annex_b(bytes(packet))
        sets = {nal_type(nal): nal for nal in nals if nal_type(nal) in (NAL_SPS, NAL_PPS)}
        if len(sets) == 2:
            config = codec_config(sets[NAL_SPS], sets[NAL_PPS])
        assert config is not None and packet.pts is not None
        data = join_length_prefixed(n for n in nals if nal_type(n) not in (NAL_SPS, NAL_PPS, NAL_AUD))
        pts_90k = packet.pts * STEP_90K
        units.append(AccessUnit(GATE, config, data, pts_90k, packet.is_keyframe, pts_90k / 90_000))
    return tuple(units)


def fat(units: tuple[AccessUnit, ...], size: int) -> tuple[AccessUnit, ...]:
    """`units`, each with `size` bytes of filler data (nal_unit_type 12), which decoders skip."""
    filler = join_length_prefixed([b"\x0c" + b"\xff" * (size - 6) + b"\x80"])
    return tuple(replace(unit, data=unit.data + filler) for unit in units)


def endless(
    units: tuple[AccessUnit, ...], key: StreamKey = GATE, *, start_mono_s: float = 0.0
) -> Iterator[AccessUnit]:
    """`units`, which must be whole GOPs, again and again, without end and without a jump; each is received when it and
    all before it in decode order have been seen by the camera."""
    span_90k = len(units) * STEP_90K
    latest_90k = 0
    for index in count():
        turn, place = divmod(index, len(units))
        pts_90k = turn * span_90k + units[place].pts_90k
        latest_90k = max(latest_90k, pts_90k)
        received_s = start_mono_s + latest_90k / 90_000
        yield replace(units[place], stream=key, pts_90k=pts_90k, received_mono_s=received_s)


def take_units(
    units: tuple[AccessUnit, ...], seconds: float, key: StreamKey = GATE, *, start_mono_s: float = 0.0
) -> list[AccessUnit]:
    """The first `seconds` of `endless`."""
    return list(islice(endless(units, key, start_mono_s=start_mono_s), round(seconds * FPS)))


def numbers() -> Callable[[], int]:
    """Numbers for segments, from 1."""
    return count(1).__next__


def cut(items: Iterable[MediaItem | AudioUnit], *, wall_s: float = 1_800_000_000.0) -> list[Fragment]:
    """The fragments of a whole stream whose pictures are received by a monotonic clock that shows 0 at `wall_s`."""
    builder = SegmentBuilder(GATE, end_90k=None, next_number=numbers())
    fragments: list[Fragment | None] = []
    for item in items:
        if isinstance(item, AudioUnit):
            builder.push_audio(item)
        else:
            fragments.append(builder.push(item, wall_s))
    fragments.append(builder.stop("stopped", wall_s))
    return [fragment for fragment in fragments if fragment is not None]


def file_bytes(fragments: Sequence[Fragment], *, closed: bool = True) -> tuple[bytes, list[int]]:
    """(a segment's file with these fragments, where each of them ends)."""
    content = segment_header(fragments[0].segment)
    header_bytes = len(content)
    stored, ends = [], []
    for fragment in fragments:
        samples, audio = Samples.of(fragment), AudioSamples.of(fragment.audio)
        whole = fragment_header(fragment, samples, audio) + b"".join(fragment.data)
        whole += b"".join(fragment.audio.data) if fragment.audio else b""
        content += whole
        ends.append(len(content))
        stored.append(StoredFragment(fragment.media_90k, len(whole), samples, audio))
    return content + (footer(header_bytes, stored) if closed else b""), ends


def reader(content: bytes) -> Read:
    return lambda offset, length: content[offset : offset + length] if offset >= 0 else b""


@dataclass(frozen=True)
class Packet:
    """A sample as a player sees it."""

    data: bytes
    pts_90k: int
    is_key: bool


def packets(content: bytes) -> list[Packet]:
    """What PyAV finds in an MP4, in decode order."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        assert stream.time_base == fractions.Fraction(1, 90_000)
        return [
            Packet(bytes(packet), packet.pts, packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.size and packet.pts is not None
        ]


def pictures(content: bytes) -> list[int]:
    """pts in 1/90000 s of the pictures that PyAV decodes from an MP4, in the order in which they are shown."""
    with av.open(io.BytesIO(content), "r") as container:
        return [frame.pts for frame in container.decode(video=0) if frame.pts is not None]
