"""What is cut out of real pictures for people to see."""

from __future__ import annotations

import av
import numpy as np
import pytest

from nvr.detect.model.objects import ObjectDetector
from nvr.detect.steps.analysis import CameraAnalysis, WatchedZone
from nvr.detect.steps.best_shot import Rect, sharpness
from nvr.detect.steps.history import MAX_COUNTED, Look
from nvr.detect.worker.crops import BEST_MAX_BYTES, BEST_MAX_PX, TILE_PX, crop_jpeg, strip_jpeg, tile
from nvr.detect.worker.picture import Picture
from nvr.detect.worker.witness import BETTER_EVERY_S, MAX_OBJECTS, MAX_TILED, Witness
from nvr.events import Box

pytestmark = pytest.mark.usefixtures("news_only")

PERSON = Box(0.4, 0.3, 0.5, 0.7)
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def decoded(jpeg: bytes) -> av.VideoFrame:
    (frame,) = av.CodecContext.create("mjpeg", "r").decode(av.Packet(jpeg))
    return frame


def noise(width: int, height: int, *, colour: bool = True) -> Picture:
    values = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture(
        av.VideoFrame.from_ndarray(values if colour else values[..., 0], "rgb24" if colour else "gray")
    )


@pytest.mark.parametrize("size", [(640, 360), (642, 358), (641, 359), (1920, 1080)])
def test_a_crop_shows_that_part_of_the_picture(size: tuple[int, int]) -> None:
    width, height = size
    ramp = np.add.outer(np.arange(height) * 0.3, np.arange(width) * 0.08).astype(np.uint8)
    rgb = np.stack([ramp, np.full_like(ramp, 90), 255 - ramp], axis=2)
    picture = Picture(av.VideoFrame.from_ndarray(rgb, "rgb24"))
    rect = Rect(34, 20, 150, 202)
    got = decoded(crop_jpeg(picture, rect)).to_ndarray(format="rgb24").astype(int)
    assert got.shape == (202, 150, 3)
    assert abs(got - rgb[20:222, 34:184].astype(int)).mean() < 6
    assert picture.luma(*rect).shape == (202, 150)


@pytest.mark.parametrize("side", [16, 640, 1080])
def test_a_crop_is_bounded_however_busy_it_is(side: int) -> None:
    jpeg = crop_jpeg(noise(1920, 1080), Rect(0, 0, side, side))
    assert len(jpeg) <= BEST_MAX_BYTES or side > 600  # nothing makes less of noise
    frame = decoded(jpeg)
    assert (frame.width, frame.height) == (min(side, BEST_MAX_PX), min(side, BEST_MAX_PX))


def test_thumbnails_stand_side_by_side_in_their_colours() -> None:
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    tiles = []
    for colour in colours:
        rgb = np.zeros((360, 640, 3), np.uint8)
        rgb[:] = colour
        tiles.append(tile(Picture(av.VideoFrame.from_ndarray(rgb, "rgb24")), Rect(100, 100, 50, 50)))
    strip = decoded(strip_jpeg(tiles)).to_ndarray(format="rgb24").astype(int)
    assert strip.shape == (TILE_PX, 3 * TILE_PX, 3)
    for n, colour in enumerate(colours):
        middle = strip[10:-10, n * TILE_PX + 10 : (n + 1) * TILE_PX - 10].mean(axis=(0, 1))
        assert middle == pytest.approx(colour, abs=12)
    assert strip_jpeg([]) == b""


def look(track: int = 1, *, box: Box = PERSON, score: float = 0.8, evidence: float = 7.0) -> Look:
    return Look(
        track, "person", score, box, evidence, 1.5, 7.0, moving=True, certain=evidence >= 7.0, whole=True
    )


def test_a_better_picture_is_told_of_in_its_time() -> None:
    witness, picture = Witness(), noise(640, 360)
    witness.watch(picture, [look()], [1], 0.0)
    first = witness.account(1, 0.0)
    assert witness.better(9.0) == []
    larger = look(box=Box(0.3, 0.2, 0.5, 0.9))
    witness.watch(picture, [larger], [1], 0.5)
    assert witness.better(BETTER_EVERY_S - 0.1) == []
    # Its track may end meanwhile.
    witness.watch(picture, [], [], 1.0)
    ((number, jpeg),) = witness.better(BETTER_EVERY_S)
    assert number == 1
    assert decoded(jpeg).height > decoded(first.best).height
    assert witness.better(100.0) == []
    # The same again is no better.
    witness.watch(picture, [larger], [1], 101.0)
    assert witness.account(1, 101.0).best != b""
    witness.watch(picture, [larger], [1], 102.0)
    assert witness.better(200.0) == []


def test_what_was_not_sighted_is_never_told_of() -> None:
    witness, picture = Witness(), noise(640, 360)
    for step in range(6):
        box = Box(0.4, 0.3, 0.45 + 0.05 * step, 0.7)
        witness.watch(picture, [look(box=box)], [1], float(step))
        assert witness.better(step + 0.5) == []


def test_objects_and_thumbnails_are_bounded() -> None:
    witness, picture = Witness(), noise(640, 360)
    crowd = range(1, 2 * MAX_TILED)
    for t_s, evidence in ((0.0, 3.0), (1.0, 5.0), (2.0, 7.0)):
        witness.watch(picture, [look(n, evidence=evidence) for n in crowd], crowd, t_s)
    accounts = [witness.account(n, 2.0) for n in crowd]
    assert sum(account.frames != b"" for account in accounts) == MAX_TILED
    assert all(account.best and account.explanation is not None for account in accounts)
    larger = [look(n, box=Box(0.2, 0.2, 0.6, 0.9)) for n in crowd]
    witness.watch(picture, larger, crowd, 10.0)
    assert [number for number, _ in witness.better(10.0)] == list(crowd)[-MAX_OBJECTS:]


def test_who_is_known_by_the_way_is_shown_too() -> None:
    witness, picture = Witness(), noise(640, 360)
    for t_s in range(4):
        certain = t_s == 3
        one = Look(1, "person", 0.0, PERSON, 0.8 * t_s, 0.8, 2.4, True, certain, whole=True, by_way=True)
        witness.watch(picture, [one], [1], float(t_s))
    account = witness.account(1, 3.0)
    assert account.explanation is not None
    assert account.explanation.by_way
    assert account.best
    assert decoded(account.frames).width == TILE_PX * len(account.explanation.counted)


def test_a_cyclist_from_real_pictures(detector: ObjectDetector, waiting_cyclist: list[av.VideoFrame]) -> None:
    analysis, witness = CameraAnalysis(detector, [WatchedZone(WHOLE, frozenset({"person"}))]), Witness()
    accounts = []
    for index, frame in enumerate([*waiting_cyclist[::4]] * 3):
        t_s, picture = index * 4 / 25, Picture(frame)
        examined = analysis.examine(picture, t_s)
        witness.watch(picture, examined.looks, [track.number for track in analysis.tracks], t_s)
        accounts += [witness.account(finding.track, t_s) for finding in examined.findings]
    (account,) = accounts
    assert account.explanation is not None
    assert 3 <= len(account.explanation.counted) <= MAX_COUNTED
    strip = decoded(account.frames)
    assert strip.width == TILE_PX * len(account.explanation.counted)
    # The one in the thumbnails is the one in the picture: all alike, and no blank.
    grey = strip.to_ndarray(format="gray").astype(float)
    tiles = [grey[:, n * TILE_PX : (n + 1) * TILE_PX] for n in range(len(account.explanation.counted))]
    assert all(sharpness(one.astype(np.uint8)) > 5 for one in tiles)
    assert all(abs(one - tiles[0]).mean() < 50 for one in tiles)
