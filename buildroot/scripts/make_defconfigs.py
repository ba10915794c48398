#!/usr/bin/env python3
"""Writes configs/*_defconfig, each from the fragments that it shares with the others: Buildroot takes one file.

Run it after a change in configs/fragments. `make firmware-check` says when the files are not what it would write.
"""

from __future__ import annotations

from pathlib import Path

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
FRAGMENTS = {
    "nvr_qemu_aarch64": ("appliance", "uboot", "qemu_aarch64"),
    "nvr_rpi4_64": ("appliance", "raspberrypi", "uboot", "rpi4_64"),
    "nvr_rpi5": ("appliance", "raspberrypi", "rpi5"),
}


def defconfig(name: str) -> str:
    """The fragments one after the other; a symbol stands in one of them only (the check looks for that)."""
    head = "# Made by scripts/make_defconfigs.py from configs/fragments; change those.\n"
    return head + "".join(f"\n{fragment(part)}" for part in FRAGMENTS[name])


def fragment(name: str) -> str:
    """Its text."""
    return (CONFIGS / "fragments" / f"{name}.config").read_text()


def main() -> None:
    for name in FRAGMENTS:
        (CONFIGS / f"{name}_defconfig").write_text(defconfig(name))


if __name__ == "__main__":
    main()
