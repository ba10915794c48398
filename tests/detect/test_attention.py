"""Which cameras get whole attention, as the analysis process tells how busy it is."""

from nvr.detect.attention import ADAPT_EVERY_S, FIRST, LEAST, MOVED_S, Attention


def told(
    attention: Attention, busy: float, times: int, start_s: float = 0.0, *, examined: float = 0.2
) -> float:
    """Report the same every second until `times` decisions were made; the time after them."""
    now_s = start_s
    for _ in range(times * int(ADAPT_EVERY_S) + 1):
        attention.report(busy, examined, now_s)
        now_s += 1
    return now_s


def test_a_few_cameras_are_whole_from_the_start():
    assert Attention(2).whole(0) == {0, 1}
    assert len(Attention(58).whole(0)) == FIRST


def test_idle_takes_all_and_busy_gives_up_all_but_one():
    attention = Attention(58)
    now_s = told(attention, 0.2, 20)
    assert attention.whole(now_s) == set(range(58))
    now_s = told(attention, 0.99, 40, now_s)
    assert attention.whole(now_s) == set(range(LEAST))


def test_in_between_nothing_changes():
    attention = Attention(58)
    now_s = told(attention, 0.8, 10)
    assert len(attention.whole(now_s)) == FIRST


def test_busy_and_yet_in_time_is_fine():
    attention = Attention(58)
    now_s = told(attention, 1.0, 10, examined=0.6)
    assert len(attention.whole(now_s)) == FIRST


def test_a_busy_moment_is_no_reason():
    attention = Attention(58)
    for second in range(int(ADAPT_EVERY_S) + 1):
        attention.report(1.0 if second == 1 else 0.75, 0.2, float(second))
    assert len(attention.whole(10)) == FIRST


def test_acting_cameras_go_first_then_those_in_which_something_moves():
    attention = Attention(58)
    attention.moved(50, 0.0)
    attention.moved(7, 0.0)
    attention.acting = frozenset({20, 50})
    assert attention.whole(1.0) == {20, 50}
    attention.acting = frozenset({50})
    assert attention.whole(1.0) == {50, 7}
    assert attention.whole(MOVED_S + 1) == {50, 0}
