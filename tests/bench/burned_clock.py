"""A clock burned into pictures: what `bench.latency` reads back from the page's video.

Along the upper edge two rows of 24 blocks, white for 1: the milliseconds since 1970 modulo 2^24 (4.7 h), most
significant bit first, and below each block its opposite, so that a row which was not read right is noticed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 24
ROW = 32
"""Height of a row in pixels, as blocks of the encoder lie."""
_POWERS = 1 << np.arange(BITS - 1, -1, -1)


def burn(luma: NDArray[np.uint8], now_wall_s: float) -> None:
    """Write the time into a picture's luma plane (height, width), whose width is a multiple of 24."""
    ones = (int(now_wall_s * 1000) & _POWERS) != 0
    for row, bits in enumerate((ones, ~ones)):
        values = np.where(bits, np.uint8(235), np.uint8(16))
        luma[row * ROW : (row + 1) * ROW] = np.repeat(values, luma.shape[1] // BITS)


READ = """
// How old each picture of `video` is when it is shown, in ms; `came`: when its last packet had come.
window.readClock = (video, wanted) => new Promise((resolve) => {
  const BITS = %d, ROW = %d, samples = [];
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let unread = 0;
  const look = (_now, facts) => {
    const shown = performance.timeOrigin + performance.now();
    canvas.width = video.videoWidth; canvas.height = 2 * ROW;
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const isWhite = (bit, row) => {
      const x = Math.floor((bit + 0.5) * canvas.width / BITS), y = row * ROW + ROW / 2;
      return data[4 * (y * canvas.width + x)] > 127;
    };
    let burned = 0, read = true;
    for (let bit = 0; bit < BITS; bit++) {
      burned = burned * 2 + (isWhite(bit, 0) ? 1 : 0);
      read &&= isWhite(bit, 0) !== isWhite(bit, 1);
    }
    const since = (at) => (((at - burned) %% 2 ** BITS) + 2 ** BITS) %% 2 ** BITS;
    if (read) samples.push({ shown: since(shown), came: since(performance.timeOrigin + facts.receiveTime) });
    else unread += 1;
    if (samples.length < wanted) video.requestVideoFrameCallback(look);
    else resolve({ samples, unread });
  };
  video.requestVideoFrameCallback(look);
});
""" % (BITS, ROW)  # noqa: UP031
"""A script for the page."""
