"""Live tokens: short-lived secrets by which a player without cookies watches one camera. Takes the time."""

from __future__ import annotations

import secrets
from collections.abc import Container
from dataclasses import dataclass

from nvr.web.accounts import token_key
from nvr.web.errors import ApiError

MAX_PER_SESSION = 16
MAX_TOTAL = 256


@dataclass(frozen=True, slots=True)
class LiveToken:
    """`key`: the hexadecimal SHA-256 of the secret, which is kept nowhere. `session_key`: of the log-in that issued it,
    whose rights it has, for `camera` alone."""

    key: str
    session_key: str
    camera: str
    expires_mono_s: float

    @property
    def id(self) -> str:
        """Names it in lists, and is no secret."""
        return self.key[:16]


class LiveTokens:
    """All live tokens. They are in memory only: a restart ends them, as it ends what they showed."""

    def __init__(self) -> None:
        self._by_key: dict[str, LiveToken] = {}

    def issue(
        self, session_key: str, camera: str, *, now_mono_s: float, lifetime_s: float
    ) -> tuple[str, LiveToken]:
        """The secret, and what is kept of it. Raises ApiError 429: too many are valid."""
        self._drop_expired(now_mono_s)
        mine = len(self.of(session_key, now_mono_s))
        if mine >= MAX_PER_SESSION or len(self._by_key) >= MAX_TOTAL:
            raise ApiError(
                429, "too_many_live_tokens", f"{mine} live tokens are valid; withdraw one, or let one expire"
            )
        secret = secrets.token_urlsafe(32)
        token = LiveToken(token_key(secret), session_key, camera, now_mono_s + lifetime_s)
        self._by_key[token.key] = token
        return secret, token

    def find(self, secret: str, now_mono_s: float) -> LiveToken | None:
        """The valid token whose secret this is."""
        return self.valid(token_key(secret[:100]), now_mono_s)

    def valid(self, key: str, now_mono_s: float) -> LiveToken | None:
        """The token with this key, if it has not expired."""
        token = self._by_key.get(key)
        return token if token is not None and token.expires_mono_s > now_mono_s else None

    def of(self, session_key: str, now_mono_s: float) -> list[LiveToken]:
        """The valid tokens that one log-in issued, oldest first."""
        return [
            token
            for token in self._by_key.values()
            if token.session_key == session_key and token.expires_mono_s > now_mono_s
        ]

    def revoke(self, token_id: str, session_key: str) -> LiveToken | None:
        """Forget the token that this log-in issued; None if it issued none with that id."""
        for token in self._by_key.values():
            if token.id == token_id and token.session_key == session_key:
                return self._by_key.pop(token.key)
        return None

    def revalidate(self, sessions: Container[str], now_mono_s: float) -> None:
        """Forget what expired, and what log-ins issued that are not among `sessions`."""
        self._drop_expired(now_mono_s)
        for token in list(self._by_key.values()):
            if token.session_key not in sessions:
                del self._by_key[token.key]

    def _drop_expired(self, now_mono_s: float) -> None:
        for token in list(self._by_key.values()):
            if token.expires_mono_s <= now_mono_s:
                del self._by_key[token.key]
