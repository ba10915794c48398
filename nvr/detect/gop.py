"""How far apart a stream's keyframes are. Pure."""

from __future__ import annotations

LONG_S = 4.0
"""Where keyframes come less often, looking at them alone sees too little ("smart" codecs send one a minute)."""
SHORT_AGAIN = 3
"""So many keyframes in a row have to come in time before a stream is trusted again."""


class GopMeter:
    """The GOPs of one stream, by when its pictures arrive. `gop_s`: the last whole one, None: not known yet."""

    def __init__(self) -> None:
        self.gop_s: float | None = None
        self._key_s: float | None = None
        self._in_time = SHORT_AGAIN

    def picture(self, received_s: float, *, is_key: bool) -> None:
        """The next picture in order of decoding."""
        if self._key_s is not None and received_s - self._key_s > LONG_S:
            self._in_time = 0
        if is_key:
            if self._key_s is not None:
                self.gop_s = max(received_s - self._key_s, 0.0)
                self._in_time += self.gop_s <= LONG_S
            self._key_s = received_s

    def gap(self) -> None:
        """Pictures are missing: what the GOP would have been is not known."""
        self._key_s = None

    @property
    def is_long(self) -> bool:
        """Whether keyframes come too seldom to look at them alone."""
        return self._in_time < SHORT_AGAIN
