"""XML from strangers, and XML that we write."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nvr.onvif.faults import SoapRefusal
from nvr.onvif.soap import parse_request
from nvr.onvif.xml import MAX_DEPTH, REQUEST, BadXml, build, parse
from peers.onvif_client import envelope, token

BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>'
FILE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
GOOD = envelope("media", "GetProfile", "<ProfileToken>gate_main</ProfileToken>", token("xa", "secret", 1e9))


@pytest.mark.parametrize(
    "document",
    [
        BOMB,
        FILE,
        b'<!DOCTYPE a SYSTEM "http://10.0.0.1/x"><a/>',
        b"<a>&b;</a>",
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" + b"<b/>" * REQUEST.max_elements + b"</a>",
        b"<a>" + b" " * REQUEST.max_bytes + b"</a>",
        b"<a>\xff</a>",
        '<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16"),
        b"<a><b></a></b>",
        b"<a/><b/>",
        b"<a>\x00</a>",
        b"",
    ],
)
def test_what_is_refused(document: bytes) -> None:
    with pytest.raises(BadXml):
        parse(document)


def test_what_is_just_allowed() -> None:
    assert parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).tag == "a"
    assert len(parse(b"<a>" + b"<b/>" * (REQUEST.max_elements - 1) + b"</a>")) == REQUEST.max_elements - 1
    assert parse("\ufeff<a>Cổng</a>".encode()).text == "Cổng"
    assert parse(b'<?xml version="1.0" encoding="latin-1"?><a>\xc3\xa9</a>').text == "é", (
        "UTF-8 whatever it says"
    )


@given(st.binary(max_size=300))
@example(GOOD)
@example(BOMB)
def test_anything_is_a_request_or_refused(body: bytes) -> None:
    try:
        parse_request(body)
    except SoapRefusal as refusal:
        assert refusal.status == 400


@given(st.data())
def test_a_damaged_request_is_a_request_or_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(at, min(len(GOOD), at + 40)))
    body = GOOD[:at] + data.draw(st.binary(max_size=20)) + GOOD[end:]
    try:
        request = parse_request(body)
        request.text("ProfileToken")
    except SoapRefusal as refusal:
        assert refusal.status == 400


def test_a_request() -> None:
    request = parse_request(GOOD)
    assert request.operation == "GetProfile"
    assert request.text("ProfileToken") == "gate_main"
    assert request.text("Other") is None
    assert request.token is not None
    assert (request.token.username, request.token.nonce) == ("xa", b"0123456789abcdef")
    assert "secret" not in repr(request)


@given(st.text(max_size=30), st.text(max_size=30))
@example("</a>&<!--]]>", "\"'<>&")
@example("\x00\ud800", "\x1f")
def test_what_is_written_is_read_again(text: str, attribute: str) -> None:
    read = parse(build("a", text, build("b", True, token=attribute)).encode())
    assert len(read) == 1
    assert read[0].text == "true"
    # Line ends are normalised, and white space in attributes (XML 1.0, 2.11 and 3.3.3).
    if text.isprintable() and attribute.isprintable():
        assert (read.text or "") == text
        assert read[0].get("token") == attribute
