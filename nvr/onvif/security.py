"""Who asks: WS-Security UsernameToken with PasswordDigest, or HTTP Digest, against the platform accounts. Pure.

Sources: OASIS WS-Security UsernameToken Profile 1.0, 3.1 (digest = SHA-1 of nonce, created, password); RFC 7616 (HTTP
Digest; qop "auth" only, because without it nothing stops a replay); ONVIF Core Specification, 5.9.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Protocol

from nvr.camera.auth import digest_response, parse_fields
from nvr.onvif.replay import WINDOW_S, ReplayGuard
from nvr.onvif.soap import UsernameToken

REALM = "NVR"
ALGORITHMS = ("MD5", "SHA-256")
"""In this order: the first is all that most recorders know."""
_NOBODY = hashlib.sha256(b"nobody").hexdigest()


class PlatformLogin(Protocol):
    """One platform account, as far as a request needs it."""

    @property
    def name(self) -> str: ...
    @property
    def password(self) -> str: ...
    def may_see(self, camera: str) -> bool:
        """Whether it may know of the camera with that id."""
        ...


FindLogin = Callable[[str], PlatformLogin | None]
"""The account with exactly that name, None: there is none. Takes any text."""


class Verdict(Enum):
    """What a signature is worth."""

    RIGHT = auto()
    MISSING = auto()
    WRONG = auto()
    """Name or password: the only one that may be guessing."""
    OLD = auto()
    """Signed with the right password, for another time than ours."""
    REPEATED = auto()


@dataclass(frozen=True, slots=True)
class Checked:
    """`login` is set when the verdict is RIGHT. `clock_off_s`: how far the other clock is ahead of ours, where the
    verdict is OLD. `named`: the account that a WRONG signature was for, "" where there is none of that name."""

    verdict: Verdict
    login: PlatformLogin | None = None
    clock_off_s: float = 0.0
    named: str = ""


class Guard:
    """Checks signatures. `secret`: random bytes of this run, from which nonces of HTTP Digest are made, so that giving
    one out takes no memory."""

    def __init__(self, find: FindLogin, secret: bytes):
        self._find, self._secret = find, secret
        self._replays: dict[str, ReplayGuard] = {}

    def by_token(self, token: UsernameToken, now_s: float) -> Checked:
        """A WS-Security header. `now_s`: wall time."""
        login = self._find(token.username)
        password = login.password if login is not None else _NOBODY
        signed = token.nonce + token.created.encode("utf-8", "replace") + password.encode()
        expected = hashlib.sha1(signed, usedforsecurity=False).digest()
        is_right = hmac.compare_digest(expected, token.digest)
        if login is None or not is_right or not token.nonce:
            return Checked(Verdict.WRONG, named=login.name if login is not None else "")
        created_s = _wall_s(token.created)
        if created_s is None or abs(created_s - now_s) > WINDOW_S:
            return Checked(Verdict.OLD, clock_off_s=(created_s or 0.0) - now_s)
        return self._once(login, b"token:" + token.nonce, created_s, now_s)

    def by_header(self, authorization: str, method: str, target: str, now_s: float) -> Checked:
        """An Authorization field for a request of `method` to `target` (path and query as they were sent)."""
        if not authorization:
            return Checked(Verdict.MISSING)
        if not authorization.isascii():
            return Checked(Verdict.WRONG)
        named = ""
        needed = {"username", "realm", "nonce", "uri", "response", "nc", "cnonce", "qop"}
        for credentials in parse_fields(authorization):
            given = credentials.parameters
            if (
                credentials.scheme != "digest"
                or not needed <= given.keys()
                or credentials.algorithm not in ALGORITHMS
                or given["qop"].lower() != "auth"
                or given["realm"] != REALM
                or not _names(given["uri"], target)
            ):
                continue
            login = self._find(given["username"])
            password = login.password if login is not None else _NOBODY
            expected = digest_response(given, credentials.algorithm, password, method)
            is_right = hmac.compare_digest(expected.encode(), given["response"].lower().encode())
            if login is None or not is_right:
                named = login.name if login is not None else ""
                continue
            made_s = self._made_s(given["nonce"])
            if made_s is None or abs(made_s - now_s) > WINDOW_S:
                return Checked(Verdict.OLD, clock_off_s=(made_s or 0.0) - now_s)
            use = f"http:{given['nonce']}:{given['cnonce']}:{given['nc']}"
            return self._once(login, hashlib.sha256(use.encode()).digest(), made_s, now_s)
        return Checked(Verdict.WRONG, named=named)

    def challenges_to(self, checked: Checked, now_s: float) -> list[str]:
        """Values of the WWW-Authenticate fields of a 401 to whom `checked` is about."""
        made = f"{int(now_s * 1000):012x}"
        nonce = made + self._sealed(made)
        # The password was right: a client need not ask for another.
        ending = ", stale=true" if checked.verdict is Verdict.OLD else ""
        return [
            f'Digest realm="{REALM}", qop="auth", nonce="{nonce}", algorithm={algorithm}{ending}'
            for algorithm in ALGORITHMS
        ]

    def _once(self, login: PlatformLogin, nonce: bytes, signed_s: float, now_s: float) -> Checked:
        # Only names that exist come here, so these are no more than there are accounts in the life of the service.
        replays = self._replays.setdefault(login.name, ReplayGuard())
        if not replays.first(nonce, signed_s, now_s):
            return Checked(Verdict.REPEATED)
        return Checked(Verdict.RIGHT, login)

    def _made_s(self, nonce: str) -> float | None:
        """When we gave this nonce out; None: we never did."""
        made, seal = nonce[:12], nonce[12:]
        if not hmac.compare_digest(seal.encode(), self._sealed(made).encode()):
            return None
        return int(made, 16) / 1000

    def _sealed(self, made: str) -> str:
        return hmac.new(self._secret, made.encode(), "sha256").hexdigest()[:32]


def _names(uri: str, target: str) -> bool:
    """Whether the signed address is the request's; some clients sign all of it, with scheme and host."""
    if "://" in uri:
        rest = uri.split("://", 1)[1]
        uri = "/" + rest.partition("/")[2]
    return uri == target


def _wall_s(created: str) -> float | None:
    """Seconds since 1970 UTC of an xsd:dateTime; without a time zone it is taken as UTC. None: it is none."""
    try:
        moment = datetime.fromisoformat(created)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
