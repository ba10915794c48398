"""Live pictures by WebSocket, through the real web server: what comes decodes, who gets it, and when it ends."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType, WSServerHandshakeError
from test_web_live import BY, withdraw
from web_live import STEP_90K, playing, publish, refused, start, until, viewer
from web_site import GATE, Client, Site, access_units, running_site

import x265
from nvr.clock import FakeClock
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit
from nvr.media.hub import Hub
from nvr.media.nal import join_length_prefixed
from nvr.record.mp4.live import LiveFragment
from nvr.web.access import AccountRole
from nvr.web.fragment_source import BEHIND_MAX_90K, STALE_S, WAITING_MAX_BYTES, FragmentQueue, FragmentSource
from nvr.web.routes import fragments

TFDT = 60
"""Where the decode time of a fragment's first picture stands."""
PATH, MAIN_PATH = "/api/cameras/gate/fragments/sub", "/api/cameras/gate/fragments/main"
MAIN = StreamKey("gate", Role.MAIN)


class Watcher:
    """What came by one WebSocket."""

    def __init__(self, socket: ClientWebSocketResponse[bool]):
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self.content = bytearray()
        self.shown_90k = 0

    async def next(self) -> bytes:
        """The next init segment or fragment. Raises EOFError at the end."""
        async with asyncio.timeout(20):
            while True:
                message = await self.socket.receive()
                if message.type is WSMsgType.BINARY:
                    self.content += message.data
                    if message.data[4:8] == b"moof":
                        self.shown_90k = int.from_bytes(message.data[TFDT : TFDT + 8], "big")
                    return message.data
                if message.type is not WSMsgType.TEXT:
                    raise EOFError
                self.told.append(json.loads(message.data))

    async def several(self, count: int) -> None:
        for _ in range(count):
            await self.next()

    async def end(self) -> None:
        """Wait until it is closed."""
        with pytest.raises(EOFError):
            while True:
                await self.next()

    def pictures(self) -> list[av.VideoFrame]:
        with av.open(io.BytesIO(self.content), "r") as container:
            container.streams.video[0].codec_context.options = {"err_detect": "explode"}
            return list(container.decode(video=0))

    def packets(self) -> list[tuple[int, bool]]:
        """(time in 1/90000 s, whether a keyframe) of each picture, in the order in which they came."""
        with av.open(io.BytesIO(self.content), "r") as container:
            return [(p.pts, p.is_keyframe) for p in container.demux(video=0) if p.size and p.pts is not None]


@asynccontextmanager
async def watching(client: Client, path: str = PATH) -> AsyncIterator[Watcher]:
    async with client.socket(path) as socket:
        yield Watcher(socket)


async def handshake(client: Client, path: str = PATH, *, origin: str | None = "") -> int:
    """The status with which it is refused."""
    with pytest.raises(WSServerHandshakeError) as refusal:
        async with client.socket(path, origin=origin):
            pass
    return refusal.value.status


async def why(client: Client, path: str = PATH) -> tuple[int, str]:
    """As the page asks when a handshake failed."""
    status, answer = await client.ask("GET", path)
    return status, answer["error"]


async def test_what_comes_is_decoded(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    async with playing(site, GATE):
        async with watching(client) as watcher:
            await watcher.several(60)
        await until(lambda: len(site.server._watches) == 0)
    assert watcher.told == [
        {"content_type": 'video/mp4; codecs="avc1.64000d"', "role": "sub", "width": 320, "height": 240}
    ]
    frames = watcher.pictures()
    assert len(frames) >= 59, "without the init segment"
    assert {(frame.width, frame.height) for frame in frames} == {(320, 240)}
    packets = watcher.packets()
    assert packets[0][1]
    first = packets[0][0]
    assert [pts for pts, _ in packets] == [first + STEP_90K * n for n in range(len(packets))]
    assert ("xem", "live", "gate/sub") in await site.audit()


async def test_what_is_refused(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    assert await why(client) == (409, "no_picture")
    site.show_live(GATE)
    assert await why(client) == (409, "no_picture"), "live by its word, but no picture yet"
    assert await handshake(client) == 409
    publish(site, GATE)
    assert await why(client) == (426, "upgrade_required")
    assert await why(client, "/api/cameras/yard/fragments/sub") == (404, "not_found")
    assert await why(client, "/api/cameras/gate/fragments/third") == (404, "not_found")
    site.show_live(GATE, has_b_frames=True)
    assert (await handshake(client), await why(client)) == (409, (409, "b_frames"))
    for unit in x265.encode(frames=2):
        site.services.hub[GATE].publish(unit)
    site.show_live(GATE)
    assert (await handshake(client), await why(client)) == (409, (409, "h265"))
    assert len(site.server._watches) == 0
    assert ("xem", "live", "gate/sub") not in await site.audit()


async def test_only_our_page_with_a_session_gets_it(site: Site) -> None:
    publish(site, GATE)
    client = await site.log_in("xem", AccountRole.VIEWER)
    elsewhere = await site.log_in("sân", AccountRole.VIEWER, frozenset({"yard"}))
    assert await handshake(client, origin="https://elsewhere.example") == 403
    assert await handshake(client, origin=site.url.replace("https", "http")) == 403
    assert await handshake(client, origin="null") == 403
    assert await handshake(client, origin=None) == 403
    assert await handshake(site.anonymous) == 401
    assert await handshake(elsewhere) == 404
    async with watching(client) as watcher:
        await watcher.next()


async def test_h265_where_the_viewer_takes_it_else_the_sub_stream(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    units = x265.encode(frames=4)
    async with playing(site, GATE):
        site.show_live(MAIN)
        for unit in units:
            received_s = site.services.clock.monotonic()
            site.services.hub[MAIN].publish(replace(unit, stream=MAIN, received_mono_s=received_s))
        async with watching(client, MAIN_PATH) as watcher:
            await watcher.several(2)
            assert watcher.told[0]["role"] == "sub"
        async with watching(client, f"{MAIN_PATH}?codecs=h264,h265") as watcher:
            await watcher.several(2)
            assert watcher.told[0]["role"] == "main"
            assert watcher.told[0]["content_type"].startswith('video/mp4; codecs="hvc1.')
            assert len(watcher.pictures()) == 3, "the last one waits for the next"
            # The camera is set to H.264, which this viewer takes too.
            for unit in access_units(MAIN, site.services.clock.monotonic())[:3]:
                site.services.hub[MAIN].publish(replace(unit, pts_90k=unit.pts_90k + 900_000))
            await watcher.several(3)
            assert watcher.told[1]["content_type"].startswith('video/mp4; codecs="avc1.')


async def test_new_parameter_sets_are_told_and_come_first(site: Site) -> None:
    publish(site, GATE)
    client = await site.log_in("xem", AccountRole.VIEWER)
    hub = site.services.hub[GATE]
    async with watching(client) as watcher:
        await watcher.several(2)
        last = hub.gop[-1]
        config = replace(last.config, width=160, height=96)
        for number in (1, 2):
            hub.publish(replace(hub.gop[0], config=config, pts_90k=last.pts_90k + number * STEP_90K))
        assert len(watcher.told) == 1
        await watcher.next()  # what was held back
        assert (await watcher.next())[4:8] == b"ftyp"
        assert (watcher.told[1]["width"], watcher.told[1]["height"]) == (160, 96)
        assert (await watcher.next())[4:8] == b"moof"


async def test_places_are_those_of_webrtc(tmp_path: Path) -> None:
    async with running_site(tmp_path, viewers_per_account=2) as site, viewer() as peer:
        offer = peer.localDescription.sdp
        phone, other = (
            await site.log_in("xem", AccountRole.VIEWER),
            await site.log_in("khác", AccountRole.VIEWER),
        )
        async with playing(site, GATE), watching(phone) as first:
            await first.next()
            async with watching(phone) as second:
                await second.next()
                assert await refused(phone, offer) == (429, "too_many_own_viewers")
                assert (await handshake(phone), await why(phone)) == (429, (429, "too_many_own_viewers"))
                async with watching(other) as third, watching(other) as fourth:
                    await third.next()
                    await fourth.next()
                    last = await site.log_in("sau", AccountRole.VIEWER)
                    assert await refused(last, offer) == (503, "too_many_viewers")
                    assert (await handshake(last), await why(last)) == (503, (503, "too_many_viewers"))
            await until(lambda: len(site.server._watches) == 1)
            # The other way round: a WebRTC session counts for who comes by WebSocket.
            await start(phone, peer)
            assert await why(phone) == (429, "too_many_own_viewers")


async def test_revocation_ends_the_picture(site: Site) -> None:
    """Of whoever lost the right, and nobody else's."""
    accounts = site.services.auth.accounts
    async with playing(site, GATE):
        keeper = await site.log_in("kept", AccountRole.OPERATOR)
        async with watching(keeper) as kept:
            await kept.next()
            await accounts.set_rights("kept", AccountRole.VIEWER, ["gate"], by=BY)
            for name in ("account", "camera", "password", "log-in", "time"):
                client = await site.log_in(name, AccountRole.VIEWER)
                async with watching(client) as watcher:
                    await watcher.several(2)
                    await withdraw(site, name, client)
                    await watcher.end()
                    assert watcher.socket.close_code == WSCloseCode.GOING_AWAY, name
            await until(lambda: len(site.server._watches) == 1)
            await kept.several(5)


async def test_revocation_does_not_wait_for_who_reads_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fragments, "STALLED_S", 1000.0)
    publish(site, GATE)
    client = await site.log_in("account", AccountRole.VIEWER)
    hub = site.services.hub[GATE]
    async with watching(client) as watcher:
        await watcher.several(2)
        last = hub.gop[-1]
        for unit in fat([replace(last, pts_90k=last.pts_90k + n * STEP_90K) for n in range(1, 75)], 300_000):
            hub.publish(unit)
        await asyncio.sleep(0.1)
        await withdraw(site, "account", client)
        await until(lambda: len(site.server._watches) == 0)
        await watcher.end()
        assert watcher.shown_90k < last.pts_90k + 73 * STEP_90K, "what waited was dropped"


async def test_it_ends_with_the_server(tmp_path: Path) -> None:
    async with AsyncExitStack() as later:
        async with running_site(tmp_path) as site:
            publish(site, GATE)
            token = (await site.log_in("xem", AccountRole.VIEWER)).token()
            client = Client(site.url, site.tls(), token)
            later.push_async_callback(client.close)
            watcher = await later.enter_async_context(watching(client))
            await watcher.several(2)
            ending = asyncio.ensure_future(watcher.end())
        await ending
        assert watcher.socket.close_code == WSCloseCode.GOING_AWAY


async def test_it_ends_with_a_stream_that_turns_out_to_reorder(site: Site) -> None:
    publish(site, GATE)
    client = await site.log_in("xem", AccountRole.VIEWER)
    async with watching(client) as watcher:
        await watcher.next()
        site.services.hub[GATE].publish(access_units(GATE, 0.0)[1])
        await watcher.end()
        assert watcher.socket.close_code == WSCloseCode.OK


async def test_who_talks_is_sent_away(site: Site) -> None:
    publish(site, GATE)
    client = await site.log_in("xem", AccountRole.VIEWER)
    for message in ("hello", "x" * 100_000):
        async with watching(client) as watcher:
            await watcher.next()
            await watcher.socket.send_str(message)
            await watcher.end()
    await until(lambda: len(site.server._watches) == 0)


class Fat:
    """A camera whose pictures have 100 KB, shown one by one."""

    def __init__(self, site: Site, key: StreamKey):
        self._hub, self._clock = site.services.hub[key], site.services.clock
        self._units, self._numbers = fat(access_units(key, 0.0), 100_000), count()
        site.show_live(key)
        self.show()
        self.show()

    def show(self) -> int:
        number = next(self._numbers)
        unit, now_s = self._units[number % len(self._units)], self._clock.monotonic()
        self._hub.publish(replace(unit, pts_90k=number * STEP_90K, received_mono_s=now_s))
        return number


async def fall_behind(camera: Fat, slow: Watcher, quick: Watcher) -> None:
    """250 pictures come that one of the two does not read; then it catches up, or is shown something else."""
    for _ in range(250):
        newest = camera.show()
        await quick.next()
    told = len(slow.told)

    async def catch_up() -> None:
        while slow.shown_90k < newest * STEP_90K and len(slow.told) == told:
            await slow.next()

    catching_up = asyncio.ensure_future(catch_up())
    while not catching_up.done():
        camera.show()
        await quick.next()
    await catching_up


async def test_a_slow_viewer_goes_on_with_a_keyframe_and_nobody_waits_for_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fragments, "SLOW_S", 0.0)  # it never happens twice within so long
    client, camera = await site.log_in("xem", AccountRole.VIEWER), Fat(site, MAIN)
    async with playing(site, GATE), watching(client, MAIN_PATH) as slow, watching(client, MAIN_PATH) as quick:
        await quick.several(2)
        await slow.several(2)
        await fall_behind(camera, slow, quick)
        assert [told["role"] for told in slow.told] == ["main"]
    assert steps(quick) == [(STEP_90K, n % 25 == 0) for n in range(1, len(steps(quick)) + 1)]
    missed = [(step_90k, is_key) for step_90k, is_key in steps(slow) if step_90k != STEP_90K]
    assert missed, "it was too far behind"
    assert all(is_key for _, is_key in missed)


async def test_who_is_too_slow_for_the_main_stream_gets_the_sub(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fragments, "SLOW_S", 1000.0)
    client, camera = await site.log_in("xem", AccountRole.VIEWER), Fat(site, MAIN)
    async with playing(site, GATE), watching(client, MAIN_PATH) as slow, watching(client, MAIN_PATH) as quick:
        await quick.several(2)
        await slow.several(2)
        while len(slow.told) < 2:
            await fall_behind(camera, slow, quick)
        assert [told["role"] for told in slow.told] == ["main", "sub"]
        await slow.several(5)
        assert [told["role"] for told in quick.told] == ["main"]


def steps(watcher: Watcher) -> list[tuple[int, bool]]:
    """(time since the picture before, whether a keyframe) of each picture but the first."""
    packets = watcher.packets()
    return [(after[0] - before[0], after[1]) for before, after in pairwise(packets)]


def fat(units: list[AccessUnit], size: int) -> list[AccessUnit]:
    """`units`, each with `size` bytes of filler data (nal_unit_type 12), which decoders skip."""
    filler = join_length_prefixed([b"\x0c" + b"\xff" * size + b"\x80"])
    return [replace(unit, data=unit.data + filler) for unit in units]


def fragment(number: int, size: int = 10) -> LiveFragment:
    config = access_units(GATE, 0.0)[0].config
    return LiveFragment(config, number * STEP_90K, STEP_90K, number % 25 == 0, bytes(size))


async def test_the_queue_is_bounded_in_time_and_bytes() -> None:
    behind = BEHIND_MAX_90K // STEP_90K
    first = LiveFragment(fragment(0).config, 0, 100 * BEHIND_MAX_90K, True, b"the GOP that it begins with")
    queue = FragmentQueue(first)
    for number in range(1, 1 + behind):
        queue.push(fragment(number))
    assert queue.overflows == 0
    queue.push(fragment(1 + behind))
    assert queue.overflows == 1
    queue.push(fragment(99))
    queue.push(fragment(100))
    queue.push(fragment(101))
    assert [(await queue.get()), (await queue.get())] == [fragment(100), fragment(101)], (
        "all before is dropped"
    )
    for number, size in ((200, WAITING_MAX_BYTES), (201, 1), (202, 1)):
        queue.push(fragment(number, size))
    assert queue.overflows == 2
    queue.end()
    assert await queue.get() is None


async def test_a_picture_is_muxed_once_and_only_while_somebody_watches() -> None:
    clock = FakeClock()
    hub = Hub([GATE])[GATE]
    source = FragmentSource(hub, clock, lambda _key: None)
    units = access_units(GATE, clock.monotonic())
    for unit in units[:10]:
        hub.publish(unit)
    with source.watch() as early:
        assert (await early.get()).duration_90k == 9 * STEP_90K
        hub.publish(units[10])
        with source.watch() as late:
            assert (await late.get()).duration_90k == 10 * STEP_90K
            assert await early.get()
            hub.publish(units[11])
            assert await early.get() is await late.get()
    assert hub._consumers == []


@pytest.mark.parametrize("passed_s", [0.0, STALE_S + 1])
async def test_a_picture_of_a_camera_that_stands_still_does_not_pass_for_live(passed_s: float) -> None:
    clock = FakeClock()
    hub = Hub([GATE])[GATE]
    units = access_units(GATE, clock.monotonic())
    for unit in units[:10]:
        hub.publish(unit)
    clock.advance(passed_s)
    with FragmentSource(hub, clock, lambda _key: None).watch() as queue:
        for unit in units[10:27]:
            hub.publish(unit)
        first = await queue.get()
        assert first.is_key
        assert first.start_90k == (0 if passed_s == 0.0 else units[25].pts_90k)
