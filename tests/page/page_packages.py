"""The stand-in's packages of evidence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aiohttp import web
from page_alarm import refused

FINGERPRINT = "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c"


class Packages:
    """`requests`: newest first. `holds`: those that can be asked for. `may_ask`: by the role of who is logged in."""

    def __init__(self, holds: Callable[[], list[dict[str, Any]]], may: Callable[..., bool]):
        self._holds, self._may = holds, may
        self.requests: list[dict[str, Any]] = []
        self.refuses = ""
        """With this code the next decision is refused."""

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/api/evidence", self._list)
        app.router.add_post("/api/evidence", self._ask)
        app.router.add_post("/api/evidence/{package}/{deed}", self._decide)

    async def _list(self, _request: web.Request) -> web.StreamResponse:
        if not self._may("operator", "administrator"):
            return refused(403, "forbidden")
        decides = self._may("administrator")
        shown = [
            {**one, "may_decide": decides and one["state"] in ("requested", "failed")}
            for one in self.requests
        ]
        return web.json_response({"fingerprint": FINGERPRINT, "requests": shown})

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        ids = (await request.json())["holds"]
        holds = [hold for hold in self._holds() if hold["id"] in ids]
        made = {name: holds[0][name] for name in ("case", "person", "reason", "start_s", "end_s")} | {
            "id": f"{len(self.requests) + 1:016x}",
            "cameras": [hold["camera"] for hold in holds],
            "state": "requested",
            "failure": "",
            "requested_by": "an",
            "requested_s": time.time(),
            "decided_by": None,
            "decided_s": None,
            "bytes": None,
            "progress": None,
        }
        self.requests.insert(0, made)
        return web.json_response(made, status=201)

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        if self.refuses:
            return refused(409, self.refuses)
        one = next(one for one in self.requests if one["id"] == request.match_info["package"])
        is_approved = request.match_info["deed"] == "approve"
        one |= {
            "state": "approved" if is_approved else "refused",
            "decided_by": "Minh",
            "decided_s": time.time(),
        }
        if is_approved:
            one["progress"] = 0.42
        return web.json_response(one)
