"""The command `nvr`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from nvr import __version__
from nvr.cli import check, demo, disk, fsck, serve, simulate, user
from nvr.errors import NvrError

EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 2 for wrong arguments, or the error's (nvr/errors.py)."""
    parser = argparse.ArgumentParser(
        prog="nvr", description="Village NVR: records cameras, recognises persons, sounds the siren."
    )
    parser.add_argument("--version", action="version", version=f"nvr {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in (serve, check, disk, fsck, user, demo, simulate):
        module.register(commands)
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except NvrError as error:
        print(f"nvr: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return code


if __name__ == "__main__":
    sys.exit(main())
