"""Access units as RTP payloads: H.264 (RFC 6184, mode 1), H.265 (RFC 7798 without decoding order numbers). Pure.

Small NAL units that follow each other share a packet, as parameter sets do; large ones are cut into fragments that are
all as long as a payload may be but for the last, so that the kernel can segment them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from webrtc.frames import Codec

_STAP_A, _FU_A = 24, 28
_AGGREGATION, _FRAGMENTATION = 48, 49
# Access unit delimiters, ends of sequence or stream, and filler say nothing to a decoder behind RTP.
_H264_LEFT_OUT = frozenset((9, 12))
_H265_LEFT_OUT = frozenset((35, 36, 37, 38))


def nal_units(annex_b: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B access unit without start codes and trailing zeros; empty ones are left out."""
    start = annex_b.find(b"\x00\x00\x01")
    while start >= 0:
        start += 3
        end = annex_b.find(b"\x00\x00\x01", start)
        # A NAL unit never ends in zero (7.4.1 of H.264 and H.265): zeros belong to the next start code or are trailing.
        nal = annex_b[start : end if end >= 0 else len(annex_b)].rstrip(b"\x00")
        if nal:
            yield nal
        start = end


def payloads(annex_b: bytes, codec: Codec, bytes_max: int) -> list[bytes]:
    """The RTP payloads of an access unit, in order; empty if there is no NAL unit in it."""
    return list(_h265(annex_b, bytes_max) if codec == "h265" else _h264(annex_b, bytes_max))


def _h264(annex_b: bytes, bytes_max: int) -> Iterator[bytes]:
    nals = (nal for nal in nal_units(annex_b) if nal[0] & 0x1F not in _H264_LEFT_OUT)
    for group in _groups(nals, bytes_max, header_bytes=1):
        first = group[0]
        if len(group) > 1:
            indicator = max(nal[0] & 0x60 for nal in group) | _STAP_A
            yield bytes([indicator]) + _joined(group)
        elif len(first) <= bytes_max:
            yield first
        else:
            indicator, kind = first[0] & 0xE0 | _FU_A, first[0] & 0x1F
            for flags, piece in _fragments(first[1:], bytes_max - 2):
                yield bytes((indicator, flags | kind)) + piece


def _h265(annex_b: bytes, bytes_max: int) -> Iterator[bytes]:
    nals = (nal for nal in nal_units(annex_b) if len(nal) > 2 and nal[0] >> 1 & 0x3F not in _H265_LEFT_OUT)
    for group in _groups(nals, bytes_max, header_bytes=2):
        first = group[0]
        if len(group) > 1:
            # F if any has it, the lowest layer and temporal id of all (4.4.2).
            forbidden = max(nal[0] & 0x80 for nal in group)
            layer = min((nal[0] & 1) << 5 | nal[1] >> 3 for nal in group)
            temporal = min(nal[1] & 7 for nal in group)
            head = bytes((forbidden | _AGGREGATION << 1 | layer >> 5, (layer & 0x1F) << 3 | temporal))
            yield head + _joined(group)
        elif len(first) <= bytes_max:
            yield first
        else:
            head, kind = bytes((first[0] & 0x81 | _FRAGMENTATION << 1, first[1])), first[0] >> 1 & 0x3F
            for flags, piece in _fragments(first[2:], bytes_max - 3):
                yield head + bytes((flags | kind,)) + piece


def _groups(nals: Iterable[bytes], bytes_max: int, *, header_bytes: int) -> Iterator[list[bytes]]:
    """NAL units that fit one payload together; one that fits none is alone."""
    group: list[bytes] = []
    size = header_bytes
    for nal in nals:
        if group and size + 2 + len(nal) > bytes_max:
            yield group
            group, size = [], header_bytes
        group.append(nal)
        size += 2 + len(nal)
    if group:
        yield group


def _joined(group: Sequence[bytes]) -> bytes:
    return b"".join(len(nal).to_bytes(2, "big") + nal for nal in group)


def _fragments(body: bytes, step: int) -> Iterator[tuple[int, bytes]]:
    """The pieces of a NAL unit behind its header, with the bits that mark the first and the last."""
    for at in range(0, len(body), step):
        yield (0x80 if at == 0 else 0) | (0x40 if at + step >= len(body) else 0), body[at : at + step]
