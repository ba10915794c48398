"""Playback: what the page gets is byte for byte what the recorder plans, in any range; and it plays."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, replace

import av
import pytest
from aiohttp import ClientError
from multidict import CIMultiDict
from web_site import GATE, YARD, Client, Site, access_units

from nvr.events import Actor
from nvr.media.nal import join_length_prefixed
from nvr.web.access import AccountRole
from played import whole


@dataclass
class Footage:
    """Two recorded and committed seconds of the gate. `url`: their one part; `content`: its bytes."""

    client: Client
    url: str
    content: bytes
    answer: dict[str, list[dict[str, object]]]


@pytest.fixture
async def footage(site: Site) -> Footage:
    services = site.services
    client = await site.log_in("xem", AccountRole.VIEWER)
    now_s = services.clock.wall()
    for unit in access_units(GATE, services.clock.monotonic()):
        services.hub[GATE].publish(unit)
    path = f"/api/cameras/gate/footage/sub?start_s={now_s - 60}&end_s={now_s + 60}"
    async with asyncio.timeout(20):
        while sum(float(p["duration_s"]) for p in (await client.ask("GET", path))[1]["parts"]) < 1.95:
            await asyncio.sleep(0.1)
    _, answer = await client.ask("GET", path)
    assert len(answer["parts"]) == 1
    part = (await services.disks.mp4(GATE, now_s - 60, now_s + 60))[0]
    return Footage(client, str(answer["parts"][0]["url"]), whole(part), answer)


async def fetch(footage: Footage, method: str = "GET", **headers: str) -> tuple[int, CIMultiDict[str], bytes]:
    sent: dict[str, str | None] = {name.replace("_", "-"): value for name, value in headers.items()}
    async with footage.client.open(method, footage.url, headers=sent) as response:
        return response.status, response.headers.copy(), await response.read()


async def test_the_parts_are_described_and_play(footage: Footage) -> None:
    part = footage.answer["parts"][0]
    assert part["bytes"] == len(footage.content)
    assert str(part["content_type"]).startswith("video/mp4")
    status, headers, content = await fetch(footage)
    assert (status, content == footage.content) == (200, True)
    assert headers["Content-Type"] == part["content_type"]
    assert headers["Accept-Ranges"] == "bytes"
    with av.open(io.BytesIO(content)) as container:
        shown = sum(1 for _ in container.decode(video=0))
    assert shown >= 25
    ((start_s, end_s),) = footage.answer["covered"]
    assert end_s - start_s == pytest.approx(part["duration_s"], abs=0.2)  # type: ignore[call-overload, operator]


async def test_audio_is_said_and_can_be_left_out(footage: Footage, site: Site) -> None:
    assert footage.answer["parts"][0]["audio"] is None
    start_s = site.services.clock.wall() - 30
    path = f"/api/cameras/gate/footage/sub?start_s={start_s}&end_s={start_s + 60}&audio="
    for asked in ("all", "aac", "none"):
        status, answer = await footage.client.ask("GET", path + asked)
        assert status == 200
        assert (f"audio={asked}" in answer["parts"][0]["url"]) == (asked != "all")
    status, answer = await footage.client.ask("GET", path + "loud")
    assert (status, answer["error"]) == (400, "bad_request")


async def test_any_range_is_the_same_bytes(footage: Footage) -> None:
    length = len(footage.content)
    middle, most = length // 2, length * 9 // 10
    for first, last in ((0, 0), (0, 99), (7, 7), (length // 10, most), (length - 1, length - 1)):
        status, headers, content = await fetch(footage, Range=f"bytes={first}-{last}")
        assert status == 206
        assert headers["Content-Range"] == f"bytes {first}-{last}/{length}"
        assert content == footage.content[first : last + 1]
    for header, start in ((f"bytes={middle}-", middle), ("bytes=-100", length - 100)):
        status, headers, content = await fetch(footage, Range=header)
        assert (status, content == footage.content[start:]) == (206, True)
        assert headers["Content-Range"] == f"bytes {start}-{length - 1}/{length}"
    status, _, content = await fetch(footage, Range=f"bytes=0-{length * 2}")
    assert (status, content == footage.content) == (206, True)


async def test_ranges_that_are_not_served(footage: Footage) -> None:
    length = len(footage.content)
    for header in ("bytes=0-1,5-6", "chunks=0-1", "bytes=9-1", "nonsense"):
        status, headers, content = await fetch(footage, Range=header)
        assert (status, content == footage.content) == (200, True)
        assert "Content-Range" not in headers
    for header in (f"bytes={length}-", "bytes=-0"):
        status, headers, _ = await fetch(footage, Range=header)
        assert (status, headers["Content-Range"]) == (416, f"bytes */{length}")


async def test_if_range_and_if_none_match(footage: Footage) -> None:
    _, headers, _ = await fetch(footage, "HEAD")
    etag = headers["ETag"]
    assert etag.startswith('"')
    status, _, content = await fetch(footage, Range="bytes=1-4", If_Range=etag)
    assert (status, content) == (206, footage.content[1:5])
    for other in ('"another"', f"W/{etag}", "Tue, 24 Nov 2026 00:00:00 GMT"):
        status, _, content = await fetch(footage, Range="bytes=1-4", If_Range=other)
        assert (status, content == footage.content) == (200, True)
    status, _, content = await fetch(footage, If_None_Match=etag)
    assert (status, content) == (304, b"")


async def test_head(footage: Footage) -> None:
    status, headers, content = await fetch(footage, "HEAD")
    assert (status, headers["Content-Length"], content) == (200, str(len(footage.content)), b"")
    status, headers, _ = await fetch(footage, "HEAD", Range="bytes=2-5")
    assert (status, headers["Content-Length"]) == (206, "4")


async def test_download_has_a_name_and_both_are_recorded_once(site: Site, footage: Footage) -> None:
    for _ in range(3):
        await fetch(footage, Range="bytes=0-9")
    footage.url += "&download=1"
    _, headers, _ = await fetch(footage)
    assert headers["Content-Disposition"].startswith('attachment; filename="gate_2')
    assert headers["Content-Disposition"].endswith('.mp4"')
    rows = [row for row in await site.audit() if row[1] in ("playback", "download")]
    assert rows == [("xem", "playback", "gate/sub"), ("xem", "download", "gate/sub")]


async def test_what_cannot_be_recorded_is_not_shown(site: Site, footage: Footage) -> None:
    await read_only(site, True)
    for _ in range(2):
        status, _, _ = await fetch(footage)
        assert status == 503
    await read_only(site, False)
    status, _, content = await fetch(footage)
    assert (status, content) == (200, footage.content)
    assert ("xem", "playback", "gate/sub") in await site.audit()


async def read_only(site: Site, on: bool) -> None:
    """As a system disk without room: reads work, writes do not."""
    await asyncio.get_running_loop().run_in_executor(
        site.state._write_thread, site.state._writer.execute, f"PRAGMA query_only={int(on)}"
    )


BAD_SPANS = (
    "",
    "start_s=1",
    "start_s=1&end_s=1",
    "start_s=2&end_s=1",
    "start_s=-5&end_s=1",
    "start_s=0&end_s=3601",
    "start_s=nan&end_s=1",
    "start_s=0&end_s=inf",
    "start_s=x&end_s=1",
    "start_s=1e300&end_s=1e301",
)


async def test_bad_spans(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    for path in (f"{end}?{query}" for query in BAD_SPANS for end in ("", "/part.mp4")):
        status, answer = await client.ask("GET", f"/api/cameras/gate/footage/sub{path}")
        assert (status, answer["error"]) in ((400, "bad_span"), (400, "bad_request")), path


async def test_streams_and_parts_that_are_not_there(footage: Footage) -> None:
    client, (path, query) = footage.client, footage.url.split("?")
    for other in (path.replace("/sub/", "/third/"), path.replace("gate/footage/sub", "yard/footage/sub")):
        assert (await client.ask("GET", f"{other}?{query}"))[0] == 404
    assert (await client.ask("GET", footage.url.replace("part=0", "part=7")))[0] == 404
    status, answer = await client.ask("GET", "/api/cameras/gate/footage/sub?start_s=0&end_s=10")
    assert (status, answer) == (200, {"parts": [], "covered": []})


async def test_a_transfer_is_cut_when_the_right_to_it_ends(site: Site) -> None:
    services = site.services
    client = await site.log_in("sân", AccountRole.VIEWER, frozenset({"yard"}))
    now_s = services.clock.wall()
    for unit in access_units(YARD, services.clock.monotonic()):
        # More than the buffers on the way hold: 25 MB.
        services.hub[YARD].publish(replace(unit, data=join_length_prefixed([b"\x65" + b"\xaa" * 500_000])))
    path = f"/api/cameras/yard/footage/main?start_s={now_s - 60}&end_s={now_s + 60}"
    async with asyncio.timeout(20):
        while not (parts := (await client.ask("GET", path))[1]["parts"]) or parts[0]["duration_s"] < 1.95:
            await asyncio.sleep(0.1)
    assert parts[0]["bytes"] > 25_000_000
    async with client.open("GET", parts[0]["url"]) as response:
        assert response.status == 200
        await response.content.readexactly(1000)
        accounts = services.auth.accounts
        await accounts.set_rights("sân", AccountRole.VIEWER, ["gate"], by=Actor("console"))
        while len(site.server._watches):
            await asyncio.sleep(0.05)
        with pytest.raises(ClientError):
            await response.read()
    assert (await client.ask("GET", parts[0]["url"]))[0] == 404
