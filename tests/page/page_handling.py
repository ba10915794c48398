"""What staff do about the stand-in's incidents: acknowledge, resolve, open again; outcomes by zone."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from aiohttp import web
from page_alarm import refused

if TYPE_CHECKING:
    from page_standin import StandIn

OUTCOMES = ("real", "false_alarm", "test", "other")


class Handling:
    """`history`: of each incident, by its number."""

    def __init__(self, site: StandIn):
        self._site = site
        self.history: dict[int, list[dict[str, Any]]] = {}

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/api/outcomes", self._outcomes)
        for name, act in (
            ("acknowledge", self.acknowledge),
            ("resolve", self.resolve),
            ("reopen", self._reopen),
        ):
            app.router.add_post(f"/api/incidents/{{id}}/{name}", self._of_incident(act))

    def _of_incident(self, act: Any) -> Any:
        async def handler(request: web.Request) -> web.Response:
            number, account = int(request.match_info["id"]), self._site.account
            found = next((one for one in self._site.incidents if one["id"] == number), None)
            if found is None or account is None:
                return refused(404, "not_found")
            refusal = act(found, account["name"], **await request.json())
            return refusal or web.json_response(self._site.whole(found))

        return handler

    def acknowledge(self, one: dict[str, Any], by: str) -> None:
        if one["acknowledged_s"] is None:
            one.update(acknowledged_s=time.time(), acknowledged_by=by)
        alarm = self._site.alarm
        alarm["ringing"] = [number for number in alarm["ringing"] if number != one["id"]]
        self._site.tell("incident", one)
        self._site.tell("alarm", alarm)

    def resolve(self, one: dict[str, Any], by: str, outcome: str, note: str = "") -> web.Response | None:
        if outcome not in OUTCOMES:
            return refused(400, "bad_request")
        if outcome == "other" and not note.strip():
            return refused(422, "note_needed")
        if one["outcome"]:
            who = {"name": one["resolved_by"], "at_s": one["resolved_s"]}
            return refused(409, "already_resolved", params=who)
        one.update(resolved_s=time.time(), resolved_by=by, outcome=outcome)
        self._add(one, by, outcome, note)
        self.acknowledge(one, by)
        return None

    def _reopen(self, one: dict[str, Any], by: str, reason: str) -> web.Response | None:
        if not one["outcome"]:
            return refused(409, "not_resolved")
        one.update(resolved_s=None, resolved_by=None, outcome=None)
        self._add(one, by, None, reason)
        self._site.tell("incident", one)
        return None

    def _add(self, one: dict[str, Any], by: str, outcome: str | None, note: str) -> None:
        entry = {"at_s": time.time(), "by": by, "outcome": outcome, "note": note.strip()}
        self.history.setdefault(one["id"], []).append(entry)

    async def _outcomes(self, _request: web.Request) -> web.Response:
        found: dict[tuple[str, str], Counter[str]] = {}
        for one in self._site.incidents:
            if one["outcome"]:
                found.setdefault((one["camera"], one["zone"]), Counter())[one["outcome"]] += 1
        zones = [
            {"camera": camera, "zone": zone, **{outcome: counted[outcome] for outcome in OUTCOMES}}
            for (camera, zone), counted in sorted(found.items(), key=lambda one: -one[1]["false_alarm"])
        ]
        return web.json_response({"since_s": time.time() - 30 * 86400, "zones": zones})
