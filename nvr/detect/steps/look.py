"""What the watch for sick cameras keeps of a picture, and how two of them are compared. Pure, numpy."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Map = NDArray[np.float32]

WIDTH, HEIGHT = 320, 180
CELL, BLOCK = 4, 20
"""Pixels of the pictures' edge map and of the blocks in which brightness and detail are kept."""
EDGE_NOISE, DETAIL_NOISE = 4, 6
"""Grey levels of difference that are noise."""
QUIET = 14
"""So many of the 144 blocks are quieter than what counts as noise: sky, wall, road."""


class Look(NamedTuple):
    """What is kept of one picture. `pattern[45, 80]`: log strength of edges; `light[9, 16]`, `detail[9, 16]`: mean grey
    level and fine structure of blocks; `edges`, `coarse`: mean strength of fine and of coarse edges; `focus`: fine
    structure for each bit of edge, which hardly depends on light and contrast. Noise is what the quietest blocks have;
    `detail` and `focus` are without it."""

    pattern: Map
    light: Map
    detail: Map
    edges: float
    coarse: float
    focus: float

    def towards(self, now: Look, share: float) -> Look:
        """Moved by `share` of the way to `now`."""
        return Look(
            self.pattern + np.float32(share) * (now.pattern - self.pattern),
            self.light + np.float32(share) * (now.light - self.light),
            self.detail + np.float32(share) * (now.detail - self.detail),
            self.edges + share * (now.edges - self.edges),
            self.coarse + share * (now.coarse - self.coarse),
            self.focus + share * (now.focus - self.focus),
        )


def look_at(gray: Gray) -> Look:
    """`gray[180, 320]`."""
    g = gray.astype(np.int16)
    edges = np.zeros((HEIGHT, WIDTH), np.float32)
    across, down = np.abs(g[:-1, 1:] - g[:-1, :-1]), np.abs(g[1:, :-1] - g[:-1, :-1])
    edges[:-1, :-1] = np.maximum(across + down - EDGE_NOISE, 0)
    middle = 2 * g[1:-1, 1:-1]
    bends = np.abs(g[1:-1, :-2] - middle + g[1:-1, 2:]) + np.abs(g[:-2, 1:-1] - middle + g[2:, 1:-1])
    detail = np.zeros((HEIGHT, WIDTH), np.float32)
    detail[1:-1, 1:-1] = np.maximum(bends - DETAIL_NOISE, 0)
    small = _means(gray, CELL)
    coarse = np.abs(small[:-1, 1:] - small[:-1, :-1]) + np.abs(small[1:, :-1] - small[:-1, :-1])
    cells = _means(edges, CELL)
    clear_edges, clear_detail = _without_noise(_means(edges, BLOCK)), _without_noise(_means(detail, BLOCK))
    return Look(
        np.log1p(cells),
        _means(gray, BLOCK),
        clear_detail,
        float(cells.mean()),
        float(coarse.mean()),
        float(clear_detail.mean()) / (float(clear_edges.mean()) + 0.05),
    )


def _without_noise(blocks: Map) -> Map:
    noise = np.float32(np.partition(blocks, QUIET, axis=None)[QUIET])
    clear: Map = np.maximum(blocks - noise, np.float32(0))
    return clear


def resemblance(a: Map, b: Map) -> float:
    """Correlation of two maps, -1 to 1; 0 where one of them is flat."""
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / size if size > 1e-6 else 0.0


def best_shift(now: Map, scene: Map) -> tuple[float, float]:
    """(cells by which `scene` is best shifted to resemble `now`, how much it then does where both overlap)."""
    a, b = now - now.mean(), scene - scene.mean()
    match = np.fft.irfft2(np.fft.rfft2(a) * np.conj(np.fft.rfft2(b)), s=a.shape)
    row, column = (int(i) for i in np.unravel_index(int(match.argmax()), match.shape))
    height, width = a.shape
    down = row - height if row > height // 2 else row
    right = column - width if column > width // 2 else column
    over = now[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
    under = scene[max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)]
    return math.hypot(down, right), resemblance(over, under)


def _means(values: NDArray[np.uint8] | Map, size: int) -> Map:
    """Means of squares of `size` pixels."""
    height, width = values.shape
    rows = values.reshape(height // size, size, width).sum(1, dtype=np.float32)
    return np.asarray(rows.reshape(height // size, width // size, size).sum(2) / np.float32(size * size))
