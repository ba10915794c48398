"""Incidents as the API tells them (the shapes: README.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from nvr.alarm.handling import HistoryEntry, Outcome
from nvr.alarm.incidents import FOOTAGE_AFTER_S, FOOTAGE_BEFORE_S, Incident
from nvr.alarm.notices import SITE
from nvr.alarm.objects import SeenObject
from nvr.events import Role
from nvr.web.access import Account
from nvr.web.answers import Json
from nvr.web.services import Services


def incident_answer(services: Services, incident: Incident) -> Json:
    """One incident."""
    camera = services.config.find_camera(incident.camera)
    return {
        "id": incident.id,
        "camera": incident.camera,
        "camera_name": _camera_name(services, incident.camera),
        "zone": incident.zone,
        "rule": incident.rule,
        "kind": incident.kind,
        "response": incident.response,
        "opened_s": incident.opened_s,
        "last_s": incident.last_s,
        "sightings": incident.sightings,
        "score": incident.score,
        "box": list(incident.box),
        "picture": f"/api/incidents/{incident.id}/picture" if incident.has_picture else None,
        "best": None
        if incident.best_object is None
        else _object_picture(incident.id, incident.best_object, incident.best_revision),
        "acknowledged_s": incident.acknowledged_s,
        "acknowledged_by": incident.acknowledged_by,
        "resolved_s": incident.resolved_s,
        "resolved_by": incident.resolved_by,
        "outcome": incident.outcome,
        "test": incident.test,
        "footage": {
            "role": Role.SUB if camera and camera.sub else Role.MAIN,
            "start_s": incident.opened_s - FOOTAGE_BEFORE_S,
            "end_s": incident.last_s + FOOTAGE_AFTER_S,
        },
    }


def _camera_name(services: Services, camera_id: str) -> str:
    """The id where nvr.toml has the camera no more, and the site's name for what is about no camera."""
    if camera_id == SITE:
        return services.config.site.name
    camera = services.config.find_camera(camera_id)
    return camera.name if camera else camera_id


def incident_with_objects(
    services: Services, incident: Incident, seen: Sequence[SeenObject], history: Sequence[HistoryEntry]
) -> Json:
    """One incident, what was seen in it, and each time it was resolved or opened again."""
    return {
        **incident_answer(services, incident),
        "objects": [_object(incident.id, one) for one in seen],
        "history": [
            {"at_s": entry.wall_s, "by": entry.actor, "outcome": entry.outcome, "note": entry.note}
            for entry in history
        ],
    }


def outcomes_answer(
    account: Account, since_s: float, found: Mapping[tuple[str, str], Counter[Outcome]]
) -> Json:
    """Zones in which incidents were resolved, most false alarms first."""
    most_wrong = sorted(found.items(), key=lambda one: -one[1][Outcome.FALSE_ALARM])
    return {
        "since_s": since_s,
        "zones": [
            {"camera": camera, "zone": zone, **{outcome.value: counted[outcome] for outcome in Outcome}}
            for (camera, zone), counted in most_wrong
            if account.may_see(camera)
        ],
    }


def _object(incident_id: int, seen: SeenObject) -> Json:
    frames = f"/api/incidents/{incident_id}/frames?object={seen.number}"
    return {
        "number": seen.number,
        "zone": seen.zone,
        "kind": seen.kind,
        "score": seen.score,
        "seen_s": seen.seen_s,
        "picture": _object_picture(incident_id, seen.number, seen.pictures) if seen.pictures else None,
        "frames": frames if seen.has_frames else None,
        "explanation": seen.explanation,
    }


def _object_picture(incident_id: int, number: int, revision: int) -> str:
    """Another address for each picture of the object, so that a page shows the new one."""
    return f"/api/incidents/{incident_id}/picture?object={number}&revision={revision}"
