"""Refusals as ONVIF has them: SOAP 1.2 faults for other recorders to read. Pure.

These are answers of a protocol between machines, not errors of the appliance: nothing here is shown to staff, stands on
the fault board, or has words in the page's languages.

Sources: ONVIF Core Specification, 5.8.2 (fault codes; `ter:` below is their namespace); W3C SOAP 1.2 part 1, 5.4;
part 2, 7.5.2 (HTTP status codes).
"""

from __future__ import annotations


class SoapRefusal(Exception):
    """A request that is answered with a fault.

    `subcodes`: of the `ter:` namespace, the more general first. `by_sender`: whether what was sent is wrong. `status`:
    of the HTTP answer. `reason`: English, for the log of whoever set the other side up; it repeats nothing that was
    sent.
    """

    def __init__(self, *subcodes: str, reason: str, by_sender: bool = True, status: int | None = None):
        super().__init__(reason)
        self.subcodes, self.reason, self.by_sender = subcodes, reason, by_sender
        self.status = status or (400 if by_sender else 500)


def not_authorized(reason: str, status: int = 400) -> SoapRefusal:
    """Credentials are missing, wrong, too old or used before."""
    return SoapRefusal("NotAuthorized", reason=reason, status=status)


def not_supported(operation: str) -> SoapRefusal:
    """An operation that this service does not have. `operation`: printable, as the sender called it."""
    return SoapRefusal("ActionNotSupported", reason=f"{operation} is not supported", by_sender=False)


def no_such_service() -> SoapRefusal:
    """GetCapabilities was asked for a category that there is not."""
    reason = "there are the device and the media service only"
    return SoapRefusal("ActionNotSupported", "NoSuchService", reason=reason, by_sender=False)


def invalid_argument(reason: str, detail: str = "") -> SoapRefusal:
    """A parameter is wrong. `detail`: the more special subcode."""
    return SoapRefusal("InvalidArgVal", *([detail] if detail else []), reason=reason)


def no_profile() -> SoapRefusal:
    """The same for a profile that does not exist and for one this account may not know of."""
    return invalid_argument("there is no such profile, or not for this account", "NoProfile")


def no_configuration() -> SoapRefusal:
    """The same for a configuration."""
    return invalid_argument("there is no such configuration, or not for this account", "NoConfig")
