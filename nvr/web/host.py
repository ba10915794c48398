"""How a client addressed us."""

from __future__ import annotations

import re

from aiohttp import web

_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def host_of(request: web.Request) -> tuple[str, str] | None:
    """(name or address, the same with the port where one was given) of the Host field, an IPv6 address in brackets;
    None: it is no host, and must not be repeated."""
    match = _HOST.fullmatch(request.headers.get("Host", ""))
    return (match["name"], match[0]) if match else None


def own_address(request: web.Request) -> tuple[str, int] | None:
    """The address (without scope) and port of ours that the connection came to; None: it is gone already."""
    name = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return (name[0].partition("%")[0], name[1]) if name else None
