"""Answers that stay open: event streams, footage, fragments. Bounded in number, ended when the right to them ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from nvr.web.access import Ability, Account, Session
from nvr.web.errors import ApiError


class Watch:
    """One open answer. `session` is brought up to date while it is open; `ended` is final."""

    def __init__(
        self,
        session: Session,
        needs: Ability,
        camera: str | None,
        wake: Callable[[Watch], None],
        *,
        counted: bool = True,
    ):
        self.session = session
        self.needs = needs
        self.camera = camera
        self.counted = counted
        self.ended = False
        self._wake = wake

    def update(self, session: Session) -> None:
        """Take over changed rights."""
        if session != self.session:
            self.session = session
            self._wake(self)

    def end(self) -> None:
        """Tell the handler to stop; the answer must send nothing more."""
        if not self.ended:
            self.ended = True
            self._wake(self)


class Watches:
    """All open answers. At most `max_total`, and `max_per_session` for one log-in, but for those that are bounded
    elsewhere."""

    def __init__(self, *, max_total: int, max_per_session: int = 12):
        self._max_total, self._max_per_session = max_total, max_per_session
        self._open: set[Watch] = set()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def open(
        self,
        session: Session,
        needs: Ability,
        camera: str | None,
        wake: Callable[[Watch], None],
        *,
        counted: bool = True,
    ) -> Iterator[Watch]:
        """Register an answer for the duration of the block: what it needs, as its route's rule says, and which camera
        it is about, if any in particular.

        `wake` is called when the watch ended or its session's rights changed; it must neither block nor raise.
        `counted`: whether it is one of those that are bounded here. Raises ApiError 503: too many are open.
        """
        watch = Watch(session, needs, camera, wake, counted=counted)
        if counted:
            others = [other for other in self._open if other.counted]
            mine = sum(1 for other in others if other.session.key == session.key)
            if len(others) >= self._max_total or mine >= self._max_per_session:
                raise ApiError(503, "too_many_viewers", "too many pages or players are open; close one")
        self._open.add(watch)
        try:
            yield watch
        finally:
            self._open.discard(watch)

    def revalidate(self, valid: Mapping[str, Session]) -> None:
        """`valid`: every valid session by key, with the rights of now. End what is no longer permitted."""
        for watch in list(self._open):
            session = valid.get(watch.session.key)
            if session is None or not _permitted(watch, session.account):
                watch.end()
            else:
                watch.update(session)

    def sessions(self) -> frozenset[str]:
        """Keys of the sessions that have something open."""
        return frozenset(watch.session.key for watch in self._open)

    def end_all(self) -> None:
        """End everything (the server stops)."""
        for watch in list(self._open):
            watch.end()


def _permitted(watch: Watch, account: Account) -> bool:
    return account.may(watch.needs) and (watch.camera is None or account.may_see(watch.camera))
