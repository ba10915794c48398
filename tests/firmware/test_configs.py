"""The tree's configurations: made of their fragments, which agree with each other."""

from __future__ import annotations

import runpy

from firmware.kconfig import merged, read_config
from firmware.tree import TREE, defconfigs

MADE = runpy.run_path(str(TREE / "scripts" / "make_defconfigs.py"))


def test_the_defconfigs_are_what_their_fragments_make() -> None:
    assert [path.name for path in defconfigs()] == [f"{name}_defconfig" for name in MADE["FRAGMENTS"]]
    for name in MADE["FRAGMENTS"]:
        written = (TREE / "configs" / f"{name}_defconfig").read_text()
        assert written == MADE["defconfig"](name), "run buildroot/scripts/make_defconfigs.py"


def test_every_fragment_is_used_and_sets_what_no_other_sets() -> None:
    used = {part for parts in MADE["FRAGMENTS"].values() for part in parts}
    assert {path.stem for path in (TREE / "configs" / "fragments").iterdir()} == used
    for parts in MADE["FRAGMENTS"].values():
        _, conflicts = merged([(part, MADE["fragment"](part)) for part in parts])
        assert not conflicts
        assert sum(len(read_config(MADE["fragment"](part))) for part in parts) == len(
            read_config("".join(MADE["fragment"](part) for part in parts))
        )


def test_nobody_logs_in_and_all_downloads_are_checked() -> None:
    for path in defconfigs():
        asked = read_config(path.read_text())
        assert asked["BR2_TARGET_ENABLE_ROOT_LOGIN"] == "n"
        assert asked["BR2_TARGET_GENERIC_GETTY"] == "n"
        assert asked["BR2_DOWNLOAD_FORCE_CHECK_HASHES"] == "y"
        assert not [name for name in asked if "SSH" in name or "DROPBEAR" in name or "TELNET" in name]
