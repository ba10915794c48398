"""The background model on drawn scenes with sensor noise, in day and night, under what light and weather do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nvr.detect.steps.blobs import share_within
from nvr.detect.steps.motion import Background, Movement
from nvr.events import Box

FPS = 6.0
HEIGHT, WIDTH = 180, 320
NIGHT = 0.25
"""Contrast of a night picture over that of a day picture."""


def scene(seed: int = 1, contrast: float = 1.0) -> np.ndarray:
    """A ramp with some texture."""
    texture = np.random.default_rng(seed).normal(0, 20, (HEIGHT // 4, WIDTH // 4))
    ramp = np.linspace(60, 160, WIDTH)[None, :] + np.zeros((HEIGHT, 1))
    return 20 + contrast * np.clip(ramp + np.kron(texture, np.ones((4, 4))) - 20, 0, 220)


def picture(values: np.ndarray, seed: int, noise: float = 2.0) -> np.ndarray:
    """With sensor noise."""
    noisy = values + np.random.default_rng(seed).normal(0, noise, values.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def taught(values: np.ndarray, noise: float = 2.0) -> Background:
    """A background that saw ten seconds of the scene."""
    background = Background()
    for index in range(60):
        background.update(picture(values, index, noise), index / FPS)
    return background


@pytest.fixture
def learnt() -> Background:
    return taught(scene())


def walker(values: np.ndarray, index: int, level: float = 20.0) -> tuple[np.ndarray, Box]:
    """The scene with a figure of 10x30 pixels, that walks 3 pixels a frame, and the box around it."""
    x, y = 40 + 3 * index, 90
    with_figure = values.copy()
    with_figure[y : y + 30, x : x + 10] = level
    return with_figure, Box(x / WIDTH, y / HEIGHT, (x + 10) / WIDTH, (y + 30) / HEIGHT)


def is_place(movement: Movement, box: Box) -> bool:
    """Whether one of the first three places shows most of the box and is not half of the picture."""
    for place in movement.places[:3]:
        width = min(place.x1, box.x1) - max(place.x0, box.x0)
        height = min(place.y1, box.y1) - max(place.y0, box.y0)
        if width > 0.6 * (box.x1 - box.x0) and height > 0.6 * (box.y1 - box.y0) and place.x1 - place.x0 < 0.5:
            return True
    return False


def test_the_first_picture_is_a_global_change() -> None:
    background = Background()
    assert background.update(picture(scene(), 0), 0.0).global_change
    assert not background.update(picture(scene(), 1), 1 / FPS).global_change


@pytest.mark.parametrize("noise", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("contrast", [1.0, NIGHT])
def test_noise_is_no_motion(contrast: float, noise: float) -> None:
    background = taught(scene(contrast=contrast), noise)
    for index in range(60, 90):
        movement = background.update(picture(scene(contrast=contrast), index, noise), index / FPS)
        assert movement.area < 0.001
        assert movement.places == ()


def test_something_that_moves(learnt: Background) -> None:
    values = scene()
    values[80:128, 200:216] = 20
    movement = learnt.update(picture(values, 99), 10.1)
    assert not movement.global_change
    (box,) = movement.places
    assert box == pytest.approx((200 / WIDTH, 80 / HEIGHT, 216 / WIDTH, 128 / HEIGHT), abs=0.02)
    assert share_within(movement.mask, box) > 0.8
    assert share_within(movement.mask, Box(0, 0, 0.3, 0.3)) == 0.0


def test_a_dim_figure_on_a_quiet_night_moves() -> None:
    """Ten grey levels: noise in a noisy picture, a figure in a quiet one."""
    dark = np.full((HEIGHT, WIDTH), 40.0)
    background = taught(dark, noise=0.8)
    found = []
    for index in range(12):
        values, box = walker(dark, index, level=52.0)
        found.append(is_place(background.update(picture(values, index, 0.8), 10 + index / FPS), box))
    assert all(found[1:])


@pytest.mark.parametrize("gain", [0.6, 0.8, 1.25, 1.5])
def test_an_exposure_step_is_no_motion(learnt: Background, gain: float) -> None:
    movement = learnt.update(picture(scene() * gain, 99), 10.1)
    assert movement.area < 0.02
    assert not movement.global_change


def test_something_that_moves_during_an_exposure_step(learnt: Background) -> None:
    values = scene() * 1.25
    values[80:128, 200:216] = 20
    assert share_within(learnt.update(picture(values, 99), 10.1).mask, Box(0.64, 0.47, 0.66, 0.69)) > 0.8


def test_the_switch_to_infrared_is_learnt_at_once(learnt: Background) -> None:
    """Other reflections, another brightness, more noise: another picture of the same place."""
    infrared = 255 - scene(seed=1, contrast=0.5)
    assert learnt.update(picture(infrared, 99, 4.0), 10.1).global_change
    areas = [learnt.update(picture(infrared, 100 + i, 4.0), 10.3 + i / FPS).area for i in range(6)]
    assert max(areas) < 0.01


def test_headlights_that_sweep_over_a_wall_are_no_motion(learnt: Background) -> None:
    for index in range(12):
        lit = scene()
        x = 20 + 20 * index
        lit[60:140, x : x + 60] *= 1.5
        movement = learnt.update(picture(lit, index), 10.1 + index / FPS)
        # Only the edge of the light crosses blocks that look like nothing before.
        assert movement.area < 0.25 * 80 * 60 / (HEIGHT * WIDTH)


def rain(values: np.ndarray, seed: int) -> np.ndarray:
    """Streaks of two by ten pixels all over."""
    chance = np.random.default_rng(1000 + seed)
    wet = values.copy()
    for x, y in zip(chance.integers(0, WIDTH - 2, 40), chance.integers(0, HEIGHT - 10, 40), strict=True):
        wet[y : y + 10, x : x + 2] += 50
    return wet


def test_who_walks_in_the_rain_is_found_and_the_rain_is_not(learnt: Background) -> None:
    for index in range(30):
        learnt.update(picture(rain(scene(), index), index), 10 + index / FPS)
    found, places = [], []
    for index in range(30, 60):
        values, box = walker(scene(), index - 30)
        movement = learnt.update(picture(rain(values, index), index), 10 + index / FPS)
        found.append(is_place(movement, box))
        places.append(len(movement.places))
    assert sum(found[1:]) >= 27
    assert np.mean(places) <= 8  # of 41 things that move


def test_an_insect_at_the_lens_hides_nobody(learnt: Background) -> None:
    """A bright blurred spot that jumps about while somebody walks."""
    chance = np.random.default_rng(3)
    found = []
    for index in range(30):
        values, box = walker(scene(), index)
        x, y = chance.integers(0, WIDTH - 50), chance.choice([0, 130])
        values[y : y + 40, x : x + 50] += 70
        found.append(is_place(learnt.update(picture(values, index), 10 + index / FPS), box))
    assert sum(found[1:]) >= 24


def test_a_plant_that_sways_wears_out_and_who_passes_it_does_not() -> None:
    background = taught(scene())
    areas = []
    for index in range(360):
        values = scene()
        values[20:80, 100:160] = np.roll(scene(seed=9)[20:80, 100:160], 6 * (index % 2), axis=1)
        areas.append(background.update(picture(values, index), 10 + index / FPS).area)
    assert np.mean(areas[-12:]) < 0.3 * np.mean(areas[:12])
    values, box = walker(scene(), 5, level=0.0)
    assert share_within(background.update(picture(values, 1), 70.2).mask, box) > 0.5


def test_another_view_is_learnt_at_once(learnt: Background) -> None:
    other = scene(seed=5)[:, ::-1]
    assert learnt.update(picture(other, 99), 10.1).global_change
    after = learnt.update(picture(other, 100), 10.3)
    assert not after.global_change
    assert after.area < 0.01


def test_what_stays_becomes_background(learnt: Background) -> None:
    values = scene()
    values[80:128, 200:216] = 20
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
        for box in movement.places:
            assert 0 <= box.x0 < box.x1 <= 1
            assert 0 <= box.y0 < box.y1 <= 1


@given(gray=arrays(np.uint8, (9, 13)), dimmer=st.floats(0.6, 1.0), pictures=st.integers(2, 60))
def test_rounding_of_what_is_kept_does_not_add_up(gray: np.ndarray, dimmer: float, pictures: int) -> None:
    """A scene that is dimmed for a while, and then is as it was, has not moved."""
    background = Background()
    dimmed = np.clip((gray + 16.0) * dimmer - 16.0, 0, 255).astype(np.uint8)
    for index in range(pictures):
        background.update(gray, index / 15)
    for index in range(pictures, 2 * pictures):
        background.update(np.maximum(dimmed, 0), index / 15)
    assert not background.update(gray, 2 * pictures / 15).places
