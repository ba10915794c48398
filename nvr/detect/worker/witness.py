"""What one camera's tracks leave to people: why each is certain, and the best picture of each.

Fed with every examined frame. Pictures are cut out while their frame is there: thumbnails of those that added most to
the evidence while it grows, the best picture from when a track is halfway to certain. After a sighting a better one is
told of at most every BETTER_EVERY_S, for the MAX_OBJECTS objects that were sighted last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nvr.detect.steps import best_shot
from nvr.detect.steps.history import History, Look
from nvr.detect.worker.crops import Tile, crop_jpeg, strip_jpeg, tile
from nvr.detect.worker.picture import Picture
from nvr.events import Box, Explanation

BETTER_EVERY_S = 1.5
MAX_OBJECTS = 12
HALFWAY = 0.5
"""Share of the evidence that decides, from which on pictures of a track are kept."""
MAX_TILED = 40
"""Tracks of which thumbnails are kept; a crowd larger than that is explained without them."""


@dataclass(frozen=True, slots=True)
class Account:
    """What goes with a sighting: JPEGs, empty where there is none (see `nvr.events.Sighting`)."""

    explanation: Explanation | None
    best: bytes
    frames: bytes


@dataclass(slots=True)
class _Track:
    history: History = field(default_factory=History)
    tiles: dict[int, Tile] = field(default_factory=dict)
    frames: bytes | None = None
    quality: float = 0.0
    best: bytes = b""
    told_s: float | None = None
    is_news: bool = False


class Witness:
    """The tracks of one camera."""

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._sighted: list[int] = []

    def watch(self, picture: Picture, looks: Sequence[Look], alive: Iterable[int], t_s: float) -> None:
        """Take in what the frame at `t_s` meant for each track; `alive`: the numbers of those that go on."""
        going_on = set(alive)
        for number in [n for n, track in self._tracks.items() if n not in going_on and not track.is_news]:
            del self._tracks[number]
        for look in looks:
            track = self._tracks.setdefault(look.track, _Track())
            self._remember(track, picture, look, t_s)
            if look.score is not None and look.evidence >= HALFWAY * look.certain_at:
                _compare(track, picture, look)

    def account(self, number: int, t_s: float) -> Account:
        """What explains and shows the track that is sighted now."""
        track = self._tracks.setdefault(number, _Track())
        if track.frames is None:
            # All or none: a strip that leaves one out would show the others in the wrong places.
            kept = sorted(track.tiles) if tuple(sorted(track.tiles)) == track.history.counted else []
            track.frames = strip_jpeg([track.tiles[n] for n in kept])
            track.tiles.clear()
        track.told_s, track.is_news = t_s, False
        self._sighted = [*(n for n in self._sighted if n != number), number]
        for old in self._sighted[:-MAX_OBJECTS]:
            if old in self._tracks:
                self._tracks[old].told_s, self._tracks[old].is_news = None, False
        del self._sighted[:-MAX_OBJECTS]
        return Account(track.history.explanation, track.best, track.frames)

    def better(self, t_s: float) -> list[tuple[int, bytes]]:
        """(track, JPEG) of the sighted objects of which there is a better picture, and it is time to say so."""
        due = [
            (number, track)
            for number, track in self._tracks.items()
            if track.is_news and track.told_s is not None and t_s - track.told_s >= BETTER_EVERY_S
        ]
        for _, track in due:
            track.told_s, track.is_news = t_s, False
        return [(number, track.best) for number, track in due]

    def _remember(self, track: _Track, picture: Picture, look: Look, t_s: float) -> None:
        """Add to the track's history, and keep its thumbnail if it is among those that count."""
        if track.history.is_certain:
            return
        number = track.history.add(look, t_s)
        counted = track.history.counted
        for gone in [n for n in track.tiles if n not in counted]:
            del track.tiles[gone]
        if number is not None and self._may_keep_tiles(track):
            square = best_shot.tile_around(look.box, picture.width, picture.height)
            track.tiles[number] = tile(picture, square)

    def _may_keep_tiles(self, track: _Track) -> bool:
        return bool(track.tiles) or sum(1 for one in self._tracks.values() if one.tiles) < MAX_TILED


def _compare(track: _Track, picture: Picture, look: Look) -> None:
    """Keep this picture of the track if it is clearly better than the one before."""
    width, height = picture.width, picture.height
    luma = picture.luma(*best_shot.inner_part(look.box, width, height))
    quality = best_shot.quality(
        look.box,
        luma,
        score=1.0 if look.by_way else look.score or 0.0,
        whole=look.whole,
        width=width,
        height=height,
    )
    if quality > best_shot.BETTER * track.quality:
        track.quality = quality
        track.best = crop_jpeg(picture, best_shot.crop_around(look.box, width, height))
        track.is_news = track.told_s is not None


def warm_up(picture: Picture) -> None:
    """Use everything once, so that no library wants to load something later."""
    witness, box = Witness(), Box(0.2, 0.2, 0.7, 0.8)
    look = Look(1, "person", 0.9, box, 7.0, 7.0, 7.0, moving=True, certain=True, whole=True)
    witness.watch(picture, [look], [1], 0.0)
    witness.account(1, 0.0)
