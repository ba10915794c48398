"""The stand-in's layouts of the live page."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from page_alarm import refused

Json = dict[str, Any]


class KeptLayouts:
    """`kept`: by id. As strict as the appliance where the page relies on it."""

    def __init__(self) -> None:
        self.kept: dict[int, Json] = {}

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/api/layouts", self._show)
        app.router.add_post("/api/layouts", self._add)
        app.router.add_put("/api/layouts/{layout}", self._change)
        app.router.add_delete("/api/layouts/{layout}", self._remove)

    async def _show(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"layouts": list(self.kept.values())})

    async def _add(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        if any(one["name"] == wanted["name"] for one in self.kept.values()):
            return refused(409, "layout_name_taken")
        number = max(self.kept, default=0) + 1
        return web.json_response(self._keep(number, wanted), status=201)

    async def _change(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._keep(int(request.match_info["layout"]), await request.json()))

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        del self.kept[int(request.match_info["layout"])]
        return web.Response(status=204)

    def _keep(self, number: int, wanted: Json) -> Json:
        assert wanted.keys() == {"name", "tiles", "cameras"}
        cameras = [one for one in wanted["cameras"] if one is not None]
        assert len(set(cameras)) == len(cameras)
        self.kept[number] = {"id": number, **wanted}
        return self.kept[number]
