"""CPU budget and fairness, on a simulated clock with random costs."""

from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from nvr.detect.worker.budget import BURST_S, RESERVED, Budget
from nvr.detect.worker.schedule import Schedule

FPS = 6.0
STEP_S = 0.002


class Machine:
    """One core that examines; every camera always has a fresh frame when it is due."""

    def __init__(self, cameras: int, acting: int, share: float, costs_s: list[float]):
        self.schedule = Schedule(cameras, FPS, Budget(share))
        self.schedule.acting = frozenset(range(acting))
        self.costs_s, self.cameras = costs_s, cameras
        self.now_s, self.count = 100.0, 0
        self.done: list[tuple[float, float, int]] = []

    def run(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            for camera in range(self.cameras):
                self.schedule.offer(camera, self.now_s)
            camera = self.schedule.choose(self.now_s)
            if camera is None:
                self.now_s += STEP_S
                continue
            cost_s = self.costs_s[self.count % len(self.costs_s)]
            self.count += 1
            self.done.append((self.now_s, cost_s, camera))
            self.now_s += cost_s
            self.schedule.charge(camera, cost_s, self.now_s)

    def rates(self, cameras: range) -> list[int]:
        return [sum(1 for _, _, done in self.done if done == camera) for camera in cameras]


unhurried = settings(deadline=None, max_examples=40)
costs = st.lists(st.floats(0.001, 0.05), min_size=1, max_size=7)
shares = st.floats(0.2, 1.0)


@unhurried
@given(st.integers(1, 12), shares, costs)
def test_the_budget_is_never_exceeded_by_more_than_one_frame(
    cameras: int, share: float, costs_s: list[float]
):
    machine = Machine(cameras, 0, share, costs_s)
    machine.run(8)
    for first, (start_s, _, _) in enumerate(machine.done):
        used_s = 0.0
        for at_s, cost_s, _ in machine.done[first:]:
            # What was used before this one is within the budget, so all is within it and this one.
            assert used_s <= share * (at_s - start_s + BURST_S) + 1e-6
            used_s += cost_s


@unhurried
@given(st.integers(2, 12), shares, costs)
def test_equal_cameras_are_examined_equally_often(cameras: int, share: float, costs_s: list[float]):
    machine = Machine(cameras, 0, share, costs_s)
    machine.run(8)
    rates = machine.rates(range(cameras))
    assert max(rates) - min(rates) <= 1


@unhurried
@given(st.integers(1, 4), st.integers(1, 6), shares)
def test_acting_cameras_keep_their_rate_whatever_the_budget(acting: int, others: int, share: float):
    """They need at most 0.6 of the core here; the others at most their reserve more than the budget leaves."""
    machine = Machine(acting + others, acting, share, [0.025])
    machine.run(10)
    assert min(machine.rates(range(acting))) >= 10 * (FPS - 0.5)


@unhurried
@given(st.integers(1, 6), st.integers(1, 6), shares)
def test_nobody_starves_behind_acting_cameras(acting: int, others: int, share: float):
    """Each of the others is examined at the latest after what a round of them costs, over the reserve."""
    cost_s = 0.05
    machine = Machine(acting + others, acting, share, [cost_s])
    machine.run(30)
    longest_s = 2.0 + (others + 1) * cost_s / (RESERVED * share) + (acting + others) * cost_s
    for camera in range(acting, acting + others):
        times = [100.0, *(at_s for at_s, _, done in machine.done if done == camera), 130.0]
        assert max(later - sooner for sooner, later in itertools.pairwise(times)) <= longest_s


def test_what_decoding_takes_beyond_the_budget_is_paid_back():
    budget = Budget(0.5)
    budget.charge(0.6, 0.0, acting=False)
    wait_s = budget.wait_s(0.0)
    assert 0.69 < wait_s < 0.71  # half a second's worth was saved up
    assert budget.wait_s(wait_s) == 0.0


def test_a_debt_is_forgiven_after_a_second_or_so():
    budget = Budget(0.5)
    budget.charge(60.0, 0.0, acting=False)
    assert budget.wait_s(0.0) < 1.5


def test_without_a_budget_nobody_waits():
    budget = Budget()
    budget.charge(1e9, 0.0, acting=False)
    assert budget.wait_s(0.0) == 0.0


def test_a_schedule_knows_how_long_there_is_nothing_to_do():
    schedule = Schedule(2, FPS, Budget(0.5))
    schedule.acting = frozenset({1})
    assert schedule.wait_s(0.0) == math.inf
    schedule.offer(0, 0.0)
    assert schedule.wait_s(0.0) == 0.0
    schedule.charge(0, 1.0, 0.0)
    wait_s = schedule.wait_s(0.0)
    assert 0.0 < wait_s < 2.0
    assert schedule.choose(0.0) is None
    assert schedule.choose(wait_s) == 0
    schedule.charge(0, 1.0, wait_s)
    schedule.offer(1, 0.0)
    assert schedule.wait_s(wait_s) == 0.0
