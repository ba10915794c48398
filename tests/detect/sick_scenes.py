"""A village street as a camera sees it, drawn from a seed, and what happens to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nvr.detect.steps.look import HEIGHT, WIDTH

Gray = NDArray[np.uint8]
Light = NDArray[np.float32]


class Street:
    """Houses, a road, a fence; each picture has noise of its own. Grey levels, 180 rows of 320."""

    def __init__(self, seed: int = 1):
        self._chance = np.random.default_rng(seed)
        # Drawn once, cut anew for each picture: hours of pictures would take most of their time for noise alone.
        self._noise = self._chance.standard_normal(8 * HEIGHT * WIDTH, np.float32)
        self.scene = self._drawn(np.random.default_rng(seed + 1000))

    def _drawn(self, rng: np.random.Generator) -> Light:
        scene = np.full((HEIGHT, WIDTH), 150, np.float32)
        x = 0
        while x < WIDTH:
            width, top = int(rng.integers(25, 60)), int(rng.integers(20, 70))
            scene[top:110, x : x + width] = rng.integers(60, 200)
            for window in range(x + 4, x + width - 8, 12):
                scene[top + 8 : top + 18, window : window + 6] = rng.integers(20, 240)
            x += width
        scene[110:] = 95
        scene[110:] += rng.normal(0, 10, (70, WIDTH))
        for post in range(5, WIDTH, 14):
            scene[118:140, post : post + 2] = 200
        return scene

    def picture(self, scene: Light | None = None, *, noise: float = 1.5) -> Gray:
        light = self.scene if scene is None else scene
        begin = int(self._chance.integers(self._noise.size - light.size))
        grain = self._noise[begin : begin + light.size].reshape(light.shape)
        return (light + np.float32(noise) * grain).round().clip(0, 255).astype(np.uint8)

    def with_passers(self, t_s: float) -> Light:
        """Cars and persons go by, a few at any time."""
        scene = self.scene.copy()
        for lane, speed in ((145, 37.0), (150, -23.0), (120, 5.0)):
            x = int(t_s * speed) % (WIDTH + 60) - 60
            scene[lane : lane + 22, max(x, 0) : max(x + 45, 0)] = 30 + lane
        return scene

    def in_rain(self) -> Light:
        scene = self.scene * 0.8 + 25
        x, y = self._chance.integers(0, WIDTH, 250), self._chance.integers(0, HEIGHT - 10, 250)
        np.add.at(scene, (y + np.arange(8)[:, None], x), 50)
        return scene

    def infrared(self) -> Light:
        """Lit from the camera: the middle bright, the corners dark; another distribution of light than by day."""
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
        beam = np.exp(-(((x - WIDTH / 2) / 140) ** 2 + ((y - HEIGHT / 2) / 90) ** 2))
        return ((self.scene * 0.5 + 40) * beam).astype(np.float32)

    def shaken(self) -> Light:
        dx, dy = (int(value) for value in self._chance.integers(-2, 3, 2))
        return np.roll(self.scene, (dy, dx), (0, 1))


def blurred(scene: Light, radius: int) -> Light:
    """Each value is the mean of a square around it, twice over."""
    for _ in range(2):
        size = 2 * radius + 1
        padded = np.pad(scene, radius, mode="edge")
        sums = np.pad(padded.cumsum(0, np.float64).cumsum(1), ((1, 0), (1, 0)))
        parts = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
        scene = (parts / size**2).astype(np.float32)
    return scene


def with_cobweb(scene: Light) -> Light:
    """A bright haze over the left third: threads far out of focus, lit by the camera's own lamp."""
    haze = scene.copy()
    haze[:, : WIDTH // 3] = blurred(scene, 8)[:, : WIDTH // 3] * 0.4 + 120
    return haze
