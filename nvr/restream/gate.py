"""Who may ask anything at all: Digest, and waits after wrong passwords. Pure: time is an argument."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from nvr.backoff import AttemptBackoff, BackoffRule, network_of
from nvr.camera.auth import Realm, Verdict
from nvr.camera.rtsp import Headers, Request, Response

RULE = BackoffRule(free=10, first_s=1.0, max_s=30.0)
"""Passwords of platforms have 92 bits: the wait spares the processor and the log, it need not stop guessing. So it is
short, because one channel that was set up wrongly must not keep a platform's others out for long."""
OnRefused = Callable[[str, str], None]
"""Told (user, empty where there is none such; address) of each wrong password."""


@dataclass(frozen=True, slots=True)
class Admission:
    """`refusal` None: let in, as `user`, who proved to know `password`; both are empty where nobody needs to log in."""

    refusal: Response | None = None
    user: str = ""
    password: str = field(default="", repr=False)


class Gate:
    """One for all connections. `realm` None: everybody may."""

    def __init__(self, realm: Realm | None, on_refused: OnRefused = lambda _user, _address: None):
        self._realm, self._on_refused = realm, on_refused
        self._backoff = AttemptBackoff(RULE)

    def check(self, request: Request, nonce: str, address: str, now_s: float) -> Admission:
        """Of a request from `address` in the connection that was given `nonce`."""
        if self._realm is None:
            return Admission()
        authorization = request.headers.get("Authorization")
        key = network_of(address)
        if authorization:
            wait_s = self._backoff.wait_s(key, now_s)
            if wait_s > 0:
                return Admission(Response(503, headers=Headers((("Retry-After", str(math.ceil(wait_s))),))))
        proof = self._realm.check(authorization, request.method, request.url, nonce)
        if proof.verdict is Verdict.RIGHT:
            return Admission(None, proof.user, proof.password)
        if proof.verdict is Verdict.WRONG:
            self._backoff.begin(key, now_s)
            self._on_refused(proof.user, address)
        challenges = self._realm.challenges(nonce, stale=proof.verdict is Verdict.STALE)
        return Admission(Response(401, headers=Headers(tuple(("WWW-Authenticate", c) for c in challenges))))
