"""Why the tunnel cannot be up. Each is one fault on the page, with a remedy."""

from __future__ import annotations

from nvr.errors import NvrError


class TunnelError(NvrError):
    """The interface cannot be made or set up; the message has the last words of the program that failed."""

    exit_code = 69
    code = "tunnel_interface"


class TunnelRights(TunnelError):
    """The service may not make network interfaces."""

    code = "tunnel_rights"


class TunnelProgram(TunnelError):
    """A program is not installed."""

    code = "tunnel_program"


class TunnelUnresolved(TunnelError):
    """The hub's name has no address now."""

    code = "tunnel_unresolved"


class TunnelOverlap(TunnelError):
    """The tunnel's network is one that the appliance is in already: its cameras would be looked for in the tunnel."""

    code = "tunnel_overlap"
