"""The format: what is written is read back by others, and what strangers write is refused."""

import io
import json
import os
import stat
import subprocess
import zipfile
from itertools import pairwise

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from evidence_small import KEY, SEGMENTS, files_of, manifest, own_files, package
from hypothesis import given
from hypothesis import strategies as st

from nvr.errors import StorageError
from nvr.evidence import fingerprint
from nvr.evidence.coverage import declare, holes
from nvr.evidence.manifest import MANIFEST, MAX_FILE_BYTES, ManifestError, milliseconds, parse, utc_ms
from nvr.evidence.packing import chunks
from nvr.evidence.signature import parse_signature
from nvr.evidence.signing import KEY_FILE, open_key
from nvr.evidence.zip_layout import Entry, NoPackage, directory, local_header, open_zip


def test_manifest_is_read_back_and_reads_line_by_line():
    data = manifest([]).encode()
    assert parse(data) == manifest([])
    assert json.loads(data)["gaps"][0]["cause"] == "loss"
    lines = data.decode().split("\n")
    assert '"case":"12/2026",' in lines
    assert sum('"cause":' in line for line in lines) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"case":"12/2026"', b'"case": "12/2026"'),
        (b'"case":"12/2026"', b'"case":"1","case":"12/2026"'),
        (b'"case":"12/2026"', b'"case":"\\u0031"'),
        (b'"case":"12/2026"', b'"case":"a\\u001b[2Jb"'),
        (b'"case":"12/2026"', b'"other":1,"case":"12/2026"'),
        (b'"error_ms":12', b'"error_ms":12.0'),
        (b'"error_ms":12', b'"error_ms":-1'),
        (b"2026-11-24T15:02:00.000Z", b"2026-13-24T15:02:00.000Z"),
        (b'"end":"2026-11-24T15:02:00.000Z"},\n"clock"', b'"end":"2026-11-24T15:00:30.000Z"},\n"clock"'),
        (b"evidence/1", b"evidence/2"),
        (
            b'"files":[]',
            b'"files":[{"path":"../x","role":"copy","size":0,"sha256":"' + b"0" * 64 + b'","of":null}]',
        ),
        (b'"files":[]', b'"files":' + b"[" * 100_000),
    ],
)
def test_what_is_not_in_its_one_form_is_refused(old, new):
    data = manifest([]).encode()
    assert data.count(old) >= 1
    with pytest.raises(ManifestError):
        parse(data.replace(old, new, 1))


def test_no_two_files_of_one_name(tmp_path):
    made = parse(own_files(package(tmp_path))[MANIFEST])
    twin = msgspec.structs.replace(made.files[0], path="readme.TXT")
    data = made.encode().replace(
        msgspec.json.encode(made.files[0]),
        msgspec.json.encode(twin) + b",\n" + msgspec.json.encode(made.files[0]),
    )
    with pytest.raises(ManifestError, match="one name"):
        parse(data)


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes_are_a_manifest_or_an_error(data):
    for read in (parse, parse_signature):
        with pytest.raises(ManifestError):
            read(data)


@given(st.integers(0, 4_000_000_000_000))
def test_moments(wall_ms):
    assert milliseconds(utc_ms(wall_ms)) == wall_ms


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 500)), max_size=8))
def test_holes_and_spans_are_all_there_is(parts):
    spans = [(start, start + length) for start, length in parts]
    found = holes(spans, 300, 1700)
    for moment in range(300, 1700):
        is_missing = not any(start <= moment < end for start, end in spans)
        is_told = any(start <= moment < end for start, end in found)
        assert is_missing or not is_told
        if is_missing and not is_told:  # only what is too short to tell
            near = range(max(300, moment - 10), min(1700, moment + 11))
            assert any(start <= other < end for other in near for start, end in spans)


@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 500)), max_size=6),
    st.lists(
        st.tuples(st.integers(0, 2000), st.integers(1, 500), st.sampled_from(["loss", "disk"])), max_size=6
    ),
)
def test_declared_gaps_account_for_all_that_is_missing(parts, causes):
    recorded = [(start, start + length) for start, length in parts]
    known = [(start, start + length, cause) for start, length, cause in causes]
    found = declare(recorded, known, 300, 1700)
    assert all(start < end for start, end, _ in found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    assert holes(recorded + [gap[:2] for gap in found], 300, 1700) == []
    for start, end, cause in found:
        assert 300 <= start < end <= 1700
        assert holes(recorded, start, end) == [(start, end)] or end - start <= 10
        if cause != "unknown":
            assert any(begin < end and start < stop and why == cause for begin, stop, why in known)


# The ZIP


def test_another_program_reads_the_zip(tmp_path):
    made = package(tmp_path)
    made.write_zip(tmp_path / "p.zip")
    made.write_folder(tmp_path / "p")
    assert (tmp_path / "p.zip").stat().st_size == made.zip_bytes
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files_of(tmp_path / "p")
    assert files_of(tmp_path / "p")[SEGMENTS[0]] == b"a segment" * 9
    with pytest.raises(FileExistsError):
        made.write_zip(tmp_path / "p.zip")


@pytest.mark.parametrize("keep", [-1, -30, -300, 60, 700])
def test_of_a_cut_zip_there_is_what_is_left(tmp_path, keep):
    package(tmp_path).write_zip(tmp_path / "p.zip")
    data = (tmp_path / "p.zip").read_bytes()[:keep]
    opened = open_zip(read_of(data), len(data))
    assert opened.entries[0][0].name == MANIFEST
    assert opened.differences


def read_of(data: bytes):
    return lambda at, length: data[at : at + length]


def test_zip64_where_there_are_many_files():
    entries = [Entry(f"f/{number}", 0, 0) for number in range(1 << 16)]
    data = b"".join(map(local_header, entries)) + directory(entries)
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == [entry.name for entry in entries]
    opened = open_zip(read_of(data), len(data))
    assert [entry for entry, _ in opened.entries] == entries
    assert opened.differences == []


def test_zip64_beyond_four_gigabytes(tmp_path):
    entries = [Entry(f"f/{number}", MAX_FILE_BYTES, 0) for number in range(6)]
    path = tmp_path / "sparse.zip"
    with path.open("wb") as file:
        for entry in entries:
            file.write(local_header(entry))
            file.seek(entry.size, 1)
        file.write(directory(entries))
    with zipfile.ZipFile(path) as archive:
        assert [item.filename for item in archive.infolist()] == [entry.name for entry in entries]
        assert archive.open("f/5").read(10) == bytes(10)
    with path.open("rb") as file:
        opened = open_zip(lambda at, length: os.pread(file.fileno(), length, at), path.stat().st_size)
    assert [entry for entry, _ in opened.entries] == entries
    assert opened.differences == []


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda data: b"PK\x03\x04" + data))
def test_any_bytes_are_opened_or_refused(data):
    try:
        open_zip(read_of(data), len(data))
    except NoPackage:
        return
    assert data


# The key


def test_key_is_made_once_and_private(tmp_path):
    made = open_key(tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert open_key(tmp_path).private_bytes_raw() == made.private_bytes_raw()
    (tmp_path / KEY_FILE).chmod(0o640)
    with pytest.raises(StorageError, match="others may read it"):
        open_key(tmp_path)


def test_key_that_cannot_be_read_is_left_alone(tmp_path):
    path = tmp_path / KEY_FILE
    path.touch(0o600)
    for text in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        path.write_bytes(text)
        with pytest.raises(StorageError, match="not an Ed25519 key"):
            open_key(tmp_path)
        assert path.read_bytes() == text


def test_fingerprint_as_people_say_it():
    digits = fingerprint.fingerprint(KEY.public_key().public_bytes_raw())
    assert fingerprint.parse(fingerprint.grouped(digits).upper()) == digits
    assert fingerprint.parse(digits[:32]) == digits[:32]
    for wrong in (digits[:31], digits + "0", "", "g" * 64):
        with pytest.raises(ValueError, match="64 hexadecimal digits"):
            fingerprint.parse(wrong)


def test_openssl_checks_the_signature(tmp_path):
    key = Ed25519PrivateKey.generate()
    own = own_files(package(tmp_path, key))
    signed = parse_signature(own["manifest.sig"])
    (tmp_path / "manifest.json").write_bytes(own[MANIFEST])
    (tmp_path / "signature").write_bytes(bytes.fromhex(signed.signature))
    # RFC 8410: what stands before the raw key.
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100" + signed.key))
    command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in manifest.json -sigfile signature"
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done
    (tmp_path / "manifest.json").write_bytes(own[MANIFEST].replace(b"loss", b"lost"))
    assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode != 0


@given(st.data())
def test_any_range_of_a_zip(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("range")
    made = package(folder)
    whole = b"".join(chunk for piece in made.zip_plan() for chunk in chunks(piece))
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    assert (
        b"".join(chunk for piece in made.zip_plan(start, stop) for chunk in chunks(piece))
        == whole[start:stop]
    )


def test_a_file_that_became_shorter_is_no_package(tmp_path):
    made = package(tmp_path)
    (tmp_path / "disk.bin").write_bytes(b"short")
    with pytest.raises(EOFError):
        for piece in made.zip_plan():
            list(chunks(piece))
