"""What administrators do to accounts on the page: one transaction each, with its audit row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from nvr.clock import Clock
from nvr.errors import AccountError
from nvr.events import Actor
from nvr.store import Database
from nvr.web.access import Ability, Account, AccountRole
from nvr.web.accounts import (
    account_of,
    all_accounts,
    audit_account,
    encode_cameras,
    insert_account,
    keep_an_administrator,
    normal_name,
)
from nvr.web.errors import ApiError, not_found

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Person:
    """An account, and how many log-ins it has now."""

    account: Account
    created_wall_s: float
    log_ins: int


class People:
    """`by` is who does it, `actor` the same for the audit trail. Whoever may see some cameras only has no power over
    accounts that may see others, and nobody over his own, so that no slip of the thumb shuts out its owner."""

    def __init__(self, db: Database, clock: Clock):
        self._db, self._clock = db, clock

    async def all(self) -> list[Person]:
        """By name."""
        now_wall_s = self._clock.wall()

        def work(connection: sqlite3.Connection) -> list[Person]:
            rows = connection.execute(
                "SELECT a.*, (SELECT count(*) FROM sessions s WHERE s.account = a.id AND s.expires_s > ?)"
                " AS log_ins FROM accounts a ORDER BY a.name",
                (now_wall_s,),
            )
            return [Person(account_of(row), row["created_s"], row["log_ins"]) for row in rows]

        return await self._db.read(work)

    async def add(
        self,
        name: str,
        role: AccountRole,
        cameras: Iterable[str] | None,
        password_hash: str,
        *,
        by: Account,
        actor: Actor,
    ) -> Account:
        """A new account, whose password somebody else knows. Raises ApiError: 422 bad_name, account_taken,
        beyond_own_cameras."""
        try:
            name = normal_name(name)
        except AccountError as error:
            raise ApiError(422, "bad_name", str(error), place="name") from None
        allowed, now_wall_s = None if cameras is None else frozenset(cameras), self._clock.wall()

        def work(connection: sqlite3.Connection) -> Account:
            if any(other.name.casefold() == name.casefold() for other in all_accounts(connection)):
                raise ApiError(422, "account_taken", "there is such an account already", place="name")
            _check_cameras(by, allowed)
            account = insert_account(
                connection,
                name=name,
                role=role,
                cameras=allowed,
                password_hash=password_hash,
                now_wall_s=now_wall_s,
                must_change=True,
            )
            audit_account(connection, now_wall_s, actor, "account-add", account)
            return account

        return await self._db.write(work)

    async def change(
        self,
        number: int,
        role: AccountRole,
        cameras: Iterable[str] | None,
        disabled: bool,
        *,
        by: Account,
        actor: Actor,
    ) -> Account:
        """Other rights, from the next second on; log-ins of who is switched off end. Raises ApiError: 404, 409
        own_account, 403 account_beyond, 422 beyond_own_cameras, 409 last_administrator."""
        allowed = None if cameras is None else frozenset(cameras)

        def work(connection: sqlite3.Connection, account: Account) -> Account:
            _check_cameras(by, allowed)
            changed = replace(account, role=role, cameras=allowed, disabled=disabled)
            if disabled or Ability.ADMINISTER not in role.abilities:
                _keep_an_administrator(connection, account)
            connection.execute(
                "UPDATE accounts SET role = ?, cameras = ?, disabled = ? WHERE id = ?",
                (role.word, encode_cameras(allowed), disabled, number),
            )
            if disabled:
                connection.execute("DELETE FROM sessions WHERE account = ?", (number,))
            return changed

        def deed(account: Account) -> str:
            if account.disabled == disabled:
                return "account-rights"
            return "account-off" if disabled else "account-on"

        return await self._do(number, by, actor, deed, work)

    async def new_password(self, number: int, password_hash: str, *, by: Account, actor: Actor) -> Account:
        """Its owner must change it; log-ins end. Raises ApiError: 404, 409 own_account, 403 account_beyond."""

        def work(connection: sqlite3.Connection, account: Account) -> Account:
            connection.execute(
                "UPDATE accounts SET password_hash = ?, must_change = 1 WHERE id = ?", (password_hash, number)
            )
            connection.execute("DELETE FROM sessions WHERE account = ?", (number,))
            return replace(account, must_change=True)

        return await self._do(number, by, actor, lambda _: "account-password", work)

    async def remove(self, number: int, *, by: Account, actor: Actor) -> None:
        """With its log-ins. Raises ApiError: 404, 409 own_account, 403 account_beyond, 409 last_administrator."""

        def work(connection: sqlite3.Connection, account: Account) -> Account:
            _keep_an_administrator(connection, account)
            connection.execute("DELETE FROM accounts WHERE id = ?", (number,))
            return account

        await self._do(number, by, actor, lambda _: "account-remove", work)

    async def find(self, number: int, *, by: Account) -> Account:
        """Raises ApiError 404, 403 account_beyond."""
        account = await self._db.read(lambda connection: _need(connection, number))
        _check_power(by, account)
        return account

    async def _do(
        self,
        number: int,
        by: Account,
        actor: Actor,
        deed: Callable[[Account], str],
        work: Callable[[sqlite3.Connection, Account], Account],
    ) -> Account:
        now_wall_s = self._clock.wall()

        def whole(connection: sqlite3.Connection) -> Account:
            account = _need(connection, number)
            if account.id == by.id:
                raise ApiError(409, "own_account", "another administrator must do this to your account")
            _check_power(by, account)
            changed = work(connection, account)
            audit_account(connection, now_wall_s, actor, deed(account), changed)
            return changed

        return await self._db.write(whole)


def _need(connection: sqlite3.Connection, number: int) -> Account:
    row = connection.execute("SELECT * FROM accounts WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise not_found()
    return account_of(row)


def _check_power(by: Account, account: Account) -> None:
    if not by.sees_all_of(account):
        raise ApiError(403, "account_beyond", "this account may see cameras that you may not")


def _check_cameras(by: Account, cameras: frozenset[str] | None) -> None:
    if by.cameras is not None and (cameras is None or not cameras <= by.cameras):
        raise ApiError(
            422, "beyond_own_cameras", "nobody gives away what he may not see himself", place="cameras"
        )


def _keep_an_administrator(connection: sqlite3.Connection, going: Account) -> None:
    try:
        keep_an_administrator(connection, going)
    except AccountError as error:
        raise ApiError(409, "last_administrator", str(error)) from None
