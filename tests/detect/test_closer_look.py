"""Somebody too small in the sub stream is looked at in the main stream's keyframes, through the real process."""

from __future__ import annotations

import av
import numpy as np
import pytest
from analysis_site import AnalysisSite
from detect_peers import encode
from hypothesis import given
from hypothesis import strategies as st

from nvr.detect import crew
from nvr.detect.closer import PATIENCE_S, CloserFeed
from nvr.detect.feed import Recipient
from nvr.detect.messages.protocol import CloserLook, ToWorker, Wanted
from nvr.detect.messages.sightings import Why
from nvr.detect.model.objects import ObjectDetector
from nvr.detect.steps.analysis import CameraAnalysis, Examination, WatchedZone
from nvr.detect.worker.asking import ASK_EVERY_S, CLOSER_AT_ONCE, Asking
from nvr.detect.worker.picture import Picture
from nvr.detect.worker.witness import Witness
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig
from nvr.media.hub import StreamHub

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
SCALE = 0.08
MAIN, SUB = StreamKey("gate", Role.MAIN), StreamKey("gate", Role.SUB)


class Worker:
    waiting_bytes = 0

    def __init__(self) -> None:
        self.messages: list[object] = []

    def send(self, message: object) -> None:
        self.messages.append(message)


def unit(key: StreamKey, lines: int, t_s: float, *, is_key: bool = True) -> AccessUnit:
    config = CodecConfig("h264", b"\x67", b"\x68", lines * 16 // 9, lines, reorders=False)
    return AccessUnit(key, config, b"%.1f" % t_s, round(t_s * 90000), is_key, t_s)


class Scene:
    def __init__(self, *, main: int, sub: int):
        self.main, analysed, self.worker, self.lines = StreamHub(MAIN), StreamHub(SUB), Worker(), main
        self.main.publish(unit(MAIN, main, 0.0))
        analysed.publish(unit(SUB, sub, 0.0))
        self.feed = CloserFeed(self.worker, 0, self.main, analysed)

    def show(self, t_s: float, *, is_key: bool) -> None:
        self.main.publish(unit(MAIN, self.lines, t_s, is_key=is_key))

    def sent(self) -> list[bytes]:
        return [message.data for message in self.worker.messages if isinstance(message, CloserLook)]


def test_the_next_keyframe_once():
    scene = Scene(main=1080, sub=360)
    scene.feed.ask(0.1)
    scene.feed.ask(0.2)
    for t_s, is_key in ((0.3, False), (0.4, True), (0.5, False), (0.6, True)):
        scene.show(t_s, is_key=is_key)
    assert scene.sent() == [b"0.4"]
    scene.feed.ask(0.7)
    scene.show(0.8, is_key=True)
    assert scene.sent() == [b"0.4", b"0.8"]


def test_a_wish_is_forgotten_where_no_keyframe_comes():
    scene = Scene(main=1080, sub=360)
    scene.feed.ask(0.0)
    scene.show(PATIENCE_S + 0.1, is_key=False)
    scene.show(PATIENCE_S + 0.2, is_key=True)
    assert scene.sent() == []


@pytest.mark.parametrize(("main", "sub"), [(1080, 720), (360, 360), (400, 360)])
def test_what_shows_no_more_is_not_sent(main: int, sub: int):
    scene = Scene(main=main, sub=sub)
    scene.feed.ask(0.0)
    scene.show(0.1, is_key=True)
    assert scene.sent() == []


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.floats(0, 0.4)), max_size=60))
def test_wishes_are_few(examined: list[tuple[int, bool, float]]):
    asking, now_s = Asking(), 100.0
    asked: list[tuple[float, Wanted]] = []
    for camera, is_small, elapsed_s in examined:
        now_s += elapsed_s
        wishes = asking.wishes(camera, is_undecided=True, is_followed=True, is_small=is_small, now_s=now_s)
        asked += [(now_s, wish) for wish in wishes if isinstance(wish, Wanted)]
    for t_s, _ in asked:
        lately = [wish for at_s, wish in asked if t_s - ASK_EVERY_S < at_s <= t_s]
        closer = [wish.camera for wish in lately if wish.what == "closer"]
        assert len(closer) <= CLOSER_AT_ONCE
        assert len(set(closer)) == len(closer)
        pictures = [wish.camera for wish in lately if wish.what == "pictures"]
        assert len(set(pictures)) == len(pictures)


def far_off(frame: av.VideoFrame, width: int, height: int, t_s: float = 0.0) -> av.VideoFrame:
    """The picture as a small part of a larger view, moving slowly."""
    small = frame.reformat(int(width * SCALE) & ~1, int(height * SCALE) & ~1, "rgb24").to_ndarray()
    view = np.full((height, width, 3), 110, np.uint8)
    top, left = height // 3, int(width * (0.1 + 0.015 * t_s))
    view[top : top + small.shape[0], left : left + small.shape[1]] = small
    return av.VideoFrame.from_ndarray(view, "rgb24").reformat(format="yuv420p")


@pytest.mark.parametrize("looks_closer", [True, False])
def test_somebody_far_off_is_found_with_it_and_not_without(
    waiting_cyclist: list[av.VideoFrame], detector: ObjectDetector, looks_closer: bool
) -> None:
    analysis = CameraAnalysis(detector, [WatchedZone(WHOLE, frozenset({"person"}))])
    found = 0
    for index in range(48):
        frame, t_s = waiting_cyclist[index * 4 % len(waiting_cyclist)], index / 6
        found += len(analysis.examine(Picture(far_off(frame, 640, 360, t_s)), t_s).findings)
        if looks_closer and index % 6 == 5 and analysis.wants_closer(360):
            t_s += 0.05
            found += len(analysis.examine_closer(Picture(far_off(frame, 1920, 1080, t_s)), t_s).findings)
    assert bool(found) == looks_closer


@pytest.mark.parametrize("ahead_s", [0.4, -0.4])
def test_what_was_seen_in_two_streams_is_told_in_order_of_time(
    waiting_cyclist: list[av.VideoFrame], detector: ObjectDetector, ahead_s: float
) -> None:
    """A picture of the one stream may be older than the last that was examined of the other."""
    analysis = CameraAnalysis(detector, [WatchedZone(WHOLE, frozenset({"person"}))])
    witness, last_s, told = Witness(), 0.0, 0

    def take(picture: Picture, examined: Examination) -> None:
        nonlocal last_s, told
        assert examined.at_s >= last_s
        last_s = examined.at_s
        witness.watch(picture, examined.looks, [track.number for track in analysis.tracks], examined.at_s)
        for finding in examined.findings:
            explanation = witness.account(finding.track, examined.at_s).explanation
            assert explanation is not None
            assert Why.of(explanation).explanation() == explanation
            told += 1

    for index in range(48):
        frame, t_s = waiting_cyclist[index * 4 % len(waiting_cyclist)], index / 6
        picture = Picture(far_off(frame, 640, 360, t_s))
        take(picture, analysis.examine(picture, t_s))
        if index % 3 == 2 and analysis.wants_closer(360):
            picture = Picture(far_off(frame, 1920, 1080, t_s))
            take(picture, analysis.examine_closer(picture, t_s + ahead_s))
    assert told


async def test_main_keyframes_reach_the_worker_where_somebody_is_small(
    waiting_cyclist: list[av.VideoFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[CloserLook] = []

    class Noted(CloserFeed):
        def __init__(self, worker: Recipient, index: int, main: StreamHub, analysed: StreamHub):
            class Recorder:
                @property
                def waiting_bytes(self) -> int:
                    return worker.waiting_bytes

                def send(self, message: ToWorker) -> None:
                    assert isinstance(message, CloserLook)
                    sent.append(message)
                    worker.send(message)

            super().__init__(Recorder(), index, main, analysed)

    monkeypatch.setattr(crew, "CloserFeed", Noted)
    shown = waiting_cyclist[:13]
    sub = encode([far_off(frame, 640, 360, index / 6) for index, frame in enumerate(shown)])
    main = encode([far_off(frame, 1920, 1080, index / 6) for index, frame in enumerate(shown)])
    site = AnalysisSite("gate", subs=("gate",))
    site.link.set_acting(frozenset({"gate"}))
    async with site.running(), site.playing({"gate": main}), site.playing({"gate": sub}, Role.SUB):
        await site.until(lambda: len(sent) >= 2)
        count = len(sent)
        await site.until(lambda: len(sent) > count and site.fps("gate") > 0)  # it has done well with them
    assert {look.data for look in sent} == {main[0].data}
    assert not site.faults.current or site.faults.current[0][0].code == "analysis_overload"
