"""The name of a public key that people read to each other: its SHA-256 in groups of four hexadecimal digits. Pure."""

from __future__ import annotations

import hashlib
import re

LEAST_DIGITS = 32
"""So much of a fingerprint must be known: 128 bits, for which nobody makes a second key by trying."""
_SEPARATORS = re.compile(r"[\s:.-]")
_DIGITS = re.compile(rf"[0-9a-f]{{{LEAST_DIGITS},64}}")


def fingerprint(public_key: bytes) -> str:
    """64 hexadecimal digits for the 32 raw bytes of an Ed25519 public key."""
    return hashlib.sha256(public_key).hexdigest()


def grouped(digits: str) -> str:
    """For reading aloud: "3f2a 91bc …"."""
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def parse(text: str) -> str:
    """What somebody typed: spaces, colons and dashes ignored, the first LEAST_DIGITS digits will do. Raises
    ValueError."""
    digits = _SEPARATORS.sub("", text).lower()
    if not _DIGITS.fullmatch(digits):
        raise ValueError(
            f"a fingerprint has 64 hexadecimal digits, of which at least {LEAST_DIGITS} must be given"
        )
    return digits
