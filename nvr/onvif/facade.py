"""One request from bytes to bytes: parsed, authorised, answered. Pure: time and what there is are arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from nvr.onvif import device, media, soap
from nvr.onvif.faults import SoapRefusal, not_authorized, not_supported
from nvr.onvif.model import VideoSource, Visit
from nvr.onvif.operations import Operation, Operations
from nvr.onvif.replay import WINDOW_S
from nvr.onvif.security import Checked, Guard, PlatformLogin, Verdict
from nvr.onvif.xml import build

MAX_NAME = 64
Service = Literal["device", "media"]
_SERVICES: dict[str, tuple[str, str, Operations]] = {
    "device": (soap.DEVICE, "tds", device.OPERATIONS),
    "media": (soap.MEDIA, "trt", media.OPERATIONS),
}


@dataclass(frozen=True, slots=True)
class Question:
    """One HTTP request to a service. `target`: path and query as they were sent. `visit`: without sources."""

    service: Service
    body: bytes = field(repr=False)
    authorization: str = field(repr=False)
    target: str
    visit: Visit


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. `checked`: what the credentials were worth, None: none were asked for. `challenges`: values of
    WWW-Authenticate fields."""

    status: int
    body: bytes = field(repr=False)
    checked: Checked | None = None
    challenges: tuple[str, ...] = ()


class Facade:
    """`sources_of`: what there is to see for an account."""

    def __init__(self, guard: Guard, sources_of: Callable[[PlatformLogin], tuple[VideoSource, ...]]):
        self._guard, self._sources_of = guard, sources_of

    def answer(self, question: Question) -> Reply:
        """Never raises; every refusal is a fault."""
        checked: Checked | None = None
        try:
            request = soap.parse_request(question.body)
            prefix, operation = _find(question.service, request)
            visit = question.visit
            if not operation.is_public:
                checked = self._check(question, request)
                if checked.login is None:
                    return self._refused(checked, visit.now_s)
                visit = replace(visit, sources=self._sources_of(checked.login))
            content = operation.handle(visit, request)
        except SoapRefusal as refusal:
            return Reply(refusal.status, soap.fault(refusal), checked)
        return Reply(200, soap.envelope(build(f"{prefix}:{request.operation}Response", content)), checked)

    def _check(self, question: Question, request: soap.SoapRequest) -> Checked:
        now_s = question.visit.now_s
        if request.token is not None:
            return self._guard.by_token(request.token, now_s)
        return self._guard.by_header(question.authorization, "POST", question.target, now_s)

    def _refused(self, checked: Checked, now_s: float) -> Reply:
        """401 with challenges, also for a wrong token: HTTP wants them there, and the fault says the rest."""
        refusal = not_authorized(reason_for(checked), status=401)
        challenges = tuple(self._guard.challenges_to(checked, now_s))
        return Reply(refusal.status, soap.fault(refusal), checked, challenges)


def reason_for(checked: Checked) -> str:
    """Why nobody was let in, for whoever set the other side up."""
    match checked.verdict:
        case Verdict.MISSING:
            return "log in by WS-UsernameToken (PasswordDigest) or HTTP Digest"
        case Verdict.OLD:
            ahead = "ahead of" if checked.clock_off_s > 0 else "behind"
            return (
                f"your clock is {abs(checked.clock_off_s):.0f} s {ahead} the recorder's; at most {WINDOW_S:.0f} s are "
                "allowed. Set it by GetSystemDateAndTime or the same NTP server"
            )
        case Verdict.REPEATED:
            return "this nonce was used before, or it is older than others that were; sign each request anew"
        case _:
            return "name or password is wrong, or the password is not sent as PasswordDigest"


def _find(service: Service, request: soap.SoapRequest) -> tuple[str, Operation]:
    namespace, prefix, operations = _SERVICES[service]
    operation = operations.get(request.operation) if request.namespace == namespace else None
    if operation is None:
        name = "".join(c for c in request.operation[:MAX_NAME] if c.isascii() and c.isalnum())
        raise not_supported(name or "this operation")
    return prefix, operation
