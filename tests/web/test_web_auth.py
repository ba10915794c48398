"""Claim, log-in and back-off on the real store with real argon2; the clock is moved by hand."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from nvr.clock import FakeClock
from nvr.errors import AccountError
from nvr.events import Actor
from nvr.state import open_state
from nvr.store import Database
from nvr.web.access import AccountRole
from nvr.web.accounts import SESSION_S, normal_name
from nvr.web.auth import ACCOUNT_RULE, ADDRESS_RULE, Auth
from nvr.web.claim import code_hash, new_code
from nvr.web.errors import ApiError

HERE, THERE = "192.168.1.20", "203.0.113.9"
PASSWORD = "mười ký tự trở lên"
BY = Actor("console")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_state(tmp_path)
    yield database
    await database.close()


@pytest.fixture
async def auth(db: Database, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Auth]:
    opened = await Auth.open(db, clock, tmp_path)
    yield opened
    opened.close()


async def claim(
    auth: Auth, code: str | None = None, *, name: str = "Trưởng thôn", address: str = HERE
) -> str:
    code = auth.claim_code or "" if code is None else code
    token, _ = await auth.claim(code=code, name=name, password=PASSWORD, address=address, agent="test")
    return token


async def login(
    auth: Auth, name: str = "Trưởng thôn", *, password: str = PASSWORD, address: str = HERE
) -> str:
    token, _ = await auth.login(name=name, password=password, address=address, agent="test")
    return token


async def refusal(attempt: object) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await attempt  # type: ignore[misc]
    return caught.value


async def audit_rows(db: Database) -> list[sqlite3.Row]:
    return await db.read(lambda c: c.execute("SELECT * FROM audit ORDER BY id").fetchall())


async def test_claim_makes_one_administrator_once(auth: Auth, db: Database, tmp_path: Path) -> None:
    code = auth.claim_code or ""
    assert [len(group) for group in code.split("-")] == [4, 4, 4]
    assert stat.S_IMODE((tmp_path / "claim-code").stat().st_mode) == 0o600
    # Typed as people type: small letters, no hyphens, O for 0 and I or L for 1.
    token = await claim(auth, code.replace("-", " ").lower().replace("0", "o").replace("1", "l"))
    assert not (tmp_path / "claim-code").exists()
    assert auth.claim_code is None
    session = await auth.accounts.session(token)
    assert session is not None
    assert (session.account.name, session.account.role) == ("Trưởng thôn", AccountRole.ADMINISTRATOR)
    assert (await refusal(claim(auth, code, name="hai"))).code == "already_claimed"
    assert [account.name for account in await auth.accounts.list()] == ["Trưởng thôn"]
    assert [(row["action"], row["actor"]) for row in await audit_rows(db)] == [("claim", "Trưởng thôn")]


async def test_two_claims_at_one_moment_make_one_administrator(auth: Auth) -> None:
    code = auth.claim_code
    results = await asyncio.gather(
        claim(auth, code, name="một"), claim(auth, code, name="hai"), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["ApiError", "str"]
    assert len(await auth.accounts.list()) == 1


async def test_the_code_stays_over_restarts_until_it_is_used(
    db: Database, clock: FakeClock, tmp_path: Path
) -> None:
    codes = []
    for _ in range(2):
        auth = await Auth.open(db, clock, tmp_path)
        codes.append(auth.claim_code)
        auth.close()
    assert codes[0] == codes[1] is not None
    (tmp_path / "claim-code").unlink()
    auth = await Auth.open(db, clock, tmp_path)
    assert auth.claim_code not in (None, codes[0])
    await claim(auth)
    auth.close()
    again = await Auth.open(db, clock, tmp_path)
    assert again.claim_code is None
    again.close()


async def test_wrong_codes_wait(auth: Auth, clock: FakeClock) -> None:
    for _ in range(ACCOUNT_RULE.free):
        assert (await refusal(claim(auth, new_code()))).code == "wrong_code"
    blocked = await refusal(claim(auth, auth.claim_code, address=THERE))
    assert (blocked.status, blocked.code, blocked.retry_after_s) == (429, "too_many_attempts", 1.0)
    clock.advance(1.0)
    await claim(auth)


async def test_weak_passwords_and_bad_names(auth: Auth) -> None:
    for password in ("", "ngắn quá", "x" * 201):
        attempt = auth.claim(
            code=auth.claim_code or "", name="một", password=password, address=HERE, agent=""
        )
        assert (await refusal(attempt)).code == "weak_password"
    for name in ("", " x", "x ", "a\nb", "a\u202eb", "<b>", "x" * 41, "\x00"):
        assert (await refusal(claim(auth, name=name))).code == "bad_name"
        with pytest.raises(AccountError):
            normal_name(name)
    await claim(auth)  # none of them counted as a wrong code


async def test_names_and_passwords_in_any_unicode_form(auth: Auth) -> None:
    await claim(auth)
    decomposed_name, decomposed = (
        "tru\u031bo\u031b\u0309ng THO\u0302N",
        "mu\u031bo\u031b\u0300i ky\u0301 tu\u031b\u0323 tro\u031b\u0309 le\u0302n",
    )
    await login(auth, decomposed_name, password=decomposed)


async def test_wrong_logins_wait_and_touch_no_session(auth: Auth, clock: FakeClock) -> None:
    token = await claim(auth)
    for _ in range(ACCOUNT_RULE.free):
        assert (await refusal(login(auth, password="falsch", address=THERE))).code == "wrong_login"
    assert (await refusal(login(auth, address=THERE))).code == "too_many_attempts"
    assert (await refusal(login(auth, address="203.0.113.77"))).code == "too_many_attempts", "another address"
    assert await auth.accounts.session(token) is not None
    await login(auth, address=HERE)  # from here the account has a session, so its name's wait does not hold


async def test_unknown_accounts_are_refused_alike(auth: Auth) -> None:
    await claim(auth)
    known, unknown = [], []
    for number in range(ACCOUNT_RULE.free + 1):
        known.append(await refusal(login(auth, password="falsch", address=f"10.0.0.{number}")))
        unknown.append(await refusal(login(auth, "niemand", password="falsch", address=f"10.0.1.{number}")))
    assert [(e.status, e.code, str(e), e.retry_after_s) for e in known] == [
        (e.status, e.code, str(e), e.retry_after_s) for e in unknown
    ]


async def test_one_address_waits_over_many_names(auth: Auth) -> None:
    await claim(auth)
    net = "2001:db8:1:2"
    for number in range(ADDRESS_RULE.free):
        await refusal(login(auth, f"name{number}", password="falsch", address=f"{net}::{number}"))
    assert (await refusal(login(auth, "other", address=f"{net}:ffff::1"))).status == 429
    assert (await refusal(login(auth, "other", address="2001:db8:1:3::1"))).status == 401


async def test_a_flood_of_passwords_is_refused_not_queued(auth: Auth) -> None:
    await claim(auth)
    flood = [login(auth, f"name{n}", address=f"10.1.{n}.1") for n in range(40)]
    codes = [e.code for e in await asyncio.gather(*flood, return_exceptions=True) if isinstance(e, ApiError)]
    assert set(codes) == {"wrong_login", "too_many_attempts"}
    await login(auth)


async def test_sessions_end_by_time_logout_password_and_removal(auth: Auth, clock: FakeClock) -> None:
    first = await claim(auth)
    second = await login(auth)
    accounts = auth.accounts
    session = await accounts.session(first)
    assert session is not None
    await auth.logout(session, HERE)
    assert await accounts.session(first) is None
    assert await accounts.session(second) is not None
    await accounts.set_password("trưởng THÔN", await auth._passwords.hash("ein anderes Passwort"), by=BY)
    assert await accounts.session(second) is None
    third = await login(auth, password="ein anderes Passwort")
    clock.advance(SESSION_S - 1)
    assert await accounts.session(third) is not None
    clock.advance(2)
    assert await accounts.session(third) is None
    assert await accounts.sessions() == {}


async def test_accounts(auth: Auth) -> None:
    accounts, hashed = auth.accounts, await auth._passwords.hash(PASSWORD)
    with pytest.raises(AccountError, match="administrator"):
        await accounts.add("xem", AccountRole.VIEWER, None, hashed, by=BY)
    await accounts.add("Đội trưởng", AccountRole.ADMINISTRATOR, None, hashed, by=BY)
    with pytest.raises(AccountError, match="already"):
        await accounts.add("đội TRƯỞNG", AccountRole.VIEWER, None, hashed, by=BY)
    await accounts.add("xem", AccountRole.VIEWER, ["gate"], hashed, by=BY)
    with pytest.raises(AccountError, match="last administrator"):
        await accounts.remove("đội trưởng", by=BY)
    with pytest.raises(AccountError, match="last administrator"):
        await accounts.set_rights("đội trưởng", AccountRole.OPERATOR, None, by=BY)
    token = await login(auth, "XEM")
    await accounts.set_rights("xem", AccountRole.OPERATOR, ["yard"], by=BY)
    session = await accounts.session(token)
    assert session is not None
    assert (session.account.role, session.account.cameras) == (AccountRole.OPERATOR, {"yard"})
    await accounts.remove("xem", by=BY)
    assert await accounts.session(token) is None
    with pytest.raises(AccountError, match="no account"):
        await accounts.remove("xem", by=BY)


async def test_no_secret_is_stored_or_logged(
    auth: Auth, db: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = auth.claim_code or ""
    with capture_logs() as structured, caplog.at_level(logging.DEBUG):
        token = await claim(auth)
        await refusal(login(auth, password="sai mật khẩu này"))
        await refusal(login(auth, "mật khẩu gõ nhầm ô", password="x"))
        await login(auth)
    session = await auth.accounts.session(token)
    assert session is not None
    await db.read(lambda c: c.execute("PRAGMA wal_checkpoint"))
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    logged = repr(structured) + caplog.text + repr(session) + repr(auth)
    for secret in (token, PASSWORD, code, code.replace("-", ""), "sai mật khẩu này", "mật khẩu gõ nhầm ô"):
        assert secret.encode() not in stored
        assert secret not in logged
    assert session.csrf_token not in logged


async def test_refused_logins_are_recorded_in_batches(auth: Auth, db: Database, clock: FakeClock) -> None:
    await claim(auth)
    for _ in range(30):
        await refusal(login(auth, password="falsch", address=THERE))
    await auth.write_refusals()
    rows = [row for row in await audit_rows(db) if row["action"] == "login-refused"]
    assert [(row["subject"], row["address"], row["detail"]) for row in rows] == [
        ("Trưởng thôn", THERE, '{"count": 1}')
    ]
    clock.advance(61)
    await auth.write_refusals()
    last = (await audit_rows(db))[-1]
    assert (last["action"], last["detail"]) == ("login-refused", '{"count": 29}')


def test_codes_differ_and_hash_alike() -> None:
    assert len({new_code() for _ in range(100)}) == 100
    assert code_hash("ABCD-0011-ZZZZ") == code_hash(" abcd ooil zzzz ")


async def test_refusals_that_cannot_be_recorded_end_nothing(
    auth: Auth, db: Database, clock: FakeClock
) -> None:
    """As on a full system disk; else strangers could end the web server, and disarming with it."""
    await claim(auth)
    for _ in range(3):
        await refusal(login(auth, password="falsch", address=THERE))
    clock.advance(61)
    db._writer.execute("PRAGMA query_only=1")
    with capture_logs() as logged:
        await auth.write_refusals()
    assert any("cannot be recorded" in entry["event"] for entry in logged)


async def test_a_claimed_appliance_starts_on_a_full_disk(
    auth: Auth, db: Database, clock: FakeClock, tmp_path: Path
) -> None:
    await claim(auth)
    db._writer.execute("PRAGMA query_only=1")
    again = await Auth.open(db, clock, tmp_path)
    assert again.claim_code is None
    again.close()
