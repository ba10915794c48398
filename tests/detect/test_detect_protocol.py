from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from nvr.detect.messages.parts import JPEG_END, JPEG_START
from nvr.detect.messages.protocol import (
    MAX_TO_SERVICE,
    MAX_UNIT,
    Acting,
    BetterShot,
    CameraSetup,
    CameraStatistics,
    Configure,
    Failed,
    Found,
    FoundWithPicture,
    LineSetup,
    Moved,
    Parameters,
    PictureMade,
    PictureWanted,
    ProtocolError,
    Ready,
    SelfTest,
    SelfTestResult,
    ServiceReader,
    Sick,
    SickHead,
    Statistics,
    ToService,
    ToWorker,
    Unit,
    Well,
    WorkerReader,
    ZoneSetup,
    encode,
)
from nvr.detect.messages.sightings import MAX_BEST, MAX_FRAMES, Look, Why, pack_pictures

BOX = (0.1, 0.2, 0.3, 0.4)
WHY = Why(
    certain_at=6.9,
    after_s=0.8,
    pictures=2,
    examined=(
        Look(0.8, 0.6, 1.5, 1.5, True, BOX),
        Look(0.4, None, 0.6, -0.9, False, BOX),
        Look(0, 1, 7, 6, True, BOX),
    ),
    counted=(0, 2),
)
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
ZONE = ZoneSetup(polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)), kinds=("person", "dog"))
LINE = LineSetup(start=(0.0, 0.5), end=(1.0, 0.5), direction="left", kinds=("person",))
FOUND = Found(
    camera=1,
    zone=0,
    kind="person",
    score=0.8,
    box=(0.1, 0.2, 0.3, 0.4),
    track=7,
    captured_mono_s=12.5,
    sure=True,
)
TO_WORKER: list[ToWorker] = [
    Configure(
        model=None,
        fps=6.0,
        sure_at=7.5,
        cameras=(CameraSetup(zones=(ZONE,), lines=(LINE,), masks=(ZONE.polygon,)), CameraSetup(zones=())),
    ),
    Parameters(3, "h264", b"\x67\x42", b"\x68"),
    Parameters(3, "h265", b"\x42\x01", b"\x44\x01", b"\x40\x01\x0c"),
    Unit(3, True, 1234.5, b"\x00\x00\x00\x01\x65"),
    Unit(0, False, 0.0, b""),
    Acting(cameras=(0, 2)),
    SelfTest(),
    PictureWanted(2**32 - 1, "h265", b"\x40", b"\x67\x42", b"\x68", b"\x00\x00\x00\x01\x65"),
]
TO_SERVICE: list[ToService] = [
    Ready(mechanisms=("seccomp",)),
    Failed(code="model", message="a", remedy="b"),
    Moved(camera=0, captured_mono_s=1.0, area=0.5),
    FoundWithPicture(FOUND, JPEG),
    FoundWithPicture(replace(FOUND, why=WHY), JPEG, JPEG + JPEG, JPEG),
    BetterShot(65535, 2**53, JPEG),
    Statistics(
        cameras=(CameraStatistics(examined_fps=6.0, skipped=1, decode_errors=0, queue_age_s=0.1),),
        inference_ms=17.0,
    ),
    SelfTestResult(outcomes={"open": "EPERM"}),
    PictureMade(7, JPEG),
    PictureMade(8, b""),
    Sick(SickHead(camera=255, sickness="moved"), JPEG, JPEG + JPEG),
    Sick(SickHead(camera=0, sickness="dark"), b"", JPEG),
    Well(camera=3),
]


def cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    at = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(at)]


@given(st.permutations(TO_WORKER), st.lists(st.integers(0, 10_000), max_size=20))
def test_to_the_worker_in_any_pieces(messages: list[ToWorker], cuts: list[int]) -> None:
    reader = WorkerReader()
    data = b"".join(map(encode, messages))
    assert [m for piece in cut(data, cuts) for m in reader.feed(piece)] == messages


@given(st.permutations(TO_SERVICE), st.lists(st.integers(0, 10_000), max_size=20))
def test_to_the_service_in_any_pieces(messages: list[ToService], cuts: list[int]) -> None:
    reader = ServiceReader()
    data = b"".join(map(encode, messages))
    assert [m for piece in cut(data, cuts) for m in reader.feed(piece)] == messages


@pytest.mark.parametrize("message", TO_SERVICE)
def test_the_worker_takes_nothing_that_goes_the_other_way(message: ToService) -> None:
    with pytest.raises(ProtocolError, match="goes the other way"):
        list(WorkerReader().feed(encode(message)))


@pytest.mark.parametrize("message", TO_WORKER)
def test_the_service_takes_nothing_that_goes_the_other_way(message: ToWorker) -> None:
    with pytest.raises(ProtocolError, match="goes the other way"):
        list(ServiceReader().feed(encode(message)))


def framed(number: int, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + bytes([number]) + body


@given(st.integers(0, 255), st.binary(max_size=300), st.binary(max_size=30))
def test_any_bytes(number: int, body: bytes, after: bytes) -> None:
    for reader in (WorkerReader(), ServiceReader()):
        try:
            list(reader.feed(framed(number, body) + after))
        except ProtocolError as error:
            assert str(error)


LOOK = "[%s,0.5,1,1,true,[0,0,1,1]]"


def why(**fields: str) -> bytes:
    """An explanation's text that is right but for `fields`."""
    right = {
        "certain_at": "7",
        "after_s": "0",
        "pictures": "1",
        "examined": f"[{LOOK % 0}]",
        "counted": "[0]",
    }
    return (
        '"why":{' + ",".join(f'"{name}":{text}' for name, text in (right | fields).items()) + "}"
    ).encode()


def found(more: bytes) -> bytes:
    """The text of a sighting that is right but for `more`, with its length."""
    text = encode(FoundWithPicture(FOUND, JPEG))[9 : -len(pack_pictures(JPEG, b"", b""))]
    text = text.replace(b'"why":null', more)
    assert more in text
    return len(text).to_bytes(4, "big") + text


def test_a_sighting_that_is_right() -> None:
    (message,) = ServiceReader().feed(framed(68, found(why()) + pack_pictures(JPEG, JPEG, JPEG)))
    assert isinstance(message, FoundWithPicture)
    assert message.best == message.frames == message.jpeg == JPEG
    assert message.found.why is not None
    explanation = message.found.why.explanation()
    assert Why.of(explanation) == message.found.why
    assert explanation.examined[0].score == 0.5
    assert not explanation.by_way
    (message,) = ServiceReader().feed(framed(68, found(why(by_way="true")) + pack_pictures(JPEG, b"", b"")))
    assert isinstance(message, FoundWithPicture)
    assert message.found.why is not None
    assert message.found.why.explanation().by_way


@pytest.mark.parametrize(
    ("number", "body"),
    [
        (67, b'{"camera":0,"captured_mono_s":NaN,"area":0.1}'),
        (67, b'{"camera":0,"captured_mono_s":1e999,"area":0.1}'),
        (67, b'{"camera":-1,"captured_mono_s":1,"area":0.1}'),
        (67, b'{"camera":0,"captured_mono_s":1,"area":2}'),
        (67, b'{"camera":0,"captured_mono_s":1,"area":0.5,"more":1}'),
        (67, b'{"camera":"0","captured_mono_s":1,"area":0.5}'),
        (67, b"[" * 5000),
        (65, b'{"mechanisms":["' + b"x" * 100 + b'"]}'),
        (68, b"\x00\x00"),
        (68, b"\xff\xff\xff\xff{}" + JPEG),
        (68, b"\x00\x00\x00\x02{}" + JPEG),
        (68, b"\x00\x00\x00\x02{}<html>"),
        (71, b""),
        (68, b"\x00\x00\x00\x02{}" + bytes(8) + JPEG),
        (68, b"\x00\x00\x00\x02{}" + b"\xff" * 8 + JPEG),
        (68, found(b'"why":{}') + pack_pictures(JPEG, b"", b"")),
        (68, found(why(certain_at="1e999")) + pack_pictures(JPEG, b"", b"")),
        (68, found(why(counted="[1]")) + pack_pictures(JPEG, b"", b"")),
        (68, found(why(counted="[0,0]")) + pack_pictures(JPEG, b"", b"")),
        (68, found(why(counted="[-1]")) + pack_pictures(JPEG, b"", b"")),
        (68, found(why(examined="[]")) + pack_pictures(JPEG, b"", b"")),
        (68, found(why(examined=f"[{LOOK % 1},{LOOK % 2}]")) + pack_pictures(JPEG, b"", b"")),
        (68, found(why(examined=f"[{','.join([LOOK % 0] * 61)}]")) + pack_pictures(JPEG, b"", b"")),
        (68, found(why()) + pack_pictures(JPEG, b"<html>", b"")),
        (68, found(why()) + pack_pictures(JPEG, b"", b"<html>")),
        (68, found(why()) + pack_pictures(JPEG, JPEG_START + bytes(MAX_BEST) + JPEG_END, b"")),
        (68, found(why()) + pack_pictures(JPEG, b"", JPEG_START + bytes(MAX_FRAMES) + JPEG_END)),
        (68, found(why()) + pack_pictures(b"", JPEG, JPEG)),
        (80, b""),
        (80, bytes(10)),
        (80, bytes(10) + b"<html>"),
        (80, bytes(10) + JPEG_START + bytes(MAX_BEST) + JPEG_END),
    ],
)
def test_what_a_hijacked_worker_might_say(number: int, body: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(ServiceReader().feed(framed(number, body)))


def test_a_length_is_refused_before_its_bytes_are_collected() -> None:
    with pytest.raises(ProtocolError, match="announces"):
        list(ServiceReader().feed((MAX_TO_SERVICE + 1).to_bytes(4, "big") + bytes([67])))


def test_an_access_unit_too_long_to_be_sent() -> None:
    assert len(encode(Unit(0, True, 0.0, bytes(MAX_UNIT)))) > MAX_UNIT
    with pytest.raises(ProtocolError, match="more than"):
        encode(Unit(0, True, 0.0, bytes(MAX_UNIT + 1)))
