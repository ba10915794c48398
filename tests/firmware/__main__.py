"""`make firmware-check`: is the BR2_EXTERNAL tree in buildroot/ right, as far as this machine can tell?

What needs Buildroot runs where BUILDROOT_DIR names its sources; without, that is said and the rest runs. The last line
is one JSON object; exit code 1 if something is wrong. buildroot/README.md says what each check proves.
"""

from __future__ import annotations

import json
import sys
import time

from firmware import buildroot, fragments, images, sources, system
from firmware.check import Check, run

CHECKS: dict[str, Check] = {
    "sources": sources.check,
    "fragments": fragments.check,
    "scripts": system.check_scripts,
    "units": system.check_units,
    "firewall": system.check_firewall,
    "images": images.check_images,
    "growth": images.check_growth,
    "bundles": images.check_bundles,
    "symbols": buildroot.check_symbols,
    "versions": buildroot.check_versions,
    "style": buildroot.check_style,
    "configurations": buildroot.check_configurations,
}


def say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    began_s = time.monotonic()
    wrong, left_out = {}, {}
    for name, check in CHECKS.items():
        wrong[name], left_out[name] = run(name, check, say)
    seconds = round(time.monotonic() - began_s, 1)
    totals = {"checks": len(CHECKS), "wrong": sum(wrong.values()), "left_out": sum(left_out.values())}
    say(json.dumps(totals | {"seconds": seconds}))
    return 1 if totals["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
