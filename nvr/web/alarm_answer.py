"""What the API says of alarm and siren, limited to what the account may see (the shape: README.md)."""

from __future__ import annotations

from dataclasses import asdict

from nvr.alarm.notices import SITE
from nvr.alarm.view import About
from nvr.web.access import Account
from nvr.web.answers import Json, may_know_of
from nvr.web.services import Services


async def alarm_answer(services: Services, account: Account) -> Json:
    """`ringing`, `about` and `missing` are only of cameras that the account may see."""
    view = services.alarm.view()
    change, quiet = view.next_change, view.quiet_test
    return {
        "state": view.state,
        "armed": view.armed.armed,
        "mode": view.armed.mode,
        "since_s": view.armed.since_s,
        "actor": view.armed.actor,
        "why": view.armed.why,
        "deadline_s": _tenths(view.deadline_s),
        "about": _about(view.about, account),
        "would_sound": view.would_sound,
        "missing": [thing for thing in sorted(view.missing) if may_know_of(account, thing)],
        "instead": services.config.alarm.instead,
        "next_change": change and {"at_s": change.at_wall_s, "armed": change.armed, "mode": change.mode},
        "siren": {
            "configured": view.siren_configured,
            "link": view.siren_link,
            "wanted": view.siren_wanted,
            "on": view.siren_on,
            "cause": view.siren_cause,
            "test": view.siren_test,
            "ends_s": _tenths(view.siren_ends_s),
            "cooldown_until_s": _tenths(view.cooldown_until_s),
        },
        "quiet_test": quiet and {"until_s": _tenths(quiet.until_s), "actor": quiet.actor},
        "ringing": [n for n in view.ringing if await _may_see_incident(services, account, n)],
    }


def _about(about: About | None, account: Account) -> Json | None:
    if about is None or not (about.camera == SITE or account.may_see(about.camera)):
        return None
    return {**asdict(about), "at_s": _tenths(about.at_s)}


def _tenths(wall_s: float | None) -> float | None:
    """Rounded, so that what was computed anew from another clock reading is not taken for a change."""
    return None if wall_s is None else round(wall_s, 1)


async def _may_see_incident(services: Services, account: Account, number: int) -> bool:
    if account.cameras is None:
        return True
    incident = await services.incidents.get(number)
    return incident is not None and account.may_see(incident.camera)
