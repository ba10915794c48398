"""Basic and Digest, against the vectors of the RFCs and against each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.camera.auth import Login, Realm, Verdict, digest_response, parse_fields

RFC_7616 = {
    "username": "Mufasa",
    "realm": "http-auth@example.org",
    "uri": "/dir/index.html",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "nc": "00000001",
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    "qop": "auth",
}


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_example(algorithm: str, response: str) -> None:
    assert digest_response(RFC_7616, algorithm, "Circle of Life", "GET") == response


def test_rfc_2069_example_without_qop() -> None:
    fields = {
        "username": "Mufasa",
        "realm": "testrealm@host.com",
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "uri": "/dir/index.html",
    }
    assert digest_response(fields, "MD5", "CircleOfLife", "GET") == "1949323746fe6a43ef61f9606e7febea"


def test_challenges_in_one_field_are_told_apart() -> None:
    basic, digest = parse_fields(
        'Basic realm="a, b \\"c\\"", Digest realm=cam,nonce="x=", qop="auth,auth-int"'
    )
    assert (basic.scheme, basic.parameters) == ("basic", {"realm": 'a, b "c"'})
    assert digest.parameters == {"realm": "cam", "nonce": "x=", "qop": "auth,auth-int"}
    assert parse_fields("Negotiate") == []


def login(*challenges: str, user: str = "anna", password: str = "secret") -> Login | None:
    client = Login(user, password)
    return client if client.take_challenge(challenges) else None


def test_the_strongest_challenge_is_answered() -> None:
    basic, md5 = 'Basic realm="r"', 'Digest realm="r", nonce="n"'
    sha = 'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"'
    for challenges, begins, has in [
        ([basic], "Basic ", "YW5uYTpzZWNyZXQ="),
        ([basic, md5], "Digest ", 'response="'),
        ([sha, md5, basic], "Digest ", "algorithm=SHA-256"),
    ]:
        client = login(*challenges)
        assert client is not None
        value = client.authorization("PLAY", "rtsp://x/", "c") or ""
        assert value.startswith(begins) and has in value


@pytest.mark.parametrize(
    "challenge",
    [
        'Digest realm="r", nonce="n", algorithm=SHA-512-256',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm="r"',
        "Bearer realm=x",
        "",
    ],
)
def test_what_cannot_be_answered_is_refused(challenge: str) -> None:
    assert login(challenge) is None


def test_nothing_is_sent_before_a_challenge_and_no_password_is_shown() -> None:
    client = Login("anna", "secret")
    assert client.authorization("PLAY", "rtsp://x/", "c") is None
    assert "secret" not in repr(client) + repr(Realm("r", {"anna": "secret"}.get)) + repr(
        vars(client).get("x")
    )


def test_the_count_of_a_nonce_goes_up_and_starts_again_with_the_next() -> None:
    client = login('Digest realm="r", nonce="n", qop="auth"')
    assert client is not None
    assert "nc=00000001" in (client.authorization("A", "u", "c") or "")
    assert "nc=00000002" in (client.authorization("A", "u", "c") or "")
    client.take_challenge(['Digest realm="r", nonce="m", qop="auth"'])
    assert "nc=00000001" in (client.authorization("A", "u", "c") or "")


@given(st.text(min_size=1), st.text(), st.sampled_from(["MD5", "SHA-256"]))
def test_client_and_server_agree_for_any_user_and_password(user: str, password: str, algorithm: str) -> None:
    user, password = (t.encode("utf-8", "replace").decode() for t in (user, password))
    realm = Realm('Village "NVR"', {user: password}.get, (algorithm,))
    client = login(*realm.challenges("nonce1"), user=user, password=password)
    assert client is not None
    url = "rtsp://127.0.0.1:8554/cam1/main"
    value = client.authorization("SETUP", url, "c0ffee") or ""
    right = realm.check(value, "SETUP", url, "nonce1")
    assert (right.verdict, right.user, right.password) == (Verdict.RIGHT, user, password)
    assert realm.check(value, "PLAY", url, "nonce1").verdict is Verdict.WRONG
    assert realm.check(value, "SETUP", url + "x", "nonce1").verdict is Verdict.WRONG
    assert realm.check(value, "SETUP", url, "nonce2").verdict is Verdict.STALE
    assert realm.check("", "SETUP", url, "nonce1").verdict is Verdict.MISSING
    other = Realm('Village "NVR"', {user: password + "x"}.get, (algorithm,))
    wrong = other.check(value, "SETUP", url, "nonce1")
    assert (wrong.verdict, wrong.user, wrong.password) == (Verdict.WRONG, user, "")
    nobody = Realm('Village "NVR"', {}.get, (algorithm,)).check(value, "SETUP", url, "nonce1")
    assert (nobody.verdict, nobody.user) == (Verdict.WRONG, "")


parts = st.sampled_from(
    ["Digest ", "Basic ", "realm=", '"', "\\", ",", "nonce=", "response=", "username=", "é"]
)


@given(st.lists(st.one_of(parts, st.text(st.characters(max_codepoint=255), max_size=5))))
def test_any_field_is_read_without_error(words: list[str]) -> None:
    value = "".join(words)
    client = login(value)
    if client is not None:
        assert client.authorization("PLAY", "rtsp://x/", "c")
    assert Realm("r", {"": ""}.get).check(value, "PLAY", "rtsp://x/", "n").verdict is not Verdict.RIGHT


def test_a_long_field_is_read_in_linear_time() -> None:
    assert parse_fields("a" * 65_536) == []
    assert parse_fields("a " * 32_768) == []
    assert parse_fields('a="' + "\\" * 65_536) == []
