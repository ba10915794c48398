"""Back-off, refusal batches, Range headers, access rules: pure, under generated input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.backoff import AttemptBackoff, BackoffRule
from nvr.refusals import RefusalBatch
from nvr.web.access import PUBLIC, Ability, Access, Account, AccountRole, Subject
from nvr.web.byte_range import Unsatisfiable, parse_range
from nvr.web.once import Once
from nvr.web.route import Route
from nvr.web.routes import status

RULE = BackoffRule(free=3, first_s=1.0, max_s=60.0, forget_s=100.0, max_keys=5)
KEYS = st.integers(0, 9)
GUESSES = st.lists(st.tuples(KEYS, st.floats(0, 30), st.booleans()), max_size=200)


@given(GUESSES)
def test_waits_are_bounded_and_the_table_too(guesses: list[tuple[int, float, bool]]) -> None:
    backoff, now_s = AttemptBackoff(RULE), 0.0
    for key, pause_s, right in guesses:
        now_s += pause_s
        wait_s = backoff.wait_s(key, now_s)
        assert 0.0 <= wait_s <= RULE.max_s
        if wait_s == 0.0:
            backoff.begin(key, now_s)
            if right:
                backoff.succeeded(key)
                assert backoff.wait_s(key, now_s) == 0.0
        assert len(backoff) <= RULE.max_keys


@given(st.integers(1, 40))
def test_guesses_without_success_take_exponential_time(count: int) -> None:
    backoff, now_s = AttemptBackoff(RULE), 0.0
    for _ in range(count):
        now_s += backoff.wait_s("officer", now_s)
        backoff.begin("officer", now_s)
    spent = sum(min(2.0**n, RULE.max_s) for n in range(max(0, count - RULE.free)))
    assert now_s == pytest.approx(spent)


def test_attempts_at_one_moment_gain_nothing() -> None:
    backoff = AttemptBackoff(RULE)
    allowed = 0
    for _ in range(100):
        if backoff.wait_s("officer", 5.0) == 0.0:
            backoff.begin("officer", 5.0)
            allowed += 1
    assert allowed == RULE.free


def test_hammering_prolongs_no_wait_and_quiet_forgets() -> None:
    backoff = AttemptBackoff(RULE)
    for _ in range(RULE.free):
        backoff.begin("officer", 0.0)
    assert backoff.wait_s("officer", 0.5) == 0.5
    assert backoff.wait_s("officer", 1.0) == 0.0
    backoff.begin("officer", 102.0)
    assert backoff.wait_s("officer", 102.0) == 0.0, "the failures of long ago still counted"


def test_a_forgiven_attempt_leaves_the_earlier_ones() -> None:
    backoff = AttemptBackoff(RULE)
    for _ in range(RULE.free - 1):
        backoff.begin("station", 0.0)
    backoff.begin("station", 0.0)
    backoff.forgiven("station", 0.0)
    assert backoff.wait_s("station", 0.0) == 0.0
    backoff.begin("station", 0.0)
    assert backoff.wait_s("station", 0.0) == RULE.first_s


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("123456"), st.floats(0, 40)), max_size=100))
def test_no_refusal_is_lost_in_the_batches(refused: list[tuple[str, str, float]]) -> None:
    batch, now_s, told = RefusalBatch(window_s=60.0, max_keys=5), 0.0, 0
    rows = 0
    for account, address, pause_s in refused:
        now_s += pause_s
        ended = batch.due(now_s)
        first = batch.note(account, address, now_s)
        told += sum(r.count for r in ended) + (first.count if first else 0)
        rows += len(ended) + (first is not None)
    # A second more than the window: sums of floats are not exact.
    told += sum(r.count for r in batch.due(now_s + 61.0))
    assert told == len(refused)
    assert rows <= len(refused)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_a_range_is_what_rfc_9110_says(length: int, first: int, last: int) -> None:
    content = bytes(i % 251 for i in range(length))
    try:
        span = parse_range(f"bytes={first}-{last}", length)
    except Unsatisfiable:
        assert first >= length and first <= last
        return
    if last < first:
        assert span is None
    else:
        assert span is not None
        assert content[span[0] : span[1]] == content[first : last + 1] != b""


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, None),
        ("bytes=0-", (0, 10)),
        ("bytes=9-", (9, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("Bytes=2-4", (2, 5)),
        ("bytes=2-400", (2, 10)),
        ("bytes=1-2,4-5", None),
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("items=0-1", None),
        ("bytes=0-1junk", None),
        ("bytes=" + "9" * 30 + "-", None),
        ("bytes=٣-٤", None),
    ],
)
def test_ranges(header: str | None, span: tuple[int, int] | None) -> None:
    assert parse_range(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_ranges_outside(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, 10)


@given(st.text(max_size=60), st.integers(0, 100))
def test_any_range_header_is_safe(text: str, length: int) -> None:
    for header in (text, "bytes=" + text):
        try:
            span = parse_range(header, length)
        except Unsatisfiable:
            continue
        assert span is None or 0 <= span[0] < span[1] <= length


def test_once_is_bounded() -> None:
    once = Once(size=2)
    assert [once.first(k) for k in "aabbcca"] == [True, False, True, False, True, False, True]


def test_what_each_role_may() -> None:
    everybody, viewer = "own cameras", "own cameras live site playback"
    expected = {
        "viewer": viewer,
        "operator": f"{viewer} handle guard evidence",
        "administrator": f"{viewer} handle guard evidence administer",
        "investigator": f"{everybody} site playback evidence",
    }
    told = {role.word: {ability.value for ability in role.abilities} for role in AccountRole}
    assert told == {role: set(words.split()) for role, words in expected.items()}
    new = Account(1, "a", AccountRole.ADMINISTRATOR, must_change=True)
    assert {ability for ability in Ability if new.may(ability)} == {Ability.OWN}


def test_roles_are_spoken() -> None:
    assert [AccountRole.from_word(role.word) for role in AccountRole] == list(AccountRole)
    with pytest.raises(ValueError, match="root"):
        AccountRole.from_word("root")


def test_camera_rights() -> None:
    assert Account(1, "a", AccountRole.VIEWER).may_see("gate")
    assert Account(1, "a", AccountRole.VIEWER, frozenset({"gate"})).may_see("gate")
    assert not Account(1, "a", AccountRole.ADMINISTRATOR, frozenset()).may_see("gate")


def test_no_route_without_its_rule() -> None:
    viewer = Ability.LIVE
    with pytest.raises(TypeError):
        Route("GET", "/api/new", status.show)  # type: ignore[call-arg]
    for path, access in (
        ("/api/cameras/{camera}/new", Access(viewer)),
        ("/api/cameras/{camera}/new", PUBLIC),
        ("/api/incidents/{incident}/new", Access(viewer, Subject.CAMERA)),
        ("/api/new", Access(viewer, Subject.INCIDENT)),
    ):
        with pytest.raises(ValueError, match="rule"):
            Route("GET", path, status.show, access)
    with pytest.raises(ValueError, match="open to anybody"):
        Access(None, Subject.CAMERA)
