"""The appliance's RTSP server: open while a platform is switched on, each account sees its own cameras."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import structlog

from nvr.clock import Clock
from nvr.config import Config
from nvr.door import Door, listen
from nvr.errors import ConfigError, NvrError
from nvr.events import Role, StreamKey
from nvr.media.hub import Hub, StreamHub
from nvr.restream.accounts import Platforms
from nvr.restream.server import Limits, RtspServer
from nvr.restream.trail import Trail
from nvr.store import Database

log = structlog.get_logger(__name__)

STRANGERS = 64
SPARE_CONNECTIONS = 128
"""Beside the sessions: who has not logged in, who only asks."""
CERTIFICATE_WAIT_S = 0.5
CERTIFICATE_CHECK_S = 60.0
Job = Callable[[Callable[[], None]], Awaitable[None]]


class PortClosed(NvrError):
    """Platforms cannot fetch cameras on this port; everything else goes on."""

    code = "rtsp_port"


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
    """Cameras for platforms, from `hub`, written down in `state` (state.db). `certificate`: the file with the
    appliance's key and certificate, which the web server makes and renews."""

    def __init__(
        self,
        config: Config,
        hub: Hub,
        platforms: Platforms,
        state: Database,
        clock: Clock,
        certificate: Path,
    ):
        self._config, self._platforms, self._certificate = config, platforms, certificate
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
        self._changes: set[asyncio.Event] = set()
        platforms.on_change(self._on_change)

    def jobs(self) -> list[tuple[str, Job]]:
        """(place on the fault board, job). The trail last: it tells what ended with the others."""
        plain, tls = self._config.restream.rtsp_port, self._config.restream.rtsps_port
        jobs: list[tuple[str, Job]] = [("rtsp", partial(self._run, "rtsp_port", plain, with_tls=False))]
        if tls:
            jobs.append(("rtsps", partial(self._run, "rtsps_port", tls, with_tls=True)))
        return [*jobs, ("rtsp-trail", self._run_trail)]

    async def _run_trail(self, healthy: Callable[[], None]) -> None:
        healthy()
        try:
            await self._trail.run()
        finally:
            self._server.end_all()  # what cannot be recorded is not shown

    async def _run(self, key: str, port: int, healthy: Callable[[], None], *, with_tls: bool) -> None:
        """Listen while anybody could log in. Raises PortClosed."""
        changed = asyncio.Event()
        self._changes.add(changed)
        try:
            while True:
                await self._until(changed, enabled=True, healthy=healthy)
                context = await self._context() if with_tls else None
                with contextlib.ExitStack() as opened:
                    try:
                        sockets = await listen(self._config.web.host, port, "restream", key)
                    except ConfigError as error:
                        raise _closed(error, key, port) from None
                    for bound in sockets:
                        opened.enter_context(bound)
                    await self._serve(self._server.door(sockets, context), context, changed, healthy)
        finally:
            self._changes.discard(changed)

    async def _serve(
        self,
        door: Door,
        context: ssl.SSLContext | None,
        changed: asyncio.Event,
        healthy: Callable[[], None],
    ) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                jobs = [tasks.create_task(door.accept())]
                if context is not None:
                    jobs.append(tasks.create_task(self._renew(context)))
                await self._until(changed, enabled=False, healthy=healthy)
                for job in jobs:
                    job.cancel()
        finally:
            self._server.end_all()

    async def _until(self, changed: asyncio.Event, *, enabled: bool, healthy: Callable[[], None]) -> None:
        while self._platforms.any_enabled is not enabled:
            healthy()
            changed.clear()
            await changed.wait()

    def _on_change(self) -> None:
        self._server.revalidate()
        for changed in self._changes:
            changed.set()

    async def _context(self) -> ssl.SSLContext:
        """Once the web server has made the certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        while True:
            if await asyncio.to_thread(self._load, context):
                return context
            await asyncio.sleep(CERTIFICATE_WAIT_S)

    async def _renew(self, context: ssl.SSLContext) -> None:
        while True:
            await asyncio.sleep(CERTIFICATE_CHECK_S)
            await asyncio.to_thread(self._load, context)

    def _load(self, context: ssl.SSLContext) -> bool:
        """Use the present certificate from the next connection on; False: there is none that can be used."""
        try:
            context.load_cert_chain(self._certificate)
        except OSError as error:  # ssl.SSLError is one: it is being written, or somebody damaged it
            log.info("no certificate for RTSP over TLS", error=str(error))
            return False
        return True


def _closed(error: ConfigError, key: str, port: int) -> PortClosed:
    return PortClosed(
        f"platforms cannot fetch cameras on port {port}: {error.problem}; recording goes on",
        remedy=f"End the other program, or set {key} below [restream] in nvr.toml to another port",
        params={"port": port, "key": key},
    )
