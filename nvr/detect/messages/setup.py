"""What the analysis process is told of each camera, and what all messages in JSON have in common. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_CAMERAS = 256
MAX_PLACES = 32
"""Zones of a camera, its lines, its masks: so many of each."""

CameraIndex = Annotated[int, Meta(ge=0, lt=MAX_CAMERAS)]
Share = Annotated[float, Meta(ge=0, le=1)]
Word = Annotated[str, Meta(max_length=40)]
Polygon = Annotated[tuple[tuple[Share, Share], ...], Meta(min_length=3, max_length=64)]
Kinds = Annotated[tuple[Word, ...], Meta(max_length=20)]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """JSON has neither infinity nor NaN."""


class ZoneSetup(Message, frozen=True):
    """A zone's polygon in relative coordinates and the kinds of object that count in it: once they are there, or once
    they have stayed for `loiter_s`. `siren`: it answers with the siren."""

    polygon: Polygon
    kinds: Kinds
    loiter_s: Annotated[float, Meta(ge=1, le=3600)] | None = None
    siren: bool = False


class LineSetup(Message, frozen=True):
    """A line in relative coordinates, and who counts that crosses it to that hand of who looks from `start` to
    `end`. `siren`: it answers with the siren."""

    start: tuple[Share, Share]
    end: tuple[Share, Share]
    direction: Literal["both", "left", "right"]
    kinds: Kinds
    siren: bool = False


class CameraSetup(Message, frozen=True):
    """`masks`: where nothing counts. `has_closer`: another stream of it has more pixels, and may be asked for them."""

    zones: Annotated[tuple[ZoneSetup, ...], Meta(max_length=MAX_PLACES)]
    lines: Annotated[tuple[LineSetup, ...], Meta(max_length=MAX_PLACES)] = ()
    masks: Annotated[tuple[Polygon, ...], Meta(max_length=MAX_PLACES)] = ()
    has_closer: bool = False
