"""The schedule over the API: read by all, changed by administrators, at once, by nobody blindly, and on record."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from web_site import running_site

from nvr.clock import FakeClock
from nvr.web.access import AccountRole

ADMINISTRATOR, OPERATOR, VIEWER = AccountRole.ADMINISTRATOR, AccountRole.OPERATOR, AccountRole.VIEWER
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NIGHT = {"days": ["mon", "tue"], "at": "22:00", "set": "night"}
OFF = {"days": ["wed"], "at": "05:00", "set": "off"}


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=HANOI).timestamp()


@pytest.fixture
async def planned(tmp_path):
    """On a Sunday, 10:00."""
    async with running_site(tmp_path, clock=FakeClock(wall=at("2026-11-29T10:00"))) as site:
        yield site


def body(*change, version=0, holidays=()):
    return {"version": version, "holidays": list(holidays), "change": list(change)}


async def test_without_a_schedule(planned):
    client = await planned.log_in("Hoa", VIEWER, frozenset({"gate"}))
    status, answer = await client.ask("GET", "/api/schedule")
    assert status == 200
    week = answer.pop("week")
    assert answer == {
        "source": "none",
        "version": 0,
        "changed_s": None,
        "changed_by": None,
        "has_coordinates": False,
        "holidays": [],
        "change": [],
        "next": None,
    }
    assert [day["date"] for day in week] == [f"2026-11-{n}" for n in (29, 30)] + [
        f"2026-12-0{n}" for n in range(1, 6)
    ]
    assert all(day["before"] is None and day["changes"] == [] for day in week)


async def test_an_administrator_makes_one_and_it_is_in_force_at_once(planned):
    client = await planned.log_in("Lan", ADMINISTRATOR)
    status, answer = await client.ask("PUT", "/api/schedule", json=body(NIGHT, OFF, holidays=["2026-12-01"]))
    assert status == 200
    assert (answer["source"], answer["version"], answer["changed_by"]) == ("page", 1, "Lan")
    assert answer["change"] == [NIGHT, OFF]
    assert answer["next"] == {"at_s": at("2026-11-30T22:00"), "mode": "night", "armed": True}
    monday, tuesday, wednesday = answer["week"][1:4]
    assert monday["changes"] == [{"at_s": at("2026-11-30T22:00"), "mode": "night"}]
    assert tuesday["holiday"]
    assert tuesday["changes"] == []
    assert wednesday["before"] == monday["changes"][0]
    assert wednesday["changes"] == [{"at_s": at("2026-12-02T05:00"), "mode": None}]
    assert (await client.ask("GET", "/api/alarm"))[1]["next_change"]["at_s"] == at("2026-11-30T22:00")
    assert (await client.ask("GET", "/api/schedule"))[1] == answer
    row = (await client.ask("GET", "/api/audit"))[1]["rows"][0]
    assert (row["actor"], row["action"]) == ("Lan", "schedule-change")
    assert row["detail"]["added 1"] == "mon tue 22:00 night"
    status, answer = await client.ask("DELETE", "/api/schedule?version=1")
    assert (status, answer["source"], answer["change"], answer["version"]) == (200, "none", [], 2)
    assert ("Lan", "schedule-reset", "") in await planned.audit()


async def test_a_change_is_told_to_open_pages(planned):
    client = await planned.log_in("Lan", ADMINISTRATOR)
    async with client.open("GET", "/api/events") as events:
        await client.ask("PUT", "/api/schedule", json=body(NIGHT))
        told = None
        while told is None:
            line = (await events.content.readline()).decode()
            told = json.loads(line[6:]).get("next_change") if line.startswith("data: ") else None
    assert told["at_s"] == at("2026-11-30T22:00")


async def test_two_administrators_do_not_overwrite_each_other(planned):
    lan, minh = await planned.log_in("Lan", ADMINISTRATOR), await planned.log_in("Minh", ADMINISTRATOR)
    assert (await lan.ask("PUT", "/api/schedule", json=body(NIGHT)))[0] == 200
    status, answer = await minh.ask("PUT", "/api/schedule", json=body(OFF))
    assert (status, answer["error"]) == (409, "schedule_changed")
    assert "Lan changed the schedule meanwhile" in answer["message"]
    assert (await minh.ask("DELETE", "/api/schedule?version=0"))[0] == 409
    assert (await minh.ask("GET", "/api/schedule"))[1]["change"] == [NIGHT]
    assert (await minh.ask("PUT", "/api/schedule", json=body(OFF, version=1)))[0] == 200


@pytest.mark.parametrize(
    ("sent", "code", "place"),
    [
        (body(NIGHT, {**OFF, "days": []}), "schedule_days", "change.1.days"),
        (body({**NIGHT, "at": "25:00"}), "schedule_at", "change.0.at"),
        (body(NIGHT, {**NIGHT, "days": ["tue"], "set": "off"}), "schedule_same_time", "change.1.at"),
        (body(NIGHT, {**OFF, "at": "sunset"}), "schedule_place", "change.1.at"),
        (body(*[{**NIGHT, "at": f"22:{n:02}"} for n in range(60)] * 2), "schedule_too_many", "change"),
        (body(holidays=["2027-02-30"]), "schedule_holiday", "holidays.0"),
        (body(holidays=["01-01", "01-01"]), "schedule_holiday_twice", "holidays"),
        (body({**NIGHT, "set": "sleep"}), "bad_schedule", "change.0.set"),
        (body({**NIGHT, "command": "reboot"}), "bad_schedule", "change.0.command"),
        (body("night"), "bad_schedule", "change.0"),
    ],
)
async def test_mistakes_name_the_entry(planned, sent, code, place):
    client = await planned.log_in("Lan", ADMINISTRATOR)
    status, answer = await client.ask("PUT", "/api/schedule", json=sent)
    assert (status, answer["error"], answer["place"]) == (422, code, place)
    assert answer["message"]
    assert (await client.ask("GET", "/api/schedule"))[1]["version"] == 0


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"version": 0, "change": []},
        {**body(), "arm": "22:00", "disarm": "05:00"},
        {**body(), "version": -1},
        {**body(), "change": {}},
        [],
    ],
)
async def test_what_is_no_schedule_at_all(planned, sent):
    client = await planned.log_in("Lan", ADMINISTRATOR)
    status, answer = await client.ask("PUT", "/api/schedule", json=sent)
    assert (status, answer["error"]) == (400, "bad_request")
    for query in ("", "?version=x", "?version=-1"):
        assert (await client.ask("DELETE", f"/api/schedule{query}"))[0] == 400


async def test_only_administrators_change_it(planned):
    operator = await planned.log_in("Minh", OPERATOR)
    assert (await operator.ask("GET", "/api/schedule"))[0] == 200
    assert (await operator.ask("PUT", "/api/schedule", json=body(NIGHT)))[0] == 403
    assert (await operator.ask("DELETE", "/api/schedule?version=0"))[0] == 403
