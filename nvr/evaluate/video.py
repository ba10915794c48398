"""A clip's file: what is in it, its access units, its pictures.

Decodes and demuxes in this process, unlike anything that meets a camera: it is for files that a person named. libav
gets an open file and may open nothing by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer

from nvr.camera.av_demux import PASSED_ON
from nvr.camera.av_job import NO_PROTOCOL
from nvr.camera.av_messages import ParameterSets
from nvr.camera.av_units import UnitMaker, has_keyframe
from nvr.errors import NvrError
from nvr.evaluate.pace import Pace
from nvr.media.access_unit import Codec

FIRST_KEY_S = 1.0
"""A stream that cannot be entered within this time is decoded and encoded anew."""
MAX_FPS = 120.0


class ClipError(NvrError):
    """A clip cannot be evaluated; the message names it."""

    exit_code = 65
    code = "clip"


@dataclass(frozen=True, slots=True)
class Scan:
    """What is in a file. Times in seconds, as the container has them: `first_s`, `last_s` of the first and the last
    picture shown. `codec`: of a stream that the live path takes as it is, else None; `codec_name`: libav's name."""

    codec: Codec | None
    codec_name: str
    width: int
    height: int
    first_s: float
    last_s: float
    frame_s: float


@dataclass(frozen=True, slots=True)
class Stamped:
    """An access unit. `pts_90k`: as the container has it; `arrival_s`: since the first picture; `lost`: something is
    missing before it."""

    sets: ParameterSets
    data: bytes
    pts_90k: int
    arrival_s: float
    lost: bool


def scan(file: Path) -> Scan:
    """Read the file once without decoding. Raises ClipError: missing, unreadable, no video in it."""
    with _opened(file) as (container, stream):
        codec = stream.codec_context  # None for a codec that libav does not know
        name = codec.name if codec else "unknown"
        if not codec or not codec.width:
            raise ClipError(f"{file.name}: no picture can be decoded (codec {name})")
        fps = float(stream.average_rate or stream.guessed_rate or 25)
        frame_s = 1 / fps if 0 < fps <= MAX_FPS else 1 / 25
        passes = PASSED_ON.get(name)
        maker = _maker(passes, codec.extradata)
        shown_s: list[float] = []
        packets = 0
        key_at_s: float | None = None
        for packet in _packets(container, stream):
            packets += 1
            t_s = _seconds(packet, packet.dts if packet.pts is None else packet.pts)
            if t_s is None:
                maker = None
            elif not packet.is_discard:
                shown_s.append(t_s)
            if maker is not None and passes is not None and key_at_s is None:
                try:
                    data = maker.take(bytes(packet))
                except ValueError:
                    maker = None
                else:
                    key_at_s = t_s if maker.sets and data and has_keyframe(passes, data) else None
        if not packets:
            raise ClipError(f"{file.name}: there is no picture in it")
        first_s = min(shown_s, default=0.0)
        last_s = max(shown_s, default=packets * frame_s)
        enters = maker is not None and key_at_s is not None and key_at_s <= first_s + FIRST_KEY_S
        return Scan(passes if enters else None, name, codec.width, codec.height, first_s, last_s, frame_s)


def _maker(codec: Codec | None, extradata: bytes | None) -> UnitMaker | None:
    try:
        return UnitMaker(codec, extradata or b"") if codec else None
    except ValueError:
        return None


def units(file: Path, found: Scan, pace: Pace) -> Iterator[Stamped]:
    """The access units of a stream that is taken as it is, as `nvr.camera.av_demux` makes them."""
    assert found.codec is not None  # noqa: S101  (the caller's duty)
    with _opened(file) as (container, stream):
        maker = UnitMaker(found.codec, stream.codec_context.extradata or b"")
        lost = False
        for packet in _packets(container, stream):
            lost |= packet.is_corrupt
            try:
                data = b"" if packet.is_corrupt else maker.take(bytes(packet))
            except ValueError:
                lost, data = True, b""
            if data and maker.sets is not None:
                shown_s = _seconds(packet, packet.dts if packet.pts is None else packet.pts)
                decoded_s = _seconds(packet, packet.pts if packet.dts is None else packet.dts)
                arrival_s = pace.at(None if decoded_s is None else decoded_s - found.first_s)
                pts_s = arrival_s if shown_s is None else shown_s
                yield Stamped(maker.sets, data, round(pts_s * 90_000), arrival_s, lost)
                lost = False


def pictures(file: Path, found: Scan, pace: Pace) -> Iterator[tuple[av.VideoFrame, float]]:
    """The decoded pictures, each with its time since the first one; what cannot be decoded is left out."""
    with _opened(file) as (container, stream):
        stream.codec_context.thread_count = 1
        for packet in _packets(container, stream, flush=True):
            try:
                frames = packet.decode()
            except (av.InvalidDataError, av.EOFError):
                continue
            for frame in frames:
                if isinstance(frame, av.VideoFrame) and not frame.is_corrupt:
                    yield frame, pace.at(None if frame.time is None else frame.time - found.first_s)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[InputContainer, av.VideoStream]]:
    av.logging.set_level(av.logging.PANIC)
    try:
        with (
            file.open("rb", buffering=0) as raw,
            av.open(
                raw,
                mode="r",
                container_options={"protocol_whitelist": NO_PROTOCOL},
                metadata_errors="replace",
            ) as container,
        ):
            if not container.streams.video:
                raise ClipError(f"{file.name}: there is no video in it")
            yield container, container.streams.video[0]
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ClipError(f"{file.name}: {getattr(error, 'strerror', None) or error}") from None


def _packets(
    container: InputContainer, stream: av.VideoStream, *, flush: bool = False
) -> Iterator[av.Packet[av.VideoStream]]:
    """The packets up to the end, or to where the file breaks off; `flush`: and one without data, which makes a decoder
    give what it holds back."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        if packet.size or flush:
            yield packet


def _seconds(packet: av.Packet[av.VideoStream], ticks: int | None) -> float | None:
    return None if ticks is None or not packet.time_base else float(ticks * packet.time_base)
