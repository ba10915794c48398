"""Session descriptions as RTSP cameras send them, and our own. Pure.

Sources: RFC 8866 (SDP), RFC 2326 appendix C (control URLs), RFC 6184, 8 (H.264 parameters), RFC 7798, 7 (H.265
parameters).
"""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace

from nvr.errors import ProtocolViolation, UnsupportedStream
from nvr.media import h264, h265
from nvr.media.access_unit import Codec

MAX_MEDIA = 32
# Payload types with a fixed meaning (RFC 3551, 6) that a camera might offer.
_STATIC_CODECS = {0: "PCMU", 8: "PCMA", 14: "MPA", 26: "JPEG", 31: "H261", 32: "MPV", 33: "MP2T", 34: "H263"}
_DIRECTIONS = frozenset({"sendonly", "recvonly", "sendrecv", "inactive"})
_CODECS: dict[str, Codec] = {"H264": "h264", "H265": "h265"}
_CODEC_REMEDY = "Set the video encoding of this stream to H.264 or H.265 in the camera's settings"


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """One m= section. `codecs`: payload type to (encoding name in capitals, clock rate in Hz, 0 if not given).
    `parameters`: payload type to its fmtp parameters, names in small letters. `channels`: of
    audio, where given. `direction`: "sendonly", "recvonly", "sendrecv", "inactive" or empty."""

    kind: str
    protocol: str
    payload_types: tuple[int, ...]
    control: str = ""
    direction: str = ""
    codecs: dict[int, tuple[str, int]] = field(default_factory=dict)
    channels: dict[int, int] = field(default_factory=dict)
    parameters: dict[int, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A session; `control` is its own a=control, empty if there is none."""

    control: str
    media: tuple[MediaDescription, ...]


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The video to set up. `vps` (H.265 only), `sps`, `pps` are empty where the description brings none."""

    control: str
    payload_type: int
    codec: Codec
    sps: bytes
    pps: bytes
    vps: bytes = b""


def parse(body: bytes) -> SessionDescription:
    """Read a description. Raises ProtocolViolation: not SDP, or an m= or rtpmap line that makes no sense."""
    text = body.decode("utf-8", "replace")
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines or not lines[0].startswith("v="):
        raise ProtocolViolation("SDP does not begin with v=0")
    session_control = ""
    media: list[MediaDescription] = []
    for line in lines:
        kind, value = line[:2], line[2:].strip()
        if kind == "m=":
            if len(media) == MAX_MEDIA:
                raise ProtocolViolation(f"SDP has more than {MAX_MEDIA} media sections")
            media.append(_media(value))
        elif kind == "a=":
            name, _, value = value.partition(":")
            if name == "control":
                if not media:
                    session_control = value.strip()
                else:
                    media[-1] = replace(media[-1], control=value.strip())
            elif media and name == "rtpmap":
                payload_type, encoding = _payload_attribute(name, value)
                codec, _, rate = encoding.partition("/")
                clock, _, channels = rate.partition("/")
                if re.fullmatch("[0-9]{1,2}", channels, re.ASCII):
                    media[-1].channels[payload_type] = int(channels)
                known = re.fullmatch("[0-9]{1,7}", clock, re.ASCII)
                media[-1].codecs[payload_type] = (codec.strip().upper(), int(clock) if known else 0)
            elif media and name in _DIRECTIONS:
                media[-1] = replace(media[-1], direction=name)
            elif media and name == "fmtp":
                payload_type, text = _payload_attribute(name, value)
                pairs = (parameter.partition("=") for parameter in text.split(";"))
                media[-1].parameters[payload_type] = {k.strip().lower(): v.strip() for k, _, v in pairs if k}
    return SessionDescription(session_control, tuple(media))


def _media(value: str) -> MediaDescription:
    words = value.split()
    if len(words) < 4:
        raise ProtocolViolation("SDP line m= is incomplete")
    types = tuple(int(word) for word in words[3:] if re.fullmatch("[0-9]{1,3}", word, re.ASCII))
    codecs = {number: (_STATIC_CODECS[number], 0) for number in types if number in _STATIC_CODECS}
    return MediaDescription(words[0].lower(), words[2].upper(), types, codecs=codecs)


def _payload_attribute(name: str, value: str) -> tuple[int, str]:
    number, _, rest = value.strip().partition(" ")
    if not re.fullmatch("[0-9]{1,3}", number, re.ASCII):
        raise ProtocolViolation(f"SDP attribute {name} without a payload type")
    return int(number), rest.strip()


def video_track(session: SessionDescription) -> VideoTrack:
    """The first H.264 or H.265 video of `session`.

    Raises UnsupportedStream: no video, another codec (it is named), encrypted media, or interleaved packets.
    """
    others: list[str] = []
    for media in session.media:
        if media.kind != "video":
            continue
        for payload_type in media.payload_types:
            name, clock = media.codecs.get(payload_type, ("unknown codec", 0))
            codec = _CODECS.get(name)
            if codec is None:
                others.append(name)
            elif not media.protocol.startswith("RTP/AVP"):
                raise UnsupportedStream(
                    f"the video comes as {shown(media.protocol)}",
                    remedy="Switch encrypted media (SRTP) off in the camera's settings",
                )
            elif clock not in (0, 90_000):
                raise UnsupportedStream(f"the {name} video has a clock of {clock} Hz instead of 90000")
            else:
                parameters = media.parameters.get(payload_type, {})
                is_interleaved = (
                    parameters.get("packetization-mode") == "2"
                    if codec == "h264"
                    else parameters.get("sprop-max-don-diff", "0") != "0"
                )
                if is_interleaved:
                    raise UnsupportedStream(f"the {name} video is sent in interleaved packetization mode")
                read = _h264_sets if codec == "h264" else _h265_sets
                vps, sps, pps = read(parameters)
                return VideoTrack(media.control, payload_type, codec, sps, pps, vps)
    if not others:
        raise UnsupportedStream("the stream has no video", remedy="Check the stream's path")
    codecs = ", ".join(shown(name) for name in dict.fromkeys(others[:4]))
    raise UnsupportedStream(f"the video codec is {codecs}", remedy=_CODEC_REMEDY, params={"codec": codecs})


def _h264_sets(parameters: dict[str, str]) -> tuple[bytes, bytes, bytes]:
    """(nothing, SPS, PPS); empty where missing or broken: they may still come in band."""
    nals = _decoded(parameters.get("sprop-parameter-sets", ""))
    sps = next((nal for nal in nals if h264.nal_type(nal) == h264.NAL_SPS), b"")
    pps = next((nal for nal in nals if h264.nal_type(nal) == h264.NAL_PPS), b"")
    return b"", sps, pps


def _h265_sets(parameters: dict[str, str]) -> tuple[bytes, bytes, bytes]:
    """(VPS, SPS, PPS); empty where missing or broken: they may still come in band."""

    def first(name: str, kind: int) -> bytes:
        return next((nal for nal in _decoded(parameters.get(name, "")) if h265.nal_type(nal) == kind), b"")

    return (
        first("sprop-vps", h265.NAL_VPS),
        first("sprop-sps", h265.NAL_SPS),
        first("sprop-pps", h265.NAL_PPS),
    )


def _decoded(value: str) -> list[bytes]:
    """The NAL units of a list in base64, without those that are broken."""
    nals = []
    for part in value.split(",")[:16]:
        text = part.strip().rstrip("=")
        with suppress(binascii.Error, ValueError):
            nals.append(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    return [nal for nal in nals if nal]


def base_url(request_url: str, content_base: str = "", content_location: str = "") -> str:
    """What relative control URLs are relative to (RFC 2326, C.1.1); headers that are no RTSP URL are ignored."""
    for candidate in (content_base, content_location):
        if candidate.lower().startswith("rtsp://") and _is_plain(candidate):
            return candidate
    return request_url


def control_url(base: str, control: str) -> str:
    """The absolute URL of an a=control value.

    Cameras and players do not follow RFC 3986 here: a relative value is appended, even behind a query string.
    Raises ProtocolViolation for a value with blanks, control or non-ASCII characters.
    """
    if control in ("", "*"):
        return base
    if not _is_plain(control):
        raise ProtocolViolation("SDP attribute control is not a URL")
    if control.lower().startswith("rtsp://"):
        return control
    if control.startswith("?"):
        return base + control
    return f"{base.rstrip('/')}/{control.lstrip('/')}"


def _is_plain(url: str) -> bool:
    return len(url) <= 4096 and all("!" <= character <= "~" for character in url)


def shown(text: str) -> str:
    """Text from the camera, fit for a message."""
    return re.sub(r"[^A-Za-z0-9/._+ -]", "?", text)[:32]
