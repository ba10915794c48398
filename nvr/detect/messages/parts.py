"""What several messages share: a JPEG, and a keyframe with its parameter sets, both as the end of a message. Pure."""

from __future__ import annotations

import struct

from nvr.media.access_unit import Codec

MAX_PARAMETER_SET = 4096
CODECS: tuple[Codec, ...] = ("h264", "h265")
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_HEAD = struct.Struct(">BHHH")
KEYFRAME_HEAD_BYTES = _HEAD.size + 3 * MAX_PARAMETER_SET
"""Most that stands before the keyframe's data."""

Keyframe = tuple[Codec, bytes, bytes, bytes, bytes]
"""(codec, vps, sps, pps, data): `data` as `AccessUnit.data`."""


class ProtocolError(ValueError):
    """The other side broke the protocol; the message says where."""


def checked_jpeg(data: bytes) -> bytes:
    """`data`, if it could be a JPEG. Raises ProtocolError."""
    if not data.startswith(JPEG_START) or not data.endswith(JPEG_END):
        raise ProtocolError("a picture is no JPEG")
    return data


def packed_keyframe(keyframe: Keyframe) -> bytes:
    """What `unpacked_keyframe` reads."""
    codec, vps, sps, pps, data = keyframe
    return b"".join((_HEAD.pack(CODECS.index(codec), len(vps), len(sps), len(pps)), vps, sps, pps, data))


def unpacked_keyframe(body: bytes, start: int, what: str) -> Keyframe:
    """The keyframe from `start` to the end of `what`, the message `body`. Raises ProtocolError."""
    if len(body) < start + _HEAD.size:
        raise ProtocolError(f"{what} is too short")
    codec, *lengths = _HEAD.unpack_from(body, start)
    if codec >= len(CODECS):
        raise ProtocolError(f"{what} names no codec")
    vps_at = start + _HEAD.size
    if max(lengths) > MAX_PARAMETER_SET or vps_at + sum(lengths) >= len(body):
        raise ProtocolError(f"{what} has impossible lengths")
    sps_at = vps_at + lengths[0]
    pps_at = sps_at + lengths[1]
    data_at = pps_at + lengths[2]
    return CODECS[codec], body[vps_at:sps_at], body[sps_at:pps_at], body[pps_at:data_at], body[data_at:]
