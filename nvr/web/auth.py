"""Claim, log-in, log-out: who may get a session, how often they may try, and the record of it."""

from __future__ import annotations

import hashlib
import math
import sqlite3
import unicodedata
from pathlib import Path

import structlog
from argon2 import PasswordHasher

from nvr import audit
from nvr.backoff import AttemptBackoff, BackoffRule, network_of
from nvr.clock import Clock
from nvr.errors import AccountError
from nvr.events import Actor
from nvr.refusals import RefusalBatch, Refusals
from nvr.store import Database
from nvr.web.access import Account, AccountRole, Session
from nvr.web.accounts import (
    Accounts,
    audit_account,
    has_accounts,
    insert_account,
    insert_session,
    normal_name,
)
from nvr.web.claim import ClaimCode, code_hash, use_code
from nvr.web.errors import ApiError
from nvr.web.passwords import Passwords, PasswordsBusy, made_password, normal

log = structlog.get_logger(__name__)

ACCOUNT_RULE = BackoffRule(free=5, first_s=1.0, max_s=60.0)
ADDRESS_RULE = BackoffRule(free=10, first_s=1.0, max_s=900.0)
_CLAIM = ("claim",)
BUSY_RETRY_S = 3.0


class Auth:
    """The gate in front of sessions.

    Wrong secrets make the account's name and the address (IPv6: its /64) wait. Existing sessions are never
    touched by that, and the name's wait does not hold for an address from which the account has a valid session:
    nobody can lock an officer out of the station by guessing.
    """

    def __init__(self, db: Database, clock: Clock, passwords: Passwords, claim: ClaimCode):
        self.accounts = Accounts(db, clock)
        self.claim_code: str | None = None
        self._db, self._clock, self._passwords, self._claim = db, clock, passwords, claim
        self._names = AttemptBackoff(ACCOUNT_RULE)
        self._addresses = AttemptBackoff(ADDRESS_RULE)
        self._refusals = RefusalBatch()

    @classmethod
    async def open(
        cls, db: Database, clock: Clock, state: Path, hasher: PasswordHasher | None = None
    ) -> Auth:
        """Ready to use; `claim_code` is then what the console shows, None once the appliance was claimed.

        `state`: the directory storage.state. `hasher`: as for `Passwords`. Raises StorageError.
        """
        auth = cls(db, clock, await Passwords.create(hasher), ClaimCode(db, state))
        auth.claim_code = await auth._claim.prepare()
        return auth

    def close(self) -> None:
        """Give threads back."""
        self._passwords.close()

    async def claim(
        self, *, code: str, name: str, password: str, address: str, agent: str
    ) -> tuple[str, Session]:
        """Make the first administrator; returns the cookie's token and the session.

        Raises ApiError: 409 already_claimed, 422 bad_name, weak_password, 429 too_many_attempts, 403 wrong_code.
        """
        if await self.accounts.any():
            raise _already_claimed()
        name = _checked_name(name)
        _check_password(password)
        keys = self._begin(_CLAIM, address, exempt=False)
        row = await self._db.read(lambda c: c.execute("SELECT code_hash FROM claim").fetchone())
        if row is None or row["code_hash"] != code_hash(code):
            log.warning("wrong claim code", address=address)
            raise ApiError(403, "wrong_code", "the claim code is wrong; it stands on the appliance's console")
        password_hash = await self._hash(password, keys)
        now_wall_s = self._clock.wall()

        def work(connection: sqlite3.Connection) -> tuple[str, Session]:
            if has_accounts(connection) or not use_code(connection, code):
                raise _already_claimed()
            account = insert_account(
                connection,
                name=name,
                role=AccountRole.ADMINISTRATOR,
                cameras=None,
                password_hash=password_hash,
                now_wall_s=now_wall_s,
            )
            audit.insert(
                connection, wall_s=now_wall_s, actor=name, address=address, action="claim", subject=name
            )
            return insert_session(connection, account, address=address, agent=agent, now_wall_s=now_wall_s)

        result = await self._db.write(work)
        self.claim_code = None
        await self._claim.forget()
        self._succeed(keys)
        return result

    async def login(self, *, name: str, password: str, address: str, agent: str) -> tuple[str, Session]:
        """Begin a session; returns the cookie's token and it.

        Raises ApiError: 429 too_many_attempts, 401 wrong_login (the same for a wrong name and a wrong password).
        """
        found = await self.accounts.with_hash(name)
        account, password_hash = found or (Account(0, "", AccountRole.VIEWER), None)
        known_here = await self.accounts.has_session_from(account, address)
        try:
            keys = self._begin(("name", _folded(name)), address, exempt=known_here)
            matches = await self._matches(password, password_hash, keys)
        except ApiError:
            await self._refused(account.name, address)
            raise
        result = await self._begin_session(account, password_hash, address, agent) if matches else None
        if result is None:
            await self._refused(account.name, address)
            raise ApiError(401, "wrong_login", "name or password is wrong")
        self._succeed(keys)
        return result

    async def change_password(self, session: Session, old: str, new: str, address: str) -> None:
        """Give the account of `session` the password `new`; its other sessions end.

        Raises ApiError: 429 too_many_attempts, 403 wrong_password (`old`), 422 weak_password, same_password.
        """
        _check_password(new)
        if normal(new) == unicodedata.normalize("NFC", old):
            raise ApiError(422, "same_password", "the new password is the old one")
        account = session.account
        keys = self._begin(("name", _folded(account.name)), address, exempt=False)
        found = await self.accounts.with_hash(account.name)
        if found is None or not await self._matches(old, found[1], keys):
            raise ApiError(403, "wrong_password", "that is not the present password")
        password_hash, old_hash = await self._hash(new, keys), found[1]
        now_wall_s = self._clock.wall()

        def work(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(
                "UPDATE accounts SET password_hash = ?, must_change = 0 WHERE id = ? AND password_hash = ?",
                (password_hash, account.id, old_hash),
            ).rowcount
            if not changed:
                return False
            connection.execute(
                "DELETE FROM sessions WHERE account = ? AND token_hash != ?",
                (account.id, bytes.fromhex(session.key)),
            )
            audit_account(connection, now_wall_s, Actor(account.name, address), "account-password", account)
            return True

        if not await self._db.write(work):
            raise ApiError(403, "wrong_password", "the password was changed by somebody else meanwhile")
        self._succeed(keys)

    async def first_password(self) -> tuple[str, str]:
        """A password for somebody else's account and its hash. Raises ApiError 429."""
        password = made_password()
        try:
            return password, await self._passwords.hash(password)
        except PasswordsBusy:
            raise _too_many(BUSY_RETRY_S) from None

    async def logout(self, session: Session, address: str) -> None:
        """End the session; what it still has open ends within 2 s."""
        now_wall_s = self._clock.wall()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM sessions WHERE token_hash = ?", (bytes.fromhex(session.key),))
            name = session.account.name
            audit.insert(
                connection, wall_s=now_wall_s, actor=name, address=address, action="logout", subject=name
            )

        await self._db.write(work)

    async def write_refusals(self) -> None:
        """Write the refused log-ins that were held back; call it every few seconds. Those that the database does not
        take stand in the log only: strangers must not be able to end anything by guessing on a full disk."""
        for refusals in self._refusals.due(self._clock.monotonic()):
            try:
                await self._write(refusals)
            except sqlite3.Error as error:
                log.error("refused log-ins cannot be recorded", error=str(error))

    async def _begin_session(
        self, account: Account, password_hash: str | None, address: str, agent: str
    ) -> tuple[str, Session] | None:
        """None if the account is switched off, or it or its password changed while that was being checked."""
        now_wall_s = self._clock.wall()

        def work(connection: sqlite3.Connection) -> tuple[str, Session] | None:
            row = connection.execute(
                "SELECT 1 FROM accounts WHERE id = ? AND password_hash = ? AND disabled = 0",
                (account.id, password_hash),
            ).fetchone()
            if row is None:
                return None
            name = account.name
            audit.insert(
                connection, wall_s=now_wall_s, actor=name, address=address, action="login", subject=name
            )
            return insert_session(connection, account, address=address, agent=agent, now_wall_s=now_wall_s)

        return await self._db.write(work)

    def _begin(self, name_key: tuple[str, ...], address: str, *, exempt: bool) -> tuple[tuple[str, ...], str]:
        """Count the attempt under both keys. Raises ApiError 429 if one of them must wait."""
        now_s, address_key = self._clock.monotonic(), network_of(address)
        wait_s = self._addresses.wait_s(address_key, now_s)
        if not exempt:
            wait_s = max(wait_s, self._names.wait_s(name_key, now_s))
        if wait_s > 0:
            raise _too_many(wait_s)
        self._names.begin(name_key, now_s)
        self._addresses.begin(address_key, now_s)
        return name_key, address_key

    def _succeed(self, keys: tuple[tuple[str, ...], str]) -> None:
        # Only the attempt is taken back from the address: else an account of one's own would pay for guessing others.
        self._names.succeeded(keys[0])
        self._addresses.forgiven(keys[1], self._clock.monotonic())

    def _forgive(self, keys: tuple[tuple[str, ...], str]) -> None:
        now_s = self._clock.monotonic()
        self._names.forgiven(keys[0], now_s)
        self._addresses.forgiven(keys[1], now_s)

    async def _matches(
        self, password: str, password_hash: str | None, keys: tuple[tuple[str, ...], str]
    ) -> bool:
        try:
            return await self._passwords.matches(password, password_hash)
        except PasswordsBusy:
            self._forgive(keys)
            raise _too_many(BUSY_RETRY_S) from None

    async def _hash(self, password: str, keys: tuple[tuple[str, ...], str]) -> str:
        try:
            return await self._passwords.hash(password)
        except PasswordsBusy:
            self._forgive(keys)
            raise _too_many(BUSY_RETRY_S) from None

    async def _refused(self, account_name: str, address: str) -> None:
        refusals = self._refusals.note(account_name, address, self._clock.monotonic())
        if refusals is not None:
            await self._write(refusals)

    async def _write(self, refusals: Refusals) -> None:
        # A name that is no account's is not written down: people type passwords into the wrong field.
        log.warning(
            "log-in refused",
            account=refusals.account or "(no such account)",
            address=refusals.address,
            count=refusals.count,
        )
        await audit.record(
            self._db,
            wall_s=self._clock.wall(),
            actor="",
            address=refusals.address,
            action="login-refused",
            subject=refusals.account,
            detail={"count": refusals.count},
        )


def _folded(name: str) -> str:
    """A key of bounded size for any text."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()


def _checked_name(name: str) -> str:
    try:
        return normal_name(name)
    except AccountError as error:
        raise ApiError(422, "bad_name", str(error)) from None


def _check_password(password: str) -> None:
    try:
        normal(password)
    except AccountError as error:
        raise ApiError(422, "weak_password", str(error)) from None


def _already_claimed() -> ApiError:
    return ApiError(409, "already_claimed", "this appliance already has an administrator")


def _too_many(wait_s: float) -> ApiError:
    return ApiError(
        429, "too_many_attempts", "too many attempts; wait a little", retry_after_s=float(math.ceil(wait_s))
    )
