"""Fragments of candidates (RFC 8840), as browsers write them and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webrtc.errors import WhepError
from webrtc.sdp import OFFER_CHARS_MAX
from webrtc.trickle import ice_sessions

# RFC 8840, 9.2.
EXAMPLE = """a=group:BUNDLE foo bar
a=ice-options:trickle ice2
m=audio 9 RTP/AVP 0
a=mid:foo
a=ice-pwd:asd88fgpdd777uzjYhagZg
a=ice-ufrag:8hhY
a=candidate:1 1 UDP 2130706432 2001:db8:a0b:12f0::1 5000 typ host
a=candidate:2 1 UDP 1694498815 192.0.2.3 5000 typ srflx raddr 10.0.1.1 rport 8998
a=end-of-candidates
m=audio 9 RTP/AVP 0
a=mid:bar
a=ice-pwd:asd88fgpdd777uzjYhagZg
a=ice-ufrag:8hhY
a=end-of-candidates
"""


def test_the_example_of_the_standard_names_one_ice_session() -> None:
    for text in (EXAMPLE, EXAMPLE.replace("\n", "\r\n"), EXAMPLE.rstrip()):
        assert ice_sessions(text) == {"8hhY"}
    assert ice_sessions(EXAMPLE.replace("8hhY", "abcd", 1)) == {"8hhY", "abcd"}
    assert ice_sessions("a=end-of-candidates") == frozenset()


@pytest.mark.parametrize(
    "text",
    ["", "\n", "v=0\n" + EXAMPLE, EXAMPLE + "\nx", "a=ice-ufrag:\n", "a=ice-ufrag:a b c\n", "m=audio 9\n"],
)
def test_what_is_no_fragment_is_refused(text: str) -> None:
    with pytest.raises(WhepError) as caught:
        ice_sessions(text)
    assert (caught.value.status, caught.value.code) == (400, "bad_offer")


def test_a_fragment_is_bounded() -> None:
    for text in ("m=audio 9 RTP/AVP 0\n" * 33, "a=end-of-candidates\n" * (OFFER_CHARS_MAX // 20 + 1)):
        with pytest.raises(WhepError, match=r"more than 32|longer than"):
            ice_sessions(text)


@given(
    st.one_of(
        st.text(max_size=300),
        st.lists(
            st.one_of(st.sampled_from(EXAMPLE.splitlines()), st.text(max_size=40).map(lambda t: "a=" + t)),
            max_size=30,
        ).map("\n".join),
    )
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        named = ice_sessions(text)
    except WhepError as error:
        assert error.status == 400
    else:
        assert all(f"a=ice-ufrag:{ufrag}" in text for ufrag in named)
