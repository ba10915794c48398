"""Checking a package: whatever was changed is named."""

import json
import os
from functools import cache
from pathlib import Path

import msgspec
import pytest
from evidence_small import FORGER, KEY, SEGMENTS, MemoryFiles, at, files_of, package
from hypothesis import given, settings
from hypothesis import strategies as st

from nvr.__main__ import main
from nvr.evidence.fingerprint import fingerprint, grouped
from nvr.evidence.manifest import MANIFEST, SIGNATURE, Gap, Manifest, parse
from nvr.evidence.reading import ZipFiles
from nvr.evidence.signature import sign
from nvr.evidence.verify import Verdict, verify

PRINT = fingerprint(KEY.public_key().public_bytes_raw())
FORGERS_PRINT = fingerprint(FORGER.public_key().public_bytes_raw())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evidence")
    made = package(path)
    made.write_folder(path / "p")
    made.write_zip(path / "p.zip")
    return path


@pytest.fixture(scope="module")
def good(folder: Path) -> dict[str, bytes]:
    return files_of(folder / "p")


def check(files: dict[str, bytes], expected: str | None = PRINT) -> Verdict:
    return verify(MemoryFiles(files), expected)


def named(verdict: Verdict) -> list[str]:
    assert verdict.state == "broken"
    return [finding.name for finding in verdict.findings]


def signed(files: dict[str, bytes], manifest: Manifest, key=KEY) -> dict[str, bytes]:
    """With another manifest, signed."""
    data = manifest.encode()
    return files | {MANIFEST: data, SIGNATURE: sign(key, data)}


def test_as_it_was_signed(good):
    assert check(good).state == "authentic"
    assert check(good).manifest.case == "12/2026"
    assert check(good, PRINT[:32]).state == "authentic"
    assert check(good, None).state == "unknown_signer"


def test_another_key_than_expected(good):
    verdict = check(good, FORGERS_PRINT)
    assert [finding.kind for finding in verdict.findings] == ["signer"]


@settings(max_examples=300)
@given(st.data())
def test_any_changed_byte_of_a_folder_is_named(good, data):
    name = data.draw(st.sampled_from(sorted(good)))
    at = data.draw(st.integers(0, len(good[name]) - 1))
    changed = bytearray(good[name])
    changed[at] ^= data.draw(st.integers(1, 255))
    names = named(check(good | {name: bytes(changed)}))
    assert any(found.startswith(name) for found in names), names
    # Nothing else is suspected, but what a changed manifest says of others.
    assert name == MANIFEST or all(found == name for found in names), names


@settings(max_examples=300)
@given(st.data())
def test_any_changed_byte_of_a_zip_is_named(folder, data):
    whole = (folder / "p.zip").read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    check_zip(folder, bytes(changed), place)


def test_every_byte_around_the_files_of_a_zip_is_named(folder):
    """The headers and the directory in full: few bytes, and hypothesis finds them seldom."""
    whole = (folder / "p.zip").read_bytes()
    own = {at for begin, end, _ in places(folder) for at in range(begin, end)}
    for place in set(range(len(whole))) - own:
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        check_zip(folder, bytes(changed), place)


@cache
def places(folder: Path) -> list[tuple[int, int, str]]:
    files = ZipFiles(folder / "p.zip")
    files.close()
    return [(at, at + size, name) for name, (at, size) in files._places.items()]


def check_zip(folder: Path, whole: bytes, place: int) -> None:
    path = folder / "changed.zip"
    path.write_bytes(whole)
    files = ZipFiles(path)
    try:
        verdict = verify(files, PRINT)
    finally:
        files.close()
    owner = next((name for begin, end, name in places(folder) if begin <= place < end), None)
    if owner is not None:
        assert any(name.startswith(owner) for name in named(verdict)), (place, verdict.findings)
    else:
        assert "container" in [finding.kind for finding in verdict.findings], (place, verdict.findings)


@given(st.data())
def test_any_file_that_is_gone_or_new_is_named(good, data):
    gone = data.draw(st.sampled_from(sorted(good)))
    assert gone in named(check({name: content for name, content in good.items() if name != gone}))
    new = data.draw(st.text(min_size=1).filter(lambda name: name not in good))
    assert named(check(good | {new: b""})) == [new]


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("field", ["start", "end", "cause", "camera"])
def test_altered_gap_is_named(good, index, field):
    manifest = parse(good[MANIFEST])
    other = {"start": at("01:00.500"), "end": at("01:59.999"), "cause": "disk", "camera": "other"}[field]
    gaps = list(manifest.gaps)
    gaps[index] = msgspec.structs.replace(gaps[index], **{field: other})
    changed = msgspec.structs.replace(manifest, gaps=tuple(gaps)).encode()
    assert f"manifest.json: gaps/{index}" in named(check(good | {MANIFEST: changed}))


def test_taken_out_and_put_in_gaps_are_named(good):
    manifest = parse(good[MANIFEST])
    fewer = msgspec.structs.replace(manifest, gaps=manifest.gaps[1:])
    assert any("gaps" in name for name in named(check(good | {MANIFEST: fewer.encode()})))
    more = msgspec.structs.replace(
        manifest, gaps=(*manifest.gaps, Gap("cong-chinh", "main", at("01:00.000"), at("01:01.000"), "loss"))
    )
    assert any("gaps" in name for name in named(check(good | {MANIFEST: more.encode()})))


def test_what_is_not_accounted_for_shows_even_when_signed_anew(good):
    manifest = parse(good[MANIFEST])
    fewer = msgspec.structs.replace(manifest, gaps=manifest.gaps[1:])
    verdict = check(signed(good, fewer), None)
    assert [(finding.kind, finding.name) for finding in verdict.findings] == [
        ("undeclared", "cong-chinh main 2026-11-24T15:01:00.020Z – 2026-11-24T15:01:30.500Z")
    ]
    longer = msgspec.structs.replace(
        manifest, gaps=(msgspec.structs.replace(manifest.gaps[0], start=at("00:50.000")), manifest.gaps[1])
    )
    verdict = check(signed(good, longer), None)
    assert [finding.detail for finding in verdict.findings] == ["a gap is declared where footage is"]


def test_forgery_signed_anew(tmp_path, good):
    """Other footage, a right manifest about it, everything signed with another key."""
    package(tmp_path, FORGER, first=b"another one").write_folder(tmp_path / "p")
    forged = files_of(tmp_path / "p")
    verdict = check(forged, None)
    assert (verdict.state, verdict.signer) == ("unknown_signer", FORGERS_PRINT)
    assert [finding.kind for finding in check(forged).findings] == ["signer"]
    # It names the appliance's key, but that did not sign it.
    named_as = msgspec.structs.replace(parse(forged[MANIFEST]), signer=parse(good[MANIFEST]).signer)
    assert "signer" in [finding.kind for finding in check(signed(forged, named_as, FORGER), None).findings]
    # manifest.sig too.
    data = named_as.encode()
    pretending = sign(FORGER, data).replace(
        FORGER.public_key().public_bytes_raw().hex().encode(),
        KEY.public_key().public_bytes_raw().hex().encode(),
    )
    assert [finding.kind for finding in check(forged | {MANIFEST: data, SIGNATURE: pretending}).findings] == [
        "signature"
    ]


def test_strange_folders(folder, tmp_path):
    package(tmp_path).write_folder(tmp_path / "p")
    target = tmp_path / "p" / SEGMENTS[0]
    target.rename(tmp_path / "elsewhere")
    target.symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "p" / "pipe")
    (tmp_path / "p" / "caf\udce9\x1b[2J").touch()
    assert main(["verify", str(tmp_path / "p")]) == 65


def test_command_line(folder, tmp_path, capsys):
    for path in (folder / "p", folder / "p.zip"):
        assert main(["verify", str(path), "--key", grouped(PRINT)]) == 0
        assert "AUTHENTIC" in capsys.readouterr().out
        assert main(["verify", str(path)]) == 0
        said = capsys.readouterr().out
        assert "SIGNER UNKNOWN" in said
        assert grouped(PRINT) in said
        assert main(["verify", str(path), "--key", FORGERS_PRINT]) == 65
        assert "BROKEN" in capsys.readouterr().out
    (tmp_path / "cut.zip").write_bytes((folder / "p.zip").read_bytes()[:-800])
    assert main(["verify", str(tmp_path / "cut.zip"), "--key", PRINT, "--json"]) == 65
    answer = json.loads(capsys.readouterr().out)
    assert (answer["state"], answer["case"]) == ("broken", "12/2026")
    (tmp_path / "no.zip").write_bytes(b"no")
    assert main(["verify", str(tmp_path / "no.zip")]) == 65
    assert main(["verify", str(tmp_path / "nowhere")]) == 74
    with pytest.raises(SystemExit):
        main(["verify", str(folder / "p"), "--key", PRINT[:20]])
