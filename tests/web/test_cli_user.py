"""`nvr user` on a real state.db, from the command line's arguments to the exit code."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from nvr.cli import user
from nvr.clock import SystemClock
from nvr.errors import AccountError, ConfigError
from nvr.state import open_state
from nvr.web.auth import Auth

PASSWORD = "mật khẩu thứ nhất"
Nvr = Callable[..., str]


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "nvr.toml"
    file.write_text(
        '[storage]\nrecordings = "rec"\nstate = "state"\n'
        '[[camera]]\nid = "gate"\nname = "Cổng"\nmain = "rtsp://127.0.0.1/1"\n'
        '[[camera]]\nid = "yard"\nname = "Sân"\nmain = "rtsp://127.0.0.1/2"\n'
    )
    return file


@pytest.fixture
def nvr(config_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Nvr:
    """Run `nvr user ARGUMENTS`; returns what it printed. `typed` is its standard input."""

    def run(*arguments: str, typed: str = "") -> str:
        parser = argparse.ArgumentParser()
        user.register(parser.add_subparsers())
        args = parser.parse_args(["user", *arguments, "--config", str(config_file)])
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        assert args.run(args) == 0
        return capsys.readouterr().out

    return run


def login(config_file: Path, name: str, password: str) -> None:
    """As the service does it. Raises ApiError."""

    async def run() -> None:
        state = config_file.parent / "state"
        database = await open_state(state)
        auth = await Auth.open(database, SystemClock(), state)
        try:
            await auth.login(name=name, password=password, address="10.0.0.1", agent="")
        finally:
            auth.close()
            await database.close()

    asyncio.run(run())


def test_from_the_first_account_to_the_last(nvr: Nvr, config_file: Path) -> None:
    nvr("add", "trưởng thôn", "--role", "administrator", "--password-stdin", typed=PASSWORD + "\n")
    login(config_file, "Trưởng Thôn", PASSWORD)
    added = json.loads(nvr("add", "cổng", "--cameras", "gate", "--json", "--password-stdin", typed=PASSWORD))
    assert added == {"name": "cổng", "role": "viewer", "cameras": ["gate"]}
    assert json.loads(nvr("list", "--json")) == {
        "accounts": [added, {"name": "trưởng thôn", "role": "administrator", "cameras": None}]
    }
    assert "all cameras" in nvr("list")

    changed = json.loads(nvr("rights", "CỔNG", "--role", "operator", "--json"))
    assert changed == {"name": "cổng", "role": "operator", "cameras": ["gate"]}, "cameras stay as they are"
    changed = json.loads(nvr("rights", "cổng", "--cameras", "gate, yard", "--json"))
    assert changed == {"name": "cổng", "role": "operator", "cameras": ["gate", "yard"]}
    assert json.loads(nvr("rights", "cổng", "--all-cameras", "--json"))["cameras"] is None

    nvr("password", "cổng", "--password-stdin", typed="mật khẩu thứ hai\n")
    login(config_file, "cổng", "mật khẩu thứ hai")
    nvr("remove", "cổng")
    assert [a["name"] for a in json.loads(nvr("list", "--json"))["accounts"]] == ["trưởng thôn"]
    with sqlite3.connect(config_file.parent / "state" / "state.db") as connection:
        rows = connection.execute("SELECT action, subject FROM audit WHERE actor = 'console'").fetchall()
        text = "\n".join(connection.iterdump())
    connection.close()
    assert rows == [
        ("account-add", "trưởng thôn"),
        ("account-add", "cổng"),
        *[("account-rights", "cổng")] * 3,
        ("account-password", "cổng"),
        ("account-remove", "cổng"),
    ]
    assert PASSWORD not in text


def test_mistakes_are_named(nvr: Nvr, config_file: Path) -> None:
    with pytest.raises(AccountError, match="does not exist yet"):
        nvr("list")
    with pytest.raises(AccountError, match="administrator"):
        nvr("add", "xem", "--password-stdin", typed=PASSWORD)
    nvr("add", "một", "--role", "administrator", "--password-stdin", typed=PASSWORD)
    for arguments, message in (
        (("add", "MỘT", "--password-stdin"), "already"),
        (("add", "hai", "--password-stdin", "--cameras", "gate,roof"), 'no camera "roof". Known: gate, yard'),
        (("add", "<b>", "--password-stdin"), "no account name"),
        (("remove", "một"), "last administrator"),
        (("rights", "một", "--role", "viewer"), "last administrator"),
        (("rights", "ba", "--role", "viewer"), "no account"),
        (("password", "ba", "--password-stdin"), "no account"),
        (("password", "một"), "no terminal"),
    ):
        with pytest.raises(AccountError, match=message):
            nvr(*arguments, typed=PASSWORD)
    with pytest.raises(AccountError, match="shorter"):
        nvr("password", "một", "--password-stdin", typed="ngắn\n")
    config_file.write_text("nonsense = 1")
    with pytest.raises(ConfigError):
        nvr("list")


def test_the_password_is_no_argument(nvr: Nvr) -> None:
    with pytest.raises(SystemExit):
        nvr("add", "một", "--password", PASSWORD)
