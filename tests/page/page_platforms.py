"""The stand-in's platforms."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web
from page_alarm import refused

Json = dict[str, Any]


class KnownPlatforms:
    """`kept`: by name. `passwords`: those that were made, newest last."""

    def __init__(self) -> None:
        self.kept: dict[str, Json] = {}
        self.passwords: list[str] = []

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/api/platforms", self._show)
        app.router.add_post("/api/platforms", self._add)
        app.router.add_put("/api/platforms/{platform}", self._change)
        app.router.add_post("/api/platforms/{platform}/password", self._renew)
        app.router.add_delete("/api/platforms/{platform}", self._remove)

    async def _show(self, _request: web.Request) -> web.StreamResponse:
        ports = {"max_name": 32, "http_port": 8080, "rtsp_port": 8554, "rtsps_port": 8322}
        return web.json_response({"platforms": list(self.kept.values()), **ports})

    async def _add(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        assert wanted.keys() == {"name", "cameras"}
        if wanted["name"] in self.kept:
            return refused(422, "platform_taken")
        self.kept[wanted["name"]] = {
            **wanted,
            "enabled": True,
            "created_s": time.time(),
            "created_by": "Trần Văn Minh",
            "seen_s": None,
            "seen_address": None,
        }
        return self._with_password(wanted["name"], 201)

    async def _change(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        assert wanted.keys() == {"cameras", "enabled"}
        name = request.match_info["platform"]
        self.kept[name].update(wanted)
        return web.json_response(self.kept[name])

    async def _renew(self, request: web.Request) -> web.StreamResponse:
        return self._with_password(request.match_info["platform"], 200)

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        del self.kept[request.match_info["platform"]]
        return web.Response(status=204)

    def _with_password(self, name: str, status: int) -> web.Response:
        self.passwords.append(f"mAtKhauSo{len(self.passwords):07}")
        return web.json_response(self.kept[name] | {"password": self.passwords[-1]}, status=status)
