"""The cameras for platforms, as real players get them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from restream_site import (
    FFMPEG,
    GATE,
    GATE_SUB,
    LAN,
    YARD,
    Loop,
    Site,
    decoded_hashes,
    encode_h264,
    ffmpeg_pictures,
    follow,
    run,
    running_site,
)

import x265
from nvr.restream.accounts import Platform

TCP = ("-rtsp_transport", "tcp")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Gate with B-frames on main and none on sub, the yard in H.265 with B-frames."""
    async with running_site(tmp_path) as running:
        running.loops += [
            Loop(running.hub, GATE, encode_h264(b_frames=2)),
            Loop(running.hub, GATE_SUB, encode_h264(size=(80, 48))),
            Loop(running.hub, YARD, x265.encode(b_frames=2)),
        ]
        yield running


@pytest.fixture
async def platform(site: Site) -> Platform:
    return await site.platforms.add("tinh", ["gate", "yard"], by=LAN)


async def test_ffmpeg_gets_every_picture_as_it_is(site: Site, platform: Platform) -> None:
    for path, units in (
        ("gate/main", encode_h264(b_frames=2)),
        ("gate/sub", encode_h264(size=(80, 48))),
        ("yard/main", x265.encode(b_frames=2)),
    ):
        seen = await ffmpeg_pictures(site.url(path, platform), 60, *TCP)
        assert len(seen) == 60 and follow(decoded_hashes(units), seen), path


async def test_who_may_not_see_a_camera_cannot_tell_it_from_none(site: Site) -> None:
    commune = await site.platforms.add("xa", ["gate"], by=LAN)
    answers = set()
    for path in ("yard/main", "nothing/main", "gate/x", "gate"):
        code, _, errors = await run(
            FFMPEG, "-v", "error", *TCP, "-i", site.url(path, commune), "-f", "null", "-"
        )
        assert code != 0 and "404" in errors
        answers.add(errors.replace(path, "").split("method DESCRIBE")[-1].splitlines()[0])
    assert len(answers) == 1
