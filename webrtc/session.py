"""WHEP sessions: who watches what, from the offer to the end."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from webrtc import sdp
from webrtc.errors import WhepError
from webrtc.frames import EncodedFrame, FrameSource
from webrtc.h264 import Profile, ProfileLevel

if TYPE_CHECKING:
    from webrtc.sender import Sender
    from webrtc.viewer import Viewer

__all__ = ["Answer", "EncodedFrame", "FrameSource", "LiveServer", "SessionInfo", "SessionState", "WhepError"]

_log = logging.getLogger(__name__)

WIDEST_LEVEL = ProfileLevel(Profile.HIGH, 40)
"""Taken for a stream whose profile has no name here: the widest decoder is the best guess."""


class SessionState(Enum):
    CONNECTING = "connecting"
    LIVE = "live"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a WHEP POST returns; `session_id` is unguessable (192 bits) and safe in a URL path. `ice_ufrag`: the
    client's, which names its ICE session."""

    session_id: str
    sdp: str
    ice_ufrag: str


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session at one moment. `since_s` is the event loop's clock (`loop.time()`) when it was answered. `ice_ufrag`:
    the client's."""

    session_id: str
    owner: str
    user: str
    ice_ufrag: str
    source: FrameSource
    state: SessionState
    since_s: float
    frames_sent: int
    bytes_sent: int


class _Session:
    def __init__(self, session_id: str, owner: str, user: str, source: FrameSource, viewer: Viewer):
        self.session_id = session_id
        self.owner = owner
        self.user = user
        self.source = source
        self.closed = asyncio.Event()
        self.peer = viewer.peer
        self.viewer = viewer
        self._state = SessionState.CONNECTING
        self._since_s = asyncio.get_running_loop().time()
        self._reason = "the connection ended"

    @property
    def info(self) -> SessionInfo:
        return SessionInfo(
            session_id=self.session_id,
            owner=self.owner,
            user=self.user,
            ice_ufrag=self.peer.credentials.remote_ufrag,
            source=self.source,
            state=self._state,
            since_s=self._since_s,
            frames_sent=self.viewer.frames_sent,
            bytes_sent=self.viewer.bytes_sent,
        )

    def end(self, reason: str) -> None:
        """Let `run` finish; does not wait."""
        if not self.peer.over.is_set():
            self._reason = reason
            self.peer.over.set()

    async def run(self, sender: Sender, shared: asyncio.TaskGroup, *, connect_timeout_s: float) -> None:
        """Feed the viewer until the connection, the source or `end` says stop; then close the connection.

        What outlives this session, the fan-out to the source's other viewers, runs in `shared`.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(self.peer.run())
                feeding = tasks.create_task(self._feed(sender, shared, connect_timeout_s))
                await self.peer.over.wait()
                self._state = SessionState.CLOSING
                running.cancel()
                feeding.cancel()
        finally:
            await self.close()

    async def close(self) -> None:
        try:
            await self.peer.close()
        finally:
            self.closed.set()
        frames = self.viewer.frames_sent
        _log.info("live session of %s ended after %d frames: %s", self.owner, frames, self._reason)

    async def _feed(self, sender: Sender, shared: asyncio.TaskGroup, connect_timeout_s: float) -> None:
        try:
            async with asyncio.timeout(connect_timeout_s):
                await self.peer.connected.wait()
        except TimeoutError:
            self.end(f"not connected within {connect_timeout_s:g} s")
            return
        self._state = SessionState.LIVE
        self.end(await sender.show(self.source, self.viewer, shared))


class LiveServer:
    """All live viewers of the appliance: at most `max_sessions`, and `max_per_user` of one user (None: no such limit).

    A session is removed when the client deletes it or hangs up, when its connection fails, when it is not connected
    `connect_timeout_s` after the answer, when its source ends, or when the source yields nothing for
    `idle_timeout_s`; a camera that comes back sooner keeps its viewers. A phone that vanishes is noticed by its
    missing ICE consent after `consent_timeout_s`.

    `udp_port` is the one port that all video leaves by, on every local address; 0 takes any. It is open while there
    is a session. One event loop, one `run` at a time.
    """

    def __init__(
        self,
        *,
        max_sessions: int,
        max_per_user: int | None = None,
        udp_port: int = 0,
        connect_timeout_s: float = 20.0,
        idle_timeout_s: float = 60.0,
        consent_timeout_s: float = 30.0,
    ):
        self._max_sessions = max_sessions
        self._max_per_user = max_per_user
        self._udp_port = udp_port
        self._connect_timeout_s = connect_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._consent_timeout_s = consent_timeout_s
        self._sender: Sender | None = None
        self._sessions: dict[str, _Session] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Own the sessions' tasks until cancelled; on the way out every session is closed."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                try:
                    await asyncio.get_running_loop().create_future()
                finally:
                    self._tasks = None
        finally:
            # A task cancelled before its first step has not closed its session.
            for session in list(self._sessions.values()):
                await session.close()
            self._sessions.clear()

    async def offer(self, source: FrameSource, offer_sdp: str, *, owner: str, user: str = "") -> Answer:
        """Answer a WHEP offer and start the session. `owner`: who may end it; `user`: whose places it counts among.

        Raises WhepError, with every code that it has.
        """
        offer = sdp.parse_offer(offer_sdp)
        sps = source.sps
        if sps is None:
            raise WhepError(
                409, "the camera has not delivered a picture yet; try again in a moment", "no_picture"
            )
        entry = offer.choose(ProfileLevel.from_sps(sps) or WIDEST_LEVEL)
        if self._sender is None:
            # aiortc takes 20 MB: it is loaded for the first viewer, and not on the event loop.
            made = await asyncio.to_thread(self._make_sender)
            self._sender = self._sender or made
        if self._tasks is None:
            raise WhepError(503, "live video is not running; try again in a moment", "live_stopped")
        self._check_places(user)
        sender = self._sender
        session = _Session(secrets.token_urlsafe(24), owner, user, source, sender.viewer(offer, entry))
        self._sessions[session.session_id] = session
        self._tasks.create_task(self._run(session, sender, self._tasks))
        try:
            text = await sender.answer(offer, entry, session.peer)
        except BaseException:
            session.end("the offer could not be answered")
            raise
        return Answer(session.session_id, text, offer.transport.ufrag)

    async def close(self, session_id: str, *, owner: str | None) -> bool:
        """End a session and wait until it is closed (WHEP DELETE); `owner` None may end anybody's.

        False if there is no such session or it is another owner's; the two are not told apart.
        """
        session = self._sessions.get(session_id)
        if session is None or (owner is not None and session.owner != owner):
            return False
        session.end("closed by request")
        await session.closed.wait()
        return True

    async def close_where(self, predicate: Callable[[SessionInfo], bool]) -> int:
        """End every session that `predicate` picks, wait until they are closed, and return how many there were.

        For revocation: an account, a role or a camera that is no longer permitted. A session counts from the moment
        `offer` is called.
        """
        picked = [session for session in self._sessions.values() if predicate(session.info)]
        for session in picked:
            session.end("permission withdrawn")
        for session in picked:
            await session.closed.wait()
        return len(picked)

    def sessions(self) -> list[SessionInfo]:
        """All sessions, oldest first."""
        return [session.info for session in self._sessions.values()]

    def _check_places(self, user: str) -> None:
        """Raises WhepError 429, 503: no place is left. Nothing may be awaited between this and taking the place."""
        mine = sum(session.user == user for session in self._sessions.values())
        if self._max_per_user is not None and mine >= self._max_per_user:
            raise WhepError(
                429,
                f"this account watches {mine} pictures already, on all its devices together; close one",
                "too_many_own_viewers",
            )
        if len(self._sessions) >= self._max_sessions:
            raise WhepError(
                503,
                f"all {self._max_sessions} live places are taken; close one or try again later",
                "too_many_viewers",
            )

    async def _run(self, session: _Session, sender: Sender, tasks: asyncio.TaskGroup) -> None:
        try:
            await session.run(sender, tasks, connect_timeout_s=self._connect_timeout_s)
        finally:
            del self._sessions[session.session_id]

    def _make_sender(self) -> Sender:
        from webrtc.sender import Sender

        return Sender(
            self._udp_port,
            idle_timeout_s=self._idle_timeout_s,
            consent_timeout_s=self._consent_timeout_s,
        )
