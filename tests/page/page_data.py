"""What the stand-in knows: a commune with six cameras, in the shapes of the appliance's API."""

from __future__ import annotations

import time
from typing import Any

from page_scene import figure_box

Json = dict[str, Any]

CODE = "7K2M-QX9D-4TVB"
CSRF = "csrf-of-the-stand-in"
ACCOUNTS = {"an": "giữ bình yên cho xã"}

PLACES = [
    ("gate", "Cổng UBND xã"),
    ("market", "Chợ Đầm"),
    ("bridge", "Cầu Ông Lớn, lối vào thôn 4"),
    ("school", "Trường tiểu học số 2"),
    ("store", "Kho vật tư"),
    ("border", "Điểm giáp ranh Tân Hòa"),
]


def stream(state: str = "live", width: int = 640, height: int = 360, **more: object) -> Json:
    return {
        "state": state,
        "codec": "h264",
        "width": width,
        "height": height,
        "b_frames": False,
        "since_s": time.time() - 86400,
        **more,
    }


def fault(place: str, code: str, detail: str, **params: object) -> Json:
    return {"place": place, "code": code, "detail": detail, "params": params, "since_s": time.time() - 7800}


def camera_fault(camera: str, role: str = "main") -> Json:
    detail = f"camera {camera}/{role}: no connection to 192.168.1.67:554 within 10 s. Check its power"
    return fault(f"camera:{camera}/{role}", "camera_unreachable", detail)


def cameras() -> list[Json]:
    """Four with picture, one out of reach, one with B-frames and no sub stream."""
    zone = {
        "name": "*",
        "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]],
        "response": "call",
        "objects": ["person", "motorcycle", "dog"],
        "hours": [],
        "rule": "enter",
        "seconds": None,
    }
    yard = {**zone, "name": "Sân sau", "polygon": [[0.5, 0.5], [1, 0.5], [1, 1], [0.5, 1]]}
    all_of_them: list[Json] = [
        {
            "id": camera_id,
            "name": name,
            "streams": {"main": stream(width=1920, height=1080), "sub": stream()},
            "zones": [zone, yard],
            "lines": [],
            "live": "sub",
            "sound": False,
            "fault": None,
        }
        for camera_id, name in PLACES
    ]
    down = all_of_them[3]
    down.update(live=None, fault=camera_fault("school"))
    down["streams"] = {"main": stream("down", 0, 0), "sub": stream("down", 0, 0)}
    reordered = all_of_them[5]
    reordered.update(live=None)
    reordered["streams"] = {"main": stream(b_frames=True), "sub": None}
    return all_of_them


def alarm() -> Json:
    return {
        "state": "disarmed",
        "armed": False,
        "mode": None,
        "since_s": time.time() - 3600,
        "actor": "schedule",
        "why": "schedule",
        "deadline_s": None,
        "about": None,
        "would_sound": False,
        "missing": [],
        "instead": "call",
        "next_change": {"at_s": time.time() + 11500, "armed": True, "mode": "night"},
        "quiet_test": None,
        "siren": {
            "configured": True,
            "link": "up",
            "wanted": False,
            "on": False,
            "cause": "start",
            "ends_s": None,
            "cooldown_until_s": None,
            "test": False,
        },
        "ringing": [],
    }


LEAST_DAYS = (14.0, 0.0, 0.0, 30.0, 0.0, 0.0)


def stock(kept: float, possible: float | None, least: float = 0.0, gigabytes: float = 280) -> Json:
    return {
        "bytes": int(gigabytes * 1e9),
        "oldest_s": time.time() - kept * 86400,
        "days_kept": kept,
        "days_possible": possible,
        "days_min": least,
    }


def hold(number: int, camera: str, **more: object) -> Json:
    """Half an hour of one camera, `number` days ago, held for 90 days."""
    at = time.time() // 60 * 60 - number * 86400
    return {
        "id": f"{number:012x}{sum(camera.encode()) % 65536:04x}",
        "camera": camera,
        "start_s": at,
        "end_s": at + 1800,
        "case": "Mất xe máy ở chợ, hồ sơ 12/2026",
        "person": "Lê Văn Bình, Công an xã An Phú",
        "reason": "Xem lại người dắt xe ra cổng sau",
        "expires_s": at + 90 * 86400,
        "made_by": "an",
        "made_s": at + 7200,
        "expired": False,
        "bytes": 1_240_000_000,
        **more,
    }


def holds() -> list[Json]:
    """One case with two cameras, one that ended; newest first."""
    old = {"case": "Va chạm giao thông ở cầu", "person": "Trần Thị Hạnh", "reason": "Xác định biển số"}
    return [
        hold(3, "market"),
        hold(3, "gate"),
        hold(95, "bridge", **old, expired=True, bytes=0),
    ]


def deletions() -> list[Json]:
    """The four causes that are known, and one of a later version."""
    today = time.time() // 86400 * 86400
    causes = ("space", "max_days", "space_min_days", "missing", "of_a_later_version")
    return [
        {
            "day_s": today - n // 2 * 86400,
            "camera": PLACES[n % 4][0],
            "role": ("main", "sub")[n % 2],
            "cause": cause,
            "segments": 120 - n * 17,
            "bytes": 3_200_000_000 // (n + 1),
            "start_s": today - (24 + n) * 86400,
            "end_s": today - (23 + n) * 86400,
        }
        for n, cause in enumerate(causes)
    ]


def disk(path: str, state: str = "recording", cameras: tuple[str, ...] = ()) -> Json:
    """One disk of the status answer; one that is missing has nothing."""
    is_there = state != "missing"
    return {
        "path": path,
        "state": state,
        "used_bytes": 1_684_000_000_000 if is_there else 0,
        "free_bytes": 262_000_000_000 if is_there else 0,
        "oldest_s": time.time() - 23.4 * 86400 if is_there else None,
        "days_kept": 23.4 if is_there else None,
        "days_possible": 24.2 if is_there else None,
        "cameras": list(cameras),
    }


def analysis():
    modes = ("acting", "acting", "moving", "keyframes", "keyframes")
    told = {
        "arrived_fps": 25.0,
        "skipped": 0,
        "decode_errors": 0,
        "age_s": 0.1,
        "cpu_percent": 6.0,
        "gop_s": 2.0,
    }
    return {
        "running": True,
        "cpu_percent": 31.5,
        "budget_percent": 60.0,
        "busy": 0.33,
        "inference_ms": 11.2,
        "cameras": {
            camera_id: {"mode": mode, "fps": 0.5 if mode == "keyframes" else 6.0, **told}
            for (camera_id, _), mode in zip(PLACES[:5], modes, strict=True)
        },
    }


def status() -> Json:
    return {
        "faults": [],
        "storage": {
            "used_bytes": 1_684_000_000_000,
            "free_bytes": 262_000_000_000,
            "oldest_s": time.time() - 23.4 * 86400,
            "days_kept": 23.4,
            "days_possible": 24.2,
            "cameras": {
                camera_id: stock(23.4, 24.2, least)
                for (camera_id, _), least in zip(PLACES, LEAST_DAYS, strict=True)
            },
            "disks": [disk("/data/recordings", cameras=tuple(camera_id for camera_id, _ in PLACES))],
        },
        "analysis": analysis(),
        "loop_lag_ms": {"p50": 0.4, "p99": 6.0, "max": 15.0},
        "clock": {"source": "ntp", "error_s": 0.02},
        "now_s": time.time(),
        "uptime_s": 9 * 86400 + 7200.0,
    }


def incident(number: int, **more: object) -> Json:
    """Incident `number` of 45: the higher, the later."""
    at = time.time() - (46 - number) * 4600.0
    camera_id, name = PLACES[number % 4]
    kind = ("person", "person", "motorcycle", "person", "dog")[number % 5]
    response = ("call", "record", "record", "call", "siren", "record")[number % 6]
    done = response != "record" and number < 43
    outcome = ("real", "false_alarm", None)[number % 3] if done and number < 30 else None
    return {
        "id": number,
        "camera": camera_id,
        "camera_name": name,
        "zone": "Sân sau" if number % 3 == 0 else "*",
        "rule": "enter",
        "kind": kind,
        "response": response,
        "opened_s": at,
        "last_s": at + 7.5,
        "sightings": 1 + number % 3,
        "score": 0.91,
        "box": figure_box(number % 4, number),
        "picture": None if number == 40 else f"/api/incidents/{number}/picture",
        "best": None if number in (38, 40) else f"/api/incidents/{number}/picture?object=1&revision=1",
        "acknowledged_s": at + 40 if done else None,
        "acknowledged_by": "an" if done else None,
        "resolved_s": at + 660 if outcome else None,
        "resolved_by": "Lan" if outcome else None,
        "outcome": outcome,
        "test": False,
        "footage": {"role": "sub", "start_s": at - 10, "end_s": at + 27.5},
        **more,
    }


def explanation(*, scores: tuple[float | None, ...] = (0.62, None, 0.71, 0.84, 0.9)) -> Json:
    """Looks every 0.2 s, the last one decides at 6.9."""
    steps = [-0.9 if score is None else 4 * score - 1 for score in scores]
    scale = 6.9 / sum(steps)
    looks, evidence = [], 0.0
    for n, (score, step) in enumerate(zip(scores, steps, strict=True)):
        evidence += scale * step
        looks.append(
            {
                "before_s": round(0.2 * (len(scores) - 1 - n), 3),
                "score": score,
                "evidence": evidence,
                "step": scale * step,
                "moving": True,
                "box": [0.4, 0.3, 0.5, 0.8],
            }
        )
    seen = sorted((n for n, score in enumerate(scores) if score), key=lambda n: -steps[n])[:5]
    return {
        "certain_at": 6.9,
        "after_s": looks[0]["before_s"],
        "pictures": sum(score is not None for score in scores),
        "examined": looks,
        "counted": sorted(seen),
        "by_way": False,
    }


def seen_object(incident: Json, number: int = 1, **more: object) -> Json:
    """Object `number` of an incident."""
    address = f"/api/incidents/{incident['id']}"
    return {
        "number": number,
        "zone": incident["zone"],
        "kind": incident["kind"],
        "score": incident["score"],
        "seen_s": incident["opened_s"],
        "picture": f"{address}/picture?object={number}&revision=1",
        "frames": f"{address}/frames?object={number}",
        "explanation": explanation(),
        **more,
    }


GAP_S, GAP_EVERY_S = 600.0, 5400.0


def timeline(incidents: list[Json], start_s: float, end_s: float, ids: list[str]) -> list[Json]:
    """Recorded throughout, but for ten minutes in each 90; motion for two minutes in each 15.

    No gap in the last hour: what a test sees now must not hang on the minute it runs in.
    """
    gaps = [
        [at, at + GAP_S, "reconnect"]
        for at in stepped(start_s - GAP_S, end_s, GAP_EVERY_S)
        if start_s < at + GAP_S < time.time() - 3600
    ]
    edges = [start_s, *(edge for gap in gaps for edge in gap[:2]), end_s]
    spans = [[a, b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    motion = [[at, at + 120] for at in stepped(start_s, end_s, 900)]
    return [
        {
            "id": camera,
            "role": "sub",
            "resolution_s": 0,
            "spans": spans,
            "gaps": gaps,
            "motion": motion,
            "incidents": [
                {
                    "id": one["id"],
                    "kind": one["kind"],
                    "response": one["response"],
                    "start_s": one["opened_s"],
                    "end_s": one["last_s"],
                }
                for one in reversed(incidents)
                if one["camera"] == camera and start_s <= one["opened_s"] < end_s
            ],
        }
        for camera in ids
    ]


def stepped(start_s: float, end_s: float, step_s: float) -> list[float]:
    """Multiples of `step_s` within a span."""
    first = int(start_s // step_s) + 1
    return [n * step_s for n in range(first, int(end_s // step_s) + 1)]
