"""`nvr disk`: which disk the recordings belong on, and the yes to another one."""

from __future__ import annotations

import argparse
from pathlib import Path

from nvr.config import load
from nvr.record.disk.identity import DiskIdentity, DiskMissing


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "disk", help="whether the recordings' own disk is there; accept another", description=__doc__
    )
    parser.add_argument("--config", type=Path, default=Path("/etc/nvr/nvr.toml"), metavar="FILE")
    parser.add_argument(
        "--accept",
        action="store_true",
        help="the disk that is mounted now is the right one from now on, for instance because the old one was replaced",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0; 74 where the disk is missing and is not to be accepted. Raises ConfigError, StorageError."""
    storage = load(arguments.config).storage
    wrong: DiskMissing | None = None
    for root in storage.recordings:
        identity = DiskIdentity(root, storage.state)
        try:
            identity.expect()
        except DiskMissing as error:
            if arguments.accept:
                identity.forget()
                print(f"{error.message}; what is mounted there now is accepted")
            elif len(storage.recordings) == 1:
                raise
            else:
                print(error)
                wrong = error
        else:
            print(f"{root}: its disk is there")
    return 0 if wrong is None else wrong.exit_code
