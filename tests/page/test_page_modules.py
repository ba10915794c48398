"""Pure modules of the page, run by the browser that will run them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from page_standin import StandIn
from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(chromium: Browser, footage: Path) -> AsyncIterator[Page]:
    async with StandIn(footage).serve() as appliance:
        context = await chromium.new_context()
        opened = await context.new_page()
        await opened.goto(appliance.url + "/static/icon.svg")  # the origin, without the page itself
        yield opened
        await context.close()


async def run(page: Page, module: str, expression: str, *arguments: object) -> Any:
    """The value of `expression` with the module as `m` and the arguments as `a`."""
    return await page.evaluate(
        f"async (a) => {{ const m = await import('/static/{module}.js'); return {expression}; }}",
        list(arguments),
    )


ALL = {"camera": "", "kind": "", "zone": "", "from": "", "to": "", "state": ""}
NOWHERE = {"atS": None, "spanS": None, "selection": None}
EVENTS = ': hello\r\nevent: alarm\ndata: {"a":\ndata: 1}\n\n:\n\ndata:x\r\revent: lost\n\nid: 7\ndata: rest'


@pytest.mark.parametrize("piece", [1, 2, 7, 1000])
async def test_event_stream_in_pieces(page: Page, piece: int) -> None:
    pieces = [EVENTS[i : i + piece] for i in range(0, len(EVENTS), piece)]
    told = await run(page, "sse", "((p) => a[0].flatMap((text) => p.push(text)))(new m.SseParser())", pieces)
    # An event without data is none; one that is not ended yet is not told.
    assert told == [{"event": "alarm", "data": '{"a":\n1}'}, {"event": "message", "data": "x"}]


PART = {"start_s": 1000.0, "duration_s": 20.0, "media_to_wall": [[0, 1000.0], [12, 1030.0]]}


@pytest.mark.parametrize(("media_s", "wall_s"), [(0, 1000), (11.5, 1011.5), (12, 1030), (19, 1037)])
async def test_wall_time_of_a_position_and_back(page: Page, media_s: float, wall_s: float) -> None:
    assert await run(page, "nvr-footage", "m.wallTime(a[0], a[1])", PART, media_s) == pytest.approx(wall_s)
    assert await run(page, "nvr-footage", "m.mediaTime(a[0], a[1])", PART, wall_s) == pytest.approx(media_s)


@pytest.mark.parametrize(("wall_s", "media_s"), [(900, 0), (9999, 19.9)])
async def test_position_stays_inside_the_part(page: Page, wall_s: float, media_s: float) -> None:
    assert await run(page, "nvr-footage", "m.mediaTime(a[0], a[1])", PART, wall_s) == pytest.approx(media_s)


@pytest.mark.parametrize(
    ("covered", "missing_s"),
    [
        ([[0, 30]], 0),
        ([[0.5, 29.5]], 0),
        ([], 30),
        ([[5, 10], [10.4, 20]], 15),
        ([[-5, 12], [15, 40]], 3),
    ],
)
async def test_missing_seconds(page: Page, covered: list[list[float]], missing_s: float) -> None:
    assert await run(page, "nvr-footage", "m.missing(a[0], 0, 30)", covered) == pytest.approx(missing_s)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", ""),
        ("7k2m", "7K2M"),
        ("7k2mq", "7K2M-Q"),
        (" 7K2M-QX9D-4TVB\n", "7K2M-QX9D-4TVB"),
        ("7K2MQX9D4TVBXX", "7K2M-QX9D-4TVB"),
    ],
)
async def test_claim_code_is_grouped(page: Page, typed: str, code: str) -> None:
    assert await run(page, "nvr-claim", "m.groupedCode(a[0])", typed) == code


@pytest.mark.parametrize(
    ("hash_", "route"),
    [
        ("", {"page": "live", "camera": None}),
        ("#/live/gate", {"page": "live", "camera": "gate"}),
        ("#/incidents", {"page": "incidents", "search": ALL}),
        ("#/incidents?camera=gate", {"page": "incidents", "search": {**ALL, "camera": "gate"}}),
        (
            "#/incidents?kind=dog&zone=s%C3%A2n&from=2026-11-24&to=x&state=waiting",
            {
                "page": "incidents",
                "search": {**ALL, "kind": "dog", "zone": "sân", "from": "2026-11-24", "state": "waiting"},
            },
        ),
        ("#/incidents?state=maybe&from=24/11", {"page": "incidents", "search": ALL}),
        ("#/incident/12", {"page": "incident", "id": 12}),
        ("#/incident/1e9", {"page": "live", "camera": None}),
        ("#/playback", {"page": "playback", "cameras": [], **NOWHERE}),
        (
            "#/playback?cameras=gate,c%C3%A2u&at=1700000000",
            {"page": "playback", "cameras": ["gate", "câu"], **NOWHERE, "atS": 1700000000},
        ),
        (
            "#/playback?cameras=gate&at=90&span=600&from=60&to=120",
            {"page": "playback", "cameras": ["gate"], "atS": 90, "spanS": 600, "selection": [60, 120]},
        ),
        ("#/playback?from=120&to=60", {"page": "playback", "cameras": [], **NOWHERE}),
        ("#/storage", {"page": "storage"}),
        ("#/holds", {"page": "holds"}),
        ("#/deletions?x", {"page": "deletions"}),
        ("#/audit", {"page": "audit"}),
        ("#/notify", {"page": "notify"}),
        ("#/schedule", {"page": "schedule"}),
        ("#/playback?cameras=&at=1e9", {"page": "playback", "cameras": [], **NOWHERE}),
        ("#/alarm", {"page": "alarm"}),
        ("#/nonsense/%E0%A4%A", {"page": "live", "camera": None}),
    ],
)
async def test_addresses(page: Page, hash_: str, route: dict[str, object]) -> None:
    assert await run(page, "router", "m.parseRoute(a[0])", hash_) == route


@pytest.mark.parametrize(
    ("at_s", "found"),
    [(5, None), (10, [10, 20]), (19.9, [10, 20]), (20, None), (30.5, [30, 31]), (99, None)],
)
async def test_interval_that_holds_a_moment(page: Page, at_s: float, found: list[float] | None) -> None:
    intervals = [[10, 20], [30, 31], [40, 50]]
    assert await run(page, "timeline-window", "m.holding(a[0], a[1])", intervals, at_s) == found
    assert await run(page, "timeline-window", "m.holding([], a[0])", at_s) is None


@pytest.mark.parametrize(
    ("from_s", "direction", "there_s"),
    [(0, 1, 97), (97, 1, 197), (97, -1, None), (150, -1, 97), (300, 1, None)],
)
async def test_neighbouring_incident(
    page: Page, from_s: float, direction: int, there_s: float | None
) -> None:
    found = await run(page, "timeline-window", "m.neighbour(a[0], a[1], a[2])", [200, 100], from_s, direction)
    assert found == there_s


async def test_scale_of_the_timeline(page: Page) -> None:
    view = {"centerS": 1000, "spanS": 100}
    assert await run(page, "timeline-window", "m.timeAt(a[0], 90, 360)", view) == pytest.approx(975)
    assert await run(page, "timeline-window", "m.placeOf(a[0], 975, 360)", view) == pytest.approx(90)
    for span_s, step_s in ((20, 5), (3600, 1800), (86400, 21600), (604800, 172800)):
        assert await run(page, "timeline-window", "m.tickStep(a[0], 360)", span_s) == step_s
    # Whole hours of a site that is half an hour off.
    marks = await run(page, "timeline-window", "m.ticks(0, 8000, 3600, 19800)")
    assert marks == [1800, 5400]


async def test_a_ring_empties_until_its_end(page: Page) -> None:
    steps = [(100, 70), (100, 85), (100, 99.5), (100, 103), (300, 200)]
    follow = (
        "(() => { const ring = new m.Ring(); const left = ring.element.querySelector('.ring-left');"
        " return a.map(([end, now]) => { ring.follow(end, now);"
        " return [ring.element.textContent, Number(left.getAttribute('stroke-dashoffset'))]; }); })()"
    )
    found = await run(page, "ring", follow, *steps)
    assert [text for text, _ in found] == ["30", "15", "1", "0", "100"]
    assert [empty for _, empty in found] == pytest.approx([0, 50, 100 * 59 / 60, 100, 0])


@pytest.mark.parametrize(
    ("zone", "text", "at_s"),
    [
        ("Asia/Ho_Chi_Minh", "2026-11-24T19:30:05", 1795523405),
        ("Europe/Berlin", "2026-03-29T01:59:59", 1774745999),
        ("Europe/Berlin", "2026-03-29T03:00:00", 1774746000),
        ("UTC", "1970-01-01T00:00:00", 0),
    ],
)
async def test_time_of_the_site_in_inputs(page: Page, zone: str, text: str, at_s: int) -> None:
    assert await run(page, "time", "new m.SiteTime(a[0]).input(a[1])", zone, at_s) == text
    assert await run(page, "time", "new m.SiteTime(a[0]).fromInput(a[1])", zone, text) == at_s
    assert await run(page, "time", "Number.isNaN(new m.SiteTime(a[0]).fromInput(''))", zone)


def seen_by(main: dict[str, Any] | None, sub: dict[str, Any] | None) -> dict[str, Any]:
    """A camera of these streams, each with what differs from a live one of 640 pixels in H.264."""
    usual = {"state": "live", "codec": "h264", "b_frames": False, "width": 640}
    return {"streams": {"main": {**usual, **(main or {})}, "sub": None if sub is None else usual | sub}}


@pytest.mark.parametrize(
    ("main", "sub", "wish", "width", "before", "h265", "shown"),
    [
        ({}, {}, "auto", 360, None, False, "sub"),
        ({}, {}, "auto", 801, None, False, "main"),
        ({}, {}, "auto", 799, "sub", False, "sub"),
        ({}, {}, "auto", 799, "main", False, "main"),  # what is just at the limit stays as it is
        ({}, {}, "auto", 639, "main", False, "sub"),
        ({}, {"width": 0}, "auto", 1900, None, False, "sub"),
        ({}, {}, "main", 100, None, False, "main"),
        ({}, {}, "sub", 1900, None, False, "sub"),
        ({}, None, "sub", 100, None, False, "main"),
        ({"codec": "h265"}, {}, "main", 1900, None, False, "sub"),
        ({"codec": "h265"}, {}, "auto", 1900, None, True, "main"),
        ({"codec": "h265"}, None, "auto", 1900, None, False, None),
        ({"b_frames": True}, {}, "auto", 1900, None, True, "sub"),
        ({"state": "down"}, {"state": "connecting"}, "auto", 1900, "main", True, None),
        ({}, {"state": "down"}, "auto", 100, "sub", True, "main"),
    ],
)
async def test_the_stream_fits_the_tile_and_what_the_browser_can(
    page: Page, main: Any, sub: Any, wish: str, width: int, before: str | None, h265: bool, shown: str | None
) -> None:
    chosen = await run(
        page, "live-quality", "m.chosenRole(...a)", seen_by(main, sub), wish, width, before, h265
    )
    assert chosen == shown


async def test_a_magnified_picture_never_leaves_its_frame(page: Page) -> None:
    frame = {"width": 400, "height": 200}

    async def after(expression: str) -> dict[str, float]:
        found: dict[str, float] = await run(page, "zoom", expression, frame)
        assert 1 <= found["scale"] <= 8
        for place, side in (("x", 400), ("y", 200)):
            assert side * (1 - found["scale"]) <= found[place] <= 0
        return found

    assert await after("m.zoomed(m.WHOLE, 2, {x: 100, y: 50}, a[0])") == {"scale": 2, "x": -100, "y": -50}
    assert await after("m.zoomed(m.WHOLE, 0.5, {x: 100, y: 50}, a[0])") == {"scale": 1, "x": 0, "y": 0}
    assert (await after("m.zoomed(m.WHOLE, 1e9, {x: 400, y: 200}, a[0])"))["scale"] == 8
    magnified = "m.zoomed(m.WHOLE, 2, {x: 100, y: 50}, a[0])"
    assert await after(f"m.moved({magnified}, {{x: 500, y: -30}}, a[0])") == {"scale": 2, "x": 0, "y": -80}
    assert await after(f"m.zoomed({magnified}, 0.25, {{x: 400, y: 0}}, a[0])") == {"scale": 1, "x": 0, "y": 0}


async def test_figures_are_what_came_between_two_readings(page: Page) -> None:
    first = {
        "atS": 10,
        "bytes": 1000,
        "frames": 50,
        "packets": 100,
        "lost": 5,
        "waitedS": 4,
        "roundTripS": 0.02,
    }
    then = {**first, "atS": 12, "bytes": 251_000, "frames": 100, "packets": 295, "lost": 10, "waitedS": 9}
    told = await run(page, "nvr-readout", "m.figures(...a)", first, then)
    assert told == {"fps": 25, "kbitS": 1000, "lost": 5 / 200, "delayS": pytest.approx(0.11)}
    assert await run(page, "nvr-readout", "m.figures(...a)", first, first) is None
    assert await run(page, "nvr-readout", "m.figures(...a)", then, {**first, "atS": 13}) is None, (
        "another session"
    )
    unknown = dict.fromkeys(("packets", "lost", "waitedS", "roundTripS"))
    told = await run(page, "nvr-readout", "m.figures(...a)", first | unknown, then | unknown)
    assert told == {"fps": 25, "kbitS": 1000, "lost": None, "delayS": None}


@pytest.mark.parametrize(
    ("status", "code", "wait", "key"),
    [
        (429, "too_many_attempts", 3, "error.wait"),
        (429, "too_many_own_viewers", None, "error.too_many_own_viewers"),
        (429, "too_many_live_tokens", 7, "error.too_many_live_tokens"),
        (503, "too_many_viewers", 10, "error.too_many_viewers"),
        (503, "live_stopped", 5, "error.live_stopped"),
        (503, "no_live_port", None, "error.no_live_port"),
        (503, "of_a_later_version", 2.5, "error.busy"),
        (503, "of_a_later_version", None, "error.unknown"),
    ],
)
async def test_what_was_refused_is_said_by_its_code(
    page: Page, status: int, code: str, wait: float | None, key: str
) -> None:
    said = """(async () => {
        const i18n = await import('/static/i18n.js');
        await i18n.loadLanguage('vi');
        const params = {seconds: Math.ceil(a[2]), status: a[0]};
        return [m.errorText(new m.ApiError(a[0], a[1], a[2])), i18n.t(a[3], params)];
    })()"""
    text, wanted = await run(page, "api", f"await {said}", status, code, wait, key)
    assert text == wanted != key


async def test_snapshots_have_names_that_every_disk_takes(page: Page) -> None:
    for camera, name in (("Cổng UBND xã", "Cổng UBND xã"), ('a/b\\c: "d"\n?', "a b c d")):
        told = await run(page, "snapshot", "m.snapshotName(...a)", camera, "2026-11-24T22:14:05")
        assert told == f"{name} 2026-11-24 22-14-05.jpg"


LAYOUTS = [{"id": 3, "name": "Ca đêm", "tiles": 4, "cameras": ["b", None, "a", None, "c", None]}]
IDS = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("chosen", "wide", "page_number", "shown"),
    [
        ("", True, 0, (1, 3, ["a", "b", "c", "d", "e"])),
        ("", False, 7, (1, 3, ["a", "b", "c", "d", "e"])),
        ("tiles:4", True, 0, (2, 2, ["a", "b", "c", "d"])),
        ("tiles:4", False, 9, (2, 2, ["e", None, None, None])),
        ("tiles:1", True, -1, (5, 1, ["a"])),
        ("tiles:16", True, 0, (1, 4, [*"abcde", *[None] * 11])),
        ("tiles:5", True, 0, (1, 3, ["a", "b", "c", "d", "e"])),
        ("layout:3", True, 0, (2, 2, ["b", None, "a", None])),
        ("layout:3", True, 1, (2, 2, ["c", None, None, None])),
        ("layout:4", True, 0, (1, 3, ["a", "b", "c", "d", "e"])),  # removed on another device
        ("<nonsense>", True, 0, (1, 3, ["a", "b", "c", "d", "e"])),
    ],
)
async def test_what_a_page_of_the_wall_shows(
    page: Page, chosen: str, wide: bool, page_number: int, shown: Any
) -> None:
    arranged = f"m.pageOf(m.arranged(a[0], a[1], a[2], a[3]), {page_number})"
    told = await run(page, "wall", arranged, chosen, LAYOUTS, IDS, wide)
    assert (told["pages"], told["columns"], told["slots"]) == shown
    assert 0 <= told["page"] < told["pages"]
    assert told["rows"] * told["columns"] >= len(told["slots"])


async def test_many_cameras_are_paged_where_the_wall_is_not_scrolled(page: Page) -> None:
    ids = [f"c{n}" for n in range(20)]
    for wide, pages, count in ((True, 2, 16), (False, 1, 20)):
        told = await run(page, "wall", "m.pageOf(m.arranged('', [], a[0], a[1]), 0)", ids, wide)
        assert (told["pages"], len(told["slots"])) == (pages, count)
    told = await run(page, "wall", "m.pageOf(m.arranged('', [], [], true), 0)")
    assert (told["pages"], told["slots"]) == (1, [])


@pytest.mark.parametrize(
    ("at", "key", "there"),
    [
        (0, "ArrowLeft", -1),
        (3, "ArrowRight", 4),
        (1, "ArrowDown", 3),
        (3, "ArrowDown", 3),
        (1, "ArrowUp", 1),
        (2, "ArrowUp", 0),
    ],
)
async def test_arrows_on_a_wall_of_four(page: Page, at: int, key: str, there: int) -> None:
    assert await run(page, "wall", "m.neighbour(a[0], a[1], 2, 4)", at, key) == there
