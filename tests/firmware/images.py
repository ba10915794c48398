"""Checks: post-image.sh makes each board's image and bundle, of small files in place of kernel and root; systemd-repart
makes and grows the other partitions of it; RAUC takes the bundle and refuses a changed one. Debian's tools, as root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from firmware.check import LeftOut, Outcome
from firmware.tree import TREE

TOOLS = (
    "genimage",
    "mkfs.vfat",
    "mcopy",
    "mksquashfs",
    "mkimage",
    "openssl",
    "rauc",
    "sfdisk",
    "systemd-repart",
)
ROOTFS = TREE / "board/common/rootfs"
SLOTS = ["boot", "boot-a", "boot-b", "root-a", "root-b"]
GIB = 1 << 30
KERNEL_BYTES = 3000
BOARD_FILES = {
    "qemu_aarch64": (["boot.scr"], ["Image"]),
    "rpi4_64": (["boot.scr", "bcm2711-rpi-4-b.dtb", "config.txt", "start4.elf", "u-boot.bin"], ["Image"]),
    "rpi5": (
        ["autoboot.txt", "config.txt"],
        ["Image", "bcm2712-rpi-5-b.dtb", "cmdline-a.txt", "cmdline-b.txt", "config.txt", "overlays"],
    ),
}
"""What lies at least on the first partition, and in a boot slot."""


class Partition(NamedTuple):
    name: str
    start_bytes: int
    size_bytes: int
    uuid: str


def check_images() -> Outcome:
    """Partitions and what is in them, for each board."""
    _need_tools()
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for board in BOARD_FILES:
            binaries = made(board, Path(folder) / board)
            problems += [f"{board}: {problem}" for problem in _image(board, binaries)]
    return Outcome(f"{len(BOARD_FILES)} images hold boot files and roots where they belong", problems)


def check_growth() -> Outcome:
    """State and data: made at the first start, grown on a larger card, made anew by a factory reset alone."""
    _need_tools()
    if os.geteuid() != 0:
        raise LeftOut("systemd-repart formats partitions as root only")
    with tempfile.TemporaryDirectory() as folder:
        image = made("qemu_aarch64", Path(folder)) / "nvr.img"
        problems = list(_growth(image))
    return Outcome("state and data are made, grown, and made anew by a factory reset alone", problems)


def check_bundles() -> Outcome:
    """RAUC takes what post-image.sh signed, under the authority that the image knows, and nothing else."""
    _need_tools()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys, others = folder / "keys", folder / "others"
        for each in (keys, others):
            _run(TREE / "ota/make-keys.sh", each)
        bundle = made("rpi5", folder / "binaries", keys) / "nvr.raucb"
        problems = list(_bundle(bundle, keys / "ca.cert.pem", others / "ca.cert.pem"))
    return Outcome("a bundle is accepted as it was signed, and only so", problems)


def made(board: str, binaries: Path, keys: Path | None = None) -> Path:
    """What post-image.sh makes of small files; `binaries` again. Raises CalledProcessError."""
    (binaries / "rpi-firmware" / "overlays").mkdir(parents=True)
    for name in ("u-boot.bin", "bcm2711-rpi-4-b.dtb", "bcm2712-rpi-5-b.dtb"):
        (binaries / name).write_bytes(name.encode())
    for name in ("start4.elf", "fixup4.dat", "overlays/one.dtbo"):
        (binaries / "rpi-firmware" / name).write_bytes(name.encode())
    config = TREE / "board" / board / ("slot/config.txt" if board == "rpi5" else "config.txt")
    if config.exists():  # as the package rpi-firmware installs it
        shutil.copy(config, binaries / "rpi-firmware" / "config.txt")
    (binaries / "Image").write_bytes(os.urandom(KERNEL_BYTES))
    script = TREE / "board/common/boot.cmd"
    _run("mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-d", script, binaries / "boot.scr")
    root = binaries / "root"
    root.mkdir()
    (root / "noise").write_bytes(os.urandom(300_000))
    _run("mksquashfs", root, binaries / "rootfs.squashfs", "-comp", "zstd", "-quiet", "-no-progress")
    environment = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    if keys is not None:
        environment |= {
            "NVR_UPDATE_KEY": f"{keys}/signer.key.pem",
            "NVR_UPDATE_CERT": f"{keys}/signer.cert.pem",
        }
    _run(TREE / "scripts/post-image.sh", binaries, board, environment=environment)
    return binaries


def partitions(image: Path) -> list[Partition]:
    """In the order of the disk."""
    table = json.loads(_run("sfdisk", "--json", image))["partitiontable"]
    sector = table["sectorsize"]
    return [
        Partition(entry["name"], entry["start"] * sector, entry["size"] * sector, entry["uuid"])
        for entry in table["partitions"]
    ]


def _image(board: str, binaries: Path) -> Iterator[str]:
    image = binaries / "nvr.img"
    found = {part.name: part for part in partitions(image)}
    if list(found) != SLOTS:
        yield f"its partitions are {', '.join(found)}"
        return
    if found["boot"].start_bytes < 8 << 20:
        yield "the first partition covers U-Boot's variables"
    boot, slot = BOARD_FILES[board]
    for name, expected in (("boot", boot), ("boot-a", slot), ("boot-b", slot)):
        files = set(_run("mdir", "-b", "-i", f"{image}@@{found[name].start_bytes}", "::").split())
        yield from (f"no {file} in {name}" for file in expected if not {f"::/{file}", f"::/{file}/"} & files)
    root = (binaries / "rootfs.squashfs").read_bytes()
    with image.open("rb") as opened:
        for name in ("root-a", "root-b"):
            opened.seek(found[name].start_bytes)
            if opened.read(len(root)) != root:
                yield f"{name} is not the root"


def _growth(image: Path) -> Iterator[str]:
    before = partitions(image)
    grown: dict[str, dict[str, Partition]] = {}
    for what, size_bytes, options in (
        ("first start", 4 * GIB, ()),
        ("a larger card", 6 * GIB, ()),
        ("factory reset", 6 * GIB, ("--factory-reset=yes",)),
    ):
        os.truncate(image, size_bytes)
        repart = ("systemd-repart", "--dry-run=no", "--pretty=no", f"--definitions={ROOTFS}/usr/lib/repart.d")
        _run(*repart, *options, image)
        now = partitions(image)
        kept = [part.name for part in now if part.name in ("state", "data") and _marked(image, part)]
        if kept != {"first start": [], "a larger card": ["state", "data"], "factory reset": []}[what]:
            yield f"{what}: a file is kept in: {', '.join(kept) or 'none'}"
        if now[: len(before)] != before:
            yield f"{what}: the slots are not what they were"
        grown[what] = {part.name: part for part in now[len(before) :]}
        if list(grown[what]) != ["state", "data"]:
            yield f"{what}: after the slots come {', '.join(grown[what])}"
            return
        end = now[-1].start_bytes + now[-1].size_bytes
        if end < size_bytes - (16 << 20):
            yield f"{what}: {(size_bytes - end) >> 20} MiB are left over"
        for part in grown[what].values():
            if not _clean(image, part):
                yield f"{what}: {part.name} is no clean ext4"
            _run("debugfs", "-w", "-R", "mkdir marked", _inside(image, part))


def _marked(image: Path, part: Partition) -> bool:
    """Whether the file system has the folder that is made in it after each step."""
    return "marked" in _run("debugfs", "-R", "ls -p", _inside(image, part))


def _inside(image: Path, part: Partition) -> str:
    """As e2fsprogs names a file system within a file."""
    return f"{image}?offset={part.start_bytes}"


def _clean(image: Path, part: Partition) -> bool:
    check = ["e2fsck", "-fn", _inside(image, part)]
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def _bundle(bundle: Path, authority: Path, other: Path) -> Iterator[str]:
    told = _info(bundle, authority)
    if told is None:
        yield "RAUC refuses it"
        return
    parts = {name for each in told["images"] for name in each}
    if told["compatible"] != "village-nvr-rpi5" or parts != {"boot", "rootfs"}:
        yield f"it is for {told['compatible']}, and has {', '.join(parts)}"
    if _info(bundle, other) is not None:
        yield "RAUC takes it under another authority"
    # The manifest, which is signed; the images are checked against its hash block by block while they are read.
    data = bundle.read_bytes()
    at = data.rindex(b"village-nvr-rpi5")
    bundle.write_bytes(data[:at] + b"village-nvr-rpi4" + data[at + 16 :])
    if _info(bundle, authority) is not None:
        yield "RAUC takes one that was changed"


def _info(bundle: Path, authority: Path) -> dict[str, Any] | None:
    """None: RAUC does not take it."""
    command = ["rauc", f"--keyring={authority}", "info", "--output-format=json", str(bundle)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    told: dict[str, Any] | None = json.loads(run.stdout) if run.returncode == 0 else None
    return told


def _need_tools() -> None:
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [tool for tool in TOOLS if shutil.which(tool, path=path) is None]
    if missing:
        raise LeftOut(f"not installed: {', '.join(missing)}")


def _run(*command: str | Path, environment: dict[str, str] | None = None) -> str:
    """Its standard output. Raises CalledProcessError."""
    words = [str(word) for word in command]
    path = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    run = subprocess.run(words, capture_output=True, text=True, check=False, env=environment or path)
    if run.returncode:
        raise RuntimeError(f"{words[0]} failed: {(run.stderr or run.stdout).strip()[-500:]}")
    return run.stdout
