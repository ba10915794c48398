"""What all sessions share: the port, the kernel's buffers, the fan-outs. Importing it loads aiortc (20 MB)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

from aiortc.rtcdtlstransport import RTCCertificate

from webrtc.answer import Local, answer
from webrtc.audio import AudioFanout, Listener
from webrtc.burst import Burst, Receiver
from webrtc.entries import VideoEntry
from webrtc.errors import WhepError
from webrtc.fanout import Fanout
from webrtc.frames import AudioCodec, FrameSource
from webrtc.mux import Mux
from webrtc.peer import Peer
from webrtc.sdp import Offer
from webrtc.srtp import profiles_by_cost
from webrtc.viewer import Viewer, Voice
from webrtc.watch import Watch

ENDED_MEANWHILE = "the session was ended while it was being set up"


class Shared(Protocol):
    """What runs for all viewers of a source."""

    @property
    def ended(self) -> str | None: ...

    async def run(self) -> None: ...


F = TypeVar("F", bound=Shared)


class Running(Generic[F]):
    """One for each source, made for its first viewer; it ends when the last one has left."""

    def __init__(self) -> None:
        self._running: dict[FrameSource, F] = {}

    def get(
        self, source: FrameSource, make: Callable[[Callable[[], None]], F], tasks: asyncio.TaskGroup
    ) -> F:
        """The one that runs, or what `make` makes of a function to call when it is idle, begun in `tasks`."""
        found = self._running.get(source)
        if found is not None and found.ended is None:
            return found

        def end() -> None:
            task.cancel()
            if self._running.get(source) is made:
                del self._running[source]

        made = self._running[source] = make(end)
        task = tasks.create_task(made.run())
        return made


class Sender:
    """Made off the event loop (it measures which encryption is the cheapest), used on it."""

    def __init__(self, udp_port: int, *, idle_timeout_s: float, consent_timeout_s: float):
        self._mux = Mux(udp_port)
        self._burst: Burst[Receiver] = Burst()
        self._profiles = profiles_by_cost()
        self._voice = Voice()
        self._idle_timeout_s = idle_timeout_s
        self._consent_timeout_s = consent_timeout_s
        self._fanouts, self._audio_fanouts = Running[Fanout](), Running[AudioFanout]()

    def watch(
        self, source: FrameSource, offer: Offer, entries: Sequence[VideoEntry], tasks: asyncio.TaskGroup
    ) -> Watch:
        """Of a viewer whose peer is still to be reached, by `answer`. Fan-outs are to run in `tasks`."""
        peer = Peer(
            self._mux,
            offer.transport,
            certificate=RTCCertificate.generateCertificate(),
            profiles=self._profiles,
            consent_timeout_s=self._consent_timeout_s,
        )
        return Watch(Viewer(peer, entries, self._voice), source, partial(self._video, tasks))

    def listener(
        self, source: FrameSource, peer: Peer, payload_type: int, tasks: asyncio.TaskGroup
    ) -> Listener:
        """Who hears `source` by the connection of `peer`."""
        return Listener(peer, payload_type, partial(self._audio, tasks, source))

    async def answer(
        self, offer: Offer, entries: Sequence[VideoEntry], peer: Peer, audio: AudioCodec | None
    ) -> str:
        """The answer that leads the client to `peer`, once.

        Raises WhepError(503) if the machine has no network address, the port is taken, or the peer was closed
        meanwhile.
        """
        addresses = await peer.open()
        if peer.over.is_set():
            self._mux.remove(peer)
            raise WhepError(503, ENDED_MEANWHILE, "live_stopped")
        local = Local(
            number=secrets.randbits(62),
            addresses=addresses,
            ufrag=peer.credentials.ufrag,
            password=peer.credentials.password,
            fingerprints=peer.fingerprints,
            setup=peer.setup,
            ssrc=self._voice.ssrc,
            rtx_ssrc=self._voice.rtx_ssrc,
            audio_ssrc=self._voice.audio_ssrc,
            cname=self._voice.cname,
        )
        return answer(offer, entries, local, audio)

    def _video(self, tasks: asyncio.TaskGroup, source: FrameSource) -> Fanout:
        def make(on_idle: Callable[[], None]) -> Fanout:
            timeout_s = self._idle_timeout_s
            return Fanout(source, self._burst, self._voice, idle_timeout_s=timeout_s, on_idle=on_idle)

        return self._fanouts.get(source, make, tasks)

    def _audio(self, tasks: asyncio.TaskGroup, source: FrameSource) -> AudioFanout:
        def make(on_idle: Callable[[], None]) -> AudioFanout:
            return AudioFanout(source, self._burst, self._voice, on_idle=on_idle)

        return self._audio_fanouts.get(source, make, tasks)
