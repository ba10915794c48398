"""How many may watch. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from webrtc.errors import WhepError


@dataclass(frozen=True, slots=True)
class Places:
    """`total` for all, and `per_user` of them for one user; None: as many as there are."""

    total: int
    per_user: int | None = None

    def check(self, taken: Iterable[str], user: str) -> None:
        """`taken`: whose places are taken, one entry each. Raises WhepError 429, 503: none is left for `user`."""
        users = list(taken)
        mine = users.count(user)
        if self.per_user is not None and mine >= self.per_user:
            raise WhepError(
                429,
                f"this account watches {mine} pictures already, on all its devices together; close one",
                "too_many_own_viewers",
            )
        if len(users) >= self.total:
            raise WhepError(
                503,
                f"all {self.total} live places are taken; close one or try again later",
                "too_many_viewers",
            )
