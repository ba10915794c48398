"""The video of the camera farm: encoded once, cut into access units, each as interleaved RTP packets.

A loop of pictures whose encoded bytes all differ, so that a recorded picture tells which one of the loop it is
(`Track.positions`) without anything being added to the stream. It starts with a keyframe and has one every two
seconds; a quiet, noisy scene in which something moves a fifth of the time, or a street (street.py).
"""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path

from bench import street
from nvr.camera.h264_rtp import packetize
from nvr.media.h264 import NAL_AUD, NAL_IDR, NAL_PPS, NAL_SEI, NAL_SPS
from nvr.media.nal import split_annex_b

FPS, GOP, LOOP = 25, 50, 500
TICKS_PER_PICTURE = 90_000 // FPS
MAX_PAYLOAD = 1400
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "bench"
SIZES = {"main": (1920, 1080, 2000), "sub": (640, 360, 300), "alt": (1280, 720, 2000)}
"""Width, height, kbit/s. `alt` is what a camera sends after somebody changed its settings."""
BARS = "bars"
_PATCH = struct.Struct(">HII")


class Track:
    """One encoded loop of BARS or one of `street.SCENES`; `unit(number)` for any number of pictures since the start."""

    def __init__(self, kind: str, scene: str = BARS):
        self._scene = scene
        self.loop = LOOP if scene == BARS else street.LOOP
        nals = split_annex_b(encoded(kind, scene).read_bytes())
        self.sps = next(nal for nal in nals if nal[0] & 31 == NAL_SPS)
        self.pps = next(nal for nal in nals if nal[0] & 31 == NAL_PPS)
        self._units: list[tuple[bytes, tuple[int, ...]]] = []
        self._first_packet = [0]
        self.positions: dict[bytes, int] = {}
        for slices in _pictures(nals):
            is_key = slices[0][0] & 31 == NAL_IDR
            self.positions[identity(slices[-1])] = len(self._units)
            unit = _interleaved([self.sps, self.pps, *slices] if is_key else slices)
            self._units.append(unit)
            self._first_packet.append(self._first_packet[-1] + len(unit[1]))
        if len(self._units) != self.loop or len(self.positions) != self.loop:
            raise ValueError(f"{kind}: {len(self._units)} pictures, {len(self.positions)} different ones")
        self._patched: dict[int, bytes] = {}

    @staticmethod
    def is_key(number: int) -> bool:
        return number % GOP == 0

    def is_entry(self, number: int) -> bool:
        """Whether it is the first picture that shows the person."""
        return self._scene == "watched" and number % self.loop == street.PERSON_AT

    def unit(self, number: int) -> bytes:
        """The picture as interleaved packets on channel 0; the same bytes for each camera that comes to `number`."""
        data = self._patched.get(number)
        if data is None:
            template, offsets = self._units[number % self.loop]
            buffer = bytearray(template)
            sequence = number // self.loop * self._first_packet[-1] + self._first_packet[number % self.loop]
            for offset in offsets:
                _PATCH.pack_into(
                    buffer, offset, sequence & 0xFFFF, number * TICKS_PER_PICTURE & 0xFFFF_FFFF, 0x5EED
                )
                sequence += 1
            data = self._patched[number] = bytes(buffer)
            self._patched.pop(number - 2 * self.loop, None)
        return data


def identity(last_slice: bytes | memoryview) -> bytes:
    """What tells one picture of a loop from the others: a hash of its last slice."""
    return hashlib.blake2b(last_slice, digest_size=12).digest()


def _pictures(nals: list[bytes]) -> list[list[bytes]]:
    pictures: list[list[bytes]] = []
    for nal in nals:
        if nal[0] & 31 in (NAL_SPS, NAL_PPS, NAL_SEI, NAL_AUD):
            continue
        if nal[1] & 0x80:  # first_mb_in_slice is 0
            pictures.append([])
        pictures[-1].append(nal)
    return pictures


def _interleaved(nals: list[bytes]) -> tuple[bytes, tuple[int, ...]]:
    """The packets behind one another, and where each one's sequence number stands."""
    payloads = packetize(nals, MAX_PAYLOAD)
    data, offsets = bytearray(), []
    for payload in payloads:
        kind = 96 | 0x80 * (payload is payloads[-1])
        data += struct.pack(">BBHBB", 0x24, 0, 12 + len(payload), 0x80, kind)
        offsets.append(len(data))
        data += bytes(_PATCH.size) + payload
    return bytes(data), tuple(offsets)


def encoded(kind: str, scene: str = BARS) -> Path:
    """The loop as an annex B file, made where the cache has none."""
    width, height, kbps = SIZES[kind]
    file = CACHE / (f"farm-{kind}.h264" if scene == BARS else f"farm-{scene}-{kind}.h264")
    if file.exists():
        return file
    CACHE.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    source = _bars(width, height) if scene == BARS else _street(width, height)
    command = (
        *("ffmpeg", "-v", "error", "-y", *source, "-frames:v", str(LOOP if scene == BARS else street.LOOP)),
        *("-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", str(GOP), "-keyint_min", str(GOP)),
        *("-sc_threshold", "0", "-b:v", f"{kbps}k", "-maxrate", f"{kbps}k", "-bufsize", f"{2 * kbps}k"),
        *("-x264-params", "slices=1:sliced-threads=0", "-f", "h264", str(part)),
    )
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin
        for picture in street.pictures(scene) if scene != BARS else ():
            encoder.stdin.write(picture)
    if encoder.returncode:
        raise subprocess.CalledProcessError(encoder.returncode, command)
    part.replace(file)
    return file


def _bars(width: int, height: int) -> tuple[str, ...]:
    side = height // 3
    scene = (
        f"smptehdbars=s={width}x{height}:r={FPS}[still];testsrc2=s={side}x{side}:r={FPS}[moving];"
        f"[still][moving]overlay=x='(W-w)*mod(t,4)/4':y=H/2:enable='lt(mod(t,20),4)',noise=alls=7:allf=t"
    )
    return ("-filter_complex", f"{scene},format=yuv420p")


def _street(width: int, height: int) -> tuple[str, ...]:
    size = f"{street.WIDTH}x{street.HEIGHT}"
    raw = (
        "-f",
        "rawvideo",
        "-pixel_format",
        "yuv420p",
        "-video_size",
        size,
        "-framerate",
        str(FPS),
        "-i",
        "-",
    )
    return (*raw, "-vf", f"scale={width}:{height}:flags=area")
