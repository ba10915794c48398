"""A socket address as the kernel's structure (Linux, ip(7) and ipv6(7)). Pure."""

from __future__ import annotations

import ipaddress
import struct
from typing import Any

AF_INET, AF_INET6 = 2, 10
SOCKADDR_BYTES = {AF_INET: 16, AF_INET6: 28}


def sockaddr(address: tuple[Any, ...]) -> bytes:
    """`sockaddr_in` or `sockaddr_in6` of an address as `socket.recvfrom` gives it."""
    host, port, *rest = address
    packed = ipaddress.ip_address(host.partition("%")[0]).packed
    if len(packed) == 4:
        return struct.pack("=H", AF_INET) + struct.pack("!H4s8x", port, packed)
    flow, scope = rest if len(rest) == 2 else (0, 0)
    return struct.pack("=H", AF_INET6) + struct.pack("!HI16s", port, flow, packed) + struct.pack("=I", scope)
