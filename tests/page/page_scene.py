"""Drawn pictures of a street, as cameras would send them: no footage of anybody."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 480, 270
Picture = NDArray[np.uint8]


def street(seed: int, step: int) -> Picture:
    """RGB picture of place `seed`; a figure walks through it with `step`."""
    light = _light(seed)
    picture = _place(seed) + _noise(step % 4)
    across, feet = (step * 5 + seed * 83) % (WIDTH + 40) - 20, 232
    left = min(max(0, across - 14), WIDTH - 1)
    part = (slice(140, 240), slice(left, min(max(left + 1, across + 15), WIDTH)))
    grid_y, grid_x = np.mgrid[part]
    body = ((grid_x - across) / 9) ** 2 + ((grid_y - feet + 38) / 26) ** 2 < 1
    head = (grid_x - across) ** 2 + (grid_y - feet + 72) ** 2 < 64
    stride = 5 * np.sin(step)
    legs = (abs(abs(grid_x - across) - abs(stride)) < 4) & (grid_y > feet - 22) & (grid_y < feet)
    for limb, colour in ((body, (150, 62, 54)), (legs, (40, 44, 60)), (head, (196, 160, 130))):
        picture[part][limb] = np.array(colour) * light
    return np.clip(picture, 0, 255).astype(np.uint8)


def _light(seed: int) -> float:
    return 0.45 + 0.5 * ((seed * 7) % 5) / 4


@cache
def _noise(number: int) -> NDArray[np.float32]:
    return np.random.default_rng(number).normal(0, 3, (HEIGHT, WIDTH, 3)).astype(np.float32)


@cache
def _place(seed: int) -> NDArray[np.float32]:
    """Without the figure."""
    rng = np.random.default_rng(seed)
    light = _light(seed)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    rows = np.linspace(0, 1, HEIGHT)[:, None]
    picture[:] = np.array([70, 92, 116]) * light
    picture *= 1 - 0.5 * rows[..., None]
    x = 0
    while x < WIDTH:
        width, top = int(rng.integers(50, 110)), int(rng.integers(45, 110))
        picture[top:165, x : x + width] = rng.integers(60, 130, 3) * light
        for window in range(x + 10, x + width - 16, 26):
            picture[top + 14 : top + 34, window : window + 14] = (
                (230, 200, 120) if rng.random() < 0.3 else (40, 48, 56)
            )
        x += width
    picture[165:] = np.array([74, 76, 78]) * light
    picture[166:178] = np.array([118, 112, 100]) * light
    for dash in range(-60, WIDTH, 90):
        picture[220:225, max(0, dash + seed * 11) : max(0, dash + seed * 11 + 44)] = (
            np.array([190, 188, 170]) * light
        )
    return picture


def figure_box(seed: int, step: int) -> list[float]:
    """Relative box [x0, y0, x1, y1] of the figure in `street(seed, step)`."""
    across = (step * 5 + seed * 83) % (WIDTH + 40) - 20
    return [max(0, across - 14) / WIDTH, 148 / HEIGHT, min(WIDTH, across + 14) / WIDTH, 234 / HEIGHT]


def close_up(seed: int, step: int, *, square: int | None = None) -> Picture:
    """The figure in `street(seed, step)` with what is around it; or `square` pixels of it, as a thumbnail."""
    x0, y0, x1, y1 = figure_box(seed, step)
    left, right = int(x0 * WIDTH) - 14, int(x1 * WIDTH) + 14
    top, bottom = int(y0 * HEIGHT) - 14, int(y1 * HEIGHT) + 14
    if square is not None:
        left = (left + right - square) // 2
        right, top, bottom = left + square, (top + bottom - square) // 2, (top + bottom + square) // 2
    left = max(min(left, WIDTH - (right - left)), 0)
    return np.ascontiguousarray(street(seed, step)[top:bottom, left : left + (right - left)][:, :WIDTH])


def jpeg(picture: Picture) -> bytes:
    """`picture` as a JPEG file, its last row and column left out where they are odd."""
    codec = av.CodecContext.create("mjpeg", "w")
    assert isinstance(codec, av.VideoCodecContext)
    height, width = (side & ~1 for side in picture.shape[:2])
    picture = np.ascontiguousarray(picture[:height, :width])
    codec.width, codec.height, codec.pix_fmt = width, height, "yuvj420p"
    codec.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def movie(path: Path, seed: int, seconds: int, fps: int = 5) -> None:
    """An H.264 MP4 of place `seed`."""
    with av.open(path, "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", fps, options={"preset": "ultrafast", "g": str(fps)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for step in range(seconds * fps):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(street(seed, step), "rgb24")))
        container.mux(stream.encode(None))
