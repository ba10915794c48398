"""Whether a manifest accounts for every moment of its span: recorded, or declared as missing. Pure."""

from __future__ import annotations

from collections import defaultdict

from nvr.evidence.findings import Finding
from nvr.evidence.manifest import Cause, Manifest, footage_of, milliseconds, utc_ms

TOLERANCE_MS = 10
"""Times are rounded to milliseconds, and pictures do not end by the clock."""
Spans = list[tuple[int, int]]


def holes(spans: Spans, start_ms: int, end_ms: int) -> Spans:
    """What `spans` leave of [`start_ms`, `end_ms`), in order, longer than TOLERANCE_MS each."""
    found, reached_ms = [], start_ms
    for begin_ms, stop_ms in sorted(spans):
        if min(begin_ms, end_ms) - reached_ms > TOLERANCE_MS:
            found.append((reached_ms, min(begin_ms, end_ms)))
        reached_ms = max(reached_ms, stop_ms)
    if end_ms - reached_ms > TOLERANCE_MS:
        found.append((reached_ms, end_ms))
    return found


def declare(
    recorded: Spans, known: list[tuple[int, int, Cause]], start_ms: int, end_ms: int
) -> list[tuple[int, int, Cause]]:
    """The gaps of [`start_ms`, `end_ms`), (start, end, cause) in order: all that `recorded` leaves, by the `known`
    causes, else "unknown"."""
    found: list[tuple[int, int, Cause]] = []
    for begin_ms, stop_ms in holes(recorded, start_ms, end_ms):
        reached_ms = begin_ms
        for known_begin_ms, known_stop_ms, cause in sorted(known):
            from_ms, to_ms = max(known_begin_ms, reached_ms), min(known_stop_ms, stop_ms)
            if from_ms >= to_ms:
                continue
            if from_ms - reached_ms > TOLERANCE_MS:
                found.append((reached_ms, from_ms, "unknown"))
            else:
                from_ms = reached_ms
            found.append((from_ms, to_ms, cause))
            reached_ms = to_ms
        if stop_ms - reached_ms > TOLERANCE_MS:
            found.append((reached_ms, stop_ms, "unknown"))
    return found


def check_coverage(manifest: Manifest) -> list[Finding]:
    """A finding for each stretch of the span that no segment and no gap accounts for, for each gap that lies where
    there is footage, and for what is of no camera of the package."""
    recorded: dict[tuple[str, str], Spans] = defaultdict(list)
    missing: dict[tuple[str, str], Spans] = defaultdict(list)
    for _, of in footage_of(manifest.files):
        recorded[of.camera, of.stream].append((milliseconds(of.start), milliseconds(of.end)))
    for gap in manifest.gaps:
        missing[gap.camera, gap.stream].append((milliseconds(gap.start), milliseconds(gap.end)))
    start_ms, end_ms = milliseconds(manifest.span.start), milliseconds(manifest.span.end)
    named = {(camera.id, stream) for camera in manifest.cameras for stream in camera.streams}
    findings = [
        Finding(
            "undeclared", f"{camera} {stream}", "footage or a gap of a camera that the package does not name"
        )
        for camera, stream in sorted((recorded.keys() | missing.keys()) - named)
    ]
    for camera, stream in sorted(named):
        there, gone = recorded[camera, stream], missing[camera, stream]
        for begin_ms, stop_ms in holes(there + gone, start_ms, end_ms):
            findings.append(
                _finding(camera, stream, begin_ms, stop_ms, "nothing is recorded, and no gap says so")
            )
        for begin_ms, stop_ms in _both(there, gone):
            findings.append(_finding(camera, stream, begin_ms, stop_ms, "a gap is declared where footage is"))
    return findings


def _both(one: Spans, other: Spans) -> Spans:
    """Where both are, longer than TOLERANCE_MS each."""
    left, right = _disjoint(one), _disjoint(other)
    found, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        begin_ms, stop_ms = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if stop_ms - begin_ms > TOLERANCE_MS:
            found.append((begin_ms, stop_ms))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return found


def _disjoint(spans: Spans) -> Spans:
    joined: Spans = []
    for begin_ms, stop_ms in sorted(spans):
        if joined and begin_ms <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop_ms))
        else:
            joined.append((begin_ms, stop_ms))
    return joined


def _finding(camera: str, stream: str, begin_ms: int, stop_ms: int, what: str) -> Finding:
    return Finding("undeclared", f"{camera} {stream} {utc_ms(begin_ms)} – {utc_ms(stop_ms)}", what)
