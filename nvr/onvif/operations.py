"""What an operation of a service is: none can be made without saying who may call it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nvr.onvif.model import Visit
from nvr.onvif.soap import SoapRequest
from nvr.onvif.xml import Markup


@dataclass(frozen=True, slots=True)
class Operation:
    """`handle`: what stands in the answer's element; raises SoapRefusal. `is_public`: whether anybody may ask; then the
    visit has no sources."""

    handle: Callable[[Visit, SoapRequest], Markup]
    is_public: bool


Operations = Mapping[str, Operation]
