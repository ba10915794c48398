"""Key pairs of WireGuard: X25519 (RFC 7748), base64."""

from __future__ import annotations

import base64
from typing import NamedTuple


class KeyPair(NamedTuple):
    private: str
    public: str

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public})"


def new_pair() -> KeyPair:
    """A random one."""
    # Imported with the first key: the library takes memory that an appliance without a tunnel does not have to give.
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    key = X25519PrivateKey.generate()
    return KeyPair(_encoded(key.private_bytes_raw()), _encoded(key.public_key().public_bytes_raw()))


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
