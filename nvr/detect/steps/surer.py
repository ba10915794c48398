"""What answers with the siren needs to be surer than a sighting. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from nvr.detect.steps.rules import REMEMBER_S, Counted
from nvr.events import Rule


class Surer:
    """Of one camera. `places`: the zones and lines (`Counted.place`) that answer with the siren."""

    def __init__(self, places: Collection[int]):
        self._places = frozenset(places)
        self._pending: dict[int, dict[Counted, float]] = {}

    def judge(
        self,
        track: int,
        counted: Iterable[Counted],
        t_s: float,
        *,
        sure: bool,
        stands_in: Callable[[int], bool],
    ) -> list[tuple[Counted, bool]]:
        """What is to be reported of a track at `t_s` and whether it is sure enough for what its place answers with.

        What counted before the track was `sure` is reported once more when it is: of a zone if the track still
        `stands_in` it, of a line at most REMEMBER_S later.
        """
        reported = []
        pending = self._pending.get(track, {})
        for one in counted:
            is_sure = sure or one.place not in self._places
            reported.append((one, is_sure))
            if is_sure:
                pending.pop(one, None)
            else:
                pending = self._pending.setdefault(track, {})
                pending[one] = t_s
        if sure:
            for one, since_s in list(pending.items()):
                is_line = one.rule in (Rule.CROSS_LEFT, Rule.CROSS_RIGHT)
                if is_line and t_s - since_s > REMEMBER_S:
                    del pending[one]
                elif is_line or stands_in(one.place):
                    del pending[one]
                    reported.append((one, True))
        return reported

    def keep_only(self, tracks: Collection[int]) -> None:
        """Forget all others."""
        for number in self._pending.keys() - set(tracks):
            del self._pending[number]
