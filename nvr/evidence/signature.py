"""manifest.sig: the appliance's Ed25519 signature over the manifest, and over a digest of each of its lines. Pure.

The first signature is over the bytes of manifest.json as they are, so that any other tool can check it. The second,
over the digests, vouches for nothing more; but when the manifest was changed, it tells which lines were.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta, Struct

from nvr.evidence.findings import Finding
from nvr.evidence.manifest import (
    MANIFEST,
    SIGNATURE,
    Hex32,
    ManifestError,
    in_lines,
    line_labels,
)

LINES_PREFIX = b"village-nvr-evidence-lines/1\n"
"""What stands before the digests that are signed: no manifest begins so."""
MAX_LINES = 500_000
MAX_SIGNATURE_BYTES = 32 << 20
SHOWN_LINES = 100

Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]


class SignatureFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`key`: the public key; `signature`: over manifest.json; `lines`: the first 16 bytes of the SHA-256 of each of its
    lines, without line ends; `lines_signature`: over LINES_PREFIX and these, each with a line end. All hexadecimal."""

    format: Literal["village-nvr-evidence-signature/1"] = "village-nvr-evidence-signature/1"
    key: Hex32
    signature: Hex64
    lines_signature: Hex64
    lines: Annotated[tuple[Digest, ...], Meta(max_length=MAX_LINES)]


def sign(key: Ed25519PrivateKey, manifest: bytes) -> bytes:
    """The bytes of manifest.sig for those of manifest.json."""
    lines = _digests(manifest)
    return in_lines(
        SignatureFile(
            key=key.public_key().public_bytes_raw().hex(),
            signature=key.sign(manifest).hex(),
            lines_signature=key.sign(_listed(lines)).hex(),
            lines=lines,
        )
    )


def parse_signature(data: bytes) -> SignatureFile:
    """From the bytes of manifest.sig, whoever wrote them. Raises ManifestError."""
    if len(data) > MAX_SIGNATURE_BYTES:
        raise ManifestError(f"more than {MAX_SIGNATURE_BYTES} bytes")
    try:
        file = msgspec.json.decode(data, type=SignatureFile)
    except (ValueError, RecursionError) as error:
        raise ManifestError(str(error)) from None
    if in_lines(file) != data:
        raise ManifestError("not in the one form that a signature has")
    return file


def judge(manifest: bytes, file: SignatureFile, named_key: str | None) -> list[Finding]:
    """What is wrong with a manifest by its signature, or with that. `named_key`: the key that the manifest names.
    [] means: whoever has the private key of `file.key` signed exactly this manifest."""
    for key in dict.fromkeys((file.key, named_key or file.key)):
        is_signed = _fits(key, file.signature, manifest)
        are_listed = _fits(key, file.lines_signature, _listed(file.lines))
        if is_signed or are_listed:
            break
    else:
        return [Finding("signature", SIGNATURE, "fits neither the manifest nor its own list of lines")]
    findings = []
    if key != file.key:
        findings.append(Finding("changed", SIGNATURE, "the key is another than the one that signed"))
    elif named_key is not None and named_key != file.key:
        findings.append(Finding("signer", MANIFEST, "names another key than the one that signed"))
    if not are_listed:
        findings.append(Finding("changed", SIGNATURE, "the list of lines is not the one that was signed"))
        return findings
    differing = _differing(manifest, file.lines)
    if not is_signed and not differing:
        differing = [Finding("changed", SIGNATURE, "the signature is not the one that was made")]
    return findings + differing


def _fits(key: str, signature: str, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _digests(manifest: bytes) -> tuple[str, ...]:
    return tuple(hashlib.sha256(line).hexdigest()[:32] for line in manifest.split(b"\n"))


def _listed(lines: tuple[str, ...]) -> bytes:
    return LINES_PREFIX + "".join(f"{line}\n" for line in lines).encode()


def _differing(manifest: bytes, signed: tuple[str, ...]) -> list[Finding]:
    """One finding for each line that is not as it was signed; what lies between the first and the last difference as
    one where lines were put in or taken out."""
    lines, here = manifest.split(b"\n"), _digests(manifest)
    if here == signed:
        return []
    labels = line_labels(lines)
    if len(here) == len(signed):
        wrong = [index for index in range(len(here)) if here[index] != signed[index]]
        return [_line(index, labels[index], lines[index]) for index in wrong[:SHOWN_LINES]]
    first = next(
        (index for index, pair in enumerate(zip(here, signed, strict=False)) if pair[0] != pair[1]),
        min(len(here), len(signed)),
    )
    behind = 0
    while behind < min(len(here), len(signed)) - first and here[-1 - behind] == signed[-1 - behind]:
        behind += 1
    label = next((label for label in labels[first:] if label), "") or "end"
    was, now = len(signed) - first - behind, len(here) - first - behind
    return [
        Finding(
            "manifest",
            f"{MANIFEST}: {label}",
            f"from line {first + 1} on, {now} lines stand where {was} were",
        )
    ]


def _line(index: int, label: str, line: bytes) -> Finding:
    name = f"{MANIFEST}: {label or 'brackets'}"
    text = line.decode(errors="replace")[:200]
    return Finding("manifest", name, f"line {index + 1} is not as it was signed: {text}")
