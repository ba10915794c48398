"""What is told of an incident: bounded, without pictures and secrets. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nvr.alarm.incidents import Incident

MAX_BYTES = 3000
"""A push service takes at most 4096 bytes, encrypted."""
MAX_TEXT = 120


@dataclass(frozen=True, slots=True)
class Site:
    """What messages say of the appliance. `cameras`: names by id. `words`: the site's language, as in the page's
    locales. `address`: of the page, "" where nvr.toml names none."""

    name: str
    zone: ZoneInfo
    cameras: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """`delivery`: the same for each attempt, so that a receiver can drop what it has already; 0 for a test."""

    delivery: int
    body: bytes
    text: str


def incident_message(
    site: Site, incident: Incident, *, delivery: int, escalates: bool, now_s: float, audit_head: str | None
) -> Message:
    """What one delivery says, as it is now."""
    opened = datetime.fromtimestamp(incident.opened_s, site.zone)
    camera = site.cameras.get(incident.camera, incident.camera)
    text = _fill(
        site,
        "notify.text.incident",
        time=f"{opened:%H:%M}",
        camera=camera,
        kind=site.words.get(f"kind.{incident.kind}", incident.kind),
    )
    acknowledged = incident.acknowledged_s is not None
    return _message(
        site,
        delivery,
        text,
        {
            "type": "incident",
            "incident": {
                "id": incident.id,
                "camera": incident.camera,
                "camera_name": camera[:MAX_TEXT],
                "zone": incident.zone[:MAX_TEXT],
                "kind": incident.kind[:MAX_TEXT],
                "response": incident.response.value,
                "opened_s": incident.opened_s,
                "opened": opened.isoformat(timespec="seconds"),
                "acknowledged_s": incident.acknowledged_s,
                "acknowledged_by": (incident.acknowledged_by or "")[:MAX_TEXT] if acknowledged else None,
            },
            "escalation": escalates,
            "late_s": max(0, round(now_s - incident.opened_s)),
            "url": f"{site.address}#/incident/{incident.id}" if site.address else None,
            "audit_head": audit_head,
        },
    )


def test_message(site: Site, *, by: str, now_s: float) -> Message:
    """What a person sends to see that it arrives."""
    text = _fill(site, "notify.text.test", account=by[:MAX_TEXT])
    when = datetime.fromtimestamp(now_s, site.zone).isoformat(timespec="seconds")
    return _message(site, 0, text, {"type": "test", "by": by[:MAX_TEXT], "at": when})


def _message(site: Site, delivery: int, text: str, more: Mapping[str, Any]) -> Message:
    body = {"version": 1, "delivery": delivery, "site": site.name, "text": text, **more}
    return Message(delivery, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), text)


def _fill(site: Site, key: str, **params: str) -> str:
    text = site.words.get(key, key + " " + " ".join(f"{{{name}}}" for name in params))
    # At one go: a camera's name may hold braces.
    return re.sub(r"\{(\w+)\}", lambda found: params.get(found[1], found[0]), text)[: 4 * MAX_TEXT]
