"""The appliance's RTSP server: open while a platform is switched on, each account sees its own cameras."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

from nvr.clock import Clock
from nvr.config import Config
from nvr.door import Door, listen
from nvr.events import Role, StreamKey
from nvr.media.hub import Hub, StreamHub
from nvr.restream.accounts import Platforms
from nvr.restream.server import Limits, RtspServer
from nvr.restream.trail import Trail
from nvr.store import Database

STRANGERS = 64
SPARE_CONNECTIONS = 128
"""Beside the sessions: who has not logged in, who only asks."""
Job = Callable[[Callable[[], None]], Awaitable[None]]


class PlatformSite:
    """The cameras as `{camera}/main` and `{camera}/sub`. One that an account may not see is not there."""

    def __init__(self, hub: Hub, platforms: Platforms):
        self._hub, self._platforms = hub, platforms

    def find(self, user: str, path: str) -> tuple[str, StreamHub] | None:
        account = self._platforms.credential(user)
        camera, _, rest = path.partition("/")
        role = rest.partition("?")[0].rstrip("/")
        if account is None or not account.may_see(camera) or role not in (Role.MAIN, Role.SUB):
            return None
        key = StreamKey(camera, Role(role))
        return (str(key), self._hub[key]) if key in self._hub else None

    def password_of(self, user: str) -> str | None:
        account = self._platforms.credential(user)
        return account.password if account is not None else None


class Restream:
    """Cameras for platforms, from `hub`, written down in `state` (state.db)."""

    def __init__(self, config: Config, hub: Hub, platforms: Platforms, state: Database, clock: Clock):
        self._config, self._platforms = config, platforms
        self._trail = Trail(state, platforms, clock)
        sessions = config.restream.max_streams
        self._server = RtspServer(
            PlatformSite(hub, platforms),
            clock,
            needs_login=True,
            limits=Limits(
                sessions + SPARE_CONNECTIONS, STRANGERS, sessions, config.restream.max_streams_per_account
            ),
            observer=self._trail,
        )
        self._changed = asyncio.Event()
        platforms.on_change(self._on_change)

    def jobs(self) -> list[tuple[str, Job]]:
        """(place on the fault board, job)."""
        return [("rtsp", self._run_plain), ("rtsp-trail", self._run_trail)]

    async def _run_plain(self, healthy: Callable[[], None]) -> None:
        await self._run("rtsp_port", self._config.restream.rtsp_port, None, healthy)

    async def _run_trail(self, healthy: Callable[[], None]) -> None:
        healthy()
        try:
            await self._trail.run()
        finally:
            self._server.end_all()  # what cannot be recorded is not shown

    async def _run(
        self, key: str, port: int, context: ssl.SSLContext | None, healthy: Callable[[], None]
    ) -> None:
        """Listen while anybody could log in. Raises ConfigError naming `restream <key>`."""
        while True:
            await self._until(enabled=True, healthy=healthy)
            with contextlib.ExitStack() as opened:
                sockets = await listen(self._config.web.host, port, "restream", key)
                for bound in sockets:
                    opened.enter_context(bound)
                await self._serve(self._server.door(sockets, context), healthy)

    async def _serve(self, door: Door, healthy: Callable[[], None]) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                accepting = tasks.create_task(door.accept())
                await self._until(enabled=False, healthy=healthy)
                accepting.cancel()
        finally:
            self._server.end_all()

    async def _until(self, *, enabled: bool, healthy: Callable[[], None]) -> None:
        while self._platforms.any_enabled is not enabled:
            healthy()
            self._changed.clear()
            await self._changed.wait()

    def _on_change(self) -> None:
        self._server.revalidate()
        self._changed.set()
