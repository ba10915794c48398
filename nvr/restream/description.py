"""What a stream is, as session description. Pure.

Sources: RFC 8866 (SDP), RFC 2326 appendix C, RFC 6184, 8 (H.264), RFC 7798, 7 (H.265), RFC 3640, 4.1 (AAC).
"""

from __future__ import annotations

import base64

from nvr.media.access_unit import CodecConfig
from nvr.media.audio import AudioConfig
from nvr.restream.packets import VIDEO_TYPE, audio_type

_G711 = {"alaw": "PCMA", "ulaw": "PCMU"}


def describe(video: CodecConfig, video_control: str, audio: AudioConfig | None, audio_control: str) -> bytes:
    """A live stream with its tracks at these relative URLs."""
    sets = [base64.b64encode(nal).decode() for nal in video.parameter_sets]
    if video.codec == "h264":
        profile = video.sps[1:4].hex()
        format_ = f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={','.join(sets)}"
    else:
        format_ = "sprop-vps={};sprop-sps={};sprop-pps={}".format(*sets)
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 0.0.0.0",
        "s=Village NVR",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {VIDEO_TYPE}",
        f"a=rtpmap:{VIDEO_TYPE} {video.codec.upper()}/90000",
        f"a=fmtp:{VIDEO_TYPE} {format_}",
        f"a=control:{video_control}",
    ]
    if audio is not None:
        lines += [*_audio_lines(audio), f"a=control:{audio_control}"]
    return "\r\n".join([*lines, ""]).encode()


def _audio_lines(audio: AudioConfig) -> list[str]:
    kind = audio_type(audio)
    lines = [f"m=audio 0 RTP/AVP {kind}"]
    if audio.codec != "aac":
        channels = f"/{audio.channels}" if audio.channels > 1 else ""
        return [*lines, f"a=rtpmap:{kind} {_G711[audio.codec]}/{audio.rate_hz}{channels}"]
    return [
        *lines,
        f"a=rtpmap:{kind} MPEG4-GENERIC/{audio.rate_hz}/{audio.channels}",
        f"a=fmtp:{kind} streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;"
        f"config={audio.specific.hex()}",
    ]
