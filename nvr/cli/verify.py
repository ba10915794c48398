"""`nvr verify`: checks a package of evidence on any computer, without an appliance and without its configuration."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from nvr.evidence import fingerprint
from nvr.evidence.findings import Finding
from nvr.evidence.reading import open_package
from nvr.evidence.verify import Verdict, verify
from nvr.evidence.zip_layout import NoPackage

EXIT_BROKEN = 65
SHOWN = 100
_STATES = {
    "authentic": "AUTHENTIC every byte is as the appliance with this key signed it",
    "unknown_signer": "CONSISTENT, SIGNER UNKNOWN every byte is as it was signed, but by whom is not known: a forger"
    " can sign too. Ask for the fingerprint where the package comes from, and give it with --key",
    "broken": "BROKEN this is not what was signed",
}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "verify", help="check a package of evidence: is it as it was signed, and by whom", description=__doc__
    )
    parser.add_argument("package", type=Path, metavar="FILE|FOLDER", help="the ZIP, or the folder it became")
    parser.add_argument(
        "--key",
        type=fingerprint.parse,
        metavar="FINGERPRINT",
        help="of the appliance's key, as the duty room says it (spaces do not matter, 32 digits will do)",
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0: as it was signed, and with --key by whom; 65: it is not. Raises StorageError: nothing to read."""
    try:
        files = open_package(arguments.package)
    except NoPackage as error:
        verdict = Verdict((Finding("container", arguments.package.name, str(error)),), None, None, False)
    else:
        try:
            verdict = verify(files, arguments.key, _bar if sys.stderr.isatty() else None)
        finally:
            files.close()
    if arguments.json:
        print(json.dumps(_answer(verdict), indent=2))
    else:
        _print(verdict)
    return EXIT_BROKEN if verdict.state == "broken" else 0


def _bar(done: int, total: int) -> None:
    end = "\n" if done >= total else ""
    print(f"\r{done / 1e6:.0f} of {total / 1e6:.0f} MB", end=end, file=sys.stderr)


def _answer(verdict: Verdict) -> dict[str, object]:
    return {
        "state": verdict.state,
        "signer": verdict.signer,
        "case": verdict.manifest.case if verdict.manifest else None,
        "findings": [finding._asdict() for finding in verdict.findings],
    }


def _print(verdict: Verdict) -> None:
    for finding in verdict.findings[:SHOWN]:
        print(f"WRONG {_plain(finding.name)}: {finding.kind}: {_plain(finding.detail)}")
    if len(verdict.findings) > SHOWN:
        print(f"WRONG and {len(verdict.findings) - SHOWN} more (see --json)")
    manifest = verdict.manifest
    if manifest is not None:
        print(f"case       {_plain(manifest.case)}")
        print(f"site       {_plain(manifest.site.name)}")
        print(f"span       {manifest.span.start} – {manifest.span.end}")
        print(f"contents   {len(manifest.files)} files, {len(manifest.gaps)} gaps declared")
    if verdict.signer is not None:
        print(f"signed by  {fingerprint.grouped(verdict.signer)}")
    print(_STATES[verdict.state])


def _plain(text: str) -> str:
    """What strangers wrote, without anything that a terminal obeys or that turns writing around."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
