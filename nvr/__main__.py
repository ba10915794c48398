"""The command `nvr`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from nvr import __version__
from nvr.errors import NvrError

EXIT_INTERRUPTED = 130
COMMANDS = ("serve", "check", "disk", "fsck", "user", "hw", "audit", "verify", "demo", "simulate", "evaluate")
"""Modules of nvr.cli. The one that is asked for is loaded alone: what the others need would take memory for years."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 2 for wrong arguments, or the error's (nvr/errors.py)."""
    parser = argparse.ArgumentParser(
        prog="nvr", description="Village NVR: records cameras, recognises persons, sounds the siren."
    )
    parser.add_argument("--version", action="version", version=f"nvr {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    words = sys.argv[1:] if argv is None else argv
    for name in words[:1] if words and words[0] in COMMANDS else COMMANDS:
        importlib.import_module(f"nvr.cli.{name}").register(commands)
    arguments = parser.parse_args(words)
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
