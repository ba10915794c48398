"""WHEP offers (RFC 8866, RFC 9429, RFC 9143, RFC 6184): what is kept of a client's text, each token checked. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from webrtc.entries import VideoEntry, audio_entries, video_entries
from webrtc.errors import WhepError
from webrtc.frames import AudioCodec

OFFER_CHARS_MAX = 64 << 10
SECTIONS_MAX = 32
FINGERPRINTS_MAX = 4

_PROTOCOLS = ("UDP/TLS/RTP/SAVPF", "RTP/SAVPF")
_DIRECTIONS = ("sendrecv", "recvonly", "sendonly", "inactive")
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}

_MEDIA = re.compile(r"m=([a-z]{1,16}) ([0-9]{1,5})(?:/[0-9]+)? ([A-Z/]{1,32}) ([A-Za-z0-9 .-]{1,512})")
MID = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")

Attributes = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Section:
    """One `m=` section; `attributes` maps each `a=` name to its values, "" for a flag."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: Attributes = field(repr=False)

    def first(self, name: str) -> str | None:
        return next(iter(self.attributes.get(name, ())), None)


@dataclass(frozen=True, slots=True)
class Transport:
    """ICE and DTLS parameters of the client. Its candidates are not kept: a lite agent waits to be asked."""

    ufrag: str
    password: str = field(repr=False)
    setup: str
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A usable offer. `sections[video_index]` is to be answered with video.

    `sections[carrier_index]` owns the transport. If it is another section, it must be accepted as inactive, since
    Chromium with `bundlePolicy: "max-bundle"` has no transport for anything else. `sections[audio_index]`, if there is
    one, wants audio by the same transport, under one of `audio_entries`. All others are to be refused.
    """

    sections: tuple[Section, ...]
    video_index: int
    carrier_index: int
    mid: str
    is_bundled: bool
    transport: Transport
    entries: tuple[VideoEntry, ...]
    audio_index: int | None
    audio_entries: dict[AudioCodec, int]


def parse_offer(text: str) -> Offer:
    """Raises WhepError(400) for anything that is not an offer to receive video, and no other exception."""
    if len(text) > OFFER_CHARS_MAX:
        raise _bad(f"the offer is longer than {OFFER_CHARS_MAX} characters")
    session, sections = _split(text)
    index = _find_video(session, sections)
    video = sections[index]
    mid = video.first("mid")
    if mid is None or not MID.fullmatch(mid):
        raise _bad("the video section has no valid a=mid")
    if "rtcp-mux" not in video.attributes:
        raise _bad("the video section has no a=rtcp-mux")
    bundle = next((mids for mids in _bundles(session) if mid in mids), [])
    tag = next(
        (i for i, section in enumerate(sections) if bundle and section.first("mid") == bundle[0]), index
    )
    carrier = tag if sections[tag].port and codec_lines(sections[tag]) else index
    # A section bundled with an earlier one may leave its transport to that one (RFC 9143, 7.1.3).
    levels = [sections[i].attributes for i in (carrier, index, tag)]
    audio = _find_audio(session, sections, bundle)
    return Offer(
        sections=sections,
        video_index=index,
        carrier_index=carrier,
        mid=mid,
        is_bundled=bool(bundle),
        transport=_transport([*levels, session]),
        entries=tuple(video_entries(video.formats, video.attributes)),
        audio_index=audio,
        audio_entries={} if audio is None else audio_entries(sections[audio].formats),
    )


def codec_lines(section: Section) -> list[str]:
    """The first offered payload type and its `rtpmap` line; empty if `section` is no RTP or names no codec."""
    if section.protocol not in _PROTOCOLS or "rtcp-mux" not in section.attributes:
        return []
    for value in section.attributes.get("rtpmap", ()):
        if value.split(" ")[0] in section.formats and re.fullmatch("[0-9]{1,3} [A-Za-z0-9./-]{1,64}", value):
            return [value.split(" ")[0], f"a=rtpmap:{value}"]
    return []


def _bad(message: str) -> WhepError:
    return WhepError(400, message)


def _split(text: str) -> tuple[Attributes, tuple[Section, ...]]:
    """The session's attributes and the media sections."""
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if lines[0] != "v=0":
        raise _bad("the offer is not SDP: it does not begin with v=0")
    session: Attributes = {}
    sections: list[Section] = []
    attributes = session
    for number, line in enumerate(lines, 1):
        if line.startswith("m="):
            match = _MEDIA.fullmatch(line)
            formats = tuple(match[4].split()) if match else ()
            if not match or not formats or int(match[2]) > 65535:
                raise _bad(f"line {number} of the offer is not a valid m= line")
            if len(sections) == SECTIONS_MAX:
                raise _bad(f"the offer has more than {SECTIONS_MAX} media sections")
            attributes = {}
            sections.append(Section(match[1], int(match[2]), match[3], formats, attributes))
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            attributes.setdefault(name, []).append(value.strip(" "))
        elif not re.match("[a-z]=", line):
            raise _bad(f"line {number} of the offer is not SDP")
    return session, tuple(sections)


def _find_video(session: Attributes, sections: tuple[Section, ...]) -> int:
    """The index of the first video section that wants to receive."""
    problem = "the offer has no video section"
    for index, section in enumerate(sections):
        if section.kind != "video":
            continue
        direction = _direction(session, section)
        if section.port == 0 and "bundle-only" not in section.attributes:
            problem = "the offer's video section is switched off (port 0)"
        elif direction not in ("sendrecv", "recvonly"):
            problem = f"the offer's video section is {direction}; it must be recvonly"
        elif section.protocol not in _PROTOCOLS:
            problem = f"the offer's video section must use {_PROTOCOLS[0]}"
        else:
            return index
    raise _bad(problem)


def _direction(session: Attributes, section: Section) -> str:
    fallback = next((name for name in _DIRECTIONS if name in session), "sendrecv")
    return next((name for name in _DIRECTIONS if name in section.attributes), fallback)


def _find_audio(session: Attributes, sections: tuple[Section, ...], bundle: list[str]) -> int | None:
    """The index of the first audio section of `bundle` that wants to receive."""
    for index, section in enumerate(sections):
        if (
            section.kind == "audio"
            and section.first("mid") in bundle
            and (section.port != 0 or "bundle-only" in section.attributes)
            and section.protocol in _PROTOCOLS
            and "rtcp-mux" in section.attributes
            and _direction(session, section) in ("sendrecv", "recvonly")
        ):
            return index
    return None


def _bundles(session: Attributes) -> list[list[str]]:
    groups = [value.split() for value in session.get("group", ())]
    bundles = [group[1:] for group in groups if len(group) > 1 and group[0] == "BUNDLE"]
    return [mids for mids in bundles if all(MID.fullmatch(mid) for mid in mids)]


def _transport(levels: list[Attributes]) -> Transport:
    """From the first of `levels` that has it, for each attribute."""

    def values(name: str) -> list[str]:
        return next((level[name] for level in levels if name in level), [])

    def value(name: str, what: str, pattern: re.Pattern[str]) -> str:
        found = next(iter(values(name)), "")
        if not pattern.fullmatch(found):
            raise _bad(f"the offer has no valid {what} (a={name})")
        return found

    if "ice-lite" in levels[-1]:
        raise _bad("the offer is ICE-lite, as the appliance is: neither side would begin to connect")
    ufrag = value("ice-ufrag", "ICE user name", UFRAG)
    password = value("ice-pwd", "ICE password", _PWD)
    setup = value("setup", "DTLS role", re.compile("actpass|active|passive"))
    fingerprints = [print_ for text in values("fingerprint") if (print_ := _fingerprint(text))]
    if not fingerprints or len(fingerprints) > FINGERPRINTS_MAX:
        raise _bad("the offer has no usable a=fingerprint (sha-256, sha-384 or sha-512)")
    return Transport(
        ufrag=ufrag,
        password=password,
        setup=setup,
        fingerprints=tuple(fingerprints),
    )


def _fingerprint(text: str) -> str | None:
    algorithm, _, digest = text.partition(" ")
    size = _DIGEST_BYTES.get(algorithm.lower())
    if size is None or not re.fullmatch(rf"[0-9A-Fa-f]{{2}}(:[0-9A-Fa-f]{{2}}){{{size - 1}}}", digest):
        return None
    return f"{algorithm.lower()} {digest.upper()}"
