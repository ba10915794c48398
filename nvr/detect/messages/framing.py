"""Messages in a stream of bytes: the length of the body (4 bytes, big-endian), its type (1 byte), the body. Pure."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

from nvr.detect.messages.parts import ProtocolError

_HEADER = struct.Struct(">IB")


def framed(number: int, body: bytes, limit: int) -> bytes:
    """The message of type `number`. Raises ProtocolError: the body has more than `limit` bytes."""
    if len(body) > limit:
        raise ProtocolError(f"a message of type {number} has {len(body)} bytes, more than {limit}")
    return _HEADER.pack(len(body), number) + body


class FrameReader:
    """Collects bytes and yields (type, body)."""

    def __init__(self, *, limit: int, types: Collection[int]):
        self._limit, self._types = limit, types
        self._buffer = bytearray()

    def bodies(self, data: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
        """What `data` completes. Raises ProtocolError: an unknown type, or too long a body is announced."""
        self._buffer += data
        at = 0
        try:
            while len(self._buffer) - at >= _HEADER.size:
                length, number = _HEADER.unpack_from(self._buffer, at)
                if number not in self._types:
                    raise ProtocolError(f"message type {number} is unknown or goes the other way")
                if length > self._limit:
                    raise ProtocolError(f"a message of type {number} announces {length} bytes")
                start, end = at + _HEADER.size, at + _HEADER.size + length
                if len(self._buffer) < end:
                    break
                body = bytes(memoryview(self._buffer)[start:end])
                at = end
                yield number, body
        finally:
            del self._buffer[:at]
