"""The same analysis with tflite-runtime and numpy 1, as on boards that have no ai-edge-litert: the real engine and the
shipped model, in an environment of their own that has nothing but what the analysis process needs.

tflite-runtime has wheels up to Python 3.11; for later ones there is nothing to test but that nobody promises it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

import pytest
import seam

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("av", "msgspec", "numpy", "pydantic", "structlog")
CLEAR, SCORE_OFF, BOX_OFF = 0.3, 0.08, 0.05
"""Weaker objects may be seen with one runtime alone; the kernels round differently."""

project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRA: list[str] = project["optional-dependencies"]["tflite-runtime"]


def install(folder: Path) -> Path:
    """A new environment with the extra and NEEDED; its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    needed = [one for one in project["dependencies"] if one.startswith(NEEDED)]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install"]
    done = subprocess.run([*pip, "--quiet", "--no-compile", *needed, *EXTRA], capture_output=True, text=True)
    assert done.returncode == 0, f"the extra tflite-runtime cannot be installed: {done.stderr}"
    return python


def run(python: Path) -> dict[str, Any]:
    """seam.py's report by that Python."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    done = subprocess.run([python, seam.__file__], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def unmatched(seen: list[list[Any]], others: list[list[Any]]) -> list[list[Any]]:
    """What is clearly seen, and by the other runtime not, or elsewhere, or with another score."""
    return [
        [kind, score, box]
        for kind, score, box in seen
        if score >= CLEAR
        and not any(
            kind == other_kind
            and score == pytest.approx(other_score, abs=SCORE_OFF)
            and box == pytest.approx(other_box, abs=BOX_OFF)
            for other_kind, other_score, other_box in others
        )
    ]


if sys.version_info < (3, 12):

    @pytest.mark.timeout(300)  # pip may have to download 60 MB
    def test_both_runtimes_see_the_same(tmp_path: Path) -> None:
        here, there = seam.report(), run(install(tmp_path / "board"))
        assert (here["runtime"], there["runtime"]) == ("ai_edge_litert", "tflite_runtime")
        assert there["numpy"].startswith("1.")
        assert len(there["squares"]) == len(here["squares"]) == len(seam.SQUARES)
        for ours, theirs in zip(here["squares"], there["squares"], strict=True):
            assert unmatched(ours, theirs) == []
            assert unmatched(theirs, ours) == []
        assert there["found"] == here["found"]
        assert here["found"] is not None

else:

    def test_the_extra_is_not_promised() -> None:
        assert all(one.endswith("; python_version < '3.12'") for one in EXTRA)
