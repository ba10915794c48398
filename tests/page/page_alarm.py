"""The stand-in's alarm: states, siren, tests and all clear, as the appliance's API tells them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from page_standin import StandIn

SOUNDS_S, COOLS_S = 180.0, 60.0


def refused(status: int, code: str, **more: object) -> web.Response:
    return web.json_response({"error": code, "message": "for technicians", **more}, status=status)


class AlarmDesk:
    """Changes `site.alarm` and tells of it. `exit_s`: the exit delay. What ends by itself does so by `end`."""

    def __init__(self, site: StandIn):
        self._site = site
        self.exit_s = 0.0

    def add_to(self, app: web.Application) -> None:
        for path, act in (
            ("alarm/arm", self._arm),
            ("alarm/disarm", self._disarm),
            ("alarm/all-clear", self._all_clear),
            ("alarm/quiet-test", self._quiet),
            ("alarm/quiet-test/end", self._end_quiet),
            ("siren/on", self._on),
            ("siren/off", self._off),
            ("siren/test", self._test),
        ):
            app.router.add_post(f"/api/{path}", self._by_officers(act))

    def change(self, **more: Any) -> None:
        """What the appliance does by itself."""
        self._site.alarm.update(more)
        self._site.tell("alarm", self._site.alarm)

    def _by_officers(self, act: Any) -> Any:
        async def handler(request: web.Request) -> web.Response:
            account = self._site.account
            if account is None or account["role"] == "viewer":
                return refused(403, "forbidden")
            refusal = act(await request.json(), account["name"])
            if refusal is not None:
                return refusal
            self._site.tell("alarm", self._site.alarm)
            return web.json_response(self._site.alarm)

        return handler

    @property
    def _alarm(self) -> dict[str, Any]:
        return self._site.alarm

    def _rest(self, state: str | None = None, deadline_s: float | None = None) -> None:
        self._alarm["siren"].update(wanted=False, on=False, ends_s=None, test=False)
        calm = "armed" if self._alarm["armed"] else "disarmed"
        self._alarm.update(state=state or calm, deadline_s=deadline_s, about=None, would_sound=False)

    def end(self) -> None:
        """The time of what goes on has come."""
        self._rest()
        self._site.tell("alarm", self._alarm)

    def _arm(self, body: dict[str, Any], by: str) -> web.Response | None:
        mode = body.get("mode", "away")
        if set(body) - {"mode"} or mode not in ("home", "night", "away"):
            return refused(400, "bad_request")
        self._alarm.update(armed=True, mode=mode, since_s=time.time(), actor=by, why="manual")
        if not self.exit_s:
            return self._rest()
        return self._rest("arming", time.time() + self.exit_s)

    def _disarm(self, _body: dict[str, Any], by: str) -> None:
        self._alarm.update(
            armed=False, mode=None, since_s=time.time(), actor=by, why="manual", quiet_test=None
        )
        self._rest()

    def _all_clear(self, _body: dict[str, Any], by: str) -> None:
        for one in self._site.incidents:
            if one["id"] in self._alarm["ringing"]:
                one.update(acknowledged_s=time.time(), acknowledged_by=by)
                self._site.tell("incident", one)
        self._alarm["ringing"] = []
        self._rest()

    def _quiet(self, body: dict[str, Any], by: str) -> web.Response | None:
        minutes = body.get("minutes")
        if not isinstance(minutes, int) or not 1 <= minutes <= 60:
            return refused(400, "bad_request")
        self._alarm["quiet_test"] = {"until_s": time.time() + 60 * minutes, "actor": by}
        return None

    def _end_quiet(self, _body: dict[str, Any], _by: str) -> None:
        self._alarm["quiet_test"] = None

    def _sound(self, seconds: float, *, test: bool) -> None:
        until_s = time.time() + seconds
        self._alarm["siren"].update(wanted=True, on=True, ends_s=until_s, test=test)
        self._alarm.update(state="sounding", deadline_s=until_s, about=None)

    def _on(self, _body: dict[str, Any], _by: str) -> None:
        self._sound(SOUNDS_S, test=False)

    def _off(self, _body: dict[str, Any], _by: str) -> None:
        if self._alarm["armed"] and self._alarm["state"] == "sounding" and not self._alarm["siren"]["test"]:
            self._rest("silenced", time.time() + COOLS_S)
        else:
            self._rest()

    def _test(self, body: dict[str, Any], _by: str) -> web.Response | None:
        seconds = body.get("seconds")
        if not isinstance(seconds, int | float) or not 1 <= seconds <= 5:
            return refused(400, "bad_request")
        return self._sound(seconds, test=True)
