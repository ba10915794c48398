"""What all sessions share: the port, the kernel's buffers, the fan-outs. Importing it loads aiortc (20 MB)."""

from __future__ import annotations

import asyncio
import secrets

from aiortc.rtcdtlstransport import RTCCertificate

from webrtc.answer import Local, answer
from webrtc.burst import Burst
from webrtc.errors import WhepError
from webrtc.fanout import Fanout, Voice
from webrtc.frames import FrameSource
from webrtc.mux import Mux
from webrtc.peer import Peer
from webrtc.sdp import H264Entry, Offer
from webrtc.srtp import profiles_by_cost
from webrtc.viewer import Viewer

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

    def viewer(self, offer: Offer, entry: H264Entry) -> Viewer:
        """A viewer whose peer is still to be reached, by `answer`."""
        peer = Peer(
            self._mux,
            offer.transport,
            certificate=RTCCertificate.generateCertificate(),
            profiles=self._profiles,
            consent_timeout_s=self._consent_timeout_s,
        )
        return Viewer(peer, payload_type=entry.payload_type, rtx_payload_type=entry.rtx_payload_type)

    async def answer(self, offer: Offer, entry: H264Entry, peer: Peer) -> str:
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
        return answer(offer, entry, local)

    async def show(self, source: FrameSource, viewer: Viewer, tasks: asyncio.TaskGroup) -> str:
        """Show `source` to a connected viewer until there is nothing more to show; returns why.

        The first viewer of a source starts its fan-out in `tasks`, the last one ends it.
        """
        fanout, task = self._fanouts.get(source, (None, None))
        if fanout is None or task is None or fanout.ended is not None:
            fanout = Fanout(source, self._burst, self._voice, idle_timeout_s=self._idle_timeout_s)
            task = tasks.create_task(fanout.run())
            self._fanouts[source] = fanout, task
        try:
            await fanout.serve(viewer)
        finally:
            if not fanout.viewers:
                task.cancel()
                if self._fanouts.get(source) == (fanout, task):
                    del self._fanouts[source]
        return fanout.ended or "the stream ended"
