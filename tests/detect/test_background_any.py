"""The background model takes what a camera may send: any size, any value, any time, any mask."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from nvr.detect.steps.motion import Background

Gray = NDArray[np.uint8]
sides = st.integers(1, 48) | st.sampled_from([7, 8, 9, 180, 320, 641])
shapes = st.tuples(sides, sides)


@st.composite
def pictures(draw: st.DrawFn, shape: tuple[int, int]) -> Gray:
    """Black, white, noise, a checkerboard, two halves, or any few values."""
    rows, columns = np.indices(shape)
    noise = np.random.default_rng(draw(st.integers(0, 3))).integers(0, 256, shape, np.uint8)
    low, high = draw(st.integers(0, 255)), draw(st.integers(0, 255))
    return draw(
        st.sampled_from(
            [
                np.full(shape, low, np.uint8),
                noise,
                np.where((rows + columns) % 2 == 0, low, high).astype(np.uint8),
                np.where(columns * 2 < shape[1], low, high).astype(np.uint8),
            ]
        )
        | arrays(np.uint8, shape, fill=st.just(low))
    )


streams = st.lists(
    shapes.flatmap(lambda shape: st.lists(pictures(shape), min_size=1, max_size=5)), max_size=3
)
times = st.floats(-1e9, 1e9)


@settings(max_examples=60)
@given(
    streams,
    st.lists(times, min_size=15, max_size=15),
    st.none() | shapes.flatmap(lambda s: arrays(np.bool_, s)),
)
def test_it_never_raises_and_what_moves_is_in_the_picture(
    stream: list[list[Gray]], times_s: list[float], counts: NDArray[np.bool_] | None
) -> None:
    background, before = Background(counts), None
    for gray, t_s in zip((one for group in stream for one in group), times_s, strict=False):
        given_gray = gray.copy()
        movement = background.update(gray, t_s)
        assert np.array_equal(gray, given_gray)
        assert movement.mask.shape == gray.shape
        assert movement.mask.dtype == np.bool_
        assert math.isfinite(movement.area)
        assert 0 <= movement.area <= 1
        assert movement.global_change or before == gray.shape
        if movement.global_change:
            assert not movement.mask.any()
            assert movement.places == ()
        elif counts is not None and counts.shape == gray.shape:
            assert not (movement.mask & ~counts).any()
        assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in movement.places)
        before = gray.shape


@settings(max_examples=30)
@given(shapes.flatmap(pictures), st.lists(times, min_size=2, max_size=6))
def test_the_same_picture_again_is_no_movement(gray: Gray, times_s: list[float]) -> None:
    background = Background()
    first, *later = (background.update(gray, t_s) for t_s in times_s)
    assert first.global_change
    assert all(not one.mask.any() and not one.global_change for one in later)
