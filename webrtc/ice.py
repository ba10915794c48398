"""The lite, controlled side of ICE (RFC 8445, 2.5 and 7.3): it answers checks and begins none. Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import Enum, auto

from webrtc import stun
from webrtc.stun import Attribute, Message, MessageType


@dataclass(frozen=True, slots=True)
class Credentials:
    """The local fragment and password of one session (RFC 8445, 5.3), and the client's fragment."""

    ufrag: str
    password: str = field(repr=False)
    remote_ufrag: str

    @classmethod
    def generate(cls, remote_ufrag: str) -> Credentials:
        """Random ones: the password has 192 bits."""
        return cls(secrets.token_hex(4), secrets.token_hex(24), remote_ufrag)


class Verdict(Enum):
    """What a check says of the way it came by."""

    DROP = auto()
    """Not from the client of this session: nothing is answered."""
    REFUSE = auto()
    """From the client, but not a check that we can follow; the answer says why."""
    VALID = auto()
    NOMINATED = auto()
    """The client wants everything sent this way."""


def answer_check(
    message: Message, credentials: Credentials, source: tuple[str, int]
) -> tuple[Verdict, bytes | None]:
    """The verdict on a Binding message that came from `source` (host and port), and the answer to send there.

    What is not authentic is never answered, so that nobody is made to reflect traffic.
    """
    key = credentials.password.encode("ascii")
    if message.username != (credentials.ufrag, credentials.remote_ufrag) or not message.is_authentic(key):
        return Verdict.DROP, None
    if message.kind is not MessageType.REQUEST:
        return Verdict.DROP, None
    if unknown := message.unknown_attributes():
        value = b"".join(kind.to_bytes(2, "big") for kind in unknown)
        extra = {int(Attribute.UNKNOWN_ATTRIBUTES): value}
        return Verdict.REFUSE, _error(message, key, 420, "Unknown Attribute", extra)
    if Attribute.ICE_CONTROLLED in message.attributes:
        # A lite agent never controls, so that it is always the client that has to change its role.
        return Verdict.REFUSE, _error(message, key, 487, "Role Conflict", {})
    mapped = stun.xor_address(*source, message.transaction_id)
    answer = stun.build(
        MessageType.SUCCESS, message.transaction_id, {Attribute.XOR_MAPPED_ADDRESS: mapped}, key=key
    )
    nominated = Attribute.USE_CANDIDATE in message.attributes
    return Verdict.NOMINATED if nominated else Verdict.VALID, answer


def _error(message: Message, key: bytes, code: int, reason: str, extra: dict[int, bytes]) -> bytes:
    attributes = {int(Attribute.ERROR_CODE): stun.error_code(code, reason), **extra}
    return stun.build(MessageType.ERROR, message.transaction_id, attributes, key=key)
