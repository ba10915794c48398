"""The web server: the route table, both sites, and what it does besides answering."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import ssl
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from aiohttp import web

from nvr.errors import StorageError
from nvr.web import tls
from nvr.web.access import Session
from nvr.web.bearer import preflight
from nvr.web.discovery import Discovery
from nvr.web.footage_reader import FootageReader
from nvr.web.fragment_source import fragment_sources
from nvr.web.guarded import GuardedApplication
from nvr.web.http_site import http_application
from nvr.web.listen import SILENT_S, Listener, listening
from nvr.web.live_source import HubFrames, live_sources
from nvr.web.live_tokens import LiveTokens
from nvr.web.once import Once
from nvr.web.onvif_services import OnvifServices
from nvr.web.route import Route, Runtime
from nvr.web.routes import (
    accounts,
    alarm,
    audit,
    cameras,
    clock,
    deletions,
    events,
    evidence,
    footage,
    fragments,
    holds,
    incidents,
    layouts,
    live,
    live_tokens,
    notify,
    onvif,
    own,
    pages,
    platforms,
    schedule,
    session,
    status,
    timeline,
    tunnel,
)
from nvr.web.services import Services
from nvr.web.static_files import PACKAGE, StaticFiles
from nvr.web.stills import Stills
from nvr.web.watches import Watches
from webrtc.session import SessionInfo

ROUTES: tuple[Route, ...] = tuple(
    route
    for module in (
        session,
        own,
        accounts,
        cameras,
        live,
        fragments,
        live_tokens,
        layouts,
        incidents,
        footage,
        timeline,
        holds,
        evidence,
        deletions,
        alarm,
        schedule,
        clock,
        audit,
        notify,
        platforms,
        onvif,
        tunnel,
        status,
        events,
        pages,
    )
    for route in module.ROUTES
)
"""The whole HTTPS interface."""

REVALIDATE_S = 1.0
"""A right that is withdrawn ends what runs under it within 2 s."""
CERTIFICATE_CHECK_S = 3600.0
SERIAL_DIGITS = 16
"""Of the CA's fingerprint, which is on the plain-HTTP page anyway and stays as long as the appliance is itself."""


class WebServer:
    """HTTPS on web.https_port, plain HTTP with the CA's page and ONVIF on web.http_port.

    `package`: where `static/` and `locales/` lie. `authority`: who makes the certificates. Constructing it opens
    nothing.
    """

    def __init__(
        self,
        services: Services,
        *,
        package: Path = PACKAGE,
        authority: Callable[[tls.Wish], tls.Outcome] = tls.ask_authority,
    ):
        self._services, self._package = services, package
        self._sources = live_sources(services.hub, services.ask_for_keyframe)
        self._watches = Watches(max_total=4 * services.config.web.max_viewers)
        self._tokens = LiveTokens()
        self._started_mono_s = services.clock.monotonic()
        self._certified: list[str] = []
        self._tunnel_changed = asyncio.Event()
        services.tunnel.store.on_change(self._tunnel_changed.set)
        self._certificates = tls.Certificates(
            services.config.storage.state / "tls", services.config.site.name, authority
        )

    async def run(self, healthy: Callable[[], None]) -> None:
        """Serve until cancelled.

        Raises ConfigError naming `web https_port` or `web http_port` (in use, not permitted), `web host` or
        `web names`; StorageError for the certificates' directory.
        """
        files = await asyncio.to_thread(StaticFiles, self._package)
        context = await asyncio.to_thread(self._prepare_tls)
        reader = FootageReader()
        settings = self._services.config.web
        stills = Stills(self._services.still)
        onvif_services = OnvifServices(
            self._services, stills, serial=self.ca_fingerprint.replace(":", "")[:SERIAL_DIGITS]
        )
        runtime = Runtime(
            services=self._services,
            files=files,
            sources=self._sources,
            fragments=fragment_sources(
                self._services.hub, self._services.clock, self._services.ask_for_keyframe
            ),
            watches=self._watches,
            tokens=self._tokens,
            reader=reader,
            viewed=Once(),
            stills=stills,
            onvif=onvif_services,
            started_mono_s=self._started_mono_s,
        )
        plain = http_application(runtime, onvif.ROUTES, self._certificates)
        try:
            async with (
                listening(
                    application(runtime, ROUTES), settings.host, settings.https_port, "https_port", context
                ) as https,
                listening(plain, settings.host, settings.http_port, "http_port", None) as http,
            ):
                healthy()
                try:
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(https.accept())
                        tasks.create_task(http.accept())
                        tasks.create_task(self._revalidate())
                        tasks.create_task(Discovery(self._services, onvif_services.appliance).run())
                        tasks.create_task(self._write_refusals(onvif_services))
                        tasks.create_task(self._renew_certificate(context))
                        tasks.create_task(_close_silent(https, http))
                finally:
                    self._watches.end_all()
        finally:
            reader.close()

    @property
    def ca_fingerprint(self) -> str:
        """SHA-256 of the CA's certificate, for the console; only after `run` told that it is healthy."""
        return self._certificates.ca_fingerprint

    @property
    def certificate_file(self) -> Path:
        """The server's key and certificate, once `run` has made them; renewed in place."""
        return self._certificates.server_file

    def _prepare_tls(self) -> ssl.SSLContext:
        self._ensure_certificate()
        return self._certificates.context()

    def _ensure_certificate(self) -> bool:
        self._certified = self._tunnel_address()
        names = tls.own_names([*self._services.config.web.names, *self._certified])
        return self._certificates.ensure(names, self._services.clock.wall())

    def _tunnel_address(self) -> list[str]:
        """Ours in the tunnel, also before it is up: phones come by it the moment it is."""
        active = self._services.tunnel.store.active
        return [] if active is None else [str(active.hub.address)]

    async def _renew_certificate(self, context: ssl.SSLContext) -> None:
        """Each hour, and as soon as the page has another address in the tunnel."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CERTIFICATE_CHECK_S):
                    while self._tunnel_address() == self._certified:
                        self._tunnel_changed.clear()
                        await self._tunnel_changed.wait()
            if await asyncio.to_thread(self._ensure_certificate):
                await asyncio.to_thread(self._certificates.reload, context)

    async def _revalidate(self) -> None:
        """End what is open and no longer permitted: sessions ended, accounts removed or changed."""
        auth = self._services.auth
        while True:
            try:
                valid = await auth.accounts.sessions()
            except sqlite3.Error as error:
                # Rights that cannot be checked are none; the supervisor starts the web server anew.
                await self._services.live.close_where(lambda _info: True)
                raise StorageError(
                    f"state.db cannot be used: {error}", remedy="Check the system disk's space and health"
                ) from error
            self._watches.revalidate(valid)
            self._tokens.revalidate(valid, self._services.clock.monotonic())
            await self._services.live.close_where(partial(self._not_permitted, valid))
            await asyncio.sleep(REVALIDATE_S)

    async def _write_refusals(self, visits: OnvifServices) -> None:
        while True:
            await self._services.auth.write_refusals()
            await visits.write_refusals()
            await asyncio.sleep(REVALIDATE_S)

    def _not_permitted(self, valid: Mapping[str, Session], info: SessionInfo) -> bool:
        token = self._tokens.valid(info.owner, self._services.clock.monotonic())
        owner, source = valid.get(token.session_key if token else info.owner), info.source
        # Every source we hand out is a HubFrames; of another nothing could be said in its favour.
        if owner is None or not isinstance(source, HubFrames):
            return True
        return not owner.account.may(live.WATCHING) or not owner.account.may_see(source.key.camera)


def application(runtime: Runtime, routes: Iterable[Route]) -> web.Application:
    """The HTTPS application for a route table; every route passes the gate."""
    routes = tuple(routes)
    guarded = GuardedApplication(runtime, routes)
    for path in sorted({route.path for route in routes if route.access.live_token}):
        guarded.open_to_anybody(("OPTIONS",), path, preflight)
    return guarded.app


async def _close_silent(*listeners: Listener) -> None:
    while True:
        await asyncio.sleep(SILENT_S / 2)
        for listener in listeners:
            listener.close_silent()
