"""Which cameras get whole attention, as the analysis process tells how busy it is."""

from nvr.detect.attention import (
    ADAPT_EVERY_S,
    AGAIN_S,
    COSTLY_S,
    FIRST,
    FIRST_ACTING,
    MOVED_S,
    UNDECIDED_S,
    Attention,
    Report,
)

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
    """For a while, up to `now_s`."""
    for camera in ALL:
        attention.moved(camera, now_s - 1)
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
    assert followed(attention, MOVED_S) != set()
    assert followed(attention, MOVED_S + 0.1) == set()
    now_s = told(attention, IDLE, 20)
    all_moving(attention, now_s)
    assert followed(attention, now_s) == set(ALL)
    now_s = told(attention, BUSY, 40, now_s)
    all_moving(attention, now_s)
    assert len(followed(attention, now_s)) == 1


def test_what_moves_in_one_look_alone_is_not_followed():
    attention = Attention(58)
    for second in range(0, 60, 6):
        attention.moved(7, float(second))
        assert followed(attention, second + 0.1) == set()
    attention.moved(7, 54 + AGAIN_S)
    assert followed(attention, 54 + AGAIN_S) == {7}


def test_what_is_not_decided_is_followed_at_once_and_longer():
    attention = Attention(58)
    attention.undecided(7, 0.0)
    attention.moved(7, 0.0)
    attention.moved(7, 1.0)
    assert followed(attention, UNDECIDED_S) == {7}
    assert followed(attention, UNDECIDED_S + 0.1) == set()


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
    attention.undecided(40, 0.0)
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


def test_whose_decoding_takes_too_much_for_the_others_is_followed_no_more_for_a_while():
    attention = Attention(4)
    attention.acting = frozenset({0, 1, 2})
    costs = {0: 0.06, 1: 0.8, 2: 0.1}
    now_s = told(attention, Report(1.0, 1.0, 0.4, 1.0, costs), 1)
    assert attention.modes(range(4), now_s) == {0: "acting", 1: "too_costly", 2: "acting", 3: "keyframes"}
    assert attention.modes(range(4), now_s + COSTLY_S + 1)[1] == "acting"


def test_nobody_is_too_costly_where_all_is_in_time_or_all_cost_little():
    for report in (
        Report(1.0, 1.0, 1.0, 1.0, {0: 0.06, 1: 0.8}),
        Report(1.0, 1.0, 0.6, 1.0, {0: 0.2, 1: 0.25}),
    ):
        attention = Attention(4)
        attention.acting = frozenset({0, 1})
        now_s = told(attention, report, 1)
        assert attention.modes({0, 1}, now_s) == {0: "acting", 1: "acting"}


def test_a_camera_that_is_alone_harms_nobody():
    attention = Attention(4)
    attention.acting = frozenset({0})
    now_s = told(attention, Report(1.0, 1.0, 0.4, 1.0, {0: 0.9}), 3)
    assert attention.modes({0, 1}, now_s) == {0: "acting", 1: "keyframes"}
