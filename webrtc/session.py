"""WHEP sessions: who watches what, from the offer to the end."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from webrtc import sdp
from webrtc.errors import WhepError
from webrtc.frames import EncodedFrame, FrameSource
from webrtc.info import Answer, SessionInfo, SessionState, Statistics
from webrtc.matching import NO_PICTURE, audio_for, entries_for
from webrtc.places import Places

if TYPE_CHECKING:
    from webrtc.audio import Listener
    from webrtc.sender import Sender
    from webrtc.watch import Watch

__all__ = [
    "Answer",
    "EncodedFrame",
    "FrameSource",
    "LiveServer",
    "SessionInfo",
    "SessionState",
    "Statistics",
    "WhepError",
]

_log = logging.getLogger(__name__)


class _Session:
    def __init__(self, session_id: str, owner: str, user: str, watch: Watch, listener: Listener | None):
        self.session_id = session_id
        self.owner = owner
        self.user = user
        self.watch, self._listener = watch, listener
        self.closed = asyncio.Event()
        self.viewer = watch.viewer
        self.peer = watch.viewer.peer
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
            source=self.watch.source,
            state=self._state,
            since_s=self._since_s,
            frames_sent=self.viewer.frames_sent,
            bytes_sent=self.viewer.octets,
        )

    @property
    def statistics(self) -> Statistics:
        viewer, report = self.viewer, self.viewer.reported
        return Statistics(
            source=self.watch.source,
            frames_sent=viewer.frames_sent,
            packets_sent=viewer.packets,
            packets_retransmitted=viewer.retransmitted,
            packets_lost=report.lost if report is not None else None,
            fraction_lost=report.fraction_lost / 256 if report is not None else None,
            round_trip_s=viewer.round_trip_s,
        )

    def end(self, reason: str) -> None:
        """Let `run` finish; does not wait."""
        if not self.peer.over.is_set():
            self._reason = reason
            self.peer.over.set()

    async def run(self, *, connect_timeout_s: float) -> None:
        """Feed the viewer until the connection, the source or `end` says stop; then close the connection."""
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(self.peer.run())
                feeding = tasks.create_task(self._feed(connect_timeout_s))
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

    async def _feed(self, connect_timeout_s: float) -> None:
        try:
            async with asyncio.timeout(connect_timeout_s):
                await self.peer.connected.wait()
        except TimeoutError:
            self.end(f"not connected within {connect_timeout_s:g} s")
            return
        self._state = SessionState.LIVE
        if self._listener is not None:
            self._listener.start()
        try:
            self.end(await self.watch.run())
        finally:
            if self._listener is not None:
                self._listener.stop()


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
        self._places = Places(max_sessions, max_per_user)
        self._udp_port = udp_port
        self._connect_timeout_s = connect_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._consent_timeout_s = consent_timeout_s
        self._sender: Sender | None = None
        self._sessions: dict[str, _Session] = {}
        self._elsewhere: list[str] = []
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
        """Answer a WHEP offer and start the session, with `source` or, if the client cannot take it, with the best
        stream below it in its scene. With audio if the offer asks for it and a stream of the scene has it. `owner`: who
        may end it; `user`: whose places it counts among.

        Raises WhepError, with every code that it has.
        """
        offer = sdp.parse_offer(offer_sdp)
        entries = entries_for(source, offer)
        if self._sender is None:
            # aiortc takes 20 MB: it is loaded for the first viewer, and not on the event loop.
            made = await asyncio.to_thread(self._make_sender)
            self._sender = self._sender or made
        if self._tasks is None:
            raise WhepError(503, "live video is not running; try again in a moment", "live_stopped")
        # Nothing may be awaited between this and taking the place.
        self._check_place(user)
        sender = self._sender
        watch = sender.watch(source, offer, entries, self._tasks)
        listener, heard = None, audio_for(source, offer)
        if heard is not None:
            payload_type = offer.audio_entries[heard[1]]
            listener = sender.listener(heard[0], watch.viewer.peer, payload_type, self._tasks)
        session = _Session(secrets.token_urlsafe(24), owner, user, watch, listener)
        self._sessions[session.session_id] = session
        self._tasks.create_task(self._run(session))
        try:
            text = await sender.answer(offer, entries, session.peer, heard[1] if heard is not None else None)
        except BaseException:
            session.end("the offer could not be answered")
            raise
        return Answer(session.session_id, text, offer.transport.ufrag)

    def switch(self, session_id: str, source: FrameSource, *, owner: str | None) -> bool:
        """Show `source`, of the same scene, and nothing better from its next keyframe on, in the same session.

        What the client reports may lead to lower streams of the scene and back, as with the source that was offered.
        False as for `close`. Raises WhepError: 409 the source knows no SPS yet, 422 the client's offer has no codec
        for it.
        """
        session = self._owned(session_id, owner)
        if session is None:
            return False
        if source.codec is None or source.sps is None:
            raise WhepError(409, NO_PICTURE, "no_picture")
        if session.viewer.entry_for(source) is None:
            raise WhepError(422, f"the client has not offered {source.codec.upper()} as this stream has it")
        session.watch.switch(source)
        return True

    def statistics(self, session_id: str, *, owner: str | None) -> Statistics | None:
        """How a session fares; None as `close` says False."""
        session = self._owned(session_id, owner)
        return session.statistics if session is not None else None

    async def close(self, session_id: str, *, owner: str | None) -> bool:
        """End a session and wait until it is closed (WHEP DELETE); `owner` None may end anybody's.

        False if there is no such session or it is another owner's; the two are not told apart.
        """
        session = self._owned(session_id, owner)
        if session is None:
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

    @contextmanager
    def place(self, user: str) -> Iterator[None]:
        """One of the places for the duration of the block, for who is shown pictures by another way than a session.

        Raises WhepError 429, 503: none is left, as for `offer`.
        """
        self._check_place(user)
        self._elsewhere.append(user)
        try:
            yield
        finally:
            self._elsewhere.remove(user)

    def _check_place(self, user: str) -> None:
        self._places.check((*(session.user for session in self._sessions.values()), *self._elsewhere), user)

    def _owned(self, session_id: str, owner: str | None) -> _Session | None:
        session = self._sessions.get(session_id)
        return session if session is not None and owner in (None, session.owner) else None

    async def _run(self, session: _Session) -> None:
        try:
            await session.run(connect_timeout_s=self._connect_timeout_s)
        finally:
            del self._sessions[session.session_id]

    def _make_sender(self) -> Sender:
        from webrtc.sender import Sender

        return Sender(
            self._udp_port,
            idle_timeout_s=self._idle_timeout_s,
            consent_timeout_s=self._consent_timeout_s,
        )
