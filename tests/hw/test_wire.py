from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw import wire

STATUS = wire.Status(on=True, link="up", error=None, cause="held", cooldown_ms=0, re="hold")


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (wire.Hold(1500), b'{"op": "hold", "lease_ms": 1500}\n'),
        (wire.Release(), b'{"op": "release"}\n'),
        (wire.Query(), b'{"op": "status"}\n'),
    ],
)
def test_requests_byte_by_byte(request_: wire.Request, line: bytes) -> None:
    assert wire.encode_request(request_) == line
    assert wire.decode_request(line) == request_


def test_a_long_lease_is_clamped_even_if_it_is_no_float() -> None:
    assert wire.decode_request(b'{"op":"hold","lease_ms":5001}') == wire.Hold(5000)
    assert wire.decode_request(b'{"op":"hold","lease_ms":1%s}' % (b"0" * 450)) == wire.Hold(5000)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"1e999",
        b"[" * 500,
        b'{"op":' * 80,
        b'{"op":"hold"}',
        b'{"op":"hold","lease_ms":true}',
        b'{"op":"hold","lease_ms":1.5}',
        b'{"op":"hold","lease_ms":"9"}',
        b'{"op":"hold","lease_ms":NaN}',
        b'{"op":"hold","lease_ms":0}',
        b'{"op":"hold","lease_ms":-1}',
        b'{"op":"hold","lease_ms":1,"more":1}',
        b'{"op":"release","lease_ms":1}',
        b'{"op":["release"]}',
        b'{"op":"RELEASE"}',
        b"GET / HTTP/1.1\r",
    ],
)
def test_no_request(line: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode_request(line)


@given(st.binary(max_size=wire.MAX_REQUEST_BYTES))
def test_any_bytes_are_a_request_or_a_wire_error(line: bytes) -> None:
    try:
        request = wire.decode_request(line)
    except wire.WireError:
        return
    assert wire.decode_request(wire.encode_request(request)) == request


def test_status_byte_by_byte() -> None:
    line = wire.encode_status(STATUS)
    assert line == (
        b'{"on": true, "link": "up", "error": null, "cause": "held", "cooldown_ms": 0, '
        b'"kind": null, "output": null, "fail_safe": false, "inputs": [], "re": "hold", "refused": null}\n'
    )
    assert wire.decode_status(line) == STATUS


@given(st.text(max_size=1000), st.text(max_size=1000))
def test_a_status_line_is_bounded_and_one_line(error: str, refused: str) -> None:
    status = wire.Status(False, "down", error, "start", 0, refused=refused)
    line = wire.encode_status(status)
    assert len(line) <= wire.MAX_STATUS_BYTES
    assert line.index(b"\n") == len(line) - 1
    assert wire.decode_status(line).error == error[: wire.MAX_TEXT_CHARS]


@pytest.mark.parametrize("key", ["on", "link", "error", "cause", "cooldown_ms", "re", "refused"])
def test_status_needs_every_key_of_its_type(key: str) -> None:
    fields = json.loads(wire.encode_status(STATUS))
    for wrong in ({**fields, key: []}, {k: v for k, v in fields.items() if k != key}):
        with pytest.raises(wire.WireError):
            wire.decode_status(json.dumps(wrong).encode())


def test_lines_are_split_and_overlong_ones_are_skipped_to_their_end() -> None:
    buffer = wire.LineBuffer(4)
    assert buffer.feed(b"ab") == []
    assert buffer.feed(b"cd\n\nx") == [b"abcd", b""]
    assert buffer.feed(b"yzzz") == []
    assert buffer.feed(b"tail of it") == []
    assert buffer.feed(b"\nok\n12345\n") == [None, b"ok", None]
    assert buffer.feed(b"next\n") == [b"next"]


@given(st.binary(), st.integers(1, 8), st.integers(1, 5))
def test_line_buffer_is_independent_of_chunks(stream: bytes, max_bytes: int, step: int) -> None:
    stream = stream.replace(b"\x00", b"\n") + b"\n"
    buffer = wire.LineBuffer(max_bytes)
    lines = [line for i in range(0, len(stream), step) for line in buffer.feed(stream[i : i + step])]
    assert lines == [part if len(part) <= max_bytes else None for part in stream.split(b"\n")[:-1]]
