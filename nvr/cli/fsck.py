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
from nvr.errors import StorageError
from nvr.record.disk.identity import DiskIdentity
from nvr.record.errors import storage_error
from nvr.record.index import fsck
from nvr.record.index.fsck import Findings
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
    answers: list[dict[str, object]] = []
    problems, away = 0, None
    for root in storage.recordings:
        try:
            findings, deletions = _look(root, storage.state, arguments)
        except StorageError as error:
            if len(storage.recordings) == 1:
                raise
            away = error  # the others are looked at all the same
            answers.append({"path": str(root), "error": str(error)})
            if not arguments.json:
                print(f"WRONG {error}")
            continue
        problems += findings.problem_count
        answers.append(
            {
                "path": str(root),
                **asdict(findings),
                "rebuilt": arguments.rebuild,
                "deletions": [_deletion(deletion) for deletion in deletions],
            }
        )
        if not arguments.json:
            if len(storage.recordings) > 1:
                print(f"{root}:")
            _print(findings, deletions)
    if arguments.json:
        answer = answers[0] if len(answers) == 1 else {"disks": answers}
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    if problems:
        return EXIT_PROBLEMS
    return 0 if away is None else away.exit_code


def _look(root: Path, state: Path, arguments: argparse.Namespace) -> tuple[Findings, list[Deletion]]:
    """Raises StorageError."""
    DiskIdentity(root, state).expect()
    with fsck.taken(root):
        try:
            return asyncio.run(_work(root, rebuild=arguments.rebuild, full=arguments.full))
        except (OSError, sqlite3.Error) as error:
            raise storage_error(root, error) from error


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
