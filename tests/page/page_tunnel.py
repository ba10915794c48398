"""The stand-in's way in from outside: the appliance's own settings and answers, without a tunnel."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from nvr.clock import SystemClock
from nvr.events import Actor
from nvr.state import open_state
from nvr.tunnel.health import Link, TunnelState
from nvr.tunnel.settings import SettingRefused, read_hub
from nvr.tunnel.store import TunnelStore, UnknownPhone
from nvr.web.routes.tunnel import new_phone_answer, tunnel_answer

MINH = Actor("Trần Văn Minh")


class Remote:
    """`link`: how the tunnel does while it is on."""

    def __init__(self) -> None:
        self.link = Link(TunnelState.WAITING)
        self.store: TunnelStore
        self.codes: list[str] = []
        """The texts behind the codes that were shown, newest last."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory() as folder:
            state = await open_state(Path(folder))
            self.store = await TunnelStore.open(state, SystemClock())
            try:
                yield
            finally:
                await state.close()

    def add_to(self, app: web.Application, refused: Callable[..., web.Response]) -> None:
        self._refused = refused
        app.router.add_get("/api/tunnel", self._show)
        app.router.add_put("/api/tunnel", self._set_hub)
        app.router.add_post("/api/tunnel/switch", self._switch)
        app.router.add_post("/api/tunnel/key", self._renew)
        app.router.add_post("/api/tunnel/phones", self._add)
        app.router.add_delete("/api/tunnel/phones/{phone}", self._remove)

    async def _show(self, _request: web.Request) -> web.StreamResponse:
        link = self.link if self.store.enabled else Link(TunnelState.OFF)
        return web.json_response(tunnel_answer(self.store, link, site="Công an xã An Phú", https_port=8443))

    async def _set_hub(self, request: web.Request) -> web.StreamResponse:
        try:
            await self.store.set_hub(read_hub(**await request.json()), by=MINH)
        except SettingRefused as refusal:
            return self._refused(422, refusal.code)
        return await self._show(request)

    async def _switch(self, request: web.Request) -> web.StreamResponse:
        await self.store.switch((await request.json())["enabled"], by=MINH)
        return await self._show(request)

    async def _renew(self, request: web.Request) -> web.StreamResponse:
        await self.store.renew_key(by=MINH)
        return await self._show(request)

    async def _add(self, request: web.Request) -> web.StreamResponse:
        try:
            new = await self.store.add_phone((await request.json())["name"], by=MINH)
        except SettingRefused as refusal:
            return self._refused(422, refusal.code)
        self.codes.append(new.conf)
        return web.json_response(new_phone_answer(new), status=201)

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        try:
            await self.store.remove_phone(request.match_info["phone"], by=MINH)
        except UnknownPhone:
            return self._refused(404, "not_found")
        return web.Response(status=204)
