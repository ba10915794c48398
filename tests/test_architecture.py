"""Rules of the layout that import-linter cannot state: purity, and where broad excepts and tasks may stand."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(p for package in ("nvr", "hw", "webrtc") for p in (ROOT / package).rglob("*.py"))

PURE = """
nvr/events.py nvr/errors.py nvr/stream_address.py nvr/audit_chain.py nvr/backoff.py nvr/refusals.py
nvr/child/seccomp.py
nvr/media/access_unit.py nvr/media/audio.py nvr/media/nal.py nvr/media/h264.py nvr/media/h265.py
nvr/camera/rtsp.py nvr/camera/rtp.py nvr/camera/depacketizer.py nvr/camera/h264_rtp.py nvr/camera/h265_rtp.py
nvr/camera/reorder.py nvr/camera/reception.py nvr/camera/sdp.py nvr/camera/auth.py
nvr/camera/timeline.py nvr/camera/audio.py nvr/camera/audio_rtp.py nvr/camera/audio_sdp.py nvr/camera/av_sync.py
nvr/camera/av_job.py nvr/camera/av_messages.py nvr/camera/av_units.py nvr/camera/av_errors.py
nvr/restream/packets.py nvr/restream/media_time.py nvr/restream/gop_log.py nvr/restream/description.py
nvr/restream/gate.py nvr/restream/dialogue.py nvr/restream/viewings.py
nvr/record/clock/*.py nvr/record/keep/*.py nvr/record/mp4/*.py nvr/record/disk/outlook.py
nvr/detect/steps/*.py nvr/detect/messages/*.py
nvr/detect/attention.py nvr/detect/gop.py nvr/detect/quarantine.py nvr/detect/overload.py nvr/detect/numbers.py
nvr/detect/sighted.py nvr/detect/worker/schedule.py nvr/detect/worker/budget.py nvr/detect/worker/asking.py
nvr/config/model.py nvr/config/addresses.py nvr/config/zones.py nvr/config/schedule.py nvr/config/alarm.py
nvr/config/speaker.py
nvr/alarm/sound.py nvr/alarm/states.py nvr/alarm/machine.py nvr/alarm/places.py nvr/alarm/policy.py
nvr/alarm/confirmation.py nvr/alarm/outages.py nvr/alarm/judge.py nvr/alarm/deeds.py nvr/alarm/schedule.py
nvr/alarm/sun.py nvr/alarm/week.py nvr/alarm/plan.py nvr/alarm/notify/policy.py nvr/alarm/notify/message.py
nvr/onvif/*.py
nvr/tunnel/settings.py nvr/tunnel/wg_conf.py nvr/tunnel/wg_dump.py nvr/tunnel/health.py nvr/tunnel/keys.py
nvr/evidence/manifest.py nvr/evidence/fingerprint.py nvr/evidence/findings.py nvr/evidence/signature.py
nvr/evidence/coverage.py nvr/evidence/zip_layout.py nvr/evidence/verify.py nvr/evidence/readme_text.py
nvr/evidence/verifier_page.py
nvr/web/access.py nvr/web/once.py nvr/web/byte_range.py
nvr/evaluate/truth.py nvr/evaluate/intervals.py nvr/evaluate/score.py nvr/evaluate/pace.py nvr/evaluate/takes.py
nvr/evaluate/variation.py nvr/evaluate/report.py
hw/relay.py hw/lcus.py hw/lcus_board.py hw/modbus.py hw/modbus_board.py hw/lease.py hw/wire.py hw/debounce.py
hw/inputs.py hw/control.py hw/board_model.py hw/identity.py
webrtc/sdp.py webrtc/h264.py webrtc/answer.py webrtc/frames.py webrtc/stun.py webrtc/ice.py webrtc/rtp.py webrtc/rtcp.py
webrtc/bucket.py webrtc/sockaddr.py
""".split()
IMPURE_MODULES = {
    "asyncio",
    "time",
    "os",
    "socket",
    "sqlite3",
    "av",
    "aiohttp",
    "random",
    "threading",
    "subprocess",
}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def imported_modules(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("pattern", PURE)
def test_pure_files_do_no_io_and_read_no_clock(pattern):
    paths = sorted(ROOT.glob(pattern))
    assert paths, "no such file"
    for path in paths:
        assert not imported_modules(tree_of(path)) & IMPURE_MODULES, path


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_supervisor_catches_everything(path):
    if path == ROOT / "nvr/supervise.py":
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            for kind in caught:
                broad = kind is None or (isinstance(kind, ast.Name) and kind.id == "Exception")
                # `except BaseException` to clean up is fine where it raises again.
                bare_base = isinstance(kind, ast.Name) and kind.id == "BaseException" and not reraises(node)
                assert not (broad or bare_base), f"{path}:{node.lineno}"


def reraises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_shell_no_eval_no_pickle_and_no_task_outside_a_group(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "os.system", "asyncio.create_task", "asyncio.ensure_future")
            assert not called.endswith("create_subprocess_shell"), f"{path}:{node.lineno}"
            for keyword in node.keywords:
                assert keyword.arg != "shell", f"{path}:{node.lineno}"
    assert not imported_modules(tree_of(path)) & {"pickle", "marshal", "shelve"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_have_a_docstring_and_stay_short(path):
    assert ast.get_docstring(tree_of(path)), "say in a line what the file is for"
    assert len(path.read_text("utf-8").splitlines()) <= 350
