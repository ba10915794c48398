"""Checks of what runs in the image: scripts pass shellcheck, systemd takes units and rates sandboxes, nft takes rules.

With Debian's tools; the units are read as they lie in the image, beside Debian's own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from firmware.check import LeftOut, Outcome
from firmware.tree import TREE

OVERLAYS = {
    "qemu_aarch64": ("common", "uboot", "qemu_aarch64"),
    "rpi4_64": ("common", "uboot", "rpi4_64"),
    "rpi5": ("common", "rpi5"),
}
EXPOSURE_MAX = {
    "nvr.service": 3.0,
    "nvr-siren-off.service": 1.5,
    "nvr-first-boot.service": 4.5,
}
"""As `systemd-analyze security` rates what runs as its own user; 0 is best. Root's few jobs keep what they need."""
OVERALL = re.compile(r"exposure level for .*: ([0-9.]+)")
DEBIAN_UNITS = Path("/lib/systemd/system")
STUBS = "bin/rm bin/sync bin/systemctl bin/systemd-repart bin/test bin/touch bin/true usr/bin/nvr usr/sbin/nft".split()


def check_scripts() -> Outcome:
    """shellcheck has nothing to say."""
    found = scripts()
    command = ["shellcheck", "--external-sources", "--format=gcc", *map(str, found)]
    run = _run(command)
    return Outcome(f"{len(found)} shell scripts pass shellcheck", run.stdout.splitlines())


def check_units() -> Outcome:
    """systemd loads every unit of each board's image and finds what it names; sandboxes are as tight as they were."""
    problems, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for board, overlays in OVERLAYS.items():
            root = Path(folder) / board
            units = _lay(root, overlays)
            count += len(units)
            told = _run(["systemd-analyze", "verify", "--man=no", f"--root={root}", *units])
            problems += [f"{board}: {line}" for line in told.stderr.splitlines() if line.strip()]
            problems += [f"{board}: {problem}" for problem in _exposed(root)]
    return Outcome(
        f"{count} units load; exposure of nvr.service is below {EXPOSURE_MAX['nvr.service']}", problems
    )


def check_firewall() -> Outcome:
    """nft takes the rules."""
    if os.geteuid() != 0:
        raise LeftOut("nft reads rules as root only")
    run = _run(
        ["unshare", "--net", "nft", "--check", "--file", str(TREE / "board/common/rootfs/etc/nftables.conf")]
    )
    return Outcome("nft takes the firewall", run.stderr.splitlines() if run.returncode else [])


def scripts() -> list[Path]:
    """Shell scripts of the tree, by their first line."""
    files = (path for path in sorted(TREE.rglob("*")) if path.is_file() and not path.is_symlink())
    return [path for path in files if path.read_bytes()[:64].partition(b"\n")[0].endswith((b"/sh", b" bash"))]


def _lay(root: Path, overlays: tuple[str, ...]) -> list[str]:
    """The overlays over Debian's units; names of ours."""
    shutil.copytree(DEBIAN_UNITS, root / "usr/lib/systemd/system", symlinks=True)
    ours = []
    for name in overlays:
        overlay = TREE / "board" / name / "rootfs"
        shutil.copytree(overlay, root, symlinks=True, dirs_exist_ok=True)
        ours += [path.name for path in (overlay / "usr/lib/systemd/system").glob("*.*") if path.is_file()]
    (root / "lib").symlink_to("usr/lib")
    for stub in STUBS:
        path = root / stub
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/false\nnvr:x:900:900::/:/bin/false\n")
    (root / "etc/group").write_text("root:x:0:\nnvr:x:900:\n")
    return sorted(ours)


def _exposed(root: Path) -> Iterator[str]:
    for unit, most in EXPOSURE_MAX.items():
        command = ["systemd-analyze", "security", "--offline=true", f"--root={root}", "--no-pager", unit]
        told = OVERALL.search(_run(command).stdout)
        exposure = float(told[1]) if told else 10.0
        if exposure > most:
            yield f"{unit}: its exposure is {exposure:.1f}, above {most}"


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Raises LeftOut: it is not installed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LeftOut(f"{command[0]} is not installed") from None
