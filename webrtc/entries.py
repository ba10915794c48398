"""Payload types of an offer that we can send (RFC 6184, 8.2; RFC 7798, 7.2; RFC 4588, 8), each token checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webrtc import h264, h265
from webrtc.frames import AudioCodec, Codec
from webrtc.h264 import Profile, ProfileLevel
from webrtc.h265 import H265Level

WIDEST_LEVEL = ProfileLevel(Profile.HIGH, 40)
"""Taken for an H.264 stream whose profile has no name here: the widest decoder is the best guess."""

_AUDIO: dict[AudioCodec, int] = {"PCMA": 8, "PCMU": 0}
"""Payload types that need no `rtpmap` (RFC 3551, 6); browsers use no others for these."""
_FEEDBACK = ("nack", "nack pli")
# 64 to 95 would collide with RTCP.
_DYNAMIC = frozenset(str(payload_type) for payload_type in (*range(35, 64), *range(96, 128)))


@dataclass(frozen=True, slots=True)
class VideoEntry:
    """One offered payload type (H.264 with packetization-mode 1, or H.265), and `fmtp` to answer it with."""

    payload_type: int
    codec: Codec
    level: ProfileLevel | H265Level
    fmtp: str
    rtx_payload_type: int | None
    feedback: tuple[str, ...]


def choose(entries: Sequence[VideoEntry], codec: Codec, sps: bytes) -> VideoEntry | None:
    """The entry to send a stream under whose sequence parameter set (NAL unit without start code) is `sps`.

    None if none of `entries` takes it.
    """
    same = [entry for entry in entries if entry.codec == codec]
    if codec == "h265":
        stream = H265Level.from_sps(sps)
        levels = [entry.level for entry in same if isinstance(entry.level, H265Level)]
        index = h265.nearest(stream, levels) if stream is not None else None
    else:
        profiles = [entry.level for entry in same if isinstance(entry.level, ProfileLevel)]
        index = h264.nearest(ProfileLevel.from_sps(sps) or WIDEST_LEVEL, profiles)
    return None if index is None else same[index]


def video_entries(formats: Sequence[str], attributes: Mapping[str, list[str]]) -> list[VideoEntry]:
    """Those of a video section, whose `m=` line has `formats`, in the order of the offer."""
    codecs = {number: text.lower() for number, text in _by_payload_type(formats, attributes, "rtpmap")}
    parameters = {number: _parameters(text) for number, text in _by_payload_type(formats, attributes, "fmtp")}
    rtx = {
        parameters[number].get("apt"): number
        for number, codec in codecs.items()
        if codec == "rtx/90000" and number in parameters
    }
    feedback = _by_payload_type(formats, attributes, "rtcp-fb")
    entries = []
    for number, codec in codecs.items():
        made = _entry(codec, parameters.get(number, {}))
        if made is None:
            continue
        name, level, fmtp = made
        entries.append(
            VideoEntry(
                payload_type=number,
                codec=name,
                level=level,
                fmtp=fmtp,
                rtx_payload_type=rtx.get(str(number)),
                feedback=tuple(text for text in _FEEDBACK if (number, text) in feedback),
            )
        )
    return entries


def audio_entries(formats: Sequence[str]) -> dict[AudioCodec, int]:
    """The payload types of an audio section, whose `m=` line has `formats`, that we can send."""
    return {codec: number for codec, number in _AUDIO.items() if str(number) in formats}


def _entry(codec: str, parameters: Mapping[str, str]) -> tuple[Codec, ProfileLevel | H265Level, str] | None:
    if codec == "h265/90000":
        hevc = H265Level.from_parameters(parameters)
        return None if hevc is None else ("h265", hevc, hevc.fmtp)
    if codec != "h264/90000" or parameters.get("packetization-mode") != "1":
        return None
    identifier = parameters.get("profile-level-id")
    # Without one, older browsers mean Constrained Baseline.
    level = ProfileLevel.from_hex(identifier or "42e01f")
    if level is None:
        return None
    fmtp = ["level-asymmetry-allowed=1"] if parameters.get("level-asymmetry-allowed") == "1" else []
    fmtp.append("packetization-mode=1")
    fmtp += [f"profile-level-id={identifier}"] if identifier else []
    return "h264", level, ";".join(fmtp)


def _by_payload_type(
    formats: Sequence[str], attributes: Mapping[str, list[str]], name: str
) -> list[tuple[int, str]]:
    """The values of `name` that begin with a dynamic payload type of `formats` (RFC 5761, 4 and RFC 3551, 6)."""
    pairs = []
    for value in attributes.get(name, ()):
        payload_type, _, rest = value.partition(" ")
        if payload_type in formats and payload_type in _DYNAMIC:
            pairs.append((int(payload_type), rest.strip()))
    return pairs


def _parameters(text: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in text.split(";"))
    return {name.lower(): value for name, _, value in pairs}
