"""The fuzz targets themselves: real peers' bytes, cut and changed anywhere, find nothing. `make fuzz` looks longer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.seeds import SEEDS
from fuzz.targets import TARGETS


def test_every_target_has_seeds() -> None:
    assert SEEDS.keys() == TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
@given(st.data())
def test_changed_bytes_find_nothing(name: str, data: st.DataObject) -> None:
    seed = bytearray(data.draw(st.sampled_from(SEEDS[name])))
    for _ in range(data.draw(st.integers(0, 4))):
        seed[data.draw(st.integers(0, len(seed) - 1))] = data.draw(st.integers(0, 255))
    TARGETS[name](bytes(seed[: data.draw(st.integers(0, len(seed)))]))
    TARGETS[name](bytes(seed))
