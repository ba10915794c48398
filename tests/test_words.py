"""Every fault that can be raised and every error the API answers has words in both languages."""

import ast
import importlib
import json
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from nvr.__main__ import COMMANDS
from nvr.alarm.deeds import DEEDS
from nvr.alarm.notices import NoticeKind
from nvr.camera.client import AudioProblem
from nvr.errors import CameraError, NvrError

for command in COMMANDS:  # so that every error class is known
    importlib.import_module(f"nvr.cli.{command}")

ROOT = Path(__file__).parent.parent / "nvr"
NEVER_SHOWN = {"error", "demo", "clip", "account", "camera"}
"""Base classes, and errors of the command line alone."""
ANSWERED = {"siren_unavailable", "already_resolved", "not_resolved"}
"""What the API alone answers."""


def subclasses(kind):
    for sub in kind.__subclasses__():
        yield sub
        yield from subclasses(sub)


def calls(name: str):
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == name:
                yield node


def second_argument(name: str) -> set[str]:
    return {n.args[1].value for n in calls(name) if len(n.args) > 1 and isinstance(n.args[1], ast.Constant)}


FAULTS = ({kind.code for kind in subclasses(NvrError)} - NEVER_SHOWN - ANSWERED) | second_argument("Fault")
FAULTS |= set(get_args(get_type_hints(AudioProblem)["code"]))
ERRORS = (second_argument("ApiError") | ANSWERED | {"storage", "disk_full"}) - {"method_not_allowed"}


@pytest.fixture(params=["vi", "en"])
def words(request) -> dict[str, str]:
    return json.loads((ROOT / "web/locales" / f"{request.param}.json").read_text("utf-8"))


def test_there_is_something_to_check():
    assert {kind.code for kind in subclasses(CameraError)} <= FAULTS
    assert {"disk_full", "records_lost", "internal", "clock_untrusted"} <= FAULTS
    assert {"wrong_code", "b_frames"} <= ERRORS


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_fault_and_remedy(words, code):
    assert f"fault.{code}" in words
    assert f"remedy.{code}" in words


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_api_error(words, code):
    assert f"error.{code}" in words


@pytest.mark.parametrize("deed", sorted(DEEDS))
def test_audit_row(words, deed):
    assert f"audit.did.{deed}" in words


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_notice(words, kind):
    assert f"kind.{kind}" in words
