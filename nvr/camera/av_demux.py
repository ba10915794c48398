"""The child's work: open with libav, hand on H.264 and H.265, encode what is neither."""

from __future__ import annotations

import errno
import io
import math
import os
import socket
import time
from collections.abc import Callable
from fractions import Fraction

import av
import av.logging
from av.container import InputContainer

from nvr.camera import av_lock
from nvr.camera.av_encode import LiveEncoder
from nvr.camera.av_job import OPEN_S, READ_S, Job, Kind
from nvr.camera.av_messages import Failed, Failure, Opened, ParameterSets, Said, Unit, encode
from nvr.camera.av_units import UnitMaker
from nvr.child.lock import SandboxError
from nvr.media.access_unit import Codec
from nvr.stream_address import MAX_PIXELS

PASSED_ON: dict[str, Codec] = {"h264": "h264", "hevc": "h265"}
ENCODED = ("mjpeg", "rawvideo")
WITHOUT_TIME = ("mpjpeg", "mjpeg")
"""Formats without timestamps, for which libav makes up 25 pictures a second."""
MAX_BROKEN = 100
"""So many packets in a row that cannot be used end a source."""
_90K = 90_000


class _Unusable(Exception):
    def __init__(self, code: Failure, detail: str = ""):
        self.failure = Failed(code, detail)


def play(
    connection: socket.socket,
    job: Job,
    file: int,
    *,
    has_left_network: bool,
    on_locked: Callable[[socket.socket], None],
) -> Failed:
    """Lock in, open, and send until it ends; returns why. `file`: the open descriptor of a file's job. `on_locked` is
    called once threads may be started. Raises OSError when the service is gone."""
    av.logging.set_level(av.logging.PANIC)  # messages may hold addresses with passwords
    _warm_up()
    try:
        mechanisms = av_lock.lock_in(job, has_left_network=has_left_network)
        on_locked(connection)
        container = _open(job, file)
        if job.kind == "v4l2":
            mechanisms = av_lock.lock_in_with_device(mechanisms)
        with container:
            _Playing(connection, job.kind, container, mechanisms).run()
    except SandboxError as error:
        return Failed("sandbox", str(error))
    except _Unusable as error:
        return error.failure
    except MemoryError:
        return Failed("undecodable", "it takes too much memory")
    return Failed("end")


def _warm_up() -> None:
    """Use everything once, because PyAV imports modules in the middle of work, and those are files."""
    encoder = LiveEncoder(fps=1)
    frame = av.VideoFrame(64, 64, "yuvj420p")
    clip = io.BytesIO()
    with av.open(clip, "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = 64, 64, "yuvj420p", 1
        container.mux(stream.encode(frame))
    clip.seek(0)
    with av.open(clip, "r", metadata_errors="replace") as container:
        for packet in container.demux(container.streams.video[0]):
            for decoded in packet.decode():
                encoder.add(decoded, 0)


def _open(job: Job, file: int) -> InputContainer:
    source = os.fdopen(file, "rb", buffering=0) if job.kind == "file" else job.path or job.url
    try:
        return av.open(
            source,
            mode="r",
            format="v4l2" if job.kind == "v4l2" else None,
            container_options=job.options,
            metadata_errors="replace",
            timeout=(OPEN_S, READ_S) if job.kind == "network" else None,
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _Unusable(*_why(error, job.kind)) from None


def _why(error: Exception, kind: Kind) -> tuple[Failure, str]:
    """What an error of libav means."""
    number = getattr(error, "errno", None) or 0
    detail = (getattr(error, "strerror", None) or type(error).__name__)[:200]
    if isinstance(error, av.HTTPUnauthorizedError | av.HTTPForbiddenError):
        return "login", detail
    if isinstance(error, av.HTTPClientError):
        return "path", detail
    if kind == "v4l2":
        meanings: dict[int, Failure] = {
            errno.ENOENT: "missing",
            errno.ENODEV: "missing",
            errno.ENXIO: "missing",
            errno.EIO: "missing",
            errno.EACCES: "denied",
            errno.EPERM: "denied",
            errno.EBUSY: "busy",
            errno.ENOTTY: "no_camera",
            errno.EINVAL: "mode",
        }
        return meanings.get(number, "no_camera"), detail
    if kind == "network" and not isinstance(error, av.InvalidDataError | av.ArgumentError | ValueError):
        return "network", detail
    return "undecodable", detail


class _Playing:
    """One container being played."""

    def __init__(
        self, connection: socket.socket, kind: Kind, container: InputContainer, mechanisms: tuple[str, ...]
    ):
        self._connection, self._kind, self._container = connection, kind, container
        if not container.streams.video:
            raise _Unusable("undecodable", "there is no video in it")
        self._stream = container.streams.video[0]
        self._sent_sets: ParameterSets | None = None
        self._lost = False
        self._has_time = kind == "file" or container.format.name not in WITHOUT_TIME
        self._started_s = time.monotonic()
        self._first_90k: int | None = None
        self._send(Opened(mechanisms))

    def run(self) -> None:
        """Until the end of a file. Raises _Unusable, OSError."""
        codec = self._stream.codec_context  # None for a codec that libav does not know
        name = codec.name if codec else "unknown"
        try:
            if name in PASSED_ON:
                self._pass_on(UnitMaker(PASSED_ON[name], codec.extradata or b""))
            elif name not in ENCODED:
                raise _Unusable("codec", name)
            elif 0 < codec.width * codec.height <= MAX_PIXELS:
                self._encode()
            else:
                raise _Unusable("undecodable", f"{codec.width}x{codec.height} pixels")
        except (av.FFmpegError, ValueError) as error:
            raise _Unusable(*_why(error, self._kind)) from None
        if self._sent_sets is None:
            raise _Unusable("undecodable", "no picture in it")
        if self._kind == "network":
            raise _Unusable("network", "the stream ended")

    def _pass_on(self, maker: UnitMaker) -> None:
        broken = 0
        for packet in self._container.demux(self._stream):
            if not packet.size:
                continue
            self._lost |= packet.is_corrupt
            pts = packet.dts if packet.pts is None else packet.pts
            try:
                data = b"" if packet.is_corrupt else maker.take(bytes(packet))
            except ValueError:
                self._lost = True
                data = b""
            broken = 0 if data else broken + 1
            if broken > MAX_BROKEN:
                raise _Unusable("undecodable", "no picture in its packets")
            if data and maker.sets is not None:
                decode_90k = self._time_90k(packet.dts if packet.dts is not None else pts, packet.time_base)
                self._keep_pace(decode_90k)
                self._send_unit(maker.sets, self._time_90k(pts, packet.time_base), data)

    def _encode(self) -> None:
        codec = self._stream.codec_context
        codec.thread_count = 1
        rate = self._stream.average_rate or self._stream.guessed_rate or Fraction(25)
        encoder = LiveEncoder(fps=float(rate))
        broken = 0
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode() if packet.size else []
            except (av.InvalidDataError, av.EOFError):
                frames = []
            broken = 0 if frames or not packet.size else broken + 1
            if broken > MAX_BROKEN:
                raise _Unusable("undecodable", "no picture in its packets")
            for frame in frames:
                pts_90k = self._time_90k(frame.pts, frame.time_base)
                self._keep_pace(pts_90k)
                for unit_pts_90k, data in encoder.add(frame, pts_90k):
                    if encoder.maker.sets is not None:
                        self._send_unit(encoder.maker.sets, unit_pts_90k, data)

    def _time_90k(self, pts: int | None, time_base: Fraction | None) -> int:
        """In 1/90000 s; where a source has no time, that of its arrival."""
        if pts is None or not time_base or not self._has_time:
            return math.floor((time.monotonic() - self._started_s) * _90K)
        return math.floor(pts * time_base * _90K)

    def _keep_pace(self, time_90k: int) -> None:
        """Play a file no faster than it was recorded."""
        if self._kind != "file":
            return
        if self._first_90k is None:
            self._first_90k, self._started_s = time_90k, time.monotonic()
        ahead_s = (time_90k - self._first_90k) / _90K - (time.monotonic() - self._started_s)
        if not -1.0 < ahead_s < 5.0:  # time jumps in the file: go on from here
            self._first_90k, self._started_s = time_90k, time.monotonic()
        elif ahead_s > 0:
            time.sleep(ahead_s)

    def _send_unit(self, sets: ParameterSets, pts_90k: int, data: bytes) -> None:
        if sets is not self._sent_sets:
            self._sent_sets = sets
            self._send(sets)
        # A container may say anything; the service takes the lower 32 bits.
        self._send(Unit(self._lost, max(min(pts_90k, 2**62), -(2**62)), data))
        self._lost = False

    def _send(self, message: Said) -> None:
        self._connection.sendall(encode(message))
