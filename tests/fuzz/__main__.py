"""`make fuzz`: each parser of what comes from the network, guided by coverage (atheris), FUZZ_SECONDS each.

`python -m fuzz` runs all targets one after the other and prints one JSON line last: inputs tried of each. It ends with
1 where one found something; the input that did is in .cache/fuzz, as is the corpus, which the next run begins with.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "fuzz"
SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))
INPUT_BYTES_MAX = 8192


def one(name: str) -> None:
    """Fuzz in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=["webrtc", "nvr.camera", "nvr.onvif"]):
        from fuzz.targets import TARGETS
    corpus = CACHE / name
    options = [
        f"-max_total_time={SECONDS}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-artifact_prefix={CACHE}/{name}-",
    ]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", str(corpus)], TARGETS[name])
    atheris.Fuzz()


def everything() -> None:
    from fuzz.seeds import SEEDS

    tried: dict[str, int] = {}
    failed = []
    for name, seeds in SEEDS.items():
        corpus = CACHE / name
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (corpus / f"seed-{number}").write_bytes(seed)
        run = subprocess.run(
            [sys.executable, "-m", "fuzz", name], stderr=subprocess.PIPE, text=True, check=False
        )
        found = re.search(r"number_of_executed_units:\s+(\d+)", run.stderr)
        tried[name] = int(found[1]) if found else 0
        if run.returncode or not found:
            failed.append(name)
            print(run.stderr[-4000:], file=sys.stderr, flush=True)
    print(json.dumps({"seconds_each": SECONDS, "inputs": tried, "failed": failed}), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one(sys.argv[1])
    else:
        everything()
