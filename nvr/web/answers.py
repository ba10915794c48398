"""What the API says, as JSON-ready dictionaries, limited to what the account may see (the shapes: README.md)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from nvr import __version__
from nvr.config import Camera
from nvr.config.zones import Place
from nvr.events import Fault, Role, StreamKey
from nvr.record.disks.disk_state import DiskState
from nvr.record.keep.hold import Hold
from nvr.web.access import Ability, Account, Session
from nvr.web.live_source import live_audio
from nvr.web.services import AnalysisView, Services

Json = dict[str, Any]


def session_answer(services: Services, session: Session | None, *, claimed: bool) -> Json:
    """Answer of GET /api/session, claim and log-in."""
    site = services.config.site
    account = session.account if session else None
    return {
        "claimed": claimed,
        "site": {"name": site.name, "language": site.language, "timezone": site.timezone},
        "account": account
        and {
            "name": account.name,
            "role": account.role.word,
            "cameras": None if account.cameras is None else sorted(account.cameras),
        },
        "may": sorted(ability.value for ability in Ability if account is not None and account.may(ability)),
        "must_change": account is not None and account.must_change,
        "csrf": session and session.csrf_token,
        "version": __version__,
    }


def cameras_answer(services: Services, account: Account) -> Json:
    """The cameras in the order of nvr.toml."""
    return {
        "cameras": [
            _camera(services, camera) for camera in services.config.camera if account.may_see(camera.id)
        ]
    }


def live_role(services: Services, camera: Camera) -> Role | None:
    """The stream to watch live: the sub stream rather than the main one, of those that can be shown now."""
    for role in (Role.SUB, Role.MAIN):
        key = StreamKey(camera.id, role)
        if (
            key in camera.streams
            and services.streams.get(key).state == "live"
            and live_obstacle(services, key) is None
        ):
            return role
    return None


def live_obstacle(services: Services, key: StreamKey) -> Literal["h265", "b_frames"] | None:
    """What keeps browsers from showing the stream live, as an error code; None: nothing that is known."""
    config = services.hub[key].config
    if config is not None and config.codec != "h264":
        return "h265"
    return "b_frames" if b_frames(services, key) else None


def b_frames(services: Services, key: StreamKey) -> bool:
    """Whether the stream sends B-frames, as far as was seen."""
    return services.streams.get(key).has_b_frames or services.hub[key].has_b_frames


def _camera(services: Services, camera: Camera) -> Json:
    streams = {role: _stream(services, StreamKey(camera.id, role)) for role in Role if camera.url(role)}
    faults = (
        services.streams.get(key).fault or services.faults.at(f"camera:{key}") for key in camera.streams
    )
    fault = next((fault for fault in faults if fault), None)
    return {
        "id": camera.id,
        "name": camera.name,
        "streams": {"main": streams.get(Role.MAIN), "sub": streams.get(Role.SUB)},
        "zones": [
            {**_place(z), "polygon": z.polygon, "rule": z.rule, "seconds": z.loiter_s} for z in camera.zone
        ],
        "lines": [
            {**_place(line), "from": line.start, "to": line.end, "direction": line.direction}
            for line in camera.line
        ],
        "live": live_role(services, camera),
        "sound": any(live_audio(services.hub[key]) for key in camera.streams),
        "fault": fault and _fault(fault),
    }


def _place(place: Place) -> Json:
    return {
        "name": place.name,
        "response": place.response,
        "objects": place.objects,
        "hours": [str(hours) for hours in place.hours],
    }


def _stream(services: Services, key: StreamKey) -> Json:
    status, config = services.streams.get(key), services.hub[key].config
    return {
        "state": status.state,
        "codec": status.codec or (config.codec if config else ""),
        "width": status.width or (config.width if config else 0),
        "height": status.height or (config.height if config else 0),
        "b_frames": b_frames(services, key),
        "since_s": status.since_wall_s,
    }


def _fault(fault: Fault) -> Json:
    return {"place": fault.place, "code": fault.code, "detail": fault.detail, "params": fault.params}


def hold_answer(hold: Hold, now_s: float) -> Json:
    """One hold; `expired`: it protects nothing any more."""
    return {**hold.model_dump(), "expired": hold.expires_s <= now_s}


def clock_answer(services: Services) -> Json:
    """How well the time is known."""
    state = services.clock.state()
    return {"source": state.source, "error_s": state.error_s}


def status_answer(services: Services, account: Account, *, uptime_s: float) -> Json:
    """Faults, storage, analysis, clock, health of the service itself."""
    lag = services.loop_lag()
    usage, outlook = services.disks.usage(), services.disks.outlook()
    return {
        "faults": [
            {**_fault(fault), "since_s": since_s}
            for fault, since_s in services.faults.current
            if _may_know(account, fault)
        ],
        # Zeros while the recordings directory cannot be used; a fault says why.
        "storage": {
            "used_bytes": usage.used_bytes if usage else 0,
            "free_bytes": usage.free_bytes if usage else 0,
            "oldest_s": usage.oldest_wall_s if usage else None,
            "days_kept": usage.days_kept if usage else None,
            "days_possible": outlook.days_possible if outlook else None,
            "cameras": {
                camera: {**asdict(found), "days_min": _days_min(services, camera)}
                for camera, found in (outlook.cameras.items() if outlook else ())
                if account.may_see(camera)
            },
            "disks": [_disk(state, account) for state in services.disks.states()],
        },
        "analysis": _analysis(services.analysis(), account),
        "loop_lag_ms": {"p50": lag.p50_ms, "p99": lag.p99_ms, "max": lag.max_ms},
        "clock": clock_answer(services),
        "now_s": services.clock.wall(),
        "uptime_s": uptime_s,
    }


def _analysis(view: AnalysisView, account: Account) -> Json:
    told = view.statistics
    return {
        "running": view.running,
        "cpu_percent": round(100 * told.cpu_share, 1),
        "budget_percent": round(100 * told.cpu_budget, 1),
        "busy": round(told.busy, 2),
        "inference_ms": round(told.inference_ms, 1),
        "cameras": {
            camera: {
                "mode": numbers.mode,
                "fps": round(numbers.examined_fps, 2),
                "arrived_fps": round(numbers.arrived_fps, 2),
                "skipped": numbers.skipped,
                "decode_errors": numbers.decode_errors,
                "age_s": round(numbers.queue_age_s, 2),
                "cpu_percent": round(100 * numbers.cpu_share, 2),
                "gop_s": numbers.gop_s and round(numbers.gop_s, 2),
            }
            for camera, numbers in told.cameras.items()
            if account.may_see(camera)
        },
    }


def _days_min(services: Services, camera_id: str) -> float:
    """0 where nvr.toml has the camera no more."""
    camera = services.config.find_camera(camera_id)
    return camera.keep_days_min if camera else 0.0


def _disk(state: DiskState, account: Account) -> Json:
    usage = state.usage
    return {
        "path": state.path,
        "state": state.state,
        "used_bytes": usage.used_bytes if usage else 0,
        "free_bytes": usage.free_bytes if usage else 0,
        "oldest_s": usage.oldest_wall_s if usage else None,
        "days_kept": usage.days_kept if usage else None,
        "days_possible": state.days_possible,
        "cameras": [camera for camera in state.cameras if account.may_see(camera)],
    }


def _may_know(account: Account, fault: Fault) -> bool:
    return may_know_of(account, fault.place)


def may_know_of(account: Account, place: str) -> bool:
    """Places are "camera:gate/main" or not about a camera."""
    kind, _, name = place.partition(":")
    return kind != "camera" or account.may_see(name.partition("/")[0])
