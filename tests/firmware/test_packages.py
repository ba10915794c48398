"""The packages of the BR2_EXTERNAL tree: what their files say, and whether they fit what the software asks for."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from firmware.kconfig import selected
from firmware.needs import LEFT_OUT, symbol, unmet
from firmware.package_file import Package, read_hashes, read_package
from firmware.source_file import differences, index_folder, requirements
from firmware.tree import ROOT, TREE, packages

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAKEFILE = """
PYTHON_ONE_VERSION = 1.2
PYTHON_ONE_SOURCE = one_two-$(PYTHON_ONE_VERSION).tar.gz
PYTHON_ONE_SITE = $(VILLAGE_NVR_PYTHON_FILES)/{folder}
PYTHON_ONE_LICENSE = MIT
PYTHON_ONE_LICENSE_FILES = \\
	LICENSE \\
	NOTICE
"""


def selects(name: str) -> list[str]:
    return selected((TREE / "package" / name / "Config.in").read_text())


def archive(path: Path) -> bytes:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in (("LICENSE", b"may"), ("PKG-INFO", b"Name: one-two\nRequires-Dist: cffi>=1\n")):
            entry = tarfile.TarInfo(f"one_two-1.2/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return path.read_bytes()


def one(data: bytes, **changes: str) -> Package:
    hashes = {
        "one_two-1.2.tar.gz": hashlib.sha256(data).hexdigest(),
        "LICENSE": hashlib.sha256(b"may").hexdigest(),
    }
    lines = "".join(f"sha256  {digest}  {name}\n" for name, digest in (hashes | changes).items())
    return read_package(
        "python-one", MAKEFILE.format(folder=index_folder(data)).replace(" \\\n\tNOTICE", ""), lines
    )


def test_a_package_is_read() -> None:
    package = read_package("python-one", MAKEFILE.format(folder="ab/cd/0123"), "")
    assert (package.version, package.source) == ("1.2", "one_two-1.2.tar.gz")
    assert (package.folder, package.distribution) == ("ab/cd/0123", "one-two")
    assert package.licence_files == ("LICENSE", "NOTICE")
    with pytest.raises(ValueError, match="PYTHON_TWO_VERSION"):
        read_package("python-two", MAKEFILE, "")
    with pytest.raises(ValueError, match="SHA-256"):
        read_hashes("md5  00  one")


def test_a_file_is_compared_with_its_package(tmp_path: Path) -> None:
    path = tmp_path / "one_two-1.2.tar.gz"
    data = archive(path)
    assert not list(differences(one(data), path))
    assert requirements(path) == ["cffi>=1"]
    assert "LICENSE is" in next(differences(one(data, LICENSE="0" * 64), path))
    path.write_bytes(archive(path) + b"more")
    assert len(list(differences(one(data), path))) == 2


def test_every_package_has_what_it_must() -> None:
    for package in packages():
        if not package.is_local:
            assert package.source in package.hashes, package.name
        assert set(package.licence_files) <= set(package.hashes) or package.is_local, package.name


def test_the_package_is_the_version_of_the_repository() -> None:
    (nvr,) = (package for package in packages() if package.name == "nvr")
    assert nvr.version == PROJECT["version"]
    assert nvr.licence == PROJECT["license"]


def test_all_that_the_software_asks_for_is_selected_in_versions_that_it_takes() -> None:
    versions = {
        symbol(package.distribution): package.version for package in packages() if package.folder is not None
    }
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["push"]
    told = list(unmet(PROJECT["name"], wanted, selects("nvr"), versions))
    assert not told, "see Packages in buildroot/README.md"


def test_what_is_missing_or_too_old_is_told() -> None:
    asked = ["cffi>=2", "old; python_version < '3.12'", "more; extra == 'much'"]
    told = unmet("one", asked, [], {})
    assert next(told) == "one asks for cffi, but its package does not select BR2_PACKAGE_PYTHON_CFFI"
    assert not list(told)
    chosen = [symbol("cffi")]
    assert list(unmet("one", asked, chosen, {chosen[0]: "1.17"})) == [
        "one asks for cffi>=2, but the image has 1.17"
    ]


def test_the_address_of_the_package_index_is_nowhere() -> None:
    for path in TREE.rglob("*"):
        if path.is_file():
            assert not re.search(rb"pythonhosted|pypi\.org", path.read_bytes()), path


def test_the_interpreter_needs_nothing_that_its_package_leaves_out() -> None:
    script = (
        "import sys, ai_edge_litert.interpreter as i; i.Interpreter; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    loaded = {canonicalize_name(name) for name in run.stdout.split()}
    assert "numpy" in loaded
    assert not loaded & (LEFT_OUT["ai-edge-litert"] - {"protobuf"} | {"google", "backports"})
