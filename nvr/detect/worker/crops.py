"""Parts of a decoded picture to show: JPEGs, thumbnails in a row."""

from __future__ import annotations

from collections.abc import Sequence

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from nvr.detect.steps.best_shot import Rect
from nvr.detect.worker.jpeg import encode_jpeg
from nvr.detect.worker.picture import Picture

BEST_MAX_PX = 640
"""Longer side of a picture of one object; smaller ones stay as they are."""
BEST_MAX_BYTES = 60_000
QUANTIZERS = (4, 8, 14, 24, 31)
"""Tried one after the other until the picture is small enough."""
TILE_PX = 96
TILE_QUANTIZER = 5

Tile = NDArray[np.uint8]
"""A thumbnail: uint8[TILE_PX * 3 // 2, TILE_PX], planes of yuvj420p."""


def crop_jpeg(picture: Picture, rect: Rect) -> bytes:
    """A part of the picture as JPEG, at its own resolution up to BEST_MAX_PX; at most BEST_MAX_BYTES unless not even
    the coarsest quantizer gets there."""
    frame = picture.part(*rect)
    scale = min(BEST_MAX_PX / max(rect.width, rect.height), 1.0)
    width, height = (max(round(side * scale), 2) & ~1 for side in (rect.width, rect.height))
    jpeg = b""
    for quantizer in QUANTIZERS:
        jpeg = encode_jpeg(frame, width, height, quantizer)
        if len(jpeg) <= BEST_MAX_BYTES:
            break
    return jpeg


def tile(picture: Picture, square: Rect) -> Tile:
    """A thumbnail of a square part of the picture."""
    scaled = picture.part(*square).reformat(
        TILE_PX,
        TILE_PX,
        "yuvj420p",
        interpolation=Interpolation.AREA if square.width > TILE_PX else Interpolation.BICUBIC,
        dst_color_range="JPEG",
        threads=1,
    )
    return np.asarray(scaled.to_ndarray(), np.uint8)


def strip_jpeg(tiles: Sequence[Tile]) -> bytes:
    """One JPEG of the thumbnails side by side, from left to right; empty if there is none."""
    if not tiles:
        return b""
    lumas = np.concatenate([one[:TILE_PX] for one in tiles], axis=1)
    half = TILE_PX // 2
    quarter = TILE_PX // 4  # rows of the array that one colour plane takes
    planes = [
        np.concatenate([one[start : start + quarter].reshape(half, half) for one in tiles], axis=1)
        for start in (TILE_PX, TILE_PX + quarter)
    ]
    width = TILE_PX * len(tiles)
    flat = np.concatenate([lumas.reshape(-1), *(plane.reshape(-1) for plane in planes)])
    frame = av.VideoFrame.from_ndarray(flat.reshape(TILE_PX * 3 // 2, width), "yuvj420p")
    return encode_jpeg(frame, width, TILE_PX, TILE_QUANTIZER)
