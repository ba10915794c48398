from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nvr.detect.motion import Background, Mask, blobs, share_within
from nvr.events import Box

FPS = 6.0


def scene(seed: int = 1) -> np.ndarray:
    """A smooth picture with some texture, 90x160."""
    noise = np.random.default_rng(seed).normal(0, 20, (90, 160))
    ramp = np.linspace(60, 160, 160)[None, :] + np.zeros((90, 1))
    return np.clip(ramp + noise, 0, 255)


def picture(values: np.ndarray, seed: int) -> np.ndarray:
    """With sensor noise."""
    noisy = values + np.random.default_rng(seed).normal(0, 2, values.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture
def learnt() -> Background:
    background = Background()
    for index in range(60):
        background.update(picture(scene(), index), index / FPS)
    return background


def test_the_first_picture_is_a_global_change() -> None:
    background = Background()
    assert background.update(picture(scene(), 0), 0.0).global_change
    assert not background.update(picture(scene(), 1), 1 / FPS).global_change


def test_noise_is_no_motion(learnt: Background) -> None:
    assert learnt.update(picture(scene(), 99), 10.1).area < 0.001


def test_something_that_moves(learnt: Background) -> None:
    values = scene()
    values[40:64, 100:108] = 20
    movement = learnt.update(picture(values, 99), 10.1)
    assert not movement.global_change
    (box,) = blobs(movement.mask)
    assert box == pytest.approx((100 / 160, 40 / 90, 108 / 160, 64 / 90), abs=0.02)
    assert share_within(movement.mask, box) > 0.8
    assert share_within(movement.mask, Box(0, 0, 0.3, 0.3)) == 0.0


@pytest.mark.parametrize("gain", [0.6, 0.8, 1.25, 1.5])
def test_an_exposure_step_is_no_motion(learnt: Background, gain: float) -> None:
    movement = learnt.update(picture(scene() * gain, 99), 10.1)
    assert movement.area < 0.02
    assert not movement.global_change


def test_something_that_moves_during_an_exposure_step(learnt: Background) -> None:
    values = scene() * 1.25
    values[40:64, 100:108] = 20
    assert share_within(learnt.update(picture(values, 99), 10.1).mask, Box(0.64, 0.47, 0.66, 0.69)) > 0.8


def test_another_view_is_learnt_at_once(learnt: Background) -> None:
    other = scene(seed=5)[:, ::-1]
    assert learnt.update(picture(other, 99), 10.1).global_change
    after = learnt.update(picture(other, 100), 10.3)
    assert not after.global_change
    assert after.area < 0.01


def test_what_stays_becomes_background(learnt: Background) -> None:
    values = scene()
    values[40:64, 100:108] = 20
    areas = [learnt.update(picture(values, index), 10 + index / FPS).area for index in range(900)]
    assert areas[0] > 0.01
    assert areas[-1] < 0.001


sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))
pictures = sizes.flatmap(lambda size: st.lists(arrays(np.uint8, size), min_size=1, max_size=4))


@settings(max_examples=60)
@given(st.lists(pictures, max_size=3), st.lists(st.floats(0, 1e9), min_size=12, max_size=12))
def test_any_size_and_value(groups: list[list[np.ndarray]], times: list[float]) -> None:
    background = Background()
    for gray, t_s in zip((g for group in groups for g in group), times, strict=False):
        movement = background.update(gray, t_s)
        assert movement.mask.shape == gray.shape
        assert 0 <= movement.area <= 1
        assert movement.area == pytest.approx(movement.mask.mean()) or movement.global_change
        for box in blobs(movement.mask):
            assert 0 <= box.x0 < box.x1 <= 1
            assert 0 <= box.y0 < box.y1 <= 1


@given(sizes.flatmap(lambda size: arrays(np.bool_, size)), st.integers(1, 9))
def test_blobs_cover_every_cell_with_enough_pixels(mask: Mask, cell: int) -> None:
    height, width = mask.shape
    found = blobs(mask, cell=cell, min_pixels=1)
    for y, x in np.argwhere(mask):
        assert any(
            b.x0 * width <= x + 0.5 <= b.x1 * width and b.y0 * height <= y + 0.5 <= b.y1 * height
            for b in found
        )
