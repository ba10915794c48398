"""What of a scene a client can take, by its offer. Pure."""

from __future__ import annotations

from webrtc.entries import VideoEntry, choose
from webrtc.errors import WhepError
from webrtc.frames import AudioCodec, FrameSource
from webrtc.sdp import Offer

NO_PICTURE = "the camera has not delivered a picture yet; try again in a moment"


def entries_for(source: FrameSource, offer: Offer) -> list[VideoEntry]:
    """What to answer: an entry for each stream of the scene that is known and that the client can take.

    The first is for `source` or what stands in for it. Raises WhepError: 409, 422.
    """
    scene = list(source.scene)
    below = scene[scene.index(source) :] if source in scene else [source]
    known = [(stream, stream.codec, stream.sps) for stream in (*below, *scene)]
    takes = [
        (stream, choose(offer.entries, codec, sps))
        for stream, codec, sps in known
        if codec is not None and sps is not None
    ]
    entries = [entry for _, entry in takes if entry is not None]
    if not any(entry is not None and stream in below for stream, entry in takes):
        if all(stream.codec is None for stream in below):
            raise WhepError(409, NO_PICTURE, "no_picture")
        codecs = " or ".join(
            sorted({codec.upper() for stream, codec, _ in known if codec and stream in below})
        )
        raise WhepError(
            422, f"the offer has no {codecs} that we can send (H.264 must have packetization-mode=1)"
        )
    return list(dict.fromkeys(entries))


def audio_for(source: FrameSource, offer: Offer) -> tuple[FrameSource, AudioCodec] | None:
    """The first stream of the scene whose audio the offer asks for, and what that is."""
    for stream in source.scene:
        codec = stream.audio
        if codec is not None and codec in offer.audio_entries:
            return stream, codec
    return None
