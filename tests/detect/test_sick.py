"""Each sickness is found within minutes, and what only looks like one is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sick_scenes import Gray, Light, Street, blurred, with_cobweb

from nvr.detect.steps.look import HEIGHT, WIDTH, best_shift, look_at, resemblance
from nvr.detect.steps.sick import FROZEN_S, NEW_VIEW_S, SAMPLE_EVERY_S, SickWatch

LEARNT_S = 900.0
SOON_S = 240.0
HOUR_S = 3600.0


class Watched:
    """A street under watch on a simulated clock; `history` has each change of what is found."""

    def __init__(self, seed: int = 1, *, every_s: float = SAMPLE_EVERY_S):
        self.street, self.watch = Street(seed), SickWatch()
        self.t_s, self._every_s = 0.0, every_s
        self.history: list[tuple[str | None, float]] = []

    def show(
        self, seconds: float, picture: Callable[[float], Gray], *, infrared: bool = False
    ) -> list[tuple[str | None, float]]:
        """(what was found, how long after the beginning of this), for each change."""
        began_s, before = self.t_s, len(self.history)
        while self.t_s < began_s + seconds:
            gray, known = picture(self.t_s - began_s), self.watch.sickness
            self.watch.observe(gray, crc32(gray.tobytes()), self.t_s, infrared=infrared)
            if self.watch.sickness != known:
                self.history.append((self.watch.sickness, self.t_s - began_s))
            self.t_s += self._every_s
        return self.history[before:]

    def usual(self, seconds: float = LEARNT_S) -> list[tuple[str | None, float]]:
        return self.show(seconds, lambda t_s: self.street.picture(self.street.with_passers(t_s)))


SICK: dict[str, tuple[str, Callable[[Street], Light]]] = {
    "a bag": ("covered", lambda street: np.full_like(street.scene, 90)),
    "a hand that lets light through": ("covered", lambda street: blurred(street.scene, 40) * 0.5 + 30),
    "a torch into the lens": ("covered", lambda street: np.full_like(street.scene, 250)),
    "no light": ("dark", lambda street: np.full_like(street.scene, 3)),
    "the lens turned a little": ("blurred", lambda street: blurred(street.scene, 1)),
    "the lens turned far": ("blurred", lambda street: blurred(street.scene, 3)),
    "pushed by a twentieth": ("moved", lambda street: np.roll(street.scene, 16, 1)),
    "sunk by a tenth": ("moved", lambda street: np.roll(street.scene, 18, 0)),
    "turned elsewhere": ("moved", lambda _street: Street(77).scene[::-1]),
}


@pytest.mark.parametrize(("sickness", "seen"), SICK.values(), ids=SICK)
@pytest.mark.parametrize("every_s", [SAMPLE_EVERY_S, 15.0], ids=["followed", "keyframes alone"])
def test_found_within_minutes_and_ends_by_itself(
    sickness: str, seen: Callable[[Street], Light], every_s: float
) -> None:
    me = Watched(every_s=every_s)
    assert me.usual() == []
    assert me.watch.is_certainly_well
    scene = seen(me.street)
    ((found, after_s),) = me.show(SOON_S + 600, lambda _: me.street.picture(scene))
    assert found == sickness
    assert 60 <= after_s <= SOON_S
    assert not me.watch.is_certainly_well
    ((well, after_s),) = me.usual()
    assert well is None
    assert after_s <= SOON_S


WELL: dict[str, Callable[[Street, float], Light]] = {
    "people and cars": lambda street, t_s: street.with_passers(t_s),
    "rain": lambda street, _: street.in_rain(),
    "a shaking pole": lambda street, _: street.shaken(),
    "a cloud before the sun": lambda street, t_s: street.scene * (0.7 + 0.3 * math.cos(t_s / 40)),
    "sunset within an hour": lambda street, t_s: street.scene * max(math.exp(-t_s / 1500), 0.15),
    "lights off": lambda street, _: street.scene * 0.4,
    "lights on": lambda street, _: np.minimum(street.scene * 1.5, 255),
    "lights on and off": lambda street, t_s: street.scene * (0.4 if t_s // 200 % 2 else 1.0),
    "a lorry that stops for a minute": lambda street, t_s: (
        np.full_like(street.scene, 60) if t_s % 600 < 60 else street.scene
    ),
    "a parked van over a fifth of the picture": lambda street, _: parked(street),
    "headlights": lambda street, t_s: street.scene + (80 if t_s % 30 < 6 else 0),
}


def parked(street: Street) -> Light:
    scene = street.scene.copy()
    scene[80:170, 60:190] = 225
    scene[95:120, 75:175] = 40
    return scene


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("seen", WELL.values(), ids=WELL)
def test_what_is_no_sickness(seen: Callable[[Street, float], Light], seed: int) -> None:
    me = Watched(seed, every_s=8.0)
    me.usual()
    me.show(HOUR_S, lambda t_s: me.street.picture(seen(me.street, t_s)))
    me.usual()
    assert me.history == []


def test_the_switch_to_infrared_and_back_is_none_and_each_has_its_own_view() -> None:
    me = Watched()
    infrared = me.street.infrared()
    me.usual()
    for _ in range(3):
        me.show(1200, lambda _: me.street.picture(infrared, noise=2), infrared=True)
        me.usual(600)
    assert me.history == []
    elsewhere = np.roll(infrared, 20, 1)
    ((found, after_s),) = me.show(600, lambda _: me.street.picture(elsewhere, noise=2), infrared=True)
    assert found == "moved"
    assert after_s <= SOON_S


def test_cobwebs_in_infrared_only() -> None:
    me = Watched()
    infrared = me.street.infrared()
    me.usual()
    me.show(1200, lambda _: me.street.picture(infrared), infrared=True)
    assert me.history == []
    web = with_cobweb(infrared)
    ((found, after_s),) = me.show(1200, lambda _: me.street.picture(web), infrared=True)
    assert found == "cobwebbed"
    assert 500 < after_s < 800  # a car's lamps and a spider at the lens are gone sooner
    me.show(1200, lambda _: me.street.picture(infrared), infrared=True)
    assert me.watch.sickness is None
    by_day = with_cobweb(me.street.scene)
    assert me.show(1200, lambda _: me.street.picture(by_day)) == []


def test_frozen_bit_by_bit() -> None:
    me = Watched()
    me.usual()
    last = me.street.picture()
    ((found, after_s),) = me.show(600, lambda _: last)
    assert found == "frozen"
    assert FROZEN_S <= after_s <= FROZEN_S + 10
    assert me.usual(8)[0][0] is None


def test_blackness_without_any_noise_is_dark_and_stays_so() -> None:
    me = Watched()
    me.usual()
    ((found, _),) = me.show(1200, lambda _: np.zeros((HEIGHT, WIDTH), np.uint8))
    assert found == "dark"


def test_frozen_before_an_encoder_that_has_settled() -> None:
    me = Watched()
    me.usual()
    few = [me.street.picture() for _ in range(5)]
    ((found, after_s),) = me.show(600, lambda t_s: few[int(t_s // 4) % 5])
    assert found == "frozen"
    assert after_s <= FROZEN_S + 30


def test_a_film_in_a_loop_is_not_frozen() -> None:
    me = Watched()
    film = [me.street.picture(me.street.with_passers(t_s)) for t_s in range(5)]
    assert me.show(HOUR_S, lambda t_s: film[int(t_s // 4) % 5]) == []


def test_a_camera_that_sends_still_scenes_without_noise_is_given_longer() -> None:
    """It is told so once at most: what stood still for some time and went on was not frozen."""
    me = Watched()
    me.usual()
    still = [me.street.picture() for _ in range(12)]
    me.show(len(still) * 280, lambda t_s: still[int(t_s // 280)])
    another = me.street.picture()
    me.show(500, lambda _: another)
    assert me.history == []


def test_a_clock_in_the_picture_shows_that_it_lives() -> None:
    me = Watched()
    me.usual()
    last = me.street.picture()

    def with_clock(t_s: float) -> Gray:
        shown = last.copy()
        shown[4:10, 10 : 14 + int(t_s) % 7] = 255
        return shown

    assert me.show(HOUR_S, with_clock) == []


def test_without_anything_known_only_nothing_at_all_is_told() -> None:
    me = Watched()
    ((found, _),) = me.show(300, lambda _: np.full((HEIGHT, WIDTH), 120, np.uint8) + np.uint8(0))
    assert found == "covered"
    other = Watched()
    unsharp = blurred(other.street.scene, 2)
    assert other.show(300, lambda _: other.street.picture(unsharp)) == []


def test_a_new_view_is_accepted_after_a_day_and_sickness_is_learnt_by_nobody() -> None:
    me = Watched(every_s=20.0)
    me.usual()
    elsewhere = me.street.picture(Street(77).scene[::-1])
    found = me.show(NEW_VIEW_S + 1200, lambda t_s: stamped(elsewhere, t_s))
    assert [what for what, _ in found] == ["moved", None]
    assert found[1][1] >= NEW_VIEW_S
    covered = Watched(every_s=20.0)
    covered.usual()
    bag = np.full((HEIGHT, WIDTH), 90, np.uint8)
    found = covered.show(HOUR_S * 3, lambda t_s: stamped(bag, t_s))
    assert [what for what, _ in found] == ["covered"]


def stamped(gray: Gray, t_s: float) -> Gray:
    """The picture with its time in four pixels: a day of noise would take long to make."""
    shown = gray.copy()
    shown[0, :4] = np.frombuffer(int(t_s).to_bytes(4, "big"), np.uint8)
    return shown


grays = arrays.arrays(np.uint8, (HEIGHT // 20, WIDTH // 20)).map(
    lambda a: np.kron(a, np.ones((20, 20), np.uint8))
)


@settings(max_examples=30)
@given(st.lists(st.tuples(grays, st.floats(-1e6, 1e6), st.booleans()), max_size=20))
def test_no_picture_and_no_time_is_too_strange(shown: list[tuple[Gray, float, bool]]) -> None:
    watch = SickWatch()
    for gray, t_s, infrared in shown:
        watch.observe(gray, crc32(gray.tobytes()), t_s, infrared=infrared)
        assert watch.sickness is None or isinstance(watch.sickness, str)


@settings(max_examples=30)
@given(st.integers(-8, 8), st.integers(-14, 14))
def test_a_shift_is_found(down: int, right: int) -> None:
    scene = look_at(Street().picture()).pattern
    distance, alike = best_shift(np.roll(scene, (down, right), (0, 1)), scene)
    assert distance == pytest.approx(math.hypot(down, right))
    assert alike > 0.9


@given(grays, grays)
@settings(max_examples=30)
def test_resemblance_is_a_correlation(a: Gray, b: Gray) -> None:
    one, other = look_at(a).pattern, look_at(b).pattern
    assert -1.0001 <= resemblance(one, other) <= 1.0001
    assert resemblance(one, other) == pytest.approx(resemblance(other, one), abs=1e-5)
