"""Basic and Digest authentication of RTSP requests, for either end. Pure: random values are arguments.

Sources: RFC 7617 (Basic), RFC 7616 (Digest: MD5 and SHA-256, qop "auth" or none), RFC 2326, 14 (the `uri` of a
Digest is the request's URL). Passwords appear in no repr and no error.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

MAX_HEADER_CHARACTERS = 4096
_TOKEN = r"[A-Za-z0-9_-]+"  # noqa: S105  (a grammar rule)
_PARAMETER = re.compile(
    rf'(?<![A-Za-z0-9_-])(?:({_TOKEN})[ \t]+)?({_TOKEN})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s,"]*)'
)
_HASHES = {"SHA-256": "sha256", "MD5": "md5"}  # strongest first


@dataclass(frozen=True, slots=True)
class Fields:
    """One challenge or one set of credentials: scheme in small letters, parameters with names likewise."""

    scheme: str
    parameters: dict[str, str] = field(repr=False)

    @property
    def algorithm(self) -> str:
        """Digest algorithm in capitals; MD5 if none is named."""
        return self.parameters.get("algorithm", "MD5").upper()

    @property
    def supported(self) -> bool:
        """Whether this challenge can be answered."""
        if self.scheme == "basic":
            return True
        qops = [word.strip() for word in self.parameters.get("qop", "auth").lower().split(",")]
        return (
            self.scheme == "digest"
            and self.algorithm in _HASHES
            and "auth" in qops
            and {"realm", "nonce"} <= self.parameters.keys()
        )


def parse_fields(value: str) -> list[Fields]:
    """The challenges of a WWW-Authenticate field or the credentials of an Authorization field with parameters;
    what cannot be read is left out."""
    found: list[Fields] = []
    for scheme, name, text in _PARAMETER.findall(value[:MAX_HEADER_CHARACTERS]):
        if scheme:
            found.append(Fields(scheme.lower(), {}))
        if found:
            plain = re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
            found[-1].parameters.setdefault(name.lower(), plain)
    return found


def digest_response(credentials: Mapping[str, str], algorithm: str, password: str, method: str) -> str:
    """The `response` for the fields `username realm nonce uri` and, where there is a `qop`, `qop nc cnonce`."""

    def hashed(*parts: str) -> str:
        # What the peer sent goes back byte for byte; user and password are UTF-8 (RFC 7616, 4).
        text = b":".join(part.encode("latin-1") for part in parts)
        return hashlib.new(_HASHES[algorithm], text, usedforsecurity=False).hexdigest()

    get = credentials.__getitem__
    secret = hashed(get("username"), get("realm"), _as_latin1(password))
    middle = (get("nonce"), get("nc"), get("cnonce"), get("qop")) if "qop" in credentials else (get("nonce"),)
    return hashed(secret, *middle, hashed(method, get("uri")))


class Login:
    """A client's user and password, and how the server wants to see them."""

    def __init__(self, username: str, password: str):
        self._username, self._password = username, password
        self._challenge: Fields | None = None
        self._count = 0

    def take_challenge(self, values: Sequence[str]) -> bool:
        """Remember the strongest challenge of the WWW-Authenticate fields; False if none can be answered."""
        challenges = [c for value in values[:8] for c in parse_fields(value) if c.supported]
        strength = ["basic", "MD5", "SHA-256"]
        self._count = 0
        self._challenge = max(
            challenges,
            key=lambda c: strength.index(c.algorithm if c.scheme == "digest" else "basic"),
            default=None,
        )
        return self._challenge is not None

    def authorization(self, method: str, url: str, cnonce: str) -> str | None:
        """Value of the Authorization field for a request; None before the first challenge. `cnonce`: a fresh
        random token."""
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            login = f"{self._username}:{self._password}".encode()
            return f"Basic {base64.b64encode(login).decode()}"
        given = challenge.parameters
        fields = {
            "username": _as_latin1(self._username),
            "realm": given["realm"],
            "nonce": given["nonce"],
            "uri": url,
        }
        bare: dict[str, str] = {}
        if "qop" in given:
            self._count += 1
            bare = {"qop": "auth", "nc": f"{self._count:08x}"}
            fields["cnonce"] = cnonce
        fields["response"] = digest_response(fields | bare, challenge.algorithm, self._password, method)
        if "opaque" in given:
            fields["opaque"] = given["opaque"]
        if "algorithm" in given:
            bare["algorithm"] = given["algorithm"]
        parts = [f"{name}={_quoted(text)}" for name, text in fields.items()]
        return "Digest " + ", ".join([*parts, *(f"{name}={text}" for name, text in bare.items())])


class Verdict(Enum):
    """What an answer to a challenge is worth."""

    RIGHT = auto()
    MISSING = auto()
    STALE = auto()
    """The right password, for a challenge of another connection."""
    WRONG = auto()
    """Name or password: the only one that may be guessing."""


@dataclass(frozen=True, slots=True)
class Proof:
    """`user`: whom the answer names, empty where there is none such; `password`: what it was checked with."""

    verdict: Verdict
    user: str = ""
    password: str = field(default="", repr=False)


class Realm:
    """The check of what clients of a server present. Digest only."""

    def __init__(
        self,
        name: str,
        password_of: Callable[[str], str | None],
        algorithms: Sequence[str] = ("SHA-256", "MD5"),
    ):
        """`password_of`: None for who does not exist; takes any text. `algorithms`: what is offered, of "MD5" and
        "SHA-256"; ffmpeg takes the last, and many players know MD5 alone."""
        self._name, self._password_of, self._algorithms = name, password_of, tuple(algorithms)

    def challenges(self, nonce: str, *, stale: bool = False) -> list[str]:
        """Values of the WWW-Authenticate fields of a 401."""
        ending = ", stale=true" if stale else ""
        return [
            f'Digest realm={_quoted(self._name)}, nonce="{nonce}", algorithm={algorithm}, qop="auth"{ending}'
            for algorithm in self._algorithms
        ]

    def check(self, authorization: str, method: str, url: str, nonce: str) -> Proof:
        """What `authorization` is worth as answer to the challenge with `nonce`, for a request of `method` to `url`."""
        if not authorization:
            return Proof(Verdict.MISSING)
        best = Proof(Verdict.WRONG)
        for credentials in parse_fields(authorization):
            given = credentials.parameters
            needed = {"username", "realm", "nonce", "uri", "response"}
            if "qop" in given:
                needed |= {"nc", "cnonce"}
            if credentials.scheme != "digest" or not needed <= given.keys():
                continue
            user = _from_latin1(given["username"])
            password = self._password_of(user)
            if (
                password is None
                or credentials.algorithm not in self._algorithms
                or given["realm"] != self._name
                or given["uri"].rstrip("/") != url.rstrip("/")
            ):
                continue
            expected = digest_response(given, credentials.algorithm, password, method)
            if not hmac.compare_digest(expected.encode(), given["response"].lower().encode()):
                best = Proof(Verdict.WRONG, user)
            elif hmac.compare_digest(given["nonce"].encode(), nonce.encode()):
                return Proof(Verdict.RIGHT, user, password)
            else:
                best = Proof(Verdict.STALE, user)
        return best


def _as_latin1(text: str) -> str:
    """UTF-8 bytes as the latin-1 characters that header fields are made of."""
    return text.encode("utf-8").decode("latin-1")


def _from_latin1(text: str) -> str:
    return text.encode("latin-1", "replace").decode("utf-8", "replace")


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
