"""STUN messages of connectivity checks (RFC 8489; RFC 8445, 7 and 16). Pure.

Only what an ICE agent sends and receives: the Binding method with short-term credentials.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass, field
from enum import IntEnum

HEADER_BYTES = 20
DATAGRAM_BYTES_MAX = 1280
MAGIC_COOKIE = 0x2112A442

_COOKIE = MAGIC_COOKIE.to_bytes(4, "big")
_HEADER = struct.Struct("!HHI12s")
_TLV = struct.Struct("!HH")
_HMAC_SHA1_BYTES = 20
_FINGERPRINT_XOR = 0x5354554E


class StunError(ValueError):
    """The datagram is no STUN message that we understand; it is to be dropped."""


class MessageType(IntEnum):
    """Class and method (RFC 8489, 5) of the Binding method."""

    REQUEST = 0x0001
    INDICATION = 0x0011
    SUCCESS = 0x0101
    ERROR = 0x0111


class Attribute(IntEnum):
    """Attribute types; those below 0x8000 must be understood by who receives them."""

    MAPPED_ADDRESS = 0x0001
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    MESSAGE_INTEGRITY_SHA256 = 0x001C
    XOR_MAPPED_ADDRESS = 0x0020
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A


_KNOWN = frozenset(Attribute)


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed message. `attributes` holds the first value of each type; what follows MESSAGE-INTEGRITY is not in it,
    since nobody has vouched for it."""

    kind: MessageType
    transaction_id: bytes
    attributes: dict[int, bytes]
    _protected: bytes | None = field(repr=False, default=None)
    """What MESSAGE-INTEGRITY covers, its length field already as RFC 8489, 14.5 has it."""

    def is_authentic(self, key: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY is there and made with `key` (of short-term credentials: the password)."""
        digest = self.attributes.get(Attribute.MESSAGE_INTEGRITY)
        if digest is None or self._protected is None:
            return False
        return hmac.compare_digest(digest, hmac.digest(key, self._protected, "sha1"))

    def unknown_attributes(self) -> list[int]:
        """The types that RFC 8489, 6.3.1 demands to understand and that are not known here."""
        return [kind for kind in self.attributes if kind < 0x8000 and kind not in _KNOWN]

    @property
    def username(self) -> tuple[str, str] | None:
        """The two fragments of ICE's USERNAME, the receiver's first; None if it is no such thing."""
        try:
            first, colon, second = self.attributes.get(Attribute.USERNAME, b"").decode("ascii").partition(":")
        except UnicodeDecodeError:
            return None
        return (first, second) if colon else None


def is_stun(datagram: bytes) -> bool:
    """A cheap look at the first bytes, before anything is parsed (RFC 7983, 7)."""
    return len(datagram) >= HEADER_BYTES and datagram[0] < 4 and datagram[4:8] == _COOKIE


def parse(datagram: bytes) -> Message:
    """Raises StunError for anything else than one whole Binding message with a right FINGERPRINT, if there is one."""
    if not is_stun(datagram) or len(datagram) > DATAGRAM_BYTES_MAX:
        raise StunError("no STUN header")
    type_, length, _, transaction_id = _HEADER.unpack_from(datagram)
    if length % 4 or length != len(datagram) - HEADER_BYTES:
        raise StunError(f"length {length} of a datagram of {len(datagram)} bytes")
    try:
        kind = MessageType(type_)
    except ValueError:
        raise StunError(f"message type {type_:#06x}") from None
    attributes: dict[int, bytes] = {}
    protected = None
    at = HEADER_BYTES
    while at < len(datagram):
        attribute, size = _TLV.unpack_from(
            datagram, at
        )  # length is a multiple of 4: the four bytes are there
        value = datagram[at + 4 : at + 4 + size]
        if len(value) < size:
            raise StunError(f"attribute {attribute:#06x} is cut off")
        if attribute == Attribute.FINGERPRINT:
            if at + 8 != len(datagram) or value != _fingerprint(datagram[:at]):
                raise StunError("wrong FINGERPRINT")
        elif attribute == Attribute.MESSAGE_INTEGRITY and protected is None:
            if size != _HMAC_SHA1_BYTES:
                raise StunError(f"MESSAGE-INTEGRITY of {size} bytes")
            protected = _with_length(datagram[:at], at + 4 + _HMAC_SHA1_BYTES - HEADER_BYTES)
            attributes[attribute] = value
        elif protected is None:
            attributes.setdefault(attribute, value)
        at += 4 + size + -size % 4
    return Message(kind, transaction_id, attributes, protected)


def build(
    kind: MessageType, transaction_id: bytes, attributes: dict[int, bytes], *, key: bytes | None = None
) -> bytes:
    """A message with `attributes` in their order, then MESSAGE-INTEGRITY if there is a `key`, then FINGERPRINT."""
    out = b"".join(
        _TLV.pack(attribute, len(value)) + value + bytes(-len(value) % 4)
        for attribute, value in attributes.items()
    )
    out = _HEADER.pack(kind, len(out), MAGIC_COOKIE, transaction_id) + out
    if key is not None:
        out = _with_length(out, len(out) + 4 + _HMAC_SHA1_BYTES - HEADER_BYTES)
        digest = hmac.digest(key, out, "sha1")
        out += _TLV.pack(Attribute.MESSAGE_INTEGRITY, _HMAC_SHA1_BYTES) + digest
    out = _with_length(out, len(out) + 8 - HEADER_BYTES)
    return out + _TLV.pack(Attribute.FINGERPRINT, 4) + _fingerprint(out)


def xor_address(host: str, port: int, transaction_id: bytes) -> bytes:
    """The value of XOR-MAPPED-ADDRESS (RFC 8489, 14.2); `host` is an IPv4 or IPv6 address, with or without scope."""
    address = ipaddress.ip_address(host.partition("%")[0])
    family = 1 if address.version == 4 else 2
    mask = _COOKIE + transaction_id
    return struct.pack("!BBH", 0, family, port ^ (MAGIC_COOKIE >> 16)) + _xor(address.packed, mask)


def parse_xor_address(value: bytes, transaction_id: bytes) -> tuple[str, int]:
    """Host and port of an XOR-MAPPED-ADDRESS. Raises StunError."""
    if len(value) < 4 or (value[1], len(value)) not in ((1, 8), (2, 20)):
        raise StunError("XOR-MAPPED-ADDRESS of neither IPv4 nor IPv6")
    port = int.from_bytes(value[2:4], "big") ^ (MAGIC_COOKIE >> 16)
    return str(ipaddress.ip_address(_xor(value[4:], _COOKIE + transaction_id))), port


def error_code(code: int, reason: str) -> bytes:
    """The value of ERROR-CODE (RFC 8489, 14.8)."""
    return struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode()


def _fingerprint(before: bytes) -> bytes:
    """The FINGERPRINT of a message whose length field already counts it."""
    return (zlib.crc32(before) ^ _FINGERPRINT_XOR).to_bytes(4, "big")


def _with_length(message: bytes, length: int) -> bytes:
    return message[:2] + length.to_bytes(2, "big") + message[4:]


def _xor(data: bytes, mask: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(data, mask, strict=False))
