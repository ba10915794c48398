"""Trickle ICE fragments (RFC 8840, 9) that a WHEP client sends once it is connecting. Pure.

A lite agent needs no candidates, so of a fragment only the ICE session is kept that it speaks of.
"""

from __future__ import annotations

import re

from webrtc.errors import WhepError
from webrtc.sdp import OFFER_CHARS_MAX, SECTIONS_MAX, UFRAG

MEDIA_TYPE = "application/trickle-ice-sdpfrag"

_ATTRIBUTE = re.compile(r"a=[A-Za-z0-9-]{1,64}(?::[^\r\n]{1,2048})?")
_MEDIA = re.compile(r"m=[a-z]{1,16} [0-9]{1,5} [A-Z/]{1,32} [A-Za-z0-9 .-]{1,512}")


def ice_sessions(fragment: str) -> frozenset[str]:
    """The `ice-ufrag` of each section that has one: another than the session's asks for an ICE restart.

    Raises WhepError(400) for anything that is no such fragment, and no other exception.
    """
    if len(fragment) > OFFER_CHARS_MAX:
        raise _bad(f"longer than {OFFER_CHARS_MAX} characters")
    found, sections = set(), 0
    for number, line in enumerate(fragment.replace("\r\n", "\n").rstrip("\n").split("\n"), 1):
        if _MEDIA.fullmatch(line):
            sections += 1
        elif not _ATTRIBUTE.fullmatch(line):
            raise _bad(f"line {number} is neither an attribute nor a media section")
        if line.startswith("a=ice-ufrag:"):
            ufrag = line.removeprefix("a=ice-ufrag:")
            if not UFRAG.fullmatch(ufrag):
                raise _bad(f"line {number} has no valid ICE user name")
            found.add(ufrag)
    if sections > SECTIONS_MAX:
        raise _bad(f"more than {SECTIONS_MAX} media sections")
    return frozenset(found)


def _bad(problem: str) -> WhepError:
    return WhepError(400, f"the fragment cannot be read: {problem}")
