"""What a camera's stream sends to the analysis process."""

from __future__ import annotations

from nvr.detect.feed import KEYFRAME_EVERY_S, MAX_WAITING_BYTES, MAX_WAITING_SHARE, Feed
from nvr.detect.messages.protocol import MAX_UNIT, Parameters, Unit
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig, Discontinuity
from nvr.media.hub import StreamHub

KEY = StreamKey("gate", Role.MAIN)
CONFIG = CodecConfig("h264", b"\x67", b"\x68", 64, 64, reorders=False)


class Worker:
    """Takes everything, as long as it is told to."""

    def __init__(self):
        self.waiting_bytes = 0
        self.messages = []

    def send(self, message):
        self.messages.append(message)

    def taken(self) -> list[tuple[bytes, bool]]:
        """(data, alone) of the units since the last call."""
        units = [(m.data, m.alone) for m in self.messages if isinstance(m, Unit)]
        self.messages.clear()
        return units


class Scene:
    def __init__(self, *, whole: bool, before: str = ""):
        self.stream, self.worker = StreamHub(KEY), Worker()
        self.count, self.step_s = 0, 1.0
        self.show(before)
        self.feed = Feed(self.worker, 0, self.stream)
        self.feed.start(whole=whole)

    def show(self, pictures: str) -> None:
        """A capital letter is a keyframe."""
        for name in pictures:
            self.count += 1
            data = name.encode()
            self.stream.publish(
                AccessUnit(KEY, CONFIG, data, 3600 * self.count, name.isupper(), self.count * self.step_s)
            )


def test_whole_sends_all_from_the_cached_gop_on():
    scene = Scene(whole=True, before="AbCd")
    scene.show("eF")
    assert isinstance(scene.worker.messages[0], Parameters)
    assert scene.worker.taken() == [(b"C", False), (b"d", False), (b"e", False), (b"F", False)]


def test_otherwise_keyframes_alone():
    scene = Scene(whole=False, before="Ab")
    scene.show("cDe")
    assert scene.worker.taken() == [(b"A", True), (b"D", True)]


def test_becoming_whole_starts_with_the_gop_and_ending_it_with_the_next_keyframe():
    scene = Scene(whole=False)
    scene.show("Abc")
    assert scene.worker.taken() == [(b"A", True)]
    scene.feed.set_whole(True)
    scene.show("d")
    assert scene.worker.taken() == [(b"A", False), (b"b", False), (b"c", False), (b"d", False)]
    scene.feed.set_whole(False)
    scene.show("efGh")
    assert scene.worker.taken() == [(b"G", True)]


def test_a_full_socket_costs_what_comes_before_the_next_keyframe():
    scene = Scene(whole=True)
    scene.show("Ab")
    assert not scene.feed.take_overflow()
    scene.worker.waiting_bytes = MAX_WAITING_BYTES + 1
    scene.show("c")
    assert scene.feed.take_overflow()
    assert not scene.feed.take_overflow()
    scene.worker.waiting_bytes = 0
    scene.show("dEf")
    assert [data for data, _ in scene.worker.taken()] == [b"A", b"b", b"E", b"f"]


def test_nothing_refers_across_a_gap_and_nothing_is_too_large():
    scene = Scene(whole=True)
    scene.show("A")
    scene.stream.publish(Discontinuity(KEY, "loss", 1.0))
    scene.show("bC")
    huge = AccessUnit(KEY, CONFIG, bytes(MAX_UNIT + 1), 9_000_000, False, 9.0)
    scene.stream.publish(huge)
    scene.show("dE")
    assert [data for data, _ in scene.worker.taken()] == [b"A", b"C", b"E"]


def test_a_stopped_feed_sends_nothing():
    scene = Scene(whole=True)
    scene.feed.stop()
    scene.show("A")
    assert scene.worker.taken() == []


def test_keyframes_alone_are_not_sent_more_often_than_they_are_looked_at():
    scene = Scene(whole=False)
    scene.step_s = 0.5
    scene.show("ABCDEFGHI")
    assert KEYFRAME_EVERY_S == 2.0
    assert scene.worker.taken() == [(b"A", True), (b"E", True), (b"I", True)]


def test_what_came_before_is_marked_as_old():
    scene = Scene(whole=True, before="Ab")
    scene.show("c")
    units = [message for message in scene.worker.messages if isinstance(message, Unit)]
    assert [unit.is_old for unit in units] == [True, True, False]


def test_a_camera_that_comes_first_is_sent_when_others_wait():
    scene = Scene(whole=True)
    scene.worker.waiting_bytes = int(MAX_WAITING_BYTES * MAX_WAITING_SHARE) + 1
    scene.show("A")
    scene.feed.is_first = True
    scene.show("Bc")
    assert [data for data, _ in scene.worker.taken()] == [b"B", b"c"]


def test_what_arrives_is_counted_and_its_gop_measured():
    scene = Scene(whole=False)
    scene.show("AbcDef")
    assert scene.feed.take_arrived() == 6
    assert scene.feed.take_arrived() == 0
    assert scene.feed.gop.gop_s == 3.0
