"""The weekly schedule: what is in force and what it will do in the coming days; administrators change it."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field, ValidationError
from pydantic_core import PydanticCustomError

from nvr.alarm.schedule import Change
from nvr.alarm.schedule_store import ScheduleConflict
from nvr.alarm.week import PlannedDay, coming_days
from nvr.config.schedule import MAX_CHANGES, MAX_HOLIDAYS, Schedule, check_sun
from nvr.config.words import as_config_error
from nvr.web.access import Ability, Access
from nvr.web.errors import ApiError
from nvr.web.request_body import Body, query_integer, read_json
from nvr.web.route import Call, Route

MAX_VERSION = 10**9
_CODES = {"too_short": "schedule_days", "too_long": "schedule_too_many"}
"""pydantic's kind of error: code of the answer; entries without a day and too many entries are all it can be."""


class PutBody(Body):
    """`version`: of the schedule that was seen; `holidays`, `change`: as in nvr.toml."""

    version: int = Field(ge=0, le=MAX_VERSION)
    holidays: list[Any] = Field(max_length=2 * MAX_HOLIDAYS)
    change: list[Any] = Field(max_length=2 * MAX_CHANGES)


async def show(call: Call) -> web.Response:
    site, plan, now_s = call.services.config.site, call.services.schedule.plan, call.services.clock.wall()
    stored, schedule = plan.stored, plan.schedule or Schedule()
    following = plan.next_change(now_s)
    return web.json_response(
        {
            "source": plan.source,
            "version": stored.version,
            "changed_s": stored.changed_s if stored.version else None,
            "changed_by": stored.changed_by if stored.version else None,
            "has_coordinates": site.coordinates is not None,
            "holidays": schedule.holidays,
            "change": [entry.model_dump(mode="json") for entry in schedule.changes],
            "next": following and {**_change(following), "armed": following.armed},
            "week": [_day(day) for day in coming_days(schedule, site.zone, now_s, site.coordinates)],
        }
    )


async def replace(call: Call) -> web.Response:
    body = await read_json(call.request, PutBody)
    try:
        schedule = Schedule.model_validate({"holidays": body.holidays, "change": body.change})
        check_sun(schedule.changes, call.services.config.site.coordinates)
    except ValidationError as error:
        raise _refusal(error) from None
    except PydanticCustomError as error:
        raise ApiError(422, error.type, error.message(), place=_place(error.context)) from None
    return await _store(call, schedule, body.version)


async def withdraw(call: Call) -> web.Response:
    version = query_integer(call.request, "version", default=None, least=0, most=MAX_VERSION)
    if version is None:
        raise ApiError(400, "bad_request", "version: that of the schedule that was seen")
    return await _store(call, None, version)


async def _store(call: Call, schedule: Schedule | None, version: int) -> web.Response:
    try:
        await call.services.schedule.replace(schedule, version, call.actor)
    except ScheduleConflict as conflict:
        raise ApiError(409, "schedule_changed", f"{conflict}; load it anew, then change it") from None
    return await show(call)


def _refusal(error: ValidationError) -> ApiError:
    """The first problem, with the place of the key that it is about: "change.2.at", "holidays.0"."""
    problem = error.errors(include_url=False, include_input=False)[0]
    kind, at_key = problem["type"], ".".join(str(step) for step in problem["loc"])
    code = kind if kind.startswith("schedule_") else _CODES.get(kind, "bad_schedule")
    message = str(as_config_error("schedule", {}, error)).partition(": ")[2]
    return ApiError(422, code, message, place=_place(problem.get("ctx")) or at_key[:60])


def _place(context: dict[str, Any] | None) -> str:
    return str((context or {}).get("place", ""))


def _change(change: Change) -> dict[str, object]:
    return {"at_s": change.at_wall_s, "mode": change.mode}


def _day(planned: PlannedDay) -> dict[str, object]:
    return {
        "date": planned.day.isoformat(),
        "start_s": planned.start_s,
        "end_s": planned.end_s,
        "holiday": planned.is_holiday,
        "sunrise_s": planned.sunrise_s,
        "sunset_s": planned.sunset_s,
        "before": planned.before and _change(planned.before),
        "changes": [_change(change) for change in planned.changes],
    }


ROUTES = (
    Route("GET", "/api/schedule", show, Access(Ability.SITE)),
    Route("PUT", "/api/schedule", replace, Access(Ability.ADMINISTER)),
    Route("DELETE", "/api/schedule", withdraw, Access(Ability.ADMINISTER)),
)
