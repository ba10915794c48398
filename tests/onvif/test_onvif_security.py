"""Signatures: taken once, within five minutes, from accounts that there are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.camera.auth import Login
from nvr.onvif.replay import WINDOW_S, ReplayGuard
from nvr.onvif.security import Checked, Guard, Verdict
from nvr.onvif.soap import UsernameToken, parse_request
from nvr.restream.accounts import PlatformCredential
from peers.onvif_client import envelope, token

NOW_S = 1_800_000_000.0
XA = PlatformCredential("xa", "mật khẩu", frozenset({"gate"}))
TARGET = "/onvif/device_service"


@pytest.fixture
def guard() -> Guard:
    return Guard({"xa": XA}.get, b"secret of this run")


def signed(
    user: str = "xa", password: str = XA.password, at_s: float = NOW_S, nonce: bytes = b"n"
) -> UsernameToken:
    found = parse_request(envelope("device", "GetScopes", header=token(user, password, at_s, nonce))).token
    assert found is not None
    return found


def test_the_right_one_counts_once(guard: Guard) -> None:
    assert guard.by_token(signed(), NOW_S).login == XA
    assert guard.by_token(signed(), NOW_S).verdict is Verdict.REPEATED
    assert guard.by_token(signed(nonce=b"o"), NOW_S).login == XA


@pytest.mark.parametrize(
    "wrong",
    [
        signed(password="other"),
        signed(user="XA"),
        signed(user="huyen"),
        signed(nonce=b""),
        UsernameToken("xa", b"", b"n", "2027-01-15T08:00:00Z"),
    ],
)
def test_wrong_ones(guard: Guard, wrong: UsernameToken) -> None:
    checked = guard.by_token(wrong, NOW_S)
    assert (checked.verdict, checked.login) == (Verdict.WRONG, None)


@pytest.mark.parametrize("off_s", [-WINDOW_S - 1, WINDOW_S + 1, 3600.0])
def test_another_clock(guard: Guard, off_s: float) -> None:
    checked = guard.by_token(signed(at_s=NOW_S + off_s), NOW_S)
    assert checked.verdict is Verdict.OLD
    assert checked.clock_off_s == pytest.approx(off_s)


@given(st.binary(max_size=40), st.text(max_size=40))
def test_any_created_has_a_verdict(nonce: bytes, created: str) -> None:
    guard = Guard({"xa": XA}.get, b"")
    assert guard.by_token(UsernameToken("xa", b"x" * 20, nonce, created), NOW_S).login is None


def header(guard: Guard, now_s: float, method: str = "POST", uri: str = TARGET, count: int = 1) -> str:
    login = Login("xa", XA.password)
    assert login.take_challenge(guard.challenges_to(Checked(Verdict.MISSING), now_s))
    for _ in range(count):
        made = login.authorization(method, uri, "cnonce")
    assert made is not None
    return made


def test_http_digest_counts_once(guard: Guard) -> None:
    one, two = header(guard, NOW_S), header(guard, NOW_S, count=2)
    assert guard.by_header(one, "POST", TARGET, NOW_S).login == XA
    assert guard.by_header(one, "POST", TARGET, NOW_S).verdict is Verdict.REPEATED
    assert guard.by_header(two, "POST", TARGET, NOW_S).login == XA
    whole = header(guard, NOW_S + 1, uri="http://nvr:8080" + TARGET)
    assert guard.by_header(whole, "POST", TARGET, NOW_S + 1).login == XA


def test_http_digest_refused(guard: Guard) -> None:
    right = header(guard, NOW_S)
    assert guard.by_header("", "POST", TARGET, NOW_S).verdict is Verdict.MISSING
    assert guard.by_header(right, "GET", TARGET, NOW_S).verdict is Verdict.WRONG
    assert guard.by_header(right, "POST", "/onvif/snapshot/gate_main", NOW_S).verdict is Verdict.WRONG
    assert guard.by_header(right, "POST", TARGET, NOW_S + WINDOW_S + 1).verdict is Verdict.OLD
    strangers = header(Guard({}.get, b"another run"), NOW_S)
    assert guard.by_header(strangers, "POST", TARGET, NOW_S).verdict is Verdict.OLD, "a new nonce helps"
    without_qop = re.sub(r", (qop|nc)=\w+", "", right)
    assert guard.by_header(without_qop, "POST", TARGET, NOW_S).verdict is Verdict.WRONG
    assert guard.by_header("Basic eGE6eA==", "POST", TARGET, NOW_S).verdict is Verdict.WRONG
    assert guard.by_header("Digest username=\udcff", "POST", TARGET, NOW_S).verdict is Verdict.WRONG


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([b"a", b"b", b"c"])), max_size=60))
def test_nothing_is_taken_twice_however_little_is_kept(signatures: list[tuple[int, bytes]]) -> None:
    replays, taken = ReplayGuard(max_kept=4), set()
    for at, nonce in signatures:
        if replays.first(nonce, NOW_S + at, NOW_S):
            assert (at, nonce) not in taken
            taken.add((at, nonce))
        assert len(replays) <= 4
    assert replays.first(b"d", NOW_S + 31, NOW_S), "what is newer than all is always taken"


def test_a_clock_set_back_locks_nobody_out() -> None:
    replays = ReplayGuard(max_kept=1)
    assert replays.first(b"a", NOW_S + 4000, NOW_S + 4000)
    assert replays.first(b"b", NOW_S + 4001, NOW_S + 4001)
    assert replays.first(b"c", NOW_S, NOW_S)
