"""Kconfig's files, and the tree's own: every symbol that it names is defined somewhere that it can know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.kconfig import defined, dropped, mentioned, merged, read_config, selected
from firmware.tree import TREE, config_in

SYMBOLS = st.from_regex(r"BR2_[A-Z0-9_]{1,12}", fullmatch=True)
VALUES = st.sampled_from(["y", "m", "n", '"a b"', "42"])
CONFIG_IN = """
config BR2_PACKAGE_ONE
\tbool "one"
\tdepends on BR2_aarch64 && !BR2_STATIC_LIBS # not BR2_COMMENT
\tselect BR2_PACKAGE_TWO # runtime
\tselect BR2_PACKAGE_THREE if BR2_PACKAGE_FOUR
\thelp
\t  It speaks of BR2_HELP,

\t  and of more BR2_HELP.

menuconfig BR2_PACKAGE_FIVE
"""


def test_a_configuration_is_read() -> None:
    text = '#\n# comment\n#\nA=y\nB="x=y"\n# C is not set\n\nD=4\n'
    assert read_config(text) == {"A": "y", "B": '"x=y"', "C": "n", "D": "4"}


@pytest.mark.parametrize("text", ["A=y\nA=n\n", "A\n", "A = y\n", "A=\n", " A=y\n"])
def test_what_sets_nothing_or_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        read_config(text)


@given(st.dictionaries(SYMBOLS, VALUES), st.dictionaries(SYMBOLS, VALUES))
def test_a_symbol_is_dropped_unless_it_is_as_asked(asked: dict[str, str], got: dict[str, str]) -> None:
    lost = {line.partition(":")[0] for line in dropped(asked, got)}
    assert lost == {name for name, value in asked.items() if got.get(name, "n") != value}


@given(st.lists(st.dictionaries(SYMBOLS, VALUES), max_size=4))
def test_fragments_merge_unless_they_differ(settings: list[dict[str, str]]) -> None:
    texts = ["".join(f"{name}={value}\n" for name, value in one.items()) for one in settings]
    found, conflicts = merged([(str(number), text) for number, text in enumerate(texts)])
    assert set(found) == set().union(*settings)
    differing = {name for name in found if len({one[name] for one in settings if name in one}) > 1}
    assert {conflict.symbol for conflict in conflicts} == differing


def test_config_in_is_read() -> None:
    assert defined(CONFIG_IN) == {"BR2_PACKAGE_ONE", "BR2_PACKAGE_FIVE"}
    assert selected(CONFIG_IN) == ["BR2_PACKAGE_TWO", "BR2_PACKAGE_THREE"]
    assert {name for name in mentioned(CONFIG_IN) if "PACKAGE" not in name} == {
        "BR2_aarch64",
        "BR2_STATIC_LIBS",
    }


def test_each_package_is_offered_once_and_named_as_its_folder() -> None:
    offered = [line for line in (TREE / "Config.in").read_text().splitlines() if line.startswith("source")]
    folders = sorted(path.name for path in (TREE / "package").iterdir())
    assert sorted(line.split("/")[-2] for line in offered) == folders
    for path in config_in():
        if path.parent != TREE:
            assert f"BR2_PACKAGE_{path.parent.name.upper().replace('-', '_')}" in defined(path.read_text())
