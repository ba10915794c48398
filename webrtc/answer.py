"""The two texts between the client and the sender (RFC 3264, RFC 9143). Pure.

The sender is never shown the client's text. `offer_for_sender` writes, from the checked parts of it, a new offer with
one video section and one H.264 entry; `answer_for_client` puts the sender's answer back into the frame of the
client's offer.
"""

from __future__ import annotations

from collections.abc import Iterable

from webrtc.sdp import MID, H264Entry, Offer, Section, codec_lines

SENDER_FMTP = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
"""The entry that stands for every offered one towards the sender, whose codec table has no higher profile."""


def offer_for_sender(offer: Offer, entry: H264Entry) -> str:
    """The offer the sender is given: the video section alone, `entry` alone, under a profile the sender knows."""
    transport, main, rtx = offer.transport, entry.payload_type, entry.rtx_payload_type
    lines = ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    lines += ["a=ice-lite"] if transport.is_lite else []
    lines += [
        f"a=group:BUNDLE {offer.mid}",
        f"m=video 9 UDP/TLS/RTP/SAVPF {main}" + (f" {rtx}" if rtx is not None else ""),
        "c=IN IP4 0.0.0.0",
        f"a=mid:{offer.mid}",
        "a=recvonly",
        "a=rtcp-mux",
        f"a=ice-ufrag:{transport.ufrag}",
        f"a=ice-pwd:{transport.password}",
        *(f"a=fingerprint:{fingerprint}" for fingerprint in transport.fingerprints),
        f"a=setup:{transport.setup}",
        *(f"a=extmap:{extension}" for extension in offer.extensions),
        f"a=rtpmap:{main} H264/90000",
        *(f"a=rtcp-fb:{main} {feedback}" for feedback in entry.feedback),
        f"a=fmtp:{main} {SENDER_FMTP}",
    ]
    if rtx is not None:
        lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={main}"]
    # No a=end-of-candidates: the client's real address is often first seen in its own connectivity checks.
    lines += [f"a=candidate:{candidate}" for candidate in transport.candidates]
    return _join(lines)


def answer_for_client(offer: Offer, entry: H264Entry, sender_answer: str) -> str:
    """The answer to `offer` from the sender's answer to `offer_for_sender(offer, entry)`.

    The video section names the offered entry; other sections are refused (port 0, RFC 3264, 6) or, if they own the
    transport, accepted as inactive.
    """
    lines = sender_answer.splitlines()
    origin = next(line for line in lines if line.startswith("o="))
    video_lines = lines[next(i for i, line in enumerate(lines) if line.startswith("m=")) :]
    out = ["v=0", origin, "s=-", "t=0 0"]
    if offer.is_bundled:
        carrier_mid = offer.sections[offer.carrier_index].first("mid")
        out.append("a=group:BUNDLE " + " ".join(dict.fromkeys((carrier_mid or offer.mid, offer.mid))))
    out.append("a=msid-semantic: WMS *")
    for index, section in enumerate(offer.sections):
        if index == offer.video_index:
            out += _video_answer(section, entry, video_lines)
        elif index == offer.carrier_index:
            out += _inactive_answer(section, video_lines)
        else:
            out += _refusal(section)
    return _join(out)


def _video_answer(section: Section, entry: H264Entry, video_lines: list[str]) -> list[str]:
    kind, port, _, formats = video_lines[0].split(" ", 3)
    out = [f"{kind} {port} {section.protocol} {formats}"]
    prefix = f"a=fmtp:{entry.payload_type} "
    return out + [prefix + entry.fmtp if line.startswith(prefix) else line for line in video_lines[1:]]


def _inactive_answer(section: Section, video_lines: list[str]) -> list[str]:
    """`section` without media, on the transport of the video section."""
    port = video_lines[0].split(" ")[1]
    codec = codec_lines(section)
    transport = ("c=", "a=candidate:", "a=end-of-candidates", "a=ice-", "a=fingerprint:", "a=setup:")
    return [
        f"m={section.kind} {port} {section.protocol} {codec[0]}",
        *(line for line in video_lines if line.startswith(transport)),
        "a=inactive",
        f"a=mid:{section.first('mid')}",
        "a=rtcp-mux",
        *codec[1:],
    ]


def _refusal(section: Section) -> list[str]:
    mid = section.first("mid")
    out = [f"m={section.kind} 0 {section.protocol} {section.formats[0]}", "c=IN IP4 0.0.0.0", "a=inactive"]
    return out + ([f"a=mid:{mid}"] if mid is not None and MID.fullmatch(mid) else [])


def _join(lines: Iterable[str]) -> str:
    return "".join(line + "\r\n" for line in lines)
