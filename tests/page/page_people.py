"""The stand-in's accounts and log-ins."""

from __future__ import annotations

import time
from typing import Any, Protocol

from aiohttp import web
from page_alarm import refused

Json = dict[str, Any]
PHONE = "Mozilla/5.0 (Linux; Android 13; K) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
PC = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Logged(Protocol):
    account: Json | None


class KnownPeople:
    """`kept`: accounts by id. `passwords`: those that were made or set, newest last. `ended`: ids of log-ins."""

    def __init__(self, standin: Logged) -> None:
        self.kept: dict[int, Json] = {}
        self.passwords: list[str] = []
        self.ended: list[str] = []
        self._standin = standin

    def know(self, name: str, role: str, **more: object) -> None:
        number = len(self.kept) + 1
        self.kept[number] = {
            "id": number,
            "name": name,
            "role": role,
            "cameras": None,
            "disabled": False,
            "must_change": False,
            "created_s": time.time(),
            "sessions": 1,
            "own": False,
            "may_change": True,
            **more,
        }

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/api/accounts", self._show)
        app.router.add_post("/api/accounts", self._add)
        app.router.add_put("/api/accounts/{account}", self._change)
        app.router.add_delete("/api/accounts/{account}", self._remove)
        app.router.add_post("/api/accounts/{account}/password", self._renew)
        app.router.add_get("/api/accounts/{account}/sessions", self._log_ins)
        app.router.add_delete("/api/accounts/{account}/sessions/{session}", self._end)
        app.router.add_get("/api/sessions", self._log_ins)
        app.router.add_delete("/api/sessions/{session}", self._end)
        app.router.add_post("/api/password", self._password)

    async def _show(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"accounts": list(self.kept.values())})

    async def _add(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        assert wanted.keys() == {"name", "role", "cameras"}
        if wanted["name"] in [one["name"] for one in self.kept.values()]:
            return refused(422, "account_taken")
        self.know(**wanted, must_change=True, sessions=0)
        return web.json_response(list(self.kept.values())[-1] | {"password": self._made()}, status=201)

    async def _change(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        assert wanted.keys() == {"role", "cameras", "disabled"}
        self.kept[int(request.match_info["account"])].update(wanted)
        return web.Response(status=204)

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        del self.kept[int(request.match_info["account"])]
        return web.Response(status=204)

    async def _renew(self, request: web.Request) -> web.StreamResponse:
        name = self.kept[int(request.match_info["account"])]["name"]
        return web.json_response({"name": name, "password": self._made()})

    async def _log_ins(self, request: web.Request) -> web.StreamResponse:
        mine = "account" not in request.match_info
        both = [("a1", PC, "192.168.1.20", mine), ("b2", PHONE, "10.87.0.4", False)]
        found = [
            {
                "id": name,
                "begun_s": time.time() - 4000,
                "expires_s": time.time() + 9e5,
                "address": address,
                "agent": agent,
                "own": own,
                "open": agent is PHONE,
            }
            for name, agent, address, own in both
            if name not in self.ended
        ]
        return web.json_response({"sessions": found})

    async def _end(self, request: web.Request) -> web.StreamResponse:
        self.ended.append(request.match_info["session"])
        return web.Response(status=204)

    async def _password(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        if self.passwords and wanted["old"] != self.passwords[-1]:
            return refused(403, "wrong_password")
        self.passwords.append(wanted["new"])
        if self._standin.account is not None:
            self._standin.account["must_change"] = False
        return web.Response(status=204)

    def _made(self) -> str:
        self.passwords.append(f"k7fm-2qhx-9tr{len(self.passwords)}")
        return self.passwords[-1]
