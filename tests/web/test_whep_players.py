"""Players that were not written here watch by WHEP with a live token: GStreamer's webrtcbin."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

from test_web_live_tokens import lent
from web_live import playing
from web_site import GATE, Site

from nvr.web.access import AccountRole

GSTREAMER = Path(__file__).parents[1] / "peers/whep_gst.py"


async def test_gstreamer_plays_and_leaves(site: Site, tmp_path: Path) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    token = await lent(client)
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(site.server._certificates.ca_pem)
    url = f"https://localhost:{site.config.web.https_port}{token['endpoints']['sub']}"
    async with playing(site, GATE):
        command = ("/usr/bin/python3", str(GSTREAMER), url, str(ca_file), token["token"], "30")
        player = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
        output, errors = await player.communicate()
    assert output.decode().split() == ["320x240", "played"], errors.decode()
    assert site.services.live.sessions() == [], "it left with DELETE"
    assert ("xem", "live", "gate/sub") in await site.audit()
