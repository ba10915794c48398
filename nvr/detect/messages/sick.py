"""The messages about sick cameras (see protocol.py). Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import msgspec

from nvr.detect.messages.parts import ProtocolError, checked_jpeg
from nvr.detect.messages.setup import CameraIndex, Message
from nvr.detect.steps.sick import Sickness

MAX_SICK_JPEG = 256 << 10
_HEAD = struct.Struct(">HI")


class SickHead(Message, frozen=True):
    """To the service: what a camera has."""

    camera: CameraIndex
    sickness: Sickness


class Well(Message, frozen=True):
    """To the service: a sick camera is well again."""

    camera: CameraIndex


@dataclass(frozen=True, slots=True)
class Sick:
    """To the service: `head`, a JPEG of when the camera was last known to be well (empty: there is none), and one of
    now, each of at most MAX_SICK_JPEG bytes."""

    head: SickHead
    before: bytes = field(repr=False)
    now: bytes = field(repr=False)

    def pack(self) -> bytes:
        text = msgspec.json.encode(self.head)
        return _HEAD.pack(len(text), len(self.before)) + text + self.before + self.now

    @classmethod
    def unpack(cls, body: bytes) -> Sick:
        """Raises ProtocolError."""
        if len(body) < _HEAD.size:
            raise ProtocolError("a sick camera's message is too short")
        text_length, before_length = _HEAD.unpack_from(body)
        before_at = _HEAD.size + text_length
        now_at = before_at + before_length
        before, now = body[before_at:now_at], body[now_at:]
        if now_at > len(body) or max(len(before), len(now)) > MAX_SICK_JPEG:
            raise ProtocolError("a sick camera's message has impossible lengths")
        try:
            head = msgspec.json.decode(body[_HEAD.size : before_at], type=SickHead)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProtocolError(f"SickHead: {str(error)[:200]}") from None
        return cls(head, checked_jpeg(before) if before else b"", checked_jpeg(now))
