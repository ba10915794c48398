"""The stand-in's schedule: the appliance's own rules over a schedule that tests change."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from nvr.alarm.schedule import next_change
from nvr.alarm.week import coming_days
from nvr.config import Site
from nvr.config.schedule import Schedule, check_sun
from nvr.web.routes import schedule as route

WORK = ["mon", "tue", "wed", "thu", "fri"]
FILE = {
    "holidays": ["01-01", "2027-02-06"],
    "change": [
        {"days": WORK, "at": "22:00", "set": "night"},
        {"days": WORK, "at": "05:30", "set": "off"},
        {"days": ["sat", "sun", "holiday"], "at": "sunset-00:30", "set": "away"},
        {"days": ["sat", "sun", "holiday"], "at": "sunrise+01:00", "set": "home"},
    ],
}


class Scheduled:
    """`file`: nvr.toml's. `page`: what administrators made instead. `site`: with or without coordinates."""

    def __init__(self) -> None:
        self.file = Schedule.model_validate(FILE)
        self.page: Schedule | None = None
        self.version = 0
        self.changed_by = "Trần Văn Minh"
        self.site = Site(latitude=19.807, longitude=105.776)

    def add_to(self, app: web.Application, may: Callable[..., bool]) -> None:
        self._may = may
        app.router.add_get("/api/schedule", self._show)
        app.router.add_put("/api/schedule", self._replace)
        app.router.add_delete("/api/schedule", self._withdraw)

    @property
    def schedule(self) -> Schedule:
        return self.page or self.file

    def made_by(self, name: str, schedule: Schedule | None) -> None:
        self.page, self.version, self.changed_by = schedule, self.version + 1, name

    def answer(self) -> dict[str, Any]:
        site, now_s, schedule = self.site, time.time(), self.schedule
        following = next_change(schedule, site.zone, now_s, site.coordinates)
        return {
            "source": "page" if self.page else "nvr.toml" if self.file.changes else "none",
            "version": self.version,
            "changed_s": now_s - 600 if self.version else None,
            "changed_by": self.changed_by if self.version else None,
            "has_coordinates": site.coordinates is not None,
            "holidays": list(schedule.holidays),
            "change": [entry.model_dump(mode="json") for entry in schedule.changes],
            "next": following and {**route._change(following), "armed": following.armed},
            "week": [route._day(day) for day in coming_days(schedule, site.zone, now_s, site.coordinates)],
        }

    async def _show(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self.answer())

    async def _replace(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        try:
            schedule = Schedule.model_validate({"holidays": body["holidays"], "change": body["change"]})
            check_sun(schedule.changes, self.site.coordinates)
        except ValidationError as error:
            refusal = route._refusal(error)
            return self._refused(422, refusal.code, place=refusal.place)
        except PydanticCustomError as error:
            return self._refused(422, error.type)
        return self._store(body["version"], schedule)

    async def _withdraw(self, request: web.Request) -> web.StreamResponse:
        return self._store(int(request.query["version"]), None)

    def _store(self, version: int, schedule: Schedule | None) -> web.StreamResponse:
        if not self._may("administrator"):
            return self._refused(403, "forbidden")
        if version != self.version:
            return self._refused(409, "schedule_changed")
        self.made_by("an", schedule)
        return web.json_response(self.answer())

    def _refused(self, status: int, code: str, **more: str) -> web.Response:
        return web.json_response({"error": code, "message": "for technicians", **more}, status=status)
