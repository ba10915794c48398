"""`nvr audit`: who did what; checks that nobody changed the record of it. Works while the service runs."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path

from nvr import audit
from nvr.audit_chain import Head, Row, Verdict
from nvr.audit_watch import verify
from nvr.config import Config, load
from nvr.state import open_state

EXIT_BROKEN = 65


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `audit` and its actions to the command line."""
    parser = subparsers.add_parser("audit", help="who did what, and whether that record is whole")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, default=Path("/etc/nvr/nvr.toml"), metavar="FILE")
    common.add_argument("--json", action="store_true", help="answer in JSON")
    checking = actions.add_parser("verify", parents=[common], help="check the chain of all rows")
    checking.add_argument(
        "--head",
        type=Head.parse,
        action="append",
        default=[],
        metavar="ROW:HASH",
        help="must be in the chain: the head somebody noted on paper or got with a notification (16 digits will do)",
    )
    listing = actions.add_parser("list", parents=[common], help="list rows, newest first")
    listing.add_argument("--who", metavar="NAME", help="only of this account or part")
    listing.add_argument("--what", metavar="ACTION", help="only this action, as login or disarm")
    listing.add_argument(
        "--since", metavar="DATE", type=datetime.fromisoformat, help="2026-11-24 or 2026-11-24T22:00"
    )
    listing.add_argument("--limit", type=int, default=50, metavar="N")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0; 65: the chain is broken or cut. Raises ConfigError, StorageError."""
    config = load(arguments.config)
    if arguments.action == "verify":
        verdict = verify(config.storage.state, tuple(arguments.head))
        _print_verdict(verdict, as_json=arguments.json)
        return 0 if verdict.state == "whole" else EXIT_BROKEN
    _print_rows(asyncio.run(_list(config, arguments)), config, as_json=arguments.json)
    return 0


async def _list(config: Config, arguments: argparse.Namespace) -> list[Row]:
    since: datetime | None = arguments.since
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=config.site.zone)
    database = await open_state(config.storage.state)
    try:
        return await audit.page(
            database,
            limit=arguments.limit,
            actor=arguments.who,
            action=arguments.what,
            since_s=since.timestamp() if since else None,
        )
    finally:
        await database.close()


def _print_verdict(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        answer = {
            "state": verdict.state,
            "rows": verdict.rows,
            "head": str(verdict.head) if verdict.head else None,
            "broken_row": verdict.broken_row,
            "missing_head": str(verdict.missing) if verdict.missing else None,
        }
        print(json.dumps(answer))
        return
    if verdict.broken_row is not None:
        print(
            f"WRONG row {verdict.broken_row} does not follow from those before it: it was changed or put in, or a row"
            f" before it was taken out. The {verdict.rows} rows before are whole"
        )
    if verdict.missing is not None and verdict.broken_row is None:
        print(
            f"WRONG the head {verdict.missing} was known once and is not in the chain: rows were cut off at its end,"
            " it was written anew, or an older state.db was put back"
        )
    if verdict.state == "whole":
        print(f"{verdict.rows} rows, the chain is whole")
    if verdict.head is not None:
        print(f"head {verdict.head}")


def _print_rows(rows: list[Row], config: Config, *, as_json: bool) -> None:
    for row in rows:
        if as_json:
            fields = {name: getattr(row, name) for name in Row.__slots__ if name not in ("hash", "detail")}
            print(json.dumps({**fields, "detail": json.loads(row.detail)}, ensure_ascii=False))
            continue
        when = datetime.fromtimestamp(row.wall_s, config.site.zone)
        detail = "" if row.detail == "{}" else row.detail
        sys.stdout.write(
            f"{row.id:>6}  {when:%Y-%m-%d %H:%M:%S}  {row.actor or '-':<16} {row.action:<18} {row.subject:<24}"
            f" {row.address:<15} {detail}".rstrip()
            + "\n"
        )
