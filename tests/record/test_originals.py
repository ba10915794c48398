"""Whole segments handed over as evidence: a package from a running recorder, byte for byte what lies on its disks."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from record_disks import CAMERAS, Slot, site

from nvr.audit_chain import Head
from nvr.evidence.building import Custody, Order, build, gather
from nvr.evidence.fingerprint import fingerprint
from nvr.evidence.manifest import Camera, Deed, Site, utc
from nvr.evidence.reading import open_package
from nvr.evidence.verify import Verdict, verify
from nvr.record.mp4.fmp4_reader import read_segment_header

KEY = Ed25519PrivateKey.generate()
EAST, NORTH = CAMERAS[:2]


def check(path: Path) -> Verdict:
    files = open_package(path)
    try:
        return verify(files, fingerprint(KEY.public_key().public_bytes_raw()))
    finally:
        files.close()


async def test_a_package_from_two_disks(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    slots = [Slot(tmp_path / name) for name in ("a", "b")]
    try:
        await _package_from(tmp_path, [slot.point for slot in slots])
    finally:
        for slot in slots:
            slot.close()


async def _package_from(tmp_path: Path, roots: list[Path]) -> None:
    async with site(roots, tmp_path / "state", cameras=(EAST, NORTH)) as running:
        await running.until(lambda: len(running.where()) == 2)
        await running.recorded(EAST, 2.5)
        now_s = running.clock.wall()
        order = Order(
            id="00112233aabbccdd",
            site=Site("Đông Hòa", "Asia/Ho_Chi_Minh"),
            cameras=(Camera("east", "Đông", ("main", "sub")), Camera("north", "Bắc", ("main",))),
            start_s=now_s - 60,
            end_s=now_s,
            case="12/2026",
            reason="trộm xe",
            person="Công an xã",
            requested=Deed("hoa", utc(now_s - 10)),
            approved=Deed("minh", utc(now_s - 5)),
        )
        gathered = await gather(running.disks, order)
        assert not gathered.is_partial
        state = running.clock.state()
        custody = Custody([], Head(7, "ab" * 32), state, now_s)
        read: list[int] = []
        package = await build(order, gathered, custody, KEY, read.append)
    assert sum(read) == gathered.bytes > 0
    package.write_zip(tmp_path / "p.zip")
    package.write_folder(tmp_path / "p")
    for path in (tmp_path / "p.zip", tmp_path / "p"):
        verdict = check(path)
        assert verdict.findings == ()
        assert verdict.state == "authentic"

    manifest = verdict.manifest
    assert manifest is not None
    assert (manifest.audit_head, manifest.clock.source) == ("7:" + "ab" * 32, state.source)
    stored = {path.read_bytes() for root in roots for path in root.rglob("footage/**/*.mp4")}
    segments = [file for file in manifest.files if file.of is not None]
    assert {file.of.camera for file in segments if file.of} == {"east", "north"}
    for file in segments:
        data = (tmp_path / "p" / file.path).read_bytes()
        # What was open then has grown since.
        assert any(whole.startswith(data) for whole in stored)
        segment, _ = read_segment_header(lambda at, length, data=data: data[at : at + length])  # type: ignore[misc]
        assert file.of is not None
        assert file.of.start == utc(segment.start_90k / 90_000)
        assert file.of.clock == state.source
    assert ("east", "sub", "unknown") in [(gap.camera, gap.stream, gap.cause) for gap in manifest.gaps]

    target = tmp_path / "p" / segments[0].path
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    assert [(finding.kind, finding.name) for finding in check(tmp_path / "p").findings] == [
        ("changed", segments[0].path)
    ]


async def test_a_file_that_is_gone_is_a_gap(tmp_path: Path) -> None:
    for name in ("rec", "state"):
        (tmp_path / name).mkdir()
    async with site([tmp_path / "rec"], tmp_path / "state", cameras=(EAST,)) as running:
        await running.until(lambda: running.disks.usage() is not None)
        await running.recorded(EAST, 1.0)
        now_s = running.clock.wall()
        (original,) = await running.disks.originals(EAST, now_s - 60, now_s)
        original.file.path.rename(tmp_path / "gone")
        assert await running.disks.originals(EAST, now_s - 60, now_s) == []
