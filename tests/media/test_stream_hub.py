"""Fan-out, GOP cache and the bounded queue of a slow consumer."""

import asyncio
from dataclasses import replace

import pytest

from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit, CodecConfig, Discontinuity, MediaItem
from nvr.media.hub import GOP_CACHE_BYTES, GOP_CACHE_UNITS, GopNumbers, Hub, StreamHub, Subscription

KEY = StreamKey("gate", Role.MAIN)
CONFIG = CodecConfig("h264", b"\x67\x42\x00\x1f", b"\x68\x80", 640, 360, False)


def unit(pts: int, key: bool = False, data: bytes = b"x", config: CodecConfig = CONFIG) -> AccessUnit:
    return AccessUnit(KEY, config, data, pts, key, 1.0)


def lost() -> Discontinuity:
    return Discontinuity(KEY, "loss", 1.0)


class Recorder:
    def __init__(self) -> None:
        self.items: list[MediaItem] = []

    def push(self, item: MediaItem) -> None:
        self.items.append(item)


async def drain(subscription: Subscription) -> list[int]:
    taken = []
    try:
        while True:
            async with asyncio.timeout(0):
                taken.append((await subscription.get()).pts_90k)
    except TimeoutError:
        return taken


def test_every_consumer_gets_every_item_in_order() -> None:
    hub, first, second = StreamHub(KEY), Recorder(), Recorder()
    hub.attach(first)
    hub.publish(unit(0, True))
    hub.attach(second)
    hub.publish(lost())
    hub.detach(first)
    hub.detach(first)
    hub.publish(unit(1))
    assert first.items == [unit(0, True), lost()]
    assert second.items == [lost(), unit(1)]


def test_a_consumer_may_leave_while_it_is_served() -> None:
    hub, last = StreamHub(KEY), Recorder()

    class Once(Recorder):
        def push(self, item: MediaItem) -> None:
            super().push(item)
            hub.detach(self)

    once = Once()
    hub.attach(once)
    hub.attach(last)
    hub.publish(unit(0, True))
    hub.publish(unit(1))
    assert (len(once.items), len(last.items)) == (1, 2)


def test_gop_cache_begins_with_the_last_keyframe() -> None:
    hub = StreamHub(KEY)
    hub.publish(unit(0))
    assert hub.gop == ()
    for pts, key in ((1, True), (2, False), (3, True), (4, False)):
        hub.publish(unit(pts, key))
    assert [u.pts_90k for u in hub.gop] == [3, 4]
    hub.publish(lost())
    hub.publish(unit(5))
    assert hub.gop == ()


def test_a_gop_that_grows_too_large_is_not_kept() -> None:
    hub, half = StreamHub(KEY), bytes(GOP_CACHE_BYTES // 2 + 1)
    hub.publish(unit(0, True, half))
    hub.publish(unit(1, False, half))
    hub.publish(unit(2))
    assert hub.gop == ()
    hub.publish(unit(3, True))
    assert [u.pts_90k for u in hub.gop] == [3]


def test_a_gop_of_endless_tiny_units_is_not_kept() -> None:
    hub = StreamHub(KEY)
    for number in range(GOP_CACHE_UNITS + 2):
        hub.publish(unit(number, number == 0))
    assert hub.gop == ()


def test_b_frames_are_noticed_until_the_config_changes() -> None:
    hub = StreamHub(KEY)
    for pts in (0, 3, 1):
        hub.publish(unit(pts, pts == 0))
    assert hub.has_b_frames and hub.config is CONFIG
    other = CodecConfig("h264", b"\x67\x42\x00\x20", b"\x68\x80", 640, 360, False)
    hub.publish(unit(4, True, config=other))
    assert not hub.has_b_frames and hub.config is other


def test_time_that_starts_again_after_a_gap_is_no_b_frame() -> None:
    hub = StreamHub(KEY)
    hub.publish(unit(900, True))
    hub.publish(lost())
    hub.publish(unit(0, True))
    assert not hub.has_b_frames


async def test_subscription_waits_for_a_keyframe_at_first_and_after_a_gap() -> None:
    subscription = Subscription()
    for item in (unit(0), unit(1, True), unit(2), lost(), unit(3), unit(4, True)):
        subscription.push(item)
    assert await drain(subscription) == [1, 2, 4]
    assert subscription.dropped == 2


@pytest.mark.parametrize("limits", [{"max_units": 3}, {"max_bytes": 3}])
async def test_a_slow_consumer_drops_to_the_next_keyframe(limits: dict[str, int]) -> None:
    subscription = Subscription(**limits)
    for pts in range(5):
        subscription.push(unit(pts, pts == 0))
    assert await drain(subscription) == []
    assert subscription.dropped == 5
    subscription.push(unit(9, True))
    assert await drain(subscription) == [9]


async def test_subscribe_from_the_gop_and_leave() -> None:
    hub = StreamHub(KEY)
    hub.publish(unit(0, True))
    hub.publish(unit(1))
    with hub.subscribe(from_gop=True) as subscription, hub.subscribe() as late:
        hub.publish(unit(2))
        assert await drain(subscription) == [0, 1, 2]
        assert await drain(late) == []
    hub.publish(unit(3))
    assert await drain(subscription) == []


async def test_get_wakes_up_when_a_unit_comes() -> None:
    subscription = Subscription()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(subscription.get())
        await asyncio.sleep(0)
        subscription.push(unit(7, True))
    assert waiting.result().pts_90k == 7


async def test_iteration_gives_the_units() -> None:
    subscription = Subscription()
    subscription.push(unit(7, True))
    subscription.push(unit(8))
    got = []
    async for item in subscription:
        got.append(item.pts_90k)
        if len(got) == 2:
            break
    assert got == [7, 8]


def test_hub_knows_its_streams() -> None:
    hub = Hub([KEY])
    assert KEY in hub and StreamKey("gate", Role.SUB) not in hub
    assert [stream.key for stream in hub] == [KEY] and hub[KEY].key == KEY


def test_what_a_whole_group_had() -> None:
    hub, step = StreamHub(KEY), 3600
    for number in range(50):
        hub.publish(unit(number * step, number % 25 == 0, b"x" * 125))
        assert (hub.last_gop is None) == (number < 25)
    assert hub.last_gop == GopNumbers(25, 1.0, 3125)
    assert (hub.last_gop.fps, hub.last_gop.kbit_s) == (25, 25)
    hub.publish(lost())
    hub.publish(unit(90_000_000, True))
    assert hub.last_gop == GopNumbers(25, 1.0, 3125), "the one with a hole in it does not count"
    hub.publish(unit(90_000_000, True))
    assert hub.last_gop == GopNumbers(25, 1.0, 3125), "nor one without duration"
    hub.publish(unit(90_090_000, True, config=replace(CONFIG, width=1280)))
    assert hub.last_gop is None


def test_a_group_too_long_for_the_cache_is_counted() -> None:
    hub = StreamHub(KEY)
    for number in range(GOP_CACHE_UNITS + 10):
        hub.publish(unit(number * 3600, number == 0))
    hub.publish(unit((GOP_CACHE_UNITS + 10) * 3600, True))
    assert hub.last_gop is not None
    assert hub.last_gop.pictures == GOP_CACHE_UNITS + 10
