"""Viewers that connect as browsers do (ICE, DTLS), then count packets and drop them: `python -m bench.live_viewers N`.

A JSON line for each step on standard output, answered by one on standard input: `{"offer": sdp}` by `{"answer": sdp}`,
N times, or with `--answering`, for servers that offer themselves, `{}` by `{"offer": sdp}` and `{"answer": sdp}` by
`{}`. Then `{"ready": profile}` by any line, which begins the count; any further line ends it, and prints `{"seconds",
"packets", "bytes", "lost"}` of all viewers. Of aiortc and aioice private names are used.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM

RECEIVE_BUFFER_BYTES = 4 << 20
CONNECT_S = 120
SO_RCVBUFFORCE = 33


class Viewer:
    """One connection and what came by it."""

    def __init__(self) -> None:
        self.packets = self.bytes = self.lost = 0
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._last: dict[bytes, int] = {}
        self._buffer = bytearray(2048)

    async def connect(self, *, answering: bool) -> str:
        """Returns the name of the encryption."""
        pc, connected = self.pc, asyncio.Event()
        pc.on("connectionstatechange", lambda: pc.connectionState == "connected" and connected.set())
        if answering:
            offer = await ask({})
            await pc.setRemoteDescription(RTCSessionDescription(offer["offer"], "offer"))
            self._choose_encryption()
            await pc.setLocalDescription(await pc.createAnswer())
            await ask({"answer": pc.localDescription.sdp})
        else:
            transceiver = pc.addTransceiver("video", direction="recvonly")
            codecs = RTCRtpReceiver.getCapabilities("video").codecs
            transceiver.setCodecPreferences([c for c in codecs if c.name.lower() in ("h264", "rtx")])
            await pc.setLocalDescription(await pc.createOffer())
            self._choose_encryption()
            answer = await ask({"offer": pc.localDescription.sdp})
            await pc.setRemoteDescription(RTCSessionDescription(answer["answer"], "answer"))
        async with asyncio.timeout(CONNECT_S):
            await connected.wait()
        dtls: Any = self._dtls
        self._take_over(dtls)
        return str(dtls._ssl.get_selected_srtp_profile().decode())

    @property
    def _dtls(self) -> Any:
        return self.pc.getTransceivers()[0].receiver.transport

    def _choose_encryption(self) -> None:
        self._dtls._srtp_profiles = [SRTP_AEAD_AES_128_GCM]

    def _take_over(self, dtls: Any) -> None:
        """Read the socket in place of aioice: what is not video goes on to it."""
        loop: Any = asyncio.get_running_loop()
        self._connection = dtls.transport._connection
        pair = self._connection._nominated[1]
        self._protocol, self._server = pair.protocol, pair.remote_addr
        theirs = pair.protocol.transport._sock
        loop._remove_reader(theirs.fileno())
        self._socket = socket.socket(fileno=os.dup(theirs.fileno()))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        loop._add_reader(self._socket.fileno(), self._read)

    def _read(self) -> None:
        buffer = self._buffer
        for _ in range(256):
            try:
                size = self._socket.recv_into(buffer)
            except OSError:
                return
            if not 128 <= buffer[0] <= 191:
                data = bytes(buffer[:size])
                if buffer[0] < 4:
                    self._protocol.datagram_received(data, self._server)
                else:
                    self._connection.data_received(data, 1)
            elif not 192 <= buffer[1] <= 223:
                self._count(size, buffer[2] << 8 | buffer[3], bytes(buffer[8:12]))

    def _count(self, size: int, seq: int, source: bytes) -> None:
        self.packets += 1
        self.bytes += size
        step = (seq - self._last.get(source, seq - 1)) & 0xFFFF
        if step < 0x8000:
            self.lost += step - 1
            self._last[source] = seq
        else:
            self.lost -= 1


async def main(count: int, *, answering: bool) -> None:
    viewers = [Viewer() for _ in range(count)]
    profiles = {await viewer.connect(answering=answering) for viewer in viewers}
    await ask({"ready": ",".join(sorted(profiles))})
    before, began_s = totals(viewers), time.monotonic()
    await asyncio.to_thread(sys.stdin.readline)
    after, seconds = totals(viewers), time.monotonic() - began_s
    names = ("packets", "bytes", "lost")
    counted = {name: b - a for name, a, b in zip(names, before, after, strict=True)}
    print(json.dumps({"seconds": seconds, **counted}), flush=True)
    os._exit(0)  # sockets that were taken over cannot be closed in order


def totals(viewers: list[Viewer]) -> tuple[int, int, int]:
    return (
        sum(v.packets for v in viewers),
        sum(v.bytes for v in viewers),
        sum(v.lost for v in viewers),
    )


async def ask(message: dict[str, str]) -> dict[str, str]:
    print(json.dumps(message), flush=True)
    answer: dict[str, str] = json.loads(await asyncio.to_thread(sys.stdin.readline) or "{}")
    return answer


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), answering="--answering" in sys.argv))
