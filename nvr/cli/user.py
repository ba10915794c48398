"""`nvr user`: accounts, straight in state.db; works while the service runs and while it does not."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from nvr import config
from nvr.clock import SystemClock
from nvr.errors import AccountError
from nvr.events import Actor
from nvr.state import open_state
from nvr.web.access import Account, AccountRole
from nvr.web.accounts import Accounts
from nvr.web.passwords import MAX_CHARACTERS, Passwords

ROLES = [role.word for role in AccountRole]
CONSOLE = Actor("console")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `user` and its actions to the command line."""
    parser = subparsers.add_parser("user", help="list, add, change and remove accounts")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, default=Path("/etc/nvr/nvr.toml"), metavar="FILE")
    common.add_argument("--json", action="store_true", help="answer in JSON")
    secret = argparse.ArgumentParser(add_help=False)
    secret.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input (one line)"
    )
    rights = argparse.ArgumentParser(add_help=False)
    which = rights.add_mutually_exclusive_group()
    which.add_argument("--cameras", metavar="ID,ID", help="only these cameras")
    which.add_argument("--all-cameras", action="store_true", help="all cameras, present and future")

    actions.add_parser("list", parents=[common], help="list the accounts")
    add = actions.add_parser("add", parents=[common, secret, rights], help="add an account")
    add.add_argument("--role", choices=ROLES, default=AccountRole.VIEWER.word, help="default: viewer")
    remove = actions.add_parser("remove", parents=[common], help="remove an account; its sessions end")
    password = actions.add_parser(
        "password", parents=[common, secret], help="set a new password; the account's sessions end"
    )
    change = actions.add_parser("rights", parents=[common, rights], help="change role and cameras")
    change.add_argument("--role", choices=ROLES, help="default: as it is")
    for action in (add, remove, password, change):
        action.add_argument("name")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code 0. Raises ConfigError, StorageError, AccountError."""
    settings = config.load(args.config)
    file = settings.storage.state / "state.db"
    if args.action != "add" and not file.exists():
        raise AccountError(f"{file} does not exist yet", remedy="Start the appliance with `nvr serve` first")
    secret = _ask_password(from_stdin=args.password_stdin) if "password_stdin" in args else ""
    accounts = asyncio.run(_act(args, settings, secret))
    _print(accounts, as_json=args.json, action=args.action)
    return 0


async def _act(args: argparse.Namespace, settings: config.Config, secret: str) -> list[Account]:
    """The accounts that were listed, or the one that was changed."""
    database = await open_state(settings.storage.state)
    try:
        accounts = Accounts(database, SystemClock())
        match args.action:
            case "add":
                cameras, role = _cameras(args, settings), AccountRole.from_word(args.role)
                return [await accounts.add(args.name, role, cameras, await _hash(secret), by=CONSOLE)]
            case "remove":
                return [await accounts.remove(args.name, by=CONSOLE)]
            case "password":
                return [await accounts.set_password(args.name, await _hash(secret), by=CONSOLE)]
            case "rights":
                before = await accounts.get(args.name)
                role = AccountRole.from_word(args.role) if args.role else before.role
                keep = not args.all_cameras and args.cameras is None
                cameras = before.cameras if keep else _cameras(args, settings)
                return [await accounts.set_rights(args.name, role, cameras, by=CONSOLE)]
            case _:
                return await accounts.list()
    finally:
        await database.close()


async def _hash(secret: str) -> str:
    passwords = await Passwords.create()
    try:
        return await passwords.hash(secret)
    finally:
        passwords.close()


def _cameras(args: argparse.Namespace, settings: config.Config) -> Iterable[str] | None:
    """None: all cameras. Raises AccountError: no such camera."""
    if args.cameras is None:
        return None
    asked = [camera.strip() for camera in args.cameras.split(",") if camera.strip()]
    known = [camera.id for camera in settings.camera]
    for camera in asked:
        if camera not in known:
            raise AccountError(
                f'there is no camera "{camera}"', remedy=f"Known: {', '.join(known) or 'none'}"
            )
    return asked


def _ask_password(*, from_stdin: bool) -> str:
    """Never an argument: those stand in the process list and the shell's history."""
    if from_stdin:
        return sys.stdin.readline(4 * MAX_CHARACTERS).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise AccountError("there is no terminal to ask for the password", remedy="Use --password-stdin")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise AccountError("the two passwords differ", remedy="Try again")
    return password


def _print(accounts: list[Account], *, as_json: bool, action: str) -> None:
    rows = [
        {
            "name": account.name,
            "role": account.role.word,
            "cameras": None if account.cameras is None else sorted(account.cameras),
        }
        for account in accounts
    ]
    if as_json:
        print(json.dumps({"accounts": rows} if action == "list" else rows[0], ensure_ascii=False))
        return
    for account in accounts:
        cameras = (
            "all cameras" if account.cameras is None else ", ".join(sorted(account.cameras)) or "no camera"
        )
        print(f"{account.name:<24} {account.role.word:<14} {cameras}")
