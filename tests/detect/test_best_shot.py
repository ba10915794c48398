from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from nvr.detect.steps.best_shot import (
    MIN_SIDE_PX,
    Rect,
    crop_around,
    inner_part,
    is_cut_off,
    quality,
    sharpness,
    tile_around,
)
from nvr.events import Box

WIDTH, HEIGHT = 640, 360
sides = st.integers(16, 4000)
corners = st.floats(-0.2, 1.2)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x0, y0, x1, y1 = (draw(corners) for _ in range(4))
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


@given(boxes(), sides, sides)
def test_parts_lie_on_the_grid_of_the_colours_within_the_picture(box: Box, width: int, height: int) -> None:
    for rect in (
        crop_around(box, width, height),
        inner_part(box, width, height),
        tile_around(box, width, height),
    ):
        assert all(value % 2 == 0 for value in rect)
        assert rect.x >= 0 and rect.y >= 0
        assert rect.x + rect.width <= width and rect.y + rect.height <= height
        assert rect.width >= MIN_SIDE_PX and rect.height >= MIN_SIDE_PX
    square = tile_around(box, width, height)
    assert square.width == square.height


def test_a_margin_around_the_object() -> None:
    box = Box(0.25, 0.25, 0.5, 0.75)  # 160 x 180 pixels
    assert crop_around(box, WIDTH, HEIGHT) == Rect(132, 62, 214, 234)
    assert crop_around(Box(0, 0, 1, 1), WIDTH, HEIGHT) == Rect(0, 0, WIDTH, HEIGHT)


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=MIN_SIDE_PX, max_side=40)))
def test_sharpness_is_finite_for_any_picture(luma: NDArray[np.uint8]) -> None:
    assert 0 <= sharpness(luma) < 200
    assert sharpness(np.full_like(luma, 77)) == 0


def scene(seed: int = 3) -> NDArray[np.uint8]:
    """Edges of all sizes, like a person's clothes."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (20, 10)).astype(np.uint8)
    return np.asarray(np.kron(small, np.ones((8, 8), np.uint8)))


def blurred(luma: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Moved sideways by `length` pixels while it was exposed."""
    padded = np.pad(luma.astype(np.float32), ((0, 0), (0, length - 1)), mode="edge")
    shifted = [padded[:, n : n + luma.shape[1]] for n in range(length)]
    return np.mean(shifted, axis=0).astype(np.uint8)


def test_motion_blur_makes_a_picture_worse() -> None:
    values = [sharpness(blurred(scene(), length)) for length in (1, 4, 8, 16)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.7 * values[0]


def test_noise_is_no_sharpness() -> None:
    rng = np.random.default_rng(5)
    dark = np.clip(rng.normal(20, 6, (160, 80)), 0, 255).astype(np.uint8)
    assert sharpness(dark) < 0.2 * sharpness(scene())


def test_larger_sharper_surer_and_whole_is_better() -> None:
    near, far = Box(0.4, 0.2, 0.6, 0.9), Box(0.4, 0.4, 0.45, 0.55)
    luma, blur = scene(), blurred(scene(), 8)

    def of(box: Box, luma: NDArray[np.uint8], score: float = 0.8, *, whole: bool = True) -> float:
        return quality(box, luma, score=score, whole=whole, width=WIDTH, height=HEIGHT)

    assert of(near, luma) > of(far, luma)
    assert of(near, luma) > of(near, blur)
    assert of(near, luma) > of(near, luma, 0.5)
    assert of(near, luma) > of(near, luma, whole=False)
    at_the_edge = Box(0.8, 0.2, 1.0, 0.9)
    assert is_cut_off(at_the_edge) and not is_cut_off(near)
    assert of(at_the_edge, luma) == pytest.approx(of(near, luma, whole=False))
