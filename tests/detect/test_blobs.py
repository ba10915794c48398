from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nvr.detect.steps.blobs import MAX_FLEETING, Mask, blobs, lasting_first, share_within
from nvr.events import Box

sizes = st.tuples(st.integers(1, 24), st.integers(1, 24))
masks = sizes.flatmap(lambda size: arrays(np.bool_, size))


@given(masks, st.integers(1, 9))
def test_blobs_cover_every_cell_with_enough_pixels(mask: Mask, cell: int) -> None:
    height, width = mask.shape
    found = blobs(mask, cell=cell, min_pixels=1)
    for y, x in np.argwhere(mask):
        assert any(
            b.x0 * width <= x + 0.5 <= b.x1 * width and b.y0 * height <= y + 0.5 <= b.y1 * height
            for b in found
        )


@given(masks, masks)
def test_what_moved_before_comes_first_and_of_the_rest_little(mask: Mask, before: Mask) -> None:
    found = blobs(mask, min_pixels=1)
    kept, count = lasting_first(found, before)
    lasting = [box for box in found if share_within(before, box) > 0]
    assert all(box in kept[:count] for box in lasting)
    assert len(kept) - count <= MAX_FLEETING
    assert kept[: len(lasting)] == lasting or before.any()
    if not before.any():
        assert kept == found[:MAX_FLEETING]


def test_share_within_nothing() -> None:
    mask = np.ones((10, 10), np.bool_)
    assert share_within(mask, Box(0.2, 0.2, 0.4, 0.4)) == 1.0
    assert share_within(mask, Box(1.2, 0.2, 1.4, 0.4)) == 0.0
