"""The same packets to many viewers: encrypted in place and handed to the kernel in as few calls as it allows.

Linux: `sendmmsg` of messages that the kernel cuts into datagrams itself (UDP_SEGMENT, since 4.18; "GSO"). Where it
does not, one `sendto` for each packet.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from webrtc.mux import Path, Port
from webrtc.sockaddr import SOCKADDR_BYTES
from webrtc.srtp import Srtp, ffi, protect_in_place

ARENA_BYTES = 1 << 20
SLAB_PACKETS = 192
"""Packets laid out at once; a larger picture is sent in several parts."""
BATCH = 8
"""Viewers served by one call: more would leave the processor's cache before the kernel has taken them."""
RUN_PACKETS = 48
"""Datagrams of one message. The kernel allows 64 (128 since 6.9), and 65,507 bytes in all."""

_SOL_UDP, _UDP_SEGMENT = 17, 103
_MSG_DONTWAIT = 0x40
# struct mmsghdr, struct iovec, struct cmsghdr with a u16 behind it; native sizes and alignment.
_MESSAGE = struct.Struct("@PIPNPNi0PI0P")
_IOVEC = struct.Struct("@PN")
_CONTROL = struct.Struct("@NiiH0N")
_CONTROL_LENGTH = struct.calcsize("@NiiH")
_NAME_BYTES = 32
MESSAGES_MAX = 256
_SEGMENTS_REFUSED = (errno.EIO, errno.EINVAL, errno.EMSGSIZE)
"""What UDP_SEGMENT fails with where an interface cannot checksum or has a smaller MTU (udp_send_skb in Linux)."""


class Receiver(Protocol):
    """Who is sent to: by its own path and under its own keys."""

    @property
    def path(self) -> Path | None: ...

    @property
    def srtp(self) -> Srtp | None: ...


R = TypeVar("R", bound=Receiver)


class Way(NamedTuple):
    """What receivers have in common who are sent to together."""

    port: Port
    tag_bytes: int
    segments: bool
    """Whether the kernel may cut: `Path.segments`."""

    @classmethod
    def to(cls, path: Path, srtp: Srtp) -> Way:
        return cls(path.port, srtp.tag_bytes, path.segments)


class _Slab:
    """Packets with room for a tag behind each, and the runs that the kernel may cut: all of one size but the last."""

    def __init__(self, packets: Sequence[bytes], tag_bytes: int):
        tag = bytes(tag_bytes)
        self.count = len(packets)
        self.template = tag.join(packets) + tag
        self.bytes = len(self.template)
        self.sizes = [len(packet) + tag_bytes for packet in packets]
        self.plain_sizes = struct.pack(f"@{self.count}i", *map(len, packets))
        self.starts = []
        at = 0
        for size in self.sizes:
            self.starts.append(at)
            at += size
        self.runs = list(self._runs())

    def _runs(self) -> Iterator[tuple[int, int, int, int]]:
        """(start, bytes, bytes of a datagram, number of datagrams)"""
        begin = 0
        while begin < self.count:
            size, end = self.sizes[begin], begin + 1
            while end < self.count and end - begin < RUN_PACKETS and self.sizes[end] == size:
                end += 1
            if end < self.count and end - begin < RUN_PACKETS and self.sizes[end] < size:
                end += 1
            yield self.starts[begin], sum(self.sizes[begin:end]), size, end - begin
            begin = end


def can_segment() -> bool:
    """Whether this kernel has `sendmmsg` and UDP_SEGMENT."""
    if not hasattr(ctypes.CDLL(None), "sendmmsg"):
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.setsockopt(_SOL_UDP, _UDP_SEGMENT, 0)
        except OSError:
            return False
    return True


class Burst(Generic[R]):
    """Sends packets to viewers; one for all sources, since everything happens within one call of `send`."""

    def __init__(self, *, segments: bool | None = None):
        """`segments`: whether the kernel cuts; None to find out."""
        self._segments = can_segment() if segments is None else segments
        self._arena = ffi.new("char[]", ARENA_BYTES)
        self._bytes = memoryview(ffi.buffer(self._arena))
        self._address = int(ffi.cast("uintptr_t", self._arena))
        self._lengths = ffi.new("int[]", SLAB_PACKETS)
        self._length_at = [self._lengths + index for index in range(SLAB_PACKETS)]
        self._messages = _Messages(self._address) if self._segments else None

    def send(self, way: Way, packets: Sequence[bytes], receivers: Sequence[R]) -> list[R]:
        """Send plain `packets`, encrypted, to receivers who all have the same `way`.

        Never waits. Returns those who did not get everything, because the kernel had no room (it was the first
        packet not sent to them that found none; what was sent before stays sent) or would not send.
        """
        left, failed = list(receivers), []
        for begin in range(0, len(packets), SLAB_PACKETS):
            if not left:
                break
            slab = _Slab(packets[begin : begin + SLAB_PACKETS], way.tag_bytes)
            slots = min(BATCH, len(left), ARENA_BYTES // slab.bytes, MESSAGES_MAX // len(slab.runs))
            pointers = [
                [self._arena + (slot * slab.bytes + start) for start in slab.starts] for slot in range(slots)
            ]
            messages = self._messages if way.segments else None
            if messages is not None:
                messages.lay(slab, slots, way.port)
            lost: list[R] = []
            for at in range(0, len(left), slots):
                batch = left[at : at + slots]
                ready = self._protect(slab, pointers, batch)
                arrived = self._send(messages, way.port, slab, ready)
                if len(arrived) < len(batch):
                    lost += [receiver for receiver in batch if receiver not in arrived]
            if lost:
                failed += lost
                left = [receiver for receiver in left if receiver not in lost]
        return failed

    def _protect(self, slab: _Slab, pointers: list[list[Any]], batch: list[R]) -> list[tuple[R, Path]]:
        """Encrypt the slab for each of `batch`, the i-th of the result in slot i; who cannot be sent to is left out."""
        ready: list[tuple[R, Path]] = []
        memmove, template, size = ffi.memmove, slab.template, slab.bytes
        sizes, sizes_bytes = slab.plain_sizes, len(slab.plain_sizes)
        for receiver in batch:
            path, srtp, slot = receiver.path, receiver.srtp, pointers[len(ready)]
            if path is None or srtp is None:
                continue
            memmove(slot[0], template, size)
            memmove(self._lengths, sizes, sizes_bytes)
            # Stops at the first error, whose number is not 0.
            if not any(map(protect_in_place, repeat(srtp.context), slot, self._length_at)):
                ready.append((receiver, path))
        return ready

    def _send(
        self, messages: _Messages | None, port: Port, slab: _Slab, ready: list[tuple[R, Path]]
    ) -> list[R]:
        """Send what lies in the slots; returns those to whom everything went."""
        if messages is None:
            return [
                receiver
                for slot, (receiver, path) in enumerate(ready)
                if self._send_each(slab, slot, path, 0)
            ]
        runs = len(slab.runs)
        for slot, (_, path) in enumerate(ready):
            messages.address(slot, path.name)
        arrived, sent, total = [receiver for receiver, _ in ready], 0, len(ready) * runs
        while sent < total:
            error = messages.send(port.socket.fileno(), sent, total - sent)
            sent += messages.sent
            if not error:
                continue
            slot, run = divmod(sent, runs)
            receiver, path = ready[slot]
            sent += runs - run
            if error in _SEGMENTS_REFUSED and slab.runs[run][3] > 1:
                path.segments = False
                if self._send_each(slab, slot, path, sum(count for *_, count in slab.runs[:run])):
                    continue
            arrived.remove(receiver)
        return arrived

    def _send_each(self, slab: _Slab, slot: int, path: Path, first: int) -> bool:
        """Send the packets of a slot from the one with index `first` on, each by itself."""
        base = slot * slab.bytes
        return all(
            path.send(self._bytes[base + start : base + start + size])
            for start, size in zip(slab.starts[first:], slab.sizes[first:], strict=True)
        )


class _Messages:
    """The kernel's structures for `sendmmsg`: each message one run of the arena at `arena_address`."""

    def __init__(self, arena_address: int):
        self.sent = 0
        self._arena_address = arena_address
        self._headers = ctypes.create_string_buffer(MESSAGES_MAX * _MESSAGE.size)
        self._iovecs = ctypes.create_string_buffer(MESSAGES_MAX * _IOVEC.size)
        self._controls = ctypes.create_string_buffer(MESSAGES_MAX * _CONTROL.size)
        self._names = ctypes.create_string_buffer(BATCH * _NAME_BYTES)
        self._headers_at = ctypes.addressof(self._headers)
        self._iovecs_at = ctypes.addressof(self._iovecs)
        self._controls_at = ctypes.addressof(self._controls)
        self._names_at = ctypes.addressof(self._names)
        self._sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
        self._sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)

    def lay(self, slab: _Slab, slots: int, port: Port) -> None:
        """Prepare the messages of `slots` copies of the slab, each with one address."""
        name_bytes = SOCKADDR_BYTES[port.socket.family]
        index = 0
        for slot in range(slots):
            for start, size, segment, count in slab.runs:
                iovec_at, control_at = index * _IOVEC.size, index * _CONTROL.size
                _IOVEC.pack_into(
                    self._iovecs, iovec_at, self._arena_address + slot * slab.bytes + start, size
                )
                if count > 1:
                    _CONTROL.pack_into(
                        self._controls, control_at, _CONTROL_LENGTH, _SOL_UDP, _UDP_SEGMENT, segment
                    )
                _MESSAGE.pack_into(
                    self._headers,
                    index * _MESSAGE.size,
                    self._names_at + slot * _NAME_BYTES,
                    name_bytes,
                    self._iovecs_at + iovec_at,
                    1,
                    self._controls_at + control_at if count > 1 else 0,
                    _CONTROL.size if count > 1 else 0,
                    0,
                    0,
                )
                index += 1

    def address(self, slot: int, name: bytes) -> None:
        """All messages of a slot go to `name`."""
        ctypes.memmove(self._names_at + slot * _NAME_BYTES, name, len(name))

    def send(self, descriptor: int, first: int, count: int) -> int:
        """Send `count` messages; `sent` says how many went. Returns 0, or the errno of the one after them."""
        sent = self._sendmmsg(descriptor, self._headers_at + first * _MESSAGE.size, count, _MSG_DONTWAIT)
        self.sent = max(0, sent)
        return ctypes.get_errno() if sent < 0 else 0
