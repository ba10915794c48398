"""A small package to check: two streams of one camera, two segments, two gaps; and files in memory as a package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nvr.evidence.manifest import (
    Camera,
    ClockNow,
    CustodyRow,
    Deed,
    Footage,
    Gap,
    Manifest,
    Signer,
    Site,
    Span,
)
from nvr.evidence.packing import Content, Measured, Package, measure, seal
from nvr.evidence.readme_text import README, readme_text
from nvr.record.model import FileRange

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FORGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
SEGMENTS = (
    "footage/cong-chinh_main_2026-11-24_150000-000Z_7.mp4",
    "footage/cong-chinh_main_2026-11-24_150130-500Z_9.mp4",
)


def at(clock: str) -> str:
    return f"2026-11-24T15:{clock}Z"


def manifest(files: list[Measured], key: Ed25519PrivateKey = KEY) -> Manifest:
    return Manifest(
        id="00112233aabbccdd",
        made=at("10:00.000"),
        software="0.1.0",
        site=Site("Xã Đông Hòa", "Asia/Ho_Chi_Minh"),
        signer=Signer("Ed25519", key.public_key().public_bytes_raw().hex()),
        case="12/2026",
        reason="Trộm xe máy",
        person="Công an xã",
        requested=Deed("hoa", at("08:00.000")),
        approved=Deed("minh", at("09:00.000")),
        span=Span(at("00:30.000"), at("02:00.000")),
        clock=ClockNow(at("10:00.000"), "ntp", 12, "boot"),
        audit_head="41:" + "ab" * 32,
        cameras=(Camera("cong-chinh", "Cổng chính", ("main", "sub")),),
        files=tuple(measured.file for measured in files),
        gaps=(
            Gap("cong-chinh", "main", at("01:00.020"), at("01:30.500"), "loss"),
            Gap("cong-chinh", "sub", at("00:30.000"), at("02:00.000"), "unknown"),
        ),
        custody=(CustodyRow(40, at("08:00.000"), "hoa", "evidence-request", "00112233aabbccdd", "{}"),),
    )


def shown(start: str, end: str) -> Footage:
    return Footage("cong-chinh", "main", at(start), at(end), "ntp", 0)


def package(folder: Path, key: Ed25519PrivateKey = KEY, *, first: bytes = b"a segment" * 9) -> Package:
    """`folder`: where the footage lies. `first`: the bytes of the first segment."""
    recorded = folder / "disk.bin"
    recorded.write_bytes(b"before" + first + b"another" * 20)
    contents = [
        Content(SEGMENTS[0], "segment", FileRange(recorded, 6, len(first)), shown("00:00.000", "01:00.020")),
        Content(
            SEGMENTS[1], "segment", FileRange(recorded, 6 + len(first), 140), shown("01:30.500", "02:30.500")
        ),
    ]
    files = measure(contents)
    files = measure([Content(README, "readme", readme_text(manifest(files, key)))]) + files
    return seal(manifest(files, key), files, key)


class MemoryFiles:
    """`PackageFiles` of bytes."""

    differences = ()

    def __init__(self, files: dict[str, bytes]):
        self.files = files
        self.sizes = {name: len(data) for name, data in files.items()}

    def chunks(self, name: str) -> Iterator[bytes]:
        yield self.files[name]


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def own_files(made: Package) -> dict[str, bytes]:
    """manifest.json and manifest.sig."""
    return {entry.name: data for entry, data in made.files[:2] if isinstance(data, bytes)}
