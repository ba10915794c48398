"""`nvr fsck`: checks the footage against its index while the service is stopped, and rebuilds the index."""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from nvr import log
from nvr.config import load
from nvr.record import fsck
from nvr.record.errors import storage_error
from nvr.record.fsck import Findings
from nvr.record.identity import DiskIdentity
from nvr.record.model import Deletion

EXIT_PROBLEMS = 65
BAR = 30
SHOWN = 50


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "fsck", help="check all footage against its index, while the service is stopped", description=__doc__
    )
    parser.add_argument("--config", type=Path, default=Path("/etc/nvr/nvr.toml"), metavar="FILE")
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="first make the index anew from the files; the old one, which alone knows what was deleted, is kept"
        " beside it",
    )
    parser.add_argument("--full", action="store_true", help="also read all footage and check its checksums")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0: all is well; 65: problems were found. Raises StorageError (74): the directory is missing, its disk
    is another, the service uses it, it cannot be read; ConfigError."""
    storage = load(arguments.config).storage
    log.configure(level="error")
    root = storage.recordings
    DiskIdentity(root, storage.state).expect()
    with fsck.taken(root):
        try:
            findings, deletions = asyncio.run(_work(root, rebuild=arguments.rebuild, full=arguments.full))
        except (OSError, sqlite3.Error) as error:
            raise storage_error(root, error) from error
    if arguments.json:
        answer = {
            **asdict(findings),
            "rebuilt": arguments.rebuild,
            "deletions": [_deletion(deletion) for deletion in deletions],
        }
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        _print(findings, deletions)
    return EXIT_PROBLEMS if findings.problem_count else 0


async def _work(root: Path, *, rebuild: bool, full: bool) -> tuple[Findings, list[Deletion]]:
    index = fsck.rebuild(root, datetime.now(UTC), _bar("index")) if rebuild else fsck.open_index(root)
    try:
        findings = fsck.check(root, index, _bar("check"), full=full)
        return findings, await index.deletions(0) if index is not None else []
    finally:
        if index is not None:
            await index.close()


def _bar(what: str) -> Callable[[int, int], None]:
    """Draws progress on a terminal, and nothing elsewhere."""
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        share = 1000 * done // max(total, 1)
        if share == shown or not sys.stderr.isatty():
            return
        shown = share
        full = "#" * (BAR * done // max(total, 1))
        end = "\n" if done >= total else ""
        print(f"\r{what} [{full:<{BAR}}] {share / 10:5.1f} % of {total} files", end=end, file=sys.stderr)

    return show


def _print(findings: Findings, deletions: list[Deletion]) -> None:
    for problem in findings.problems[:SHOWN]:
        print(f"WRONG {problem.path}: {problem.what}")
    if findings.problem_count > SHOWN:
        print(f"WRONG and {findings.problem_count - SHOWN} more (see --json)")
    print(
        f"{findings.files} files, {findings.bytes / 1e9:.2f} GB, {findings.segments} segments in the index,"
        f" {findings.holds} holds, {findings.problem_count} problems"
    )
    if findings.problem_count:
        print("`nvr fsck --rebuild` makes the index say what the files hold; damaged files stay as they are")
    for deletion in deletions[:SHOWN]:
        entry = _deletion(deletion)
        print(
            f"deleted on {entry['day']}: {entry['stream']}, {entry['from']} to {entry['to']},"
            f" {deletion.bytes / 1e9:.2f} GB ({deletion.cause})"
        )


def _deletion(deletion: Deletion) -> dict[str, str | int]:
    return {
        "day": str(date(1970, 1, 1) + timedelta(deletion.day)),
        "stream": str(deletion.key),
        "cause": deletion.cause,
        "segments": deletion.segments,
        "bytes": deletion.bytes,
        "from": _utc(deletion.start_90k),
        "to": _utc(deletion.end_90k),
    }


def _utc(wall_90k: int) -> str:
    return f"{datetime.fromtimestamp(wall_90k // 90_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
