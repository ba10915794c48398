"""What a stream must offer to be watched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

Codec = Literal["h264", "h265"]
AudioCodec = Literal["PCMA", "PCMU"]
"""G.711, one channel of 8 kHz, by its name in SDP (RFC 3551, 6)."""
START_CODE = b"\x00\x00\x00\x01"


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One H.264 or H.265 picture, made once and shared by all viewers of its stream.

    `data` is an Annex B access unit beginning with the four-byte start code that B.1.2 of ITU-T H.264 demands of
    an access unit's first NAL unit, with the parameter sets in front of each keyframe. `pts_90k` counts 90 kHz ticks
    from any origin; it may jump, in either direction, only at a keyframe. No B-frames: browsers show garbage.
    Raises ValueError for anything else than Annex B (length-prefixed data would be sent as nothing, silently).
    """

    data: bytes
    pts_90k: int
    is_key: bool
    codec: Codec = "h264"

    def __post_init__(self) -> None:
        if not self.data.startswith(START_CODE):
            raise ValueError("an EncodedFrame must be Annex B and begin with 00 00 00 01")


@dataclass(frozen=True, slots=True)
class EncodedAudio:
    """Some G.711: a byte for each sample, the first heard at `pts_90k` on the time line of the stream's pictures."""

    data: bytes
    pts_90k: int


class FrameSource(Protocol):
    """One stream (a camera's main or sub), implemented by the service over its hub; equal to itself alone."""

    @property
    def codec(self) -> Codec | None:
        """None until it is known, and where the stream cannot be shown live (B-frames)."""
        ...

    @property
    def sps(self) -> bytes | None:
        """The current sequence parameter set NAL unit without start code; None where `codec` is."""
        ...

    @property
    def scene(self) -> Sequence[FrameSource]:
        """All streams of the same scene, this one too, the one with the most bits first."""
        ...

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[EncodedFrame]]:
        """Frames from the cached GOP's keyframe on, once for all viewers; where there is none, as if
        `ask_for_keyframe` were called.

        The iterator never raises. It may pause for as long as the camera is away, goes on with a keyframe, and
        ends when the stream is gone for good. A reader that is too slow is taken to the next keyframe.
        """
        ...

    def ask_for_keyframe(self) -> None:
        """A viewer waits for a keyframe: have the camera send one, where that is possible and the next is far away.
        Returns at once, and may be called as often as one likes."""
        ...

    @property
    def audio(self) -> AudioCodec | None:
        """What `subscribe_audio` yields; None where that is off, not known yet, or not for browsers."""
        ...

    def subscribe_audio(self) -> AbstractAsyncContextManager[AsyncIterator[EncodedAudio]]:
        """The audio beside the pictures from now on; a reader that is too slow misses some. Never raises."""
        ...
