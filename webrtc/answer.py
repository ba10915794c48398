"""The answer to an offer (RFC 8829, RFC 8839, RFC 9143). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from webrtc.entries import VideoEntry
from webrtc.frames import AudioCodec
from webrtc.sdp import MID, Offer, Section, codec_lines


@dataclass(frozen=True, slots=True)
class Local:
    """Our side. `addresses` are host and port of each way to reach us, the best first, at least one; `setup` is
    "active" or "passive"; `ssrc`, `rtx_ssrc` and `audio_ssrc` name the video, its retransmissions and the audio."""

    number: int
    addresses: Sequence[tuple[str, int]]
    ufrag: str
    password: str = field(repr=False)
    fingerprints: Sequence[str]
    setup: str
    ssrc: int
    rtx_ssrc: int
    audio_ssrc: int
    cname: str


def answer(offer: Offer, entries: Sequence[VideoEntry], local: Local, audio: AudioCodec | None = None) -> str:
    """The answer to `offer` with `entries`, at least one, for its video, sent only, and all our candidates.

    `audio`, one of the offer's, is sent too if given.

    Other sections are refused (port 0, RFC 3264, 6) or, if they own the transport, accepted as inactive.
    """
    out = ["v=0", f"o=- {local.number} 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite"]
    if offer.is_bundled:
        carrier_mid = offer.sections[offer.carrier_index].first("mid")
        mids = [carrier_mid or offer.mid, offer.mid]
        if audio is not None and offer.audio_index is not None:
            mids.append(offer.sections[offer.audio_index].first("mid") or "")
        out.append("a=group:BUNDLE " + " ".join(dict.fromkeys(mids)))
    out.append("a=msid-semantic: WMS *")
    for index, section in enumerate(offer.sections):
        if index == offer.video_index:
            out += _video(offer.mid, section, entries, local)
        elif index == offer.audio_index and audio is not None:
            out += _audio(section, audio, offer.audio_entries[audio], local)
        elif index == offer.carrier_index:
            out += _inactive(section, local)
        else:
            out += _refused(section)
    return "".join(line + "\r\n" for line in out)


def _video(mid: str, section: Section, entries: Sequence[VideoEntry], local: Local) -> list[str]:
    numbers = [(entry.payload_type, entry.rtx_payload_type) for entry in entries]
    formats = " ".join(str(number) for pair in numbers for number in pair if number is not None)
    out = [
        f"m=video {local.addresses[0][1]} {section.protocol} {formats}",
        *_transport(local),
        "a=sendonly",
        f"a=mid:{mid}",
        "a=rtcp-mux",
        "a=msid:live video",
        *(line for entry in entries for line in _entry(entry)),
    ]
    if all(rtx is None for _, rtx in numbers):
        return [*out, f"a=ssrc:{local.ssrc} cname:{local.cname}"]
    return [
        *out,
        f"a=ssrc-group:FID {local.ssrc} {local.rtx_ssrc}",
        # The primary first, or Chromium makes no track.
        f"a=ssrc:{local.ssrc} cname:{local.cname}",
        f"a=ssrc:{local.rtx_ssrc} cname:{local.cname}",
    ]


def _entry(entry: VideoEntry) -> list[str]:
    main, rtx = entry.payload_type, entry.rtx_payload_type
    out = [
        f"a=rtpmap:{main} {entry.codec.upper()}/90000",
        *(f"a=rtcp-fb:{main} {feedback}" for feedback in entry.feedback),
        f"a=fmtp:{main} {entry.fmtp}",
    ]
    return out if rtx is None else [*out, f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={main}"]


def _audio(section: Section, codec: AudioCodec, payload_type: int, local: Local) -> list[str]:
    return [
        f"m=audio {local.addresses[0][1]} {section.protocol} {payload_type}",
        *_transport(local),
        "a=sendonly",
        f"a=mid:{section.first('mid')}",
        "a=rtcp-mux",
        # The stream of the video: they are played in step.
        "a=msid:live audio",
        f"a=rtpmap:{payload_type} {codec}/8000",
        f"a=ssrc:{local.audio_ssrc} cname:{local.cname}",
    ]


def _inactive(section: Section, local: Local) -> list[str]:
    """`section` without media, on the transport of the video section."""
    codec = codec_lines(section)
    return [
        f"m={section.kind} {local.addresses[0][1]} {section.protocol} {codec[0]}",
        *_transport(local),
        "a=inactive",
        f"a=mid:{section.first('mid')}",
        "a=rtcp-mux",
        *codec[1:],
    ]


def _transport(local: Local) -> list[str]:
    host = local.addresses[0][0]
    candidates = []
    for index, (address, port) in enumerate(local.addresses):
        # RFC 8445, 5.1.2: of type host, in the order given, component 1.
        priority = 126 << 24 | (65535 - index) << 8 | 255
        candidates.append(f"a=candidate:{index + 1} 1 udp {priority} {address} {port} typ host")
    return [
        f"c=IN IP{6 if ':' in host else 4} {host}",
        *candidates,
        "a=end-of-candidates",
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        *(f"a=fingerprint:{fingerprint}" for fingerprint in local.fingerprints),
        f"a=setup:{local.setup}",
    ]


def _refused(section: Section) -> list[str]:
    mid = section.first("mid")
    out = [f"m={section.kind} 0 {section.protocol} {section.formats[0]}", "c=IN IP4 0.0.0.0", "a=inactive"]
    return out + ([f"a=mid:{mid}"] if mid is not None and MID.fullmatch(mid) else [])
