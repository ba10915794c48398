"""The hub's streams as the live server takes them."""

from __future__ import annotations

import asyncio

import pytest

import x265
from nvr.events import Role, StreamKey
from nvr.media.audio import MAX_CHANNELS, AudioConfig, AudioUnit, g711_config
from nvr.media.hub import Hub
from nvr.web.live_source import AUDIO_UNITS_MAX, HubFrames, live_sources
from webrtc.packing import nal_units

MAIN, SUB = StreamKey("gate", Role.MAIN), StreamKey("gate", Role.SUB)
ALAW = g711_config("alaw")


def sound(number: int, config: AudioConfig = ALAW) -> AudioUnit:
    return AudioUnit(MAIN, config, bytes([number % 256]), number * 1800, 1800, 0.0)


def test_the_streams_of_a_camera_are_one_scene_the_main_one_first() -> None:
    other = StreamKey("yard", Role.MAIN)
    sources = live_sources(Hub([SUB, other, MAIN]), lambda _key: None)
    assert [source.key for source in sources[SUB].scene] == [MAIN, SUB]
    assert sources[MAIN].scene == sources[SUB].scene
    assert list(sources[other].scene) == [sources[other]]


async def test_h265_comes_with_its_parameter_sets_and_ends_where_it_becomes_something_else() -> None:
    hub, units = Hub([MAIN])[MAIN], x265.encode(frames=3)
    source = HubFrames(hub, lambda _key: None)
    assert (source.codec, source.sps) == (None, None)
    for unit in units:
        hub.publish(unit)
    assert (source.codec, source.sps) == ("h265", units[0].config.sps)
    async with source.subscribe() as frames:
        first = await anext(frames)
        assert (first.codec, first.is_key) == ("h265", True)
        assert tuple(nal_units(first.data))[:3] == units[0].config.parameter_sets
        assert not (await anext(frames)).is_key
        hub.publish(units[1])  # earlier than the one before: B-frames
        assert source.codec is source.sps is None
        assert await anext(frames, None) is None


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (ALAW, "PCMA"),
        (g711_config("ulaw"), "PCMU"),
        (g711_config("ulaw", 2), None),
        (AudioConfig("aac", 16_000, MAX_CHANNELS, b"\x14\x08", 1024), None),
    ],
)
def test_browsers_take_g711_of_one_channel(config: AudioConfig, name: str | None) -> None:
    hub = Hub([MAIN])[MAIN]
    source = HubFrames(hub, lambda _key: None)
    assert source.audio is None, "it has not come"
    hub.publish_audio(sound(0, config))
    assert source.audio == name


async def test_audio_comes_from_now_on_and_the_oldest_is_dropped() -> None:
    hub = Hub([MAIN])[MAIN]
    hub.publish_audio(sound(0))
    async with HubFrames(hub, lambda _key: None).subscribe_audio() as units:
        waiting = asyncio.ensure_future(anext(units))
        await asyncio.sleep(0)
        hub.publish_audio(sound(1))
        first = await waiting
        assert (first.data, first.pts_90k) == (b"\x01", 1800)
        hub.publish_audio(sound(2, g711_config("ulaw")))
        for number in range(3, 3 + AUDIO_UNITS_MAX + 5):
            hub.publish_audio(sound(number))
        assert (await anext(units)).data == bytes([8])
    hub.publish_audio(sound(9))  # nobody is there any more
