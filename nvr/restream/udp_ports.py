"""A pair of UDP ports on one of our addresses, from which all receivers there are sent to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from nvr.camera.udp import bind_pair

READS = 64
"""At a time: a flood must not keep the event loop."""
RECEIVE_BYTES = 2048


class UdpPorts:
    """`numbers`: of RTP and RTCP. Raises OSError: no pair is free on the address `local`."""

    def __init__(self, local: str):
        self._sockets = bind_pair(local)
        port = self._sockets[0].getsockname()[1]
        self.numbers = (port, port + 1)
        self._heard: dict[tuple[str, int], Callable[[], None]] = {}
        for bound in self._sockets:
            asyncio.get_running_loop().add_reader(bound, self._read, bound)

    def expect(self, address: str, ports: tuple[int, int], heard: Callable[[], None]) -> None:
        """Tell when anything comes from there; what it says is of no use to us."""
        for port in ports:
            self._heard[address, port] = heard

    def forget(self, address: str, ports: tuple[int, int]) -> None:
        for port in ports:
            self._heard.pop((address, port), None)

    def send(self, packet: bytes, address: str, to: tuple[int, int], *, is_report: bool) -> bool:
        """To the RTP or RTCP port; False: our own buffer is full, try again later. What else prevents it (nobody
        listens there, no route) the receiver will notice."""
        try:
            self._sockets[is_report].sendto(packet, (address, to[is_report]))
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def close(self) -> None:
        for bound in self._sockets:
            asyncio.get_running_loop().remove_reader(bound)
            bound.close()

    def _read(self, bound: socket.socket) -> None:
        for _ in range(READS):
            try:
                _, sender = bound.recvfrom(RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # what was sent before did not arrive
            heard = self._heard.get((sender[0], sender[1]))
            if heard is not None:
                heard()
