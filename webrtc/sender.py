"""What all sessions share: the port, the kernel's buffers, the fan-outs. Importing it loads aiortc (20 MB)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from functools import partial

from aiortc.rtcdtlstransport import RTCCertificate

from webrtc.answer import Local, answer
from webrtc.burst import Burst
from webrtc.entries import VideoEntry
from webrtc.errors import WhepError
from webrtc.fanout import Fanout
from webrtc.frames import FrameSource
from webrtc.mux import Mux
from webrtc.peer import Peer
from webrtc.sdp import Offer
from webrtc.srtp import profiles_by_cost
from webrtc.viewer import Viewer, Voice
from webrtc.watch import Watch

ENDED_MEANWHILE = "the session was ended while it was being set up"


class Sender:
    """Made off the event loop (it measures which encryption is the cheapest), used on it."""

    def __init__(self, udp_port: int, *, idle_timeout_s: float, consent_timeout_s: float):
        self._mux = Mux(udp_port)
        self._burst: Burst[Viewer] = Burst()
        self._profiles = profiles_by_cost()
        self._voice = Voice()
        self._idle_timeout_s = idle_timeout_s
        self._consent_timeout_s = consent_timeout_s
        self._fanouts: dict[FrameSource, tuple[Fanout, asyncio.Task[None]]] = {}

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
        return Watch(Viewer(peer, entries, self._voice), source, partial(self._fanout, tasks))

    async def answer(self, offer: Offer, entries: Sequence[VideoEntry], peer: Peer) -> str:
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
            cname=self._voice.cname,
        )
        return answer(offer, entries, local)

    def _fanout(self, tasks: asyncio.TaskGroup, source: FrameSource) -> Fanout:
        """The source's own, made for its first viewer; the last one ends it."""
        running = self._fanouts.get(source)
        if running is not None and running[0].ended is None:
            return running[0]
        fanout = Fanout(
            source,
            self._burst,
            self._voice,
            idle_timeout_s=self._idle_timeout_s,
            on_idle=lambda: self._end(fanout, task),
        )
        task = tasks.create_task(fanout.run())
        self._fanouts[source] = fanout, task
        return fanout

    def _end(self, fanout: Fanout, task: asyncio.Task[None]) -> None:
        task.cancel()
        if self._fanouts.get(fanout.source) == (fanout, task):
            del self._fanouts[fanout.source]
