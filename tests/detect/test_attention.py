"""Which cameras get whole attention, as the analysis process tells how busy it is."""

from nvr.detect.attention import ADAPT_EVERY_S, FIRST, FIRST_ACTING, MOVED_S, Attention, Report

ALL = range(58)


def told(attention: Attention, report: Report, times: int, start_s: float = 0.0) -> float:
    """Report the same every second until `times` decisions were made; the time after them."""
    now_s = start_s
    for _ in range(times * int(ADAPT_EVERY_S) + 1):
        attention.report(report, now_s)
        now_s += 1
    return now_s


def followed(attention: Attention, now_s: float) -> set[int]:
    return {camera for camera, mode in attention.modes(ALL, now_s).items() if mode != "keyframes"}


def all_moving(attention: Attention, now_s: float = 0.0) -> None:
    for camera in ALL:
        attention.moved(camera, now_s)


IDLE, BUSY = Report(0.2, 0.2, 1.0, 1.0), Report(1.0, 1.0, 0.2, 0.2)
OVER_BUDGET = Report(0.6, 1.0, 1.0, 0.2)


def test_what_neither_acts_nor_moves_is_not_followed():
    attention = Attention(58)
    now_s = told(attention, IDLE, 20)
    assert followed(attention, now_s) == set()


def test_what_moves_is_followed_for_a_while_as_far_as_there_is_room():
    attention = Attention(58)
    all_moving(attention)
    assert len(followed(attention, 1.0)) == FIRST
    assert followed(attention, MOVED_S + 1) == set()
    now_s = told(attention, IDLE, 20)
    all_moving(attention, now_s)
    assert followed(attention, now_s) == set(ALL)
    now_s = told(attention, BUSY, 40, now_s)
    all_moving(attention, now_s)
    assert len(followed(attention, now_s)) == 1


def test_acting_cameras_take_the_place_of_all_others_and_know_no_budget():
    attention = Attention(58)
    attention.acting = frozenset(range(50, 58))
    now_s = told(attention, OVER_BUDGET, 40)
    all_moving(attention, now_s)
    assert followed(attention, now_s) == attention.acting
    assert set(attention.modes(attention.acting, now_s).values()) == {"acting"}


def test_acting_cameras_give_way_to_moving_ones_of_them_where_the_machine_is_at_its_end():
    attention = Attention(58)
    attention.acting = frozenset(ALL)
    assert len(followed(attention, 0.0)) == FIRST_ACTING
    now_s = told(attention, IDLE, 20)
    assert followed(attention, now_s) == set(ALL)
    now_s = told(attention, BUSY, 60, now_s)
    attention.moved(33, now_s)
    assert followed(attention, now_s) == {33}


def test_seldom_keyframes_come_after_what_moves():
    attention = Attention(58)
    attention.seldom = frozenset({3, 4, 5})
    attention.moved(40, 0.0)
    modes = attention.modes(ALL, 1.0)
    assert (modes[40], modes[3], modes[4]) == ("moving", "seldom_keyframes", "keyframes")


def test_in_between_nothing_changes():
    attention = Attention(58)
    for report in (Report(0.8, 0.8, 0.2, 0.2), Report(1.0, 1.0, 1.0, 0.6)):
        now_s = told(attention, report, 10)
        all_moving(attention, now_s)
        assert len(followed(attention, now_s)) == FIRST


def test_a_busy_moment_is_no_reason():
    attention = Attention(58)
    all_moving(attention)
    for second in range(int(ADAPT_EVERY_S) + 1):
        attention.report(Report(0.75, 0.75, 1.0, 0.2) if second != 1 else BUSY, float(second))
    assert len(followed(attention, 1.0)) == FIRST


def test_only_the_cameras_that_are_asked_for():
    attention = Attention(58)
    attention.acting = frozenset({1, 2})
    assert attention.modes({2, 7}, 0.0) == {2: "acting", 7: "keyframes"}
