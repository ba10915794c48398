"""One camera's ONVIF service: which of its profiles is which stream, and a keyframe of one, please."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from xml.etree.ElementTree import Element

import aiohttp

from nvr.clock import Clock
from nvr.config import Camera
from nvr.events import Role
from nvr.onvif import client
from nvr.onvif.client import CameraRefusal, Signature
from nvr.onvif.xml import Markup

TOTAL_S, CONNECT_S = 10.0, 3.0
_HEADERS = {"Content-Type": "application/soap+xml; charset=utf-8"}


class Unreachable(Exception):
    """The camera did not answer; the message says how, without its address."""


class OnvifCamera:
    """What was learnt of the camera is kept until a request fails. Its signature is HTTP Digest where the camera wants
    that, and WS-UsernameToken by the camera's own clock in any case. Its certificate is not checked: cameras sign their
    own, and no password leaves us."""

    def __init__(self, camera: Camera, device_url: str, clock: Clock):
        self._camera, self._device_url, self._clock = camera, device_url, clock
        self._media_url = ""
        self._clock_ahead_s = 0.0
        self._profiles: dict[Role, str] = {}

    async def send_keyframe(self, role: Role) -> None:
        """Have it send a keyframe of one of its streams. Raises CameraRefusal, Unreachable."""
        try:
            async with asyncio.timeout(TOTAL_S), self._session() as session:
                if role not in self._profiles:
                    await self._learn(session)
                if role not in self._profiles:
                    raise CameraRefusal("none of its profiles has this stream")
                await self._ask(session, self._media_url, client.ask_keyframe(self._profiles[role]))
        except (CameraRefusal, TimeoutError, aiohttp.ClientError, OSError) as error:
            self._profiles.clear()
            if isinstance(error, CameraRefusal):
                raise
            raise Unreachable(type(error).__name__) from None

    async def _learn(self, session: aiohttp.ClientSession) -> None:
        self._clock_ahead_s = 0.0
        # Open to anybody, since nobody can sign without it. Who refuses must have the same time as we.
        with suppress(CameraRefusal):
            answer = await self._ask(session, self._device_url, client.ask_time(), signed=False)
            camera_s = client.camera_time_s(answer)
            if camera_s is not None:
                self._clock_ahead_s = camera_s - self._clock.wall()
        answer = await self._ask(session, self._device_url, client.ask_media_service())
        self._media_url = client.media_service(answer, self._device_url)
        answer = await self._ask(session, self._media_url, client.ask_profiles())
        uris = []
        for token in client.profile_tokens(answer):
            try:
                told = await self._ask(session, self._media_url, client.ask_stream_uri(token))
            except CameraRefusal:  # of a profile that has no stream now
                continue
            uris.append((token, client.stream_uri(told)))
        for index, role in enumerate((Role.MAIN, Role.SUB)):
            address = self._camera.url(role)
            found = client.profile_of(address, uris, index) if address else None
            if found is not None:
                self._profiles[role] = found

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        username, password = self._camera.username, self._camera.password.get_secret_value()
        digest = (aiohttp.DigestAuthMiddleware(username, password),) if username else ()
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TOTAL_S, sock_connect=CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=digest,
            connector=aiohttp.TCPConnector(ssl=False, limit=1),
        ) as session:
            yield session

    async def _ask(
        self, session: aiohttp.ClientSession, url: str, content: Markup, *, signed: bool = True
    ) -> Element:
        """What stands in the answer's Body. Raises CameraRefusal, and what aiohttp does."""
        signature = None
        if signed and self._camera.username:
            password = self._camera.password.get_secret_value()
            at_s = self._clock.wall() + self._clock_ahead_s
            signature = Signature(self._camera.username, password, secrets.token_bytes(16), at_s)
        body = client.request(content, signature)
        async with session.post(url, data=body, headers=_HEADERS, allow_redirects=False) as answer:
            received = bytearray()
            async for chunk in answer.content.iter_any():
                received += chunk
                if len(received) > client.LIMITS.max_bytes:
                    raise CameraRefusal("its answer is too large")
            try:
                return client.answered(bytes(received))
            except CameraRefusal:
                if answer.status in (401, 403):
                    raise CameraRefusal(f"HTTP {answer.status}: user or password is wrong") from None
                raise
