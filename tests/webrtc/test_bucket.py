from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webrtc.bucket import Bucket


@given(st.lists(st.floats(0, 0.5), max_size=60), st.integers(1, 20), st.integers(1, 50))
def test_never_more_than_the_burst_and_the_rate(pauses_s: list[float], burst: int, per_second: int) -> None:
    bucket, now_s, allowed = Bucket(per_second=per_second, burst=burst), 1000.0, 0
    for pause_s in pauses_s:
        now_s += pause_s
        allowed += bucket.take(now_s)
    assert allowed <= burst + (now_s - 1000.0) * per_second + 1e-6
    assert allowed >= min(len(pauses_s), burst)


def test_what_was_used_up_comes_back() -> None:
    bucket = Bucket(per_second=2, burst=2)
    assert [bucket.take(5.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(5.5), bucket.take(5.5)] == [True, False]
    assert [bucket.take(60.0) for _ in range(3)] == [True, True, False]
    assert not bucket.take(30.0), "a clock that goes back gives nothing"
