"""A street in the rain as raw pictures, for benches of detection: it is known in which picture somebody comes.

Put together from real footage (`footage.bikes_mp4`): the street without what passes is the median of a shot; traffic is
that shot itself, faded in and out; the person is cut out along his outline and comes at once, moving on slowly. Rain
and the sensor's noise are new in each picture.
"""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from footage import EMPTY, PERSON, bikes_mp4
from nvr.detect.steps.zones import raster

Planes = tuple[NDArray[np.uint8], ...]
"""Y, U, V; the last two of half the width and height."""

WIDTH, HEIGHT = 1920, 1080
LOOP = 1000
"""Pictures: 40 s."""
SCENES = ("idle", "watched")
"""Both have rain and traffic; in `watched` a person comes once in a loop."""
TRAFFIC_AT = 60
FADE = 5
PERSON_AT, PERSON_PICTURES = 615, 125
PERSON_HEIGHT = 400
PERSON_FROM, PERSON_TO = 0.35, 0.6
"""Share of the width at which the person's left edge is first, and last."""
STREAKS, STREAK_PX, STREAK_LIGHT = 350, 36, 45
NOISE = 4.0

_SHOT_WIDTH = 484
"""Of the clip's 640x272 pixels, for 16:9."""
_OUTLINE_SIZE = (880, 1088)
_OUTLINE_X, _OUTLINE_WIDTH = 330, 220
_PERSON_PICTURE = PERSON[19]
_OUTLINE = (
    *((310, 90), (320, 40), (365, 12), (420, 20), (452, 70), (440, 120), (430, 180), (490, 195), (540, 240)),
    *(
        (560, 290),
        (600, 400),
        (608, 540),
        (600, 580),
        (640, 660),
        (620, 690),
        (590, 790),
        (520, 880),
        (545, 900),
    ),
    *(
        (535, 935),
        (480, 935),
        (485, 890),
        (545, 740),
        (560, 700),
        (530, 690),
        (450, 620),
        (450, 700),
        (420, 740),
    ),
    *((415, 850), (385, 1040), (395, 1088), (325, 1088), (345, 1040), (330, 900), (345, 760), (320, 690)),
    *(
        (260, 680),
        (220, 610),
        (225, 570),
        (280, 540),
        (270, 450),
        (245, 400),
        (190, 450),
        (90, 435),
        (90, 400),
    ),
    *((130, 405), (215, 370), (235, 335), (215, 320), (255, 210), (330, 185), (345, 160), (330, 105)),
)
"""Of the waiting cyclist, without his bicycle, in `_OUTLINE_WIDTH` x 272 pixels of the clip, four times enlarged."""


def pictures(scene: str) -> Iterator[bytes]:
    """The LOOP pictures of one of SCENES, yuv420p, WIDTH x HEIGHT; the same ones each time."""
    random = np.random.default_rng(SCENES.index(scene))
    shots = _clip()
    traffic = [shots[number][:, :_SHOT_WIDTH] for number in EMPTY]
    street = np.median(np.stack(traffic), axis=0).astype(np.uint8)
    passing = [_planes(_faded(street, picture, at), WIDTH, HEIGHT) for at, picture in enumerate(traffic)]
    empty = _planes(street, WIDTH, HEIGHT)
    person = _Cutout(shots[_PERSON_PICTURE])
    grain = random.normal(0, NOISE, (2 * HEIGHT, WIDTH)).astype(np.int16)
    for number in range(LOOP):
        at = number - TRAFFIC_AT
        planes = tuple(plane.copy() for plane in (passing[at] if 0 <= at < len(passing) else empty))
        stands = (number - PERSON_AT) / PERSON_PICTURES
        if scene == "watched" and 0 <= stands < 1:
            person.put(planes, PERSON_FROM + (PERSON_TO - PERSON_FROM) * stands)
        _rain(planes[0], random)
        shift = int(random.integers(HEIGHT))
        across = np.roll(grain[shift : shift + HEIGHT], int(random.integers(WIDTH)), axis=1)
        noisy = np.clip(planes[0] + across, 0, 255).astype(np.uint8)
        yield b"".join(plane.tobytes() for plane in (noisy, *planes[1:]))


class _Cutout:
    """The person, to be put into pictures."""

    def __init__(self, shot: NDArray[np.uint8]):
        width, height = _OUTLINE_SIZE
        outline = raster([[(x / width, y / height) for x, y in _OUTLINE]], width, height)
        soft = np.repeat(np.where(outline, 255, 0).astype(np.uint8)[:, :, None], 3, axis=2)
        size = PERSON_HEIGHT * _OUTLINE_WIDTH // 272 & ~3, PERSON_HEIGHT
        cut = np.ascontiguousarray(shot[:, _OUTLINE_X : _OUTLINE_X + _OUTLINE_WIDTH])
        self._planes = _planes(cut, *size)
        alpha = _scaled(soft, *size, "gray").to_ndarray().astype(np.float32) / 255
        self._alphas = (alpha, alpha[::2, ::2], alpha[::2, ::2])

    def put(self, planes: Planes, x_share: float) -> None:
        """With the feet near the lower edge."""
        left, top = int(x_share * WIDTH) & ~1, HEIGHT - PERSON_HEIGHT - 60
        for plane, cut, alpha, step in zip(planes, self._planes, self._alphas, (1, 2, 2), strict=True):
            height, width = cut.shape
            place = plane[top // step : top // step + height, left // step : left // step + width]
            place[:] = place + alpha * (cut.astype(np.float32) - place)


def _rain(luma: NDArray[np.uint8], random: np.random.Generator) -> None:
    """Bright streaks, two pixels wide, in other places each time."""
    along = np.arange(STREAK_PX)
    xs = random.integers(0, WIDTH - STREAK_PX // 4 - 2, STREAKS)[:, None] + along // 4
    ys = random.integers(0, HEIGHT - STREAK_PX, STREAKS)[:, None] + along
    for side in (0, 1):
        lit = np.minimum(luma[ys, xs + side].astype(np.int16) + STREAK_LIGHT, 235)
        luma[ys, xs + side] = lit


def _clip() -> dict[int, NDArray[np.uint8]]:
    """The pictures of the clip that are used, RGB, by number."""
    used = {*EMPTY, _PERSON_PICTURE}
    with av.open(str(bikes_mp4())) as container:
        frames = enumerate(container.decode(video=0))
        return {number: frame.to_ndarray(format="rgb24") for number, frame in frames if number in used}


def _faded(street: NDArray[np.uint8], picture: NDArray[np.uint8], at: int) -> NDArray[np.uint8]:
    share = min(at + 1, len(EMPTY) - at, FADE) / FADE
    return np.asarray(street + share * (picture.astype(np.float32) - street), np.uint8)


def _planes(rgb: NDArray[np.uint8], width: int, height: int) -> Planes:
    """Scaled; width and height divisible by four."""
    flat = _scaled(rgb, width, height, "yuv420p").to_ndarray().reshape(-1)
    luma, chroma = width * height, width * height // 4
    shapes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    parts = np.split(flat, [luma, luma + chroma])
    return tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))


def _scaled(rgb: NDArray[np.uint8], width: int, height: int, form: str) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")
    return frame.reformat(width, height, form)
