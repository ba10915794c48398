"""The RTSP parser: every message and frame, however the bytes are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.camera.rtsp import (
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    Headers,
    Message,
    Request,
    Response,
    RtspParser,
    Transport,
    parse_session,
    parse_transport,
)
from nvr.errors import ProtocolViolation

text = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f:"), min_size=1)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")).map(
    str.strip
)
words = st.sampled_from(["OPTIONS", "DESCRIBE", "GET_PARAMETER", "X"])
headers = st.lists(st.tuples(text.map(lambda name: f"X-{name}".strip()), values), max_size=4).map(
    lambda pairs: Headers(tuple((n, " ".join(v.split())) for n, v in pairs))
)
bodies = st.binary(max_size=50)
requests = st.builds(Request, words, st.just("rtsp://camera/a?b=c"), headers, bodies)
responses = st.builds(
    Response, st.integers(100, 999), values.map(lambda r: " ".join(r.split())), headers, bodies
)
frames = st.tuples(st.integers(0, 255), st.binary(max_size=100))

Event = Message | tuple[int, bytes]


def encoded(event: Event) -> bytes:
    if isinstance(event, tuple):
        channel, payload = event
        return b"$" + bytes([channel]) + len(payload).to_bytes(2, "big") + payload
    return event.encode()


def without_length(event: Event) -> Event:
    if isinstance(event, tuple):
        return event
    kept = Headers(tuple(pair for pair in event.headers.pairs if pair[0] != "Content-Length"))
    if isinstance(event, Request):
        return Request(event.method, event.url, kept, event.body)
    return Response(event.status, event.reason, kept, event.body)


def parse(chunks: list[bytes]) -> list[Event]:
    events: list[Event] = []
    parser = RtspParser(events.append)
    for channel in range(256):
        parser.sinks[channel] = lambda buffer, start, end, at_s, channel=channel: events.append(
            (channel, bytes(buffer[start:end]))
        )
    for chunk in chunks:
        parser.feed(chunk, 0.0)
    return [without_length(event) for event in events]


@given(st.lists(st.one_of(requests, responses, frames), max_size=5), st.data())
def test_messages_and_frames_survive_any_cutting(events: list[Event], data: st.DataObject) -> None:
    stream = b"".join(map(encoded, events))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    assert parse([stream[a:b] for a, b in itertools.pairwise(edges)]) == events
    assert parse([stream[at : at + 1] for at in range(len(stream))]) == events


def test_byte_by_byte_the_message_comes_with_its_last_byte_only() -> None:
    stream = Response(200, "OK", Headers((("CSeq", "1"),)), b"v=0\r\n").encode()
    got: list[Message] = []
    parser = RtspParser(got.append)
    for at in range(len(stream)):
        assert got == []
        parser.feed(stream[at : at + 1], 0.0)
    assert [message.body for message in got] == [b"v=0\r\n"]


def test_lenient_line_ends_blank_lines_and_folding() -> None:
    stream = b"\r\n\r\nRTSP/1.0 200 OK\nCSeq: 1\nPublic: OPTIONS,\n DESCRIBE\n\n$\x00\x00\x01x"
    response, frame = parse([stream])
    assert isinstance(response, Response)
    assert response.headers.get("public") == "OPTIONS, DESCRIBE" and frame == (0, b"x")


def test_frames_of_other_channels_are_skipped_and_the_arrival_is_handed_on() -> None:
    got: list[tuple[bytes, float]] = []
    parser = RtspParser(lambda message: pytest.fail("no message was sent"))
    parser.sinks[2] = lambda buffer, start, end, at_s: got.append((bytes(buffer[start:end]), at_s))
    parser.feed(b"$\x01\x00\x02ab$\x02\x00\x02cd$", 4.5)
    parser.feed(b"\x02\x00\x01e", 5.5)
    assert got == [(b"cd", 4.5), (b"e", 5.5)]


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (b"\x16\x03\x01 TLS", "neither"),
        (b"RTSP/1.0 OK\r\n\r\n", "status code"),
        (b"RTSP/1.0 20 OK\r\n\r\n", "status code"),
        (b"RTSP/2.0 200 OK\r\n\r\n", "start line"),
        (b"GET / HTTP/1.1\r\n\r\n", "start line"),
        (b"RTSP/1.0 200 OK\r\nno colon here\r\n\r\n", "colon"),
        (b"RTSP/1.0 200 OK\r\n: no name\r\n\r\n", "colon"),
        (b"RTSP/1.0 200 OK\r\nSession: a\rb\r\n\r\n", "control character"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: \xb2\r\n\r\n", "Content-Length"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), "body is longer"),
        (b"RTSP/1.0 200 OK\r\nX: " + b"a" * MAX_HEADER_BYTES, "header is longer"),
        (b"RTSP/1.0 200 OK\r\nX: " + b"a" * MAX_HEADER_BYTES + b"\r\n\r\n", "header is longer"),
    ],
)
def test_violations_are_named(stream: bytes, problem: str) -> None:
    with pytest.raises(ProtocolViolation, match=problem):
        parse([stream])


def test_the_largest_body_is_taken() -> None:
    body = bytes(MAX_BODY_BYTES)
    (message,) = parse([Response(200, "OK", Headers(), body).encode()])
    assert isinstance(message, Response) and message.body == body


chunks = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [b"RTSP/1.0 200 OK\r\n", b"Content-Length: 3\r\n", b"\r\n", b"$\x00\x00\x02", b": ", b"A b"]
    ),
)


@given(st.lists(chunks, max_size=12))
def test_any_bytes_give_messages_or_a_violation(stream: list[bytes]) -> None:
    try:
        parse(stream)
    except ProtocolViolation as error:
        assert error.message


@pytest.mark.parametrize("field", ["a\r\nX: y", "a\x00", "\x7f"])
def test_nothing_can_be_smuggled_into_a_message(field: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        Request("PLAY", "rtsp://x/", Headers((("Session", field),))).encode()
    with pytest.raises(ValueError, match="control character"):
        Request("PLAY", f"rtsp://x/{field}").encode()


@pytest.mark.parametrize(
    ("value", "transport"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=0-1", Transport(True, (0, 1))),
        ("RTP/AVP/TCP;unicast;interleaved=4", Transport(True, (4, 5))),
        ("RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=2-3", Transport(True, (2, 3))),
        ("RTP/AVP/TCP;unicast;interleaved=0-256", Transport(True, None)),
        ("RTP/AVP;unicast;client_port=5000-5001", Transport(False, client_ports=(5000, 5001))),
        ("RTP/AVP/TCP; interleaved=255", Transport(True, None)),
        ("RAW/RAW/UDP;unicast", None),
        ("", None),
    ],
)
def test_transport(value: str, transport: Transport | None) -> None:
    assert parse_transport(value) == transport


@pytest.mark.parametrize(
    ("value", "session"),
    [
        ("12345678;timeout=30", ("12345678", 30)),
        ("abc ; Timeout = 5", ("abc", 5)),
        ("abc", ("abc", 60)),
        ("abc;timeout=soon", ("abc", 60)),
    ],
)
def test_session(value: str, session: tuple[str, int]) -> None:
    assert parse_session(value) == session


@given(st.text(max_size=40))
def test_any_header_value_is_read_without_error(value: str) -> None:
    parse_transport(value)
    parse_session(value)
