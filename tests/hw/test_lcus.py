from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.lcus import FRAME_BYTES, QUERY, AnswerDecoder, Command, Decoder, encode

ON = bytes.fromhex("a00101a2")
OFF = bytes.fromhex("a00100a1")

commands = st.builds(Command, channel=st.integers(1, 8), on=st.booleans())


def decode_bytewise(data: bytes) -> list[Command]:
    decoder = Decoder()
    return [command for byte in data for command in decoder.feed(bytes((byte,)))]


@pytest.mark.parametrize(
    ("command", "frame"),
    [
        (Command(1, True), "a00101a2"),
        (Command(1, False), "a00100a1"),
        (Command(2, True), "a00201a3"),
        (Command(2, False), "a00200a2"),
        (Command(8, True), "a00801a9"),
        (Command(8, False), "a00800a8"),
    ],
)
def test_published_examples(command: Command, frame: str) -> None:
    assert encode(command) == bytes.fromhex(frame)
    assert decode_bytewise(bytes.fromhex(frame)) == [command]


@pytest.mark.parametrize("channel", [-1, 0, 9, 0xA0, 256])
def test_no_such_channel(channel: int) -> None:
    with pytest.raises(ValueError, match=f"channel {channel}: must be 1 to 8"):
        encode(Command(channel, True))


def test_nothing_before_the_last_byte() -> None:
    decoder = Decoder()
    assert [decoder.feed(ON[i : i + 1]) for i in range(4)] == [[], [], [], [Command(1, True)]]
    assert decoder.feed(b"") == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00",
        b"\xff\xff\xff",
        b"\xa0",
        b"\xa0\xa0",
        b"\xa0\x01",
        b"\xa0\x01\x01",
        b"\xa0\x01\x00\xa2",
        b"\xa0\x00\x01\xa1",
    ],
)
def test_garbage_before_between_and_after(garbage: bytes) -> None:
    stream = garbage + ON + garbage + garbage + OFF + garbage
    expected = [Command(1, True), Command(1, False)]
    assert Decoder().feed(stream) == expected
    assert decode_bytewise(stream) == expected


@pytest.mark.parametrize("index", range(FRAME_BYTES))
def test_any_changed_byte_is_no_frame(index: int) -> None:
    for value in set(range(256)) - {ON[index]}:
        damaged = bytearray(ON)
        damaged[index] = value
        assert Command(1, True) not in Decoder().feed(bytes(damaged))


@given(st.lists(commands | st.binary(max_size=6)), st.data())
def test_chunks_do_not_matter(parts: list[Command | bytes], data: st.DataObject) -> None:
    stream = b"".join(encode(part) if isinstance(part, Command) else part for part in parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    decoder = Decoder()
    chunked = [
        command
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for command in decoder.feed(stream[start:end])
    ]
    assert chunked == Decoder().feed(stream)


@given(st.lists(st.tuples(st.binary(max_size=6).map(lambda raw: raw.replace(b"\xa0", b"")), commands)))
def test_no_frame_is_lost_in_garbage(parts: list[tuple[bytes, Command]]) -> None:
    stream = b"".join(garbage + encode(command) for garbage, command in parts)
    assert Decoder().feed(stream) == [command for _, command in parts]


@given(st.binary())
def test_only_real_frames_come_out(stream: bytes) -> None:
    frames = [encode(command) for command in Decoder().feed(stream)]
    position = 0
    for frame in frames:  # each is in the stream, in order, without overlap
        position = stream.index(frame, position) + FRAME_BYTES


def test_a_query_is_no_command() -> None:
    assert Decoder().feed(QUERY + ON + QUERY) == [Command(1, True)]


@pytest.mark.parametrize(
    "text", [b"CH1: ON \r\nCH2: OFF\r\n", b"CH1:ON\nCH2:OFF\n", b"\xffch1 : on\x00CH2: oFF"]
)
def test_answers_as_boards_give_them(text: bytes) -> None:
    expected = [Command(1, True), Command(2, False)]
    assert AnswerDecoder().feed(text) == expected
    decoder = AnswerDecoder()
    assert [state for byte in text for state in decoder.feed(bytes((byte,)))] == expected


@pytest.mark.parametrize("text", [b"CH9: ON", b"CH0: OFF", b"CH1: O", b"CH1:", b"H1: ON", b"CH1=ON"])
def test_what_is_no_answer(text: bytes) -> None:
    assert AnswerDecoder().feed(text) == []


no_beginning = st.binary(max_size=20).map(lambda raw: raw.translate(None, b"Cc"))
false_starts = st.sampled_from([b"C", b"CH", b"CH1", b"CH1:", b"CH9: ON", b"CH1: O", b"CH2 :\n"])


@given(st.lists(st.tuples(no_beginning | false_starts, commands)), st.integers(1, 7))
def test_no_answer_is_lost_in_garbage_nor_in_pieces(parts: list[tuple[bytes, Command]], size: int) -> None:
    stream = b"".join(
        garbage + f"CH{state.channel}: {'ON' if state.on else 'OFF'}".encode() for garbage, state in parts
    )
    decoder = AnswerDecoder()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [state for piece in pieces for state in decoder.feed(piece)] == [state for _, state in parts]


@given(st.lists(st.binary(max_size=80)))
def test_answers_keep_little(pieces: list[bytes]) -> None:
    decoder = AnswerDecoder()
    for piece in pieces:
        decoder.feed(piece)
        assert len(decoder._pending) <= 16
