"""Accounts and sessions in state.db (tables `accounts`, `sessions`; schema/017_accounts.sql, 001.sql)."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sqlite3
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from nvr import audit
from nvr.clock import Clock
from nvr.errors import AccountError
from nvr.events import Actor
from nvr.store import Database
from nvr.web.access import Ability, Account, AccountRole, Session

SESSION_S = 30 * 86400.0
MAX_NAME = 40
_NAME = re.compile(r"\w(?:[\w .@'-]{0,38}\w)?")

_SESSIONS = (
    "SELECT s.token_hash, s.csrf_token, s.expires_s, a.id, a.name, a.role, a.cameras, a.must_change,"
    " a.disabled FROM sessions s JOIN accounts a ON a.id = s.account WHERE s.expires_s > ? AND a.disabled = 0"
)


def normal_name(name: str) -> str:
    """The account name in one Unicode form (NFC): 1 to 40 letters, digits, spaces and . @ ' - _ in between.

    Raises AccountError for anything else.
    """
    name = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(name):
        raise AccountError(
            "that is no account name",
            remedy=f"Take 1 to {MAX_NAME} letters and digits; spaces and . @ ' - _ may stand between them",
        )
    return name


def token_key(token: str) -> str:
    """`Session.key` of a cookie's token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def insert_account(
    connection: sqlite3.Connection,
    *,
    name: str,
    role: AccountRole,
    cameras: Iterable[str] | None,
    password_hash: str,
    now_wall_s: float,
    must_change: bool = False,
) -> Account:
    """Add an account within the caller's transaction; `must_change`: somebody else knows its password.

    Raises AccountError: name taken (compared without case), or the first account is no administrator.
    """
    if role is not AccountRole.ADMINISTRATOR and not has_accounts(connection):
        raise AccountError("there is no account yet", remedy="Make the first account an administrator")
    # SQLite's NOCASE knows ASCII only, so Vietnamese letters are compared here.
    if any(account.name.casefold() == name.casefold() for account in all_accounts(connection)):
        raise AccountError(f'there is already an account "{name}"', remedy="Take another name")
    allowed = None if cameras is None else frozenset(cameras)
    cursor = connection.execute(
        "INSERT INTO accounts (name, role, cameras, password_hash, created_s, must_change)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (name, role.word, encode_cameras(allowed), password_hash, now_wall_s, must_change),
    )
    return Account(int(cursor.lastrowid or 0), name, role, allowed, must_change)


def insert_session(
    connection: sqlite3.Connection, account: Account, *, address: str, agent: str, now_wall_s: float
) -> tuple[str, Session]:
    """Begin a session within the caller's transaction; returns the cookie's token (stored nowhere) and it."""
    token, csrf_token = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    session = Session(token_key(token), account, csrf_token, now_wall_s + SESSION_S)
    connection.execute("DELETE FROM sessions WHERE expires_s <= ?", (now_wall_s,))
    connection.execute(
        "INSERT INTO sessions (token_hash, account, csrf_token, created_s, expires_s, address, agent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            bytes.fromhex(session.key),
            account.id,
            csrf_token,
            now_wall_s,
            session.expires_wall_s,
            address,
            agent[:200],
        ),
    )
    return token, session


def has_accounts(connection: sqlite3.Connection) -> bool:
    """Whether there is any account, that is, whether the appliance was claimed."""
    return connection.execute("SELECT 1 FROM accounts LIMIT 1").fetchone() is not None


class Accounts:
    """Reads and changes accounts and sessions. What concerns an account that does not exist raises AccountError."""

    def __init__(self, db: Database, clock: Clock):
        self._db, self._clock = db, clock

    async def any(self) -> bool:
        """Whether the appliance was claimed."""
        return await self._db.read(has_accounts)

    async def list(self) -> list[Account]:
        """All accounts by name."""
        return await self._db.read(all_accounts)

    async def get(self, name: str) -> Account:
        """The account of that name (without regard to case)."""
        return await self._db.read(lambda c: _need(c, name))

    async def with_hash(self, name: str) -> tuple[Account, str] | None:
        """The account of that name (without regard to case) and its password hash."""
        wanted = unicodedata.normalize("NFC", name).casefold()

        def find(connection: sqlite3.Connection) -> tuple[Account, str] | None:
            for row in connection.execute("SELECT * FROM accounts"):
                if row["name"].casefold() == wanted:
                    return account_of(row), row["password_hash"]
            return None

        return await self._db.read(find)

    async def add(
        self, name: str, role: AccountRole, cameras: Iterable[str] | None, password_hash: str, *, by: Actor
    ) -> Account:
        """A new account. Raises AccountError: bad or taken name, first account no administrator."""
        name, now_wall_s = normal_name(name), self._clock.wall()

        def work(connection: sqlite3.Connection) -> Account:
            account = insert_account(
                connection,
                name=name,
                role=role,
                cameras=cameras,
                password_hash=password_hash,
                now_wall_s=now_wall_s,
            )
            audit_account(connection, now_wall_s, by, "account-add", account)
            return account

        return await self._db.write(work)

    async def remove(self, name: str, *, by: Actor) -> Account:
        """Remove the account and its sessions. Raises AccountError: it is the last administrator."""
        now_wall_s = self._clock.wall()

        def work(connection: sqlite3.Connection) -> Account:
            account = _need(connection, name)
            keep_an_administrator(connection, account)
            connection.execute("DELETE FROM accounts WHERE id = ?", (account.id,))
            audit_account(connection, now_wall_s, by, "account-remove", account)
            return account

        return await self._db.write(work)

    async def set_password(self, name: str, password_hash: str, *, by: Actor) -> Account:
        """Change the password; every session of the account ends."""
        now_wall_s = self._clock.wall()

        def work(connection: sqlite3.Connection) -> Account:
            account = _need(connection, name)
            connection.execute(
                "UPDATE accounts SET password_hash = ?, must_change = 0 WHERE id = ?",
                (password_hash, account.id),
            )
            connection.execute("DELETE FROM sessions WHERE account = ?", (account.id,))
            audit_account(connection, now_wall_s, by, "account-password", account)
            return account

        return await self._db.write(work)

    async def set_rights(
        self, name: str, role: AccountRole, cameras: Iterable[str] | None, *, by: Actor
    ) -> Account:
        """Change role and cameras; sessions stay. Raises AccountError: it is the last administrator."""
        now_wall_s = self._clock.wall()
        allowed = None if cameras is None else frozenset(cameras)

        def work(connection: sqlite3.Connection) -> Account:
            account = _need(connection, name)
            if role is not AccountRole.ADMINISTRATOR:
                keep_an_administrator(connection, account)
            connection.execute(
                "UPDATE accounts SET role = ?, cameras = ? WHERE id = ?",
                (role.word, encode_cameras(allowed), account.id),
            )
            changed = replace(account, role=role, cameras=allowed)
            audit_account(connection, now_wall_s, by, "account-rights", changed)
            return changed

        return await self._db.write(work)

    async def session(self, token: str) -> Session | None:
        """The session of a cookie's token, if it is known and not expired."""
        if not 20 <= len(token) <= 100:
            return None
        return await self.session_by_key(token_key(token))

    async def session_by_key(self, key: str) -> Session | None:
        """The session with this `Session.key`, if it is known and not expired."""
        query, values = f"{_SESSIONS} AND s.token_hash = ?", (self._clock.wall(), bytes.fromhex(key))
        row = await self._db.read(lambda c: c.execute(query, values).fetchone())
        return _session(row) if row else None

    async def sessions(self) -> dict[str, Session]:
        """Every valid session by its key, with the account's rights as they are now."""
        now_wall_s = self._clock.wall()
        rows = await self._db.read(lambda c: c.execute(_SESSIONS, (now_wall_s,)).fetchall())
        return {session.key: session for session in map(_session, rows)}

    async def has_session_from(self, account: Account, address: str) -> bool:
        """Whether the account holds a valid session that was begun from `address`."""
        query = "SELECT 1 FROM sessions WHERE account = ? AND address = ? AND expires_s > ? LIMIT 1"
        values = (account.id, address, self._clock.wall())
        return await self._db.read(lambda c: c.execute(query, values).fetchone()) is not None


def all_accounts(connection: sqlite3.Connection) -> list[Account]:
    """All accounts by name."""
    return [account_of(row) for row in connection.execute("SELECT * FROM accounts ORDER BY name")]


def _need(connection: sqlite3.Connection, name: str) -> Account:
    wanted = unicodedata.normalize("NFC", name).casefold()
    for account in all_accounts(connection):
        if account.name.casefold() == wanted:
            return account
    raise AccountError(
        f'there is no account "{name[:MAX_NAME]}"', remedy="`nvr user list` shows the accounts"
    )


def keep_an_administrator(connection: sqlite3.Connection, going: Account) -> None:
    """Raises AccountError: without `going` nobody could administer the appliance."""
    if not any(
        a.may(Ability.ADMINISTER) and not a.disabled and a.id != going.id for a in all_accounts(connection)
    ):
        raise AccountError(f'"{going.name}" is the last administrator', remedy="Make another one first")


def audit_account(
    connection: sqlite3.Connection, wall_s: float, by: Actor, action: str, account: Account
) -> None:
    """The audit row of what `by` did to `account`, in the transaction that does it."""
    detail = {"role": account.role.word, "cameras": encode_cameras(account.cameras)}
    audit.insert(
        connection,
        wall_s=wall_s,
        actor=by.name,
        address=by.address,
        action=action,
        subject=account.name,
        detail=detail,
    )


def encode_cameras(cameras: frozenset[str] | None) -> str | None:
    """As the column `cameras` holds them."""
    return None if cameras is None else json.dumps(sorted(cameras))


def account_of(row: sqlite3.Row) -> Account:
    """Of a row of `accounts`, or of any that has these columns."""
    cameras = None if row["cameras"] is None else frozenset(json.loads(row["cameras"]))
    role, must_change = AccountRole.from_word(row["role"]), bool(row["must_change"])
    return Account(row["id"], row["name"], role, cameras, must_change, bool(row["disabled"]))


def _session(row: sqlite3.Row) -> Session:
    return Session(bytes(row["token_hash"]).hex(), account_of(row), row["csrf_token"], row["expires_s"])
