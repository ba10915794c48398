"""Streams served as cameras serve them: for the simulator and its like."""

from __future__ import annotations

from collections.abc import Mapping

from nvr.clock import Clock
from nvr.media.hub import StreamHub
from nvr.restream.server import Limits, RtspServer


class Mounts:
    """Streams by path, for anybody: `hubs` is looked up at each request, so the owner may change it."""

    def __init__(self, hubs: Mapping[str, StreamHub], users: Mapping[str, str] | None = None):
        self._hubs, self._users = hubs, users or {}

    def find(self, _user: str, path: str) -> tuple[str, StreamHub] | None:
        for place in (path, path.partition("?")[0].rstrip("/")):
            if place in self._hubs:
                return place, self._hubs[place]
        return None

    def password_of(self, user: str) -> str | None:
        return self._users.get(user)


def camera_server(
    hubs: Mapping[str, StreamHub],
    clock: Clock,
    *,
    users: Mapping[str, str] | None = None,
    algorithms: tuple[str, ...] = ("MD5",),
    connections: int = 1024,
    sessions: int = 1024,
) -> RtspServer:
    """A server that plays each stream from its next keyframe on. `users` None: no login."""
    limits = Limits(connections, connections, sessions, sessions)
    return RtspServer(
        Mounts(hubs, users),
        clock,
        needs_login=users is not None,
        from_gop=False,
        limits=limits,
        algorithms=algorithms,
    )
