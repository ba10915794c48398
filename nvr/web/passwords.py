"""Passwords: what is accepted, and argon2id off the event loop."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nvr.errors import AccountError

T = TypeVar("T")

MIN_CHARACTERS = 10
MAX_CHARACTERS = 200
AT_ONCE = 2
MAX_WAITING = 16


_READ_ALOUD = "abcdefghjkmnpqrstuvwxyz23456789"
"""Nothing that is mistaken for something else when it is read aloud or typed on a phone."""


class PasswordsBusy(Exception):
    """More passwords are being checked than the appliance takes at once; nothing was checked."""


def normal(password: str) -> str:
    """The password in one Unicode form (NFC), because keyboards differ in how they write Vietnamese letters.

    Raises AccountError: too short, too long.
    """
    password = unicodedata.normalize("NFC", password)
    if len(password) < MIN_CHARACTERS:
        raise AccountError(
            f"the password is shorter than {MIN_CHARACTERS} characters", remedy="Take a longer one"
        )
    if len(password) > MAX_CHARACTERS:
        raise AccountError(
            f"the password is longer than {MAX_CHARACTERS} characters", remedy="Take a shorter one"
        )
    return password


def made_password() -> str:
    """A first password for somebody else, to be replaced by its owner: three groups of four, 59 random bits."""
    return "-".join("".join(secrets.choice(_READ_ALOUD) for _ in range(4)) for _ in range(3))


class Passwords:
    """argon2id; without `hasher` with the library's parameters (RFC 9106, low-memory profile: 64 MiB, about 0.3 s
    on a Pi).

    At most AT_ONCE are computed at once and MAX_WAITING wait, so that a flood of log-ins takes neither the memory
    nor the processor from recording.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._waiting = 0
        # Compared with where the account does not exist, so that the answer takes as long as for one that does.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    @classmethod
    async def create(cls, hasher: PasswordHasher | None = None) -> Passwords:
        """Make one in a thread (it computes one hash)."""
        return await asyncio.to_thread(cls, hasher)

    def close(self) -> None:
        """Give the threads back."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The encoded hash to store. Raises AccountError (see `normal`), PasswordsBusy."""
        checked = normal(password)
        return await self._run(lambda: self._hasher.hash(checked))

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether `password` is the one; `password_hash` None takes as long and is False. Raises PasswordsBusy."""
        password = unicodedata.normalize("NFC", password[: MAX_CHARACTERS + 1])
        return await self._run(lambda: self._verify(password, password_hash))

    def _verify(self, password: str, password_hash: str | None) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= AT_ONCE + MAX_WAITING:
            raise PasswordsBusy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
