"""The appliance's signing key: made at first use, kept in the state directory. May block."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from nvr.errors import StorageError
from nvr.whole_file import PRIVATE, write_whole

KEY_FILE = "evidence-key.pem"
MAX_PEM_BYTES = 4096


def open_key(state: Path) -> Ed25519PrivateKey:
    """The key in the directory `state` (PKCS #8, PEM), made if there is none. A file that cannot be used stays as it
    is: another key would make every package signed before look like a stranger's. Raises StorageError."""
    path = state / KEY_FILE
    try:
        data = _read(path)
        if data is None:
            key = Ed25519PrivateKey.generate()
            write_whole(
                path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=PRIVATE
            )
            return key
    except OSError as error:
        raise StorageError(
            f"{path}: the key for evidence cannot be used: {error.strerror}",
            remedy="Make it readable and writable for the service, and for nobody else",
        ) from error
    try:
        loaded = load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        loaded = None
    if not isinstance(loaded, Ed25519PrivateKey):
        raise StorageError(
            f"{path}: not an Ed25519 key",
            remedy="Put it back from a backup; or move it away, then a new key is made and must be made known",
        )
    return loaded


def _read(path: Path) -> bytes | None:
    """None: there is no such file. Raises OSError, also where others may read it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
            raise PermissionError(1, "others may read it; whoever did can sign in this appliance's name")
        return file.read(MAX_PEM_BYTES)
