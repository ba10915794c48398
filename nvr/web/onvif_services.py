"""ONVIF over HTTP: what nvr/onvif answers with, from the configuration and the hub; and snapshots."""

from __future__ import annotations

import asyncio
import secrets
import socket

import ifaddr
from aiohttp import web
from multidict import CIMultiDict

from nvr import __version__
from nvr.config import Camera
from nvr.events import StreamKey
from nvr.onvif.facade import Facade, Question, Service, reason_for
from nvr.onvif.model import Appliance, Interface, Profile, Rate, VideoSource, Visit
from nvr.onvif.security import Guard, PlatformLogin
from nvr.web.errors import not_found
from nvr.web.host import host_of, own_address
from nvr.web.platform_visits import PlatformVisits
from nvr.web.request_body import read_anything
from nvr.web.services import Services
from nvr.web.snapshots import Snapshots
from nvr.web.stills import Stills

MAX_NAME = 64
"""Characters of a tt:Name."""


class OnvifServices:
    """For both sites, so that what was signed for one is not taken on the other. `serial`: of the appliance, stable and
    no secret. The gate has seen to it that there is a platform at all."""

    def __init__(self, services: Services, stills: Stills, *, serial: str):
        self._services = services
        config = services.config
        self.appliance = Appliance(
            config.site.name, serial, __version__, socket.gethostname(), config.site.zone
        )
        self._guard = Guard(services.platforms.credential, secrets.token_bytes(32))
        self._facade = Facade(self._guard, self._sources_of)
        self._visits = PlatformVisits(services.state, services.platforms, services.clock)
        self._snapshots = Snapshots(services.hub, stills, services.clock)

    async def answer(self, request: web.Request, service: Service, address: str) -> web.Response:
        """To a SOAP request from `address`. Raises ApiError: 429 this address must wait; as `read_anything`;
        sqlite3.Error."""
        self._visits.admit(address)
        body = await read_anything(request)
        visit = await self._visit(request, body)
        authorization = request.headers.get("Authorization", "")
        reply = self._facade.answer(Question(service, body, authorization, request.raw_path, visit))
        if reply.checked is not None:
            await self._visits.checked(reply.checked, address)
        headers = CIMultiDict[str]({"Content-Type": "application/soap+xml; charset=utf-8"})
        headers.extend(_challenges(reply.challenges))
        return web.Response(status=reply.status, body=reply.body, headers=headers)

    async def snapshot(self, request: web.Request, profile: str, address: str) -> web.Response:
        """How the camera of the profile with that token looks now; log-in by HTTP Digest. Raises ApiError: 429 this
        address must wait, 404 there is no such profile or not for this account, 503 `no_still`; sqlite3.Error."""
        self._visits.admit(address)
        now_s = self._services.clock.wall()
        authorization = request.headers.get("Authorization", "")
        checked = self._guard.by_header(authorization, request.method, request.raw_path, now_s)
        await self._visits.checked(checked, address)
        if checked.login is None:
            headers = _challenges(self._guard.challenges_to(checked, now_s))
            return web.Response(status=401, text=reason_for(checked), headers=headers)
        camera = self._camera_of(profile, checked.login)
        jpeg = await self._snapshots.get(camera.analysed)
        await self._visits.note("platform-snapshot", checked.login.name, address, camera.id)
        return web.Response(body=jpeg, content_type="image/jpeg", headers={"Cache-Control": "no-store"})

    async def write_refusals(self) -> None:
        """Write refused log-ins that were held back; call it every few seconds."""
        await self._visits.write_refusals()

    async def _visit(self, request: web.Request, body: bytes) -> Visit:
        host, own = host_of(request), own_address(request)
        own_name = _bracketed(own[0]) if own else "localhost"
        name, with_port = host or (own_name, f"{own_name}:{own[1] if own else 0}")
        # The one question that costs system calls.
        asks_interface = own is not None and b"GetNetworkInterfaces" in body
        return Visit(
            self.appliance,
            base=f"{request.scheme}://{with_port}",
            rtsp_base=f"rtsp://{name}:{self._services.config.restream.rtsp_port}",
            now_s=self._services.clock.wall(),
            has_set_time=self._services.clock.state().is_trusted,
            interface=await asyncio.to_thread(_interface, own[0]) if own and asks_interface else None,
        )

    def _sources_of(self, login: PlatformLogin) -> tuple[VideoSource, ...]:
        return tuple(
            VideoSource(camera.id, camera.name, tuple(self._profile(camera, key) for key in camera.streams))
            for camera in self._services.config.camera
            if login.may_see(camera.id)
        )

    def _profile(self, camera: Camera, key: StreamKey) -> Profile:
        stream = self._services.hub[key]
        gop = stream.last_gop
        rate = Rate(gop.fps, gop.kbit_s, gop.pictures) if gop is not None else None
        name = f"{camera.name[: MAX_NAME - len(key.role) - 3]} ({key.role})"
        return Profile(key, name, stream.config, rate)

    def _camera_of(self, profile: str, login: PlatformLogin) -> Camera:
        for camera in self._services.config.camera:
            if login.may_see(camera.id) and any(Profile(key, "").token == profile for key in camera.streams):
                return camera
        raise not_found()


def _challenges(values: tuple[str, ...] | list[str]) -> CIMultiDict[str]:
    return CIMultiDict(("WWW-Authenticate", value) for value in values)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _interface(address: str) -> Interface | None:
    """That which has `address` (without scope). Blocks a moment."""
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if address == (ip.ip if isinstance(ip.ip, str) else ip.ip[0]):
                return Interface(str(adapter.name), address, ip.network_prefix)
    return None
