"""One decoded picture, and the forms of it that analysis needs; all scaling is swscale's, on the calling thread."""

from __future__ import annotations

from zlib import crc32

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from nvr.detect.model.objects import SIZE
from nvr.detect.steps.regions import Square
from nvr.detect.worker.jpeg import encode_jpeg

JPEG_MAX_WIDTH = 1280
JPEG_QUANTIZER = 4
PLANAR_420 = ("yuv420p", "yuvj420p")
MIN_SIDE_PX = 16
DIGEST_ROWS = 120
"""Enough for three rows of each figure of a clock in the picture."""
LEAST_COLOUR = 2.0
"""Mean distance of both colour planes from grey, in levels."""


class Picture:
    """A decoded frame of at least 16x16 pixels (raises ValueError below that); the frame is not changed."""

    def __init__(self, frame: av.VideoFrame):
        if min(frame.width, frame.height) < MIN_SIDE_PX:
            raise ValueError(f"a picture of {frame.width}x{frame.height} is too small to analyse")
        self._frame = frame
        self._planes: list[NDArray[np.uint8]] = []
        self._layout = ""
        self.width, self.height = frame.width, frame.height

    def gray(self, width: int, height: int) -> NDArray[np.uint8]:
        """uint8[height, width], each value the mean of the area it stands for."""
        small = self._frame.reformat(width, height, "gray", interpolation=Interpolation.AREA, threads=1)
        return np.asarray(small.to_ndarray(), np.uint8)

    def square(self, square: Square) -> NDArray[np.uint8]:
        """The square scaled to the detector's size, uint8[300, 300, 3] RGB. It is moved and shrunk by up to three
        pixels onto the grid of the colour planes."""
        x, y, side = square.x & ~1, square.y & ~1, square.side & ~3
        luma, *chroma = self._yuv()
        half = [
            plane[y // 2 : (y + side) // 2, x // 2 : (x + side) // 2].reshape(-1, side) for plane in chroma
        ]
        cut = np.concatenate([luma[y : y + side, x : x + side], *half])
        shrinks = side > 2 * SIZE
        scaled = av.VideoFrame.from_ndarray(cut, self._layout).reformat(
            SIZE,
            SIZE,
            "rgb24",
            interpolation=Interpolation.AREA if shrinks else Interpolation.BILINEAR,
            threads=1,
        )
        return np.asarray(scaled.to_ndarray(), np.uint8)

    def digest(self) -> int:
        """Differs between any two pictures of which some 120 rows, evenly spread, are not the same bit by bit."""
        luma = self._yuv()[0]
        return crc32(luma[:: max(self.height // DIGEST_ROWS, 1)].tobytes())

    def has_colour(self) -> bool:
        """False for what cameras show in infrared light: grey, but for the noise of coding."""
        step = max(self.height // DIGEST_ROWS, 1)
        planes = [plane[::step, ::step].astype(np.int16) for plane in self._yuv()[1:]]
        return sum(float(np.abs(plane - 128).mean()) for plane in planes) > LEAST_COLOUR

    def jpeg(self, max_width: int = JPEG_MAX_WIDTH) -> bytes:
        """The whole picture as JPEG, at most `max_width` pixels wide."""
        width = min(self.width, max_width) & ~1
        height = max(round(self.height * width / self.width), 2) & ~1
        return encode_jpeg(self._frame, width, height, JPEG_QUANTIZER)

    def luma(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """Brightness of a part of the picture, uint8[height, width]; a view, not a copy."""
        return self._yuv()[0][y : y + height, x : x + width]

    def part(self, x: int, y: int, width: int, height: int) -> av.VideoFrame:
        """A part of the picture as a frame of its own; all four numbers even, the part within the picture."""
        luma, *chroma = self._yuv()
        cut = [luma[y : y + height, x : x + width].reshape(-1)]
        cut += [plane[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2].reshape(-1) for plane in chroma]
        frame = av.VideoFrame.from_ndarray(np.concatenate(cut).reshape(-1, width), self._layout)
        frame.color_range = self._frame.color_range
        return frame

    def _yuv(self) -> list[NDArray[np.uint8]]:
        """The planes Y, U, V as arrays without the rows' padding."""
        if not self._planes:
            frame = self._frame
            if frame.format.name not in PLANAR_420:
                frame = frame.reformat(format="yuv420p", threads=1)
            self._layout = frame.format.name
            self._planes = [
                np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
                    : plane.height, : plane.width
                ]
                for plane in frame.planes
            ]
        return self._planes
