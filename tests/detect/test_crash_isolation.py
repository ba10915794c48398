"""What one camera's video does to the analysis of the others, through the real processes."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import av
import numpy as np
import pytest
from analysis_site import AnalysisSite, crash
from detect_peers import encode

from nvr.detect import process, quarantine
from nvr.detect.note import NoteReader, NoteWriter, Work
from nvr.events import Sighting
from nvr.media.access_unit import AccessUnit
from nvr.media.nal import join_length_prefixed, split_length_prefixed

BAD, GOOD = 1, 0
"""Index of the camera "yard", and of "gate"."""


@pytest.fixture(scope="module")
def person(waiting_cyclist: list[av.VideoFrame]) -> list[AccessUnit]:
    return encode(waiting_cyclist)


@pytest.fixture(scope="module")
def street(empty_street: list[av.VideoFrame]) -> list[AccessUnit]:
    return encode(empty_street)


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[NoteReader]:
    """The notes of all workers, the latest last: what the service reads when one dies."""
    made: list[NoteReader] = []

    class Kept(NoteReader):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(process, "NoteReader", Kept)
    return made


def bit_flips(units: Sequence[AccessUnit], chance: random.Random) -> list[AccessUnit]:
    damaged = []
    for unit in units:
        data = bytearray(unit.data)
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(4, len(data))] ^= 1 << chance.randrange(8)
        damaged.append(replace(unit, data=bytes(data)))
    return damaged


def truncated_units(units: Sequence[AccessUnit], chance: random.Random) -> list[AccessUnit]:
    return [
        replace(
            unit,
            data=join_length_prefixed(
                nal[: chance.randrange(1, len(nal) + 1)] for nal in split_length_prefixed(unit.data)
            ),
        )
        for unit in units
    ]


def wrong_sps_sizes(units: Sequence[AccessUnit], chance: random.Random) -> list[AccessUnit]:
    """The SPS of other sizes, from tiny to the largest that is allowed, before the slices of this one."""
    sizes = [(16, 16), (64, 4096), (4096, 64), (1920, 1080), (4096, 3072)]
    configs = [encode([av.VideoFrame(*size, "yuv420p")])[0].config for size in sizes]
    return [
        replace(unit, config=chance.choice(configs), is_key=chance.random() < 0.5 or unit.is_key)
        for unit in units
    ]


def random_nals(units: Sequence[AccessUnit], chance: random.Random) -> list[AccessUnit]:
    """Units of any type with any content, between the real ones, all said to be keyframes."""
    mixed = []
    for unit in units:
        nals = [chance.randbytes(chance.randrange(1, 2000)) for _ in range(chance.randrange(1, 6))]
        nals.insert(chance.randrange(len(nals)), next(iter(split_length_prefixed(unit.data))))
        mixed.append(replace(unit, data=join_length_prefixed(nals), is_key=True))
    return mixed


def sizes_that_change(units: Sequence[AccessUnit], chance: random.Random) -> list[AccessUnit]:
    """Another resolution with each picture."""
    sizes = [(chance.randrange(8, 300) * 2, chance.randrange(8, 300) * 2) for _ in range(20)]
    return [encode([av.VideoFrame(*size, "yuv420p")])[0] for size in sizes]


FUZZERS = [bit_flips, truncated_units, wrong_sps_sizes, random_nals, sizes_that_change]


@pytest.mark.parametrize("fuzz", FUZZERS)
async def test_a_fuzzed_stream_costs_nobody_else(
    fuzz: Callable[[Sequence[AccessUnit], random.Random], list[AccessUnit]],
    person: list[AccessUnit],
    street: list[AccessUnit],
) -> None:
    """Whatever it does to the worker, the other camera's person is seen, again after the fuzzing."""
    site = AnalysisSite("gate", "yard")
    site.link.set_acting(frozenset({"gate", "yard"}))
    fuzzed = fuzz(street, random.Random(11))
    async with site.running(), site.playing({"yard": fuzzed}):
        async with site.playing({"gate": street}):
            await site.until(lambda: site.fps("gate") >= 3)
        assert not seen_at(site, "gate")
        async with site.playing({"gate": person}):
            await site.until(lambda: bool(seen_at(site, "gate")))
            await site.until(lambda: site.fps("gate") >= 3)


async def test_who_crashes_is_out_and_the_others_go_on(
    person: list[AccessUnit],
    street: list[AccessUnit],
    notes: list[NoteReader],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """First a pause, then a trial in a process of its own, where the next crash costs nobody else anything."""
    site = AnalysisSite("gate", "yard")
    site.link.set_acting(frozenset({"gate", "yard"}))
    async with site.running(), site.playing({"gate": street, "yard": street}):
        await site.until(lambda: site.fps("gate") > 0 and site.fps("yard") > 0)
        first_pid = site.link.worker_pid
        assert first_pid is not None
        await site.stopped_amid(first_pid, notes[-1].read, lambda work: work.camera == BAD)
        crash(first_pid)
        await site.until(lambda: site.link.worker_pid not in (None, first_pid))
        assert site.link.worker_pid is not None
        fault = site.faults.at("camera:yard")
        assert fault is not None
        assert (fault.code, fault.params) == ("video_crashes", {"pause_s": 2})
        assert "SIGSEGV" in fault.detail
        await site.until(lambda: site.fps("gate") > 0)

        pid = site.link.worker_pid
        await site.until(lambda: len(notes) == 3 and site.fps("yard") > 0)
        trial_pid = site.link.trial_pid
        assert trial_pid is not None
        await site.stopped_amid(trial_pid, notes[-1].read, lambda work: work.camera == BAD)
        crash(trial_pid)
        await site.until(lambda: site.faults.at("camera:yard") != fault)
        again = site.faults.at("camera:yard")
        assert again is not None and again.params == {"pause_s": 4}
        assert site.link.worker_pid == pid

        monkeypatch.setattr(quarantine, "TRIAL_S", 3.0)
        await site.until(lambda: site.faults.at("camera:yard") is None)
        await site.until(lambda: site.mode("yard") == "acting" and site.fps("yard") > 0)
        await site.until(lambda: site.link.trial_pid is None)
        assert site.link.worker_pid == pid


async def test_who_never_ends_is_out(
    street: list[AccessUnit], notes: list[NoteReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = AnalysisSite("gate", "yard")
    site.link.set_acting(frozenset({"gate", "yard"}))
    async with site.running(), site.playing({"gate": street, "yard": street}):
        await site.until(lambda: site.fps("gate") > 0 and site.fps("yard") > 0)
        pid = site.link.worker_pid
        assert pid is not None
        await site.stopped_amid(pid, notes[-1].read, lambda work: work.camera == BAD)
        # Stopped as it is, it uses no CPU time: none at all is too much now.
        monkeypatch.setattr(process, "STUCK_CPU_S", 0.0)
        await site.until(lambda: site.faults.at("camera:yard") is not None)
        monkeypatch.setattr(process, "STUCK_CPU_S", 60.0)
        await site.until(lambda: site.fps("gate") > 0)
        assert site.faults.at("camera:yard") is not None


async def test_a_picture_that_crashes_is_not_tried_again(
    street: list[AccessUnit], notes: list[NoteReader]
) -> None:
    site = AnalysisSite("gate")
    pixels = np.full((3072 * 3 // 2, 4096), 128, np.uint8)
    pixels[:600] = np.random.default_rng(1).integers(0, 256, (600, 4096), np.uint8)  # takes a while to decode
    large = encode([av.VideoFrame.from_ndarray(pixels, "yuv420p")])[0]
    async with site.running(), site.playing({"gate": street}):
        await site.until(lambda: site.fps("gate") > 0)
        pid = site.link.worker_pid
        assert pid is not None

        async def stop_amid_picture() -> None:
            await site.stopped_amid(pid, notes[-1].read, lambda work: work.still is not None)
            crash(pid)

        async def ask_until_it_crashes() -> None:
            while await site.link.picture(large.config, large.data) is not None:
                pass

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ask_until_it_crashes())
            tasks.create_task(stop_amid_picture())
        await site.until(lambda: site.link.worker_pid not in (None, pid))
        assert await site.link.picture(large.config, large.data) is None
        assert await site.link.picture(street[0].config, street[0].data) is not None
        assert not site.faults.current


def seen_at(site: AnalysisSite, camera: str) -> list[Sighting]:
    return [sighting for sighting in site.sightings if sighting.camera == camera]


def test_a_note_tells_what_was_written_last() -> None:
    reader = NoteReader()
    writer = NoteWriter(reader.descriptor)
    try:
        assert reader.read() is None
        writer.camera(0)
        assert reader.read() == Work(1, 0, None)
        writer.camera(255)
        assert reader.read() == Work(2, 255, None)
        writer.still(7)
        assert reader.read() == Work(3, None, 7)
        writer.done()
        assert reader.read() is None
        os.ftruncate(reader.descriptor, 0)
        assert reader.read() is None
    finally:
        reader.close()
