"""The commune's platform adds a running appliance by address, name and password alone, and shows its cameras."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import pytest

from peers.appliance import Appliance, free_port
from peers.onvif_platform import recorder

pytestmark = pytest.mark.timeout(300)
SETUP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}


async def until(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    """The first true answer of `look`."""
    try:
        async with asyncio.timeout(90):
            while not (value := await look()):
                await asyncio.sleep(0.2)
            return value
    except TimeoutError:
        raise AssertionError(f"not within 90 s: {what}") from None


def shown(uri: str, user: str, password: str) -> tuple[int, int]:
    """The size of the tenth picture that libav decodes of a stream. Blocks."""
    address = uri.replace("rtsp://", f"rtsp://{user}:{password}@")
    with av.open(address, options={"rtsp_transport": "tcp"}, timeout=20) as stream:
        *_, picture = itertools.islice(stream.decode(video=0), 10)
        return picture.width, picture.height


async def test_a_platform_adds_the_appliance(site: Appliance, clip: Path) -> None:
    await site.start_cameras(clip, count=2)
    rtsp_port = free_port()
    site.configure(response="call", more=f"[restream]\nrtsp_port = {rtsp_port}")
    await site.start_service()
    async with site.api(claim=True) as api:
        made = await api.post("/api/platforms", name="xa-dong", cameras=["cam1"])
    user, password = made["name"], made["password"]
    async with recorder(f"http://127.0.0.1:{site.http_port}", user, password) as device:
        await device.update_xaddrs()
        media = await device.create_media_service()

        async def described() -> list[Any] | None:
            profiles = await media.GetProfiles()
            encoders = [profile.VideoEncoderConfiguration for profile in profiles]
            return profiles if all(e is not None and e.RateControl is not None for e in encoders) else None

        async def fetched() -> bytes | None:
            picture: bytes | None = await device.get_snapshot("cam1_main")
            return picture

        profiles = await until(described, "two profiles with their numbers")
        assert [profile.token for profile in profiles] == ["cam1_main", "cam1_sub"]
        for profile in profiles:
            uri = (await media.GetStreamUri({"StreamSetup": SETUP, "ProfileToken": profile.token})).Uri
            assert urlsplit(uri).port == rtsp_port
            resolution = profile.VideoEncoderConfiguration.Resolution
            size = await asyncio.to_thread(shown, uri, user, password)
            assert size == (resolution.Width, resolution.Height)
        with av.open(io.BytesIO(await until(fetched, "a snapshot"))) as jpeg:
            (picture,) = jpeg.decode(video=0)
    assert 160 <= picture.width <= 640
    with pytest.raises(av.error.HTTPNotFoundError):
        await asyncio.to_thread(shown, uri.replace("cam1", "cam2"), user, password)
    async with site.api() as api:
        deeds = {row["action"] for row in (await api.get("/api/audit?who=xa-dong"))["rows"]}
    assert {"platform-login", "platform-snapshot", "platform-live"} <= deeds
