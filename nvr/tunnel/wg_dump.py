"""Parser of `wg show INTERFACE dump` (wg(8)). Pure."""

from __future__ import annotations

from typing import NamedTuple

_PEER_FIELDS = 8
_MOST = 2**64


class PeerDump(NamedTuple):
    """What WireGuard knows of one peer. `handshake_s`: seconds since 1970 of the last handshake, 0: there was none."""

    endpoint: str
    handshake_s: int
    received_bytes: int
    sent_bytes: int


def parse_dump(text: str, public_key: str) -> PeerDump | None:
    """The peer with that key, None where there is none. Takes any text: lines that are no peer's are passed over. The
    first line, which holds the interface's private key, is not looked at."""
    for line in text.splitlines()[1:]:
        fields = line.split("\t")
        if len(fields) == _PEER_FIELDS and fields[0] == public_key:
            numbers = [_number(field) for field in fields[4:7]]
            return PeerDump(fields[2], *numbers)
    return None


def _number(text: str) -> int:
    return min(int(text), _MOST) if text.isascii() and text.isdigit() and len(text) <= 20 else 0
