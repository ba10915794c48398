"""Check: what is merged into the configurations of kernel and U-Boot agrees with itself, and exists."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from firmware.check import Outcome
from firmware.kconfig import defined, merged, read_config
from firmware.tree import TREE, defconfigs

FRAGMENT_LISTS = {
    "kernel": ("BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES", "LINUX_DIR"),
    "U-Boot": ("BR2_TARGET_UBOOT_CONFIG_FRAGMENT_FILES", "UBOOT_DIR"),
}
"""By what is configured: the symbol that lists its fragments, the variable that names its sources."""
TREE_REFERENCE = re.compile(r"\$\(BR2_EXTERNAL_VILLAGE_NVR_PATH\)/([^\s\"]+)")


def check() -> Outcome:
    """Within each defconfig no two fragments differ, and all files that it names are there. Their options exist in the
    sources of kernel and U-Boot, where LINUX_DIR and UBOOT_DIR name those."""
    problems, left_out, count = [], [], 0
    known = {what: _known(variable) for what, (_, variable) in FRAGMENT_LISTS.items()}
    for path in defconfigs():
        asked = read_config(path.read_text())
        problems += [f"{path.name}: there is no {name}" for name in _missing(asked)]
        for what, (symbol, variable) in FRAGMENT_LISTS.items():
            files = [TREE / name for name in TREE_REFERENCE.findall(asked.get(symbol, ""))]
            found, conflicts = merged(
                [(str(p.relative_to(TREE)), p.read_text()) for p in files if p.exists()]
            )
            problems += [f"{path.name}: {conflict}" for conflict in conflicts]
            options, count = known[what], count + len(found)
            if options is None:
                left_out.append(f"whether options for the {what} exist: set {variable} to its sources")
            else:
                unknown = [name for name in found if name.removeprefix("CONFIG_") not in options]
                problems += [f"{path.name}: the {what} has no option {name}" for name in unknown]
    done = f"{count} options of kernels and U-Boots do not conflict, all files are there"
    return Outcome(done, problems, sorted(set(left_out)))


def _missing(asked: dict[str, str]) -> Iterator[str]:
    for value in asked.values():
        yield from (name for name in TREE_REFERENCE.findall(value) if not (TREE / name).exists())


def _known(variable: str) -> set[str] | None:
    """Options that the sources define; None: nobody named any."""
    named = os.environ.get(variable)
    if not named:
        return None
    return {
        name for path in Path(named).rglob("Kconfig*") for name in defined(path.read_text(errors="replace"))
    }
