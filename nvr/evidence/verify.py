"""Checks a package: is everything as it was signed, and by whom? Pure; the files are read through `PackageFiles`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from nvr.evidence.coverage import check_coverage
from nvr.evidence.findings import Finding
from nvr.evidence.fingerprint import fingerprint
from nvr.evidence.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    SIGNATURE,
    File,
    Manifest,
    ManifestError,
    parse,
)
from nvr.evidence.signature import MAX_SIGNATURE_BYTES, judge, parse_signature

Progress = Callable[[int, int], None]
"""(bytes checked, bytes in all)"""


class PackageFiles(Protocol):
    """The files of a package. `sizes`: by name; `differences`: what is wrong with what holds them."""

    @property
    def sizes(self) -> Mapping[str, int]: ...

    @property
    def differences(self) -> Sequence[Finding]: ...

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a file in `sizes`. Raises OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking found.

    `state`: "authentic": everything is as it was signed with the expected key; "unknown_signer": everything is as it
    was signed, but nobody said with which key it should be; "broken": see `findings`. `signer`: fingerprint of the key
    that manifest.sig names, None where that cannot be read. `manifest`: None where that cannot be read.
    """

    findings: tuple[Finding, ...]
    signer: str | None
    manifest: Manifest | None
    is_expected: bool

    @property
    def state(self) -> Literal["authentic", "unknown_signer", "broken"]:
        if self.findings:
            return "broken"
        return "authentic" if self.is_expected else "unknown_signer"


def verify(files: PackageFiles, expected: str | None = None, progress: Progress | None = None) -> Verdict:
    """Check everything. `expected`: fingerprint of the key it must be signed with, as `fingerprint.parse` returns it;
    None: nobody knows, and then no forger with a key of his own is found out."""
    findings = list(files.differences)
    signer: str | None = None
    manifest_data = _small(files, MANIFEST, MAX_MANIFEST_BYTES, findings)
    signature_data = _small(files, SIGNATURE, MAX_SIGNATURE_BYTES, findings)
    manifest: Manifest | None = None
    if manifest_data is not None:
        try:
            manifest = parse(manifest_data)
        except ManifestError as error:
            findings.append(Finding("unreadable", MANIFEST, str(error)))
    if signature_data is not None:
        try:
            signature = parse_signature(signature_data)
        except ManifestError as error:
            findings.append(Finding("unreadable", SIGNATURE, str(error)))
        else:
            signer = fingerprint(bytes.fromhex(signature.key))
            if manifest_data is not None:
                findings += judge(manifest_data, signature, manifest.signer.key if manifest else None)
            if expected is not None and not signer.startswith(expected):
                findings.append(
                    Finding("signer", SIGNATURE, "signed with another key than the one you expect")
                )
    if manifest is not None:
        findings += _check_files(files, manifest.files, progress or (lambda done, total: None))
        findings += check_coverage(manifest)
    return Verdict(tuple(findings), signer, manifest, expected is not None)


def _small(files: PackageFiles, name: str, most: int, findings: list[Finding]) -> bytes | None:
    size = files.sizes.get(name)
    if size is None:
        findings.append(Finding("missing", name, "without it nothing can be vouched for"))
        return None
    if size > most:
        findings.append(Finding("unreadable", name, f"more than {most} bytes"))
        return None
    try:
        return b"".join(files.chunks(name))
    except OSError as error:
        findings.append(Finding("unreadable", name, error.strerror or "cannot be read"))
        return None


def _check_files(files: PackageFiles, listed: Sequence[File], progress: Progress) -> Iterator[Finding]:
    total, done = sum(file.size for file in listed), 0
    for file in listed:
        size = files.sizes.get(file.path)
        if size is None:
            yield Finding("missing", file.path, f"{file.size} bytes")
        elif size != file.size:
            yield Finding("changed", file.path, f"has {size} bytes, had {file.size}")
        else:
            try:
                if _digest(files.chunks(file.path)) != file.sha256:
                    yield Finding("changed", file.path, "other bytes than were signed (SHA-256)")
            except OSError as error:
                yield Finding("unreadable", file.path, error.strerror or "cannot be read")
        done += file.size
        progress(done, total)
    known = {MANIFEST, SIGNATURE, *(file.path for file in listed)}
    for name in sorted(files.sizes.keys() - known):
        yield Finding("added", name, "not in the manifest: nobody vouches for it")


def _digest(chunks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
