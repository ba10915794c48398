"""STUN byte by byte: the vectors of RFC 5769, and garbage."""

from __future__ import annotations

import hashlib

import pytest
from aioice import stun as peer
from hypothesis import given
from hypothesis import strategies as st

from webrtc import stun
from webrtc.stun import Attribute, MessageType, StunError

PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
# RFC 5769, 2.1
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
# 2.2 and 2.3
ANSWER_4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
ANSWER_6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)
# 2.4: long-term credentials, no FINGERPRINT
LONG_TERM = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e"
    "00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341"
    "0014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
)
LONG_TERM_KEY = hashlib.md5("マトリックス:example.org:TheMatrIX".encode(), usedforsecurity=False).digest()
VECTORS = [REQUEST, ANSWER_4, ANSWER_6, LONG_TERM]
ID = bytes(range(12))


def test_the_request_of_rfc_5769() -> None:
    message = stun.parse(REQUEST)
    assert message.kind is MessageType.REQUEST
    assert message.transaction_id.hex() == "b7e7a701bc34d686fa87dfae"
    assert message.username == ("evtj", "h6vY")
    assert message.attributes[Attribute.PRIORITY].hex() == "6e0001ff"
    assert message.attributes[Attribute.ICE_CONTROLLED].hex() == "932ff9b151263b36"
    assert message.unknown_attributes() == []
    assert message.is_authentic(PASSWORD)
    assert not message.is_authentic(PASSWORD[:-1])


@pytest.mark.parametrize(
    ("data", "address"),
    [(ANSWER_4, ("192.0.2.1", 32853)), (ANSWER_6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))],
)
def test_the_answers_of_rfc_5769(data: bytes, address: tuple[str, int]) -> None:
    message = stun.parse(data)
    assert message.kind is MessageType.SUCCESS
    assert message.is_authentic(PASSWORD)
    value = message.attributes[Attribute.XOR_MAPPED_ADDRESS]
    assert stun.parse_xor_address(value, message.transaction_id) == address
    assert stun.xor_address(*address, message.transaction_id) == value


def test_the_long_term_request_of_rfc_5769() -> None:
    message = stun.parse(LONG_TERM)
    assert message.is_authentic(LONG_TERM_KEY)
    assert message.unknown_attributes() == [0x15, 0x14]
    assert message.username is None


@pytest.mark.parametrize("key", [None, b"password"])
def test_what_is_built_is_what_another_implementation_reads(key: bytes | None) -> None:
    attributes = {Attribute.XOR_MAPPED_ADDRESS: stun.xor_address("192.0.2.7", 4711, ID)}
    data = stun.build(MessageType.SUCCESS, ID, {**attributes}, key=key)
    read = peer.parse_message(data)
    if key is not None:
        assert read.check_message_integrity(key)
    assert read.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.7", 4711)
    assert stun.parse(data).is_authentic(b"password") == (key is not None)
    error = stun.build(MessageType.ERROR, ID, {Attribute.ERROR_CODE: stun.error_code(487, "Role Conflict")})
    assert peer.parse_message(error).attributes["ERROR-CODE"] == (487, "Role Conflict")


@pytest.mark.parametrize("vector", VECTORS)
def test_a_message_that_is_cut_off_or_goes_on_is_refused(vector: bytes) -> None:
    for size in range(len(vector)):
        with pytest.raises(StunError):
            stun.parse(vector[:size])
    for more in (b"\x00", bytes(4), vector):
        with pytest.raises(StunError):
            stun.parse(vector + more)


@given(vector=st.sampled_from(VECTORS), at=st.integers(0, 200), change=st.integers(1, 255))
def test_no_changed_byte_passes_for_genuine(vector: bytes, at: int, change: int) -> None:
    at %= len(vector)
    damaged = bytearray(vector)
    damaged[at] ^= change
    try:
        message = stun.parse(bytes(damaged))
    except StunError:
        return
    key = LONG_TERM_KEY if vector is LONG_TERM else PASSWORD
    # Of a FINGERPRINT whose type was damaged nothing is left; what counts is whole.
    assert not message.is_authentic(key) or message.attributes == stun.parse(vector).attributes


def test_what_follows_the_integrity_is_not_believed() -> None:
    genuine = stun.build(MessageType.REQUEST, ID, {Attribute.USERNAME: b"a:b"}, key=PASSWORD)
    unsigned = bytes.fromhex("00250000")
    forged = genuine[:-8] + unsigned
    message = stun.parse(forged[:2] + (len(forged) - 20).to_bytes(2, "big") + forged[4:])
    assert message.is_authentic(PASSWORD)
    assert Attribute.USE_CANDIDATE not in message.attributes


garbage = st.one_of(
    st.binary(max_size=1400),
    st.builds(
        lambda kind, body: kind + len(body).to_bytes(2, "big") + bytes.fromhex("2112a442") + ID + body,
        st.sampled_from([b"\x00\x01", b"\x01\x01", b"\x01\x11", b"\x00\x03"]),
        st.binary(max_size=300).map(lambda body: body[: len(body) // 4 * 4]),
    ),
)


@given(garbage)
def test_garbage_raises_one_error_only(data: bytes) -> None:
    try:
        message = stun.parse(data)
    except StunError:
        return
    assert not message.is_authentic(PASSWORD)
    assert message.username is None or len(message.username) == 2
    for value in message.attributes.values():
        try:
            host, port = stun.parse_xor_address(value, message.transaction_id)
        except StunError:
            continue
        assert stun.xor_address(host, port, message.transaction_id)[1:] == value[1:]


@given(
    st.dictionaries(st.integers(0x8030, 0xFFFF), st.binary(max_size=40), max_size=8), st.binary(max_size=30)
)
def test_what_is_built_is_parsed(attributes: dict[int, bytes], key: bytes) -> None:
    message = stun.parse(stun.build(MessageType.REQUEST, ID, attributes, key=key))
    assert message.is_authentic(key)
    message.attributes.pop(Attribute.MESSAGE_INTEGRITY)
    assert message.attributes == attributes
