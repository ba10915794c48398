from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hw.modbus import (
    MAX_FRAME_BYTES,
    Function,
    Reply,
    ReplyDecoder,
    Request,
    RequestDecoder,
    crc16,
    flash_on,
    frame,
    is_frame,
    read_bits,
    silence_s,
    switch,
    wire_s,
)

requests = st.one_of(
    st.builds(switch, st.integers(1, 247), st.integers(1, 32), st.booleans(), multiple=st.booleans()),
    st.builds(flash_on, st.integers(1, 247), st.integers(1, 32), st.integers(1, 0x7FFF)),
    st.builds(
        read_bits,
        st.integers(1, 247),
        st.sampled_from(["coils", "inputs"]),
        st.integers(0, 31),
        st.integers(1, 32),
    ),
)
GARBAGE = [
    b"",
    b"\x00",
    b"\xff" * 7,
    b"\x01",
    b"\x01\x05",
    b"\x01\x05\x00\x00\xff\x00\x8c",  # a reply cut short
    b"\x01\x01\x01",
    b"\x01\x85\x02",
    b"\x01\x05\x00\x00\xff\x00\x8c\x3b",  # wrong CRC
]


def reply_to(request: Request, bits: int = 0, address: int | None = None) -> bytes:
    """A good board's answer."""
    if request.is_write:
        body = request.encode()[1:6]
    else:
        size = (request.number + 7) // 8
        body = bytes((request.function, size)) + (bits & (1 << request.number) - 1).to_bytes(size, "little")
    return frame(request.address if address is None else address, body)


def bytewise(decoder: ReplyDecoder, data: bytes) -> Reply | None:
    replies = [decoder.feed(bytes((byte,))) for byte in data]
    return next((reply for reply in replies if reply is not None), None)


@pytest.mark.parametrize(
    ("request_", "published"),
    [
        # Waveshare wiki, "Modbus RTU Relay", development protocol
        (switch(1, 1, True), "01 05 00 00 ff 00 8c 3a"),
        (switch(1, 1, False), "01 05 00 00 00 00 cd ca"),
        (flash_on(1, 1, 7), "01 05 02 00 00 07 8d b0"),
        (flash_on(1, 2, 8), "01 05 02 01 00 08 9c 74"),
        (read_bits(1, "coils", 0, 8), "01 01 00 00 00 08 3d cc"),
        (read_bits(1, "inputs", 0, 8), "01 02 00 00 00 08 79 cc"),
        # chinalctech.com, two relays with optocouplers, address 255 there
        (Request(0xFF, Function.READ_INPUTS, 0, 8), "ff 02 00 00 00 08 6c 12"),
        # application protocol specification, 6.11: ten coils from 20 there; the CRC by its appendix B
        (switch(1, 1, True, multiple=True), "01 0f 00 00 00 01 01 01 ef 57"),
    ],
)
def test_published_frames_byte_by_byte(request_: Request, published: str) -> None:
    assert request_.encode() == bytes.fromhex(published)
    decoder = RequestDecoder()
    data = request_.encode()
    assert [decoder.feed(data[i : i + 1]) for i in range(len(data) - 1)] == [[]] * (len(data) - 1)
    assert decoder.feed(data[-1:]) == [request_]


def test_crc_of_the_specification() -> None:
    """MODBUS over Serial Line V1.02, 6.2.2: the frame 02 07 ends with 41 12."""
    assert crc16(bytes.fromhex("0207")) == 0x1241
    assert frame(2, b"\x07") == bytes.fromhex("02074112")
    assert is_frame(bytes.fromhex("02074112"))
    assert not is_frame(bytes.fromhex("02074113"))
    assert not is_frame(b"\xff\xff")


@given(st.binary(min_size=2, max_size=20), st.data())
def test_no_single_changed_bit_passes(body: bytes, data: st.DataObject) -> None:
    good = bytearray(frame(1, body))
    bit = data.draw(st.integers(0, len(good) * 8 - 1))
    good[bit // 8] ^= 1 << bit % 8
    assert not is_frame(good)


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize(
    ("request_", "sent", "reply"),
    [
        (switch(1, 1, True), "010500 00ff008c3a", Reply()),
        (read_bits(1, "coils", 0, 8), "010101a591f3", Reply(bits=0xA5)),
        (read_bits(1, "inputs", 0, 8), "010201 01 6048", Reply(bits=1)),
        (flash_on(1, 1, 7), "018502c351", Reply(exception=2)),
        (read_bits(1, "inputs", 0, 8), "018201 8160", Reply(exception=1)),
    ],
)
def test_replies_with_garbage_before_and_after(
    garbage: bytes, request_: Request, sent: str, reply: Reply
) -> None:
    data = bytes.fromhex(sent)
    assert is_frame(data)
    assert ReplyDecoder(request_).feed(garbage + data + garbage) == reply
    assert bytewise(ReplyDecoder(request_), garbage + data + garbage) == reply


@pytest.mark.parametrize(
    "request_",
    [switch(1, 1, True), flash_on(1, 3, 30), read_bits(1, "coils", 0, 8), read_bits(1, "inputs", 0, 16)],
)
def test_a_cut_reply_is_none_and_any_changed_byte_neither(request_: Request) -> None:
    good = reply_to(request_, 0x5A)
    for length in range(len(good)):
        decoder = ReplyDecoder(request_)
        assert decoder.feed(good[:length]) is None
        assert decoder.heard == (length > 0)
    for index in range(len(good)):
        for value in set(range(256)) - {good[index]}:
            assert ReplyDecoder(request_).feed(good[:index] + bytes((value,)) + good[index + 1 :]) is None


def test_another_board_s_answer_is_known_as_such() -> None:
    request = switch(1, 1, True)
    decoder = ReplyDecoder(request)
    assert decoder.feed(reply_to(request, address=7)) is None
    assert decoder.other == 7
    assert decoder.feed(reply_to(request)) == Reply()


def test_the_answer_to_something_else_is_no_answer() -> None:
    assert ReplyDecoder(switch(1, 1, True)).feed(reply_to(switch(1, 1, False))) is None
    assert ReplyDecoder(switch(1, 1, True)).feed(reply_to(switch(1, 2, True))) is None
    assert ReplyDecoder(read_bits(1, "coils", 0, 8)).feed(reply_to(read_bits(1, "inputs", 0, 8))) is None


def test_the_echo_of_a_question_is_no_answer() -> None:
    request = read_bits(1, "coils", 0, 8)
    assert ReplyDecoder(request).feed(request.encode()) is None


@given(requests, st.integers(0, 2**32 - 1), st.lists(st.integers(1, 5)), st.binary(max_size=12))
def test_a_reply_is_found_in_any_pieces(request: Request, bits: int, steps: list[int], before: bytes) -> None:
    stream = before.replace(bytes((request.address,)), b"\x00") + reply_to(request, bits)
    decoder, found, position = ReplyDecoder(request), None, 0
    for step in [*steps, len(stream)]:
        found = found or decoder.feed(stream[position : position + step])
        position += step
    assert found == Reply(bits=0 if request.is_write else bits & (1 << request.number) - 1)


@given(requests, st.integers(0, 6), st.data())
def test_a_reply_is_found_behind_whatever_looks_like_one(
    request: Request, exception: int, data: st.DataObject
) -> None:
    """Garbage out of the very bytes that replies are made of, before and after, at once and byte by byte."""
    good = reply_to(request, 0x5A5A5A5A)
    if exception:
        good = frame(request.address, bytes((request.function | 0x80, exception)))
    known = [*good, *request.encode(), request.function | 0x80, 0x00, 0xFF]
    garbage = st.lists(st.sampled_from(known), max_size=12).map(bytes)
    before, after = data.draw(garbage), data.draw(garbage)
    stream = before + good + after
    frames = [at for at in range(len(before)) for n in (5, len(good)) if is_frame(stream[at : at + n])]
    assume(not frames)  # by chance another good reply
    expected = ReplyDecoder(request).feed(good)
    assert expected is not None
    assert expected.exception == exception
    assert ReplyDecoder(request).feed(stream) == expected
    assert bytewise(ReplyDecoder(request), stream) == expected


@given(requests, st.lists(st.binary(max_size=600)))
def test_fuzz_replies(request: Request, pieces: list[bytes]) -> None:
    """Whatever comes: no error, bounded memory, and a reply only where its CRC stands in the stream."""
    decoder = ReplyDecoder(request)
    for piece in pieces:
        reply = decoder.feed(piece)
        assert len(decoder._pending) <= MAX_FRAME_BYTES
        if reply is not None:
            stream = b"".join(pieces)
            assert any(
                is_frame(stream[i : i + n]) for n in (5, request.reply_bytes) for i in range(len(stream))
            )


@given(
    st.lists(
        st.tuples(st.binary(max_size=4).map(lambda raw: raw.translate(None, bytes(range(32)))), requests)
    )
)
def test_requests_are_found_in_garbage(parts: list[tuple[bytes, Request]]) -> None:
    stream = b"".join(garbage + request.encode() for garbage, request in parts) + b"\x00" * 12
    decoder = RequestDecoder()
    found = [request for byte in stream for request in decoder.feed(bytes((byte,)))]
    assert [r for r in found if r in {request for _, request in parts}] == [request for _, request in parts]


@given(st.binary(max_size=400))
def test_fuzz_requests(stream: bytes) -> None:
    """Whatever comes: no error, bounded memory, and only requests whose frames stand in the stream."""
    decoder = RequestDecoder()
    found = [request for at in range(0, len(stream), 7) for request in decoder.feed(stream[at : at + 7])]
    assert len(decoder._pending) < 16
    for request in found:
        head = request.encode()[:6]
        starts = [at for at in range(len(stream)) if stream.startswith(head, at)]
        assert any(is_frame(stream[at : at + n]) for at in starts for n in range(8, 14))


@pytest.mark.parametrize(
    "make",
    [
        lambda: switch(0, 1, True),
        lambda: switch(248, 1, True),
        lambda: switch(1, 0, True),
        lambda: switch(1, 33, True),
        lambda: flash_on(1, 1, 0),
        lambda: flash_on(1, 1, 0x8000),
        lambda: read_bits(1, "coils", 0, 0),
    ],
)
def test_impossible_requests(make) -> None:
    with pytest.raises(ValueError, match=r"must be|at least"):
        make()


def test_silence_and_time_on_the_wire() -> None:
    """Serial line specification, 2.5.1.1: 3.5 characters of 11 bits, 1.75 ms above 19200 bit/s."""
    assert silence_s(9600) == pytest.approx(0.00401, abs=1e-5)
    assert silence_s(19200) == pytest.approx(0.002005, abs=1e-5)
    assert silence_s(115200) == 0.00175
    longest = max(
        len(r.encode()) + r.reply_bytes for r in (switch(1, 1, True, multiple=True), switch(1, 1, True))
    )
    assert (
        silence_s(9600) + wire_s(longest, 9600) < 0.026
    )  # 24 ms of the 50 are left to board and USB adapter
