"""The stand-in's audit log and notifications."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

HEAD = "137:3f2a9c1b77d05e21" + "0" * 48
DID = ["disarm", "acknowledge", "siren-auto", "login-refused", "playback", "something-new"]


class Notices:
    """`rows`: newest first. `deliveries`: of every incident. `push`: answer of GET /api/push."""

    def __init__(self) -> None:
        now_s = time.time()
        self.rows: list[dict[str, Any]] = [
            {
                "id": number,
                "wall_s": now_s - (137 - number) * 1500,
                "actor": "" if number % 6 == 3 else "Trần Văn Minh",
                "address": "192.168.1.20",
                "action": DID[number % 6],
                "subject": "gate/sub",
                "detail": {"start_s": now_s - 7200, "count": 2} if number % 6 == 4 else {},
            }
            for number in range(137, 0, -1)
        ]
        self.chain: dict[str, Any] = {
            "head": HEAD,
            "state": None,
            "checked_s": None,
            "rows": None,
            "broken_row": None,
            "missing_head": None,
        }
        self.targets: list[dict[str, Any]] = [
            {
                "name": "truc-ban",
                "kind": "mqtt",
                "after_s": 0,
                "responses": ["call", "warn", "siren"],
                "failing": False,
                "waiting": 0,
                "delivered_s": now_s - 5400,
            },
            {
                "name": "cong-an-huyen",
                "kind": "webhook",
                "after_s": 300,
                "responses": ["siren"],
                "failing": True,
                "waiting": 2,
                "delivered_s": None,
            },
        ]
        self.tested: dict[str, Any] = {"arrived": 1, "problem": None}
        self.push: dict[str, Any] = {"configured": False, "installed": True, "key": None, "subscribed": False}
        self.deliveries: list[dict[str, Any]] = []

    def delivery(self, target: str, kind: str, state: str, **more: Any) -> dict[str, Any]:
        now_s = time.time()
        values = {"due_s": now_s, "changed_s": now_s, "attempts": 0, "problem": None, **more}
        return {"target": target, "kind": kind, "state": state, **values}

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/api/audit", self._audit)
        app.router.add_post("/api/audit/check", self._check)
        app.router.add_get("/api/notify", self._notify)
        app.router.add_post("/api/notify/{target}/test", self._test)
        app.router.add_get("/api/incidents/{id}/deliveries", self._deliveries)
        app.router.add_get("/api/push", self._push)

    async def _audit(self, request: web.Request) -> web.StreamResponse:
        query, limit = request.query, int(request.query["limit"])
        found = [
            row
            for row in self.rows
            if row["id"] < int(query.get("before", 10**9))
            and query.get("action") in (None, row["action"])
            and query.get("who") in (None, row["actor"])
        ]
        more = found[limit - 1]["id"] if len(found) > limit else None
        return web.json_response({"rows": found[:limit], "next": more, "chain": self.chain})

    async def _check(self, _request: web.Request) -> web.StreamResponse:
        if self.chain["state"] is None:
            self.chain.update(state="whole", rows=137)
        self.chain["checked_s"] = time.time()
        return web.json_response(self.chain)

    async def _notify(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"targets": self.targets})

    async def _test(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self.tested)

    async def _deliveries(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"deliveries": self.deliveries})

    async def _push(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self.push)
