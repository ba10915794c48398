"""A viewer between the streams of a scene: real sockets, real encryption, no handshake."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aiortc.rtp import RtpPacket
from live_peers import soon, until
from test_blocked_viewer import Connected, Source, connected, numbers

from webrtc import rtcp
from webrtc.adapt import Step
from webrtc.burst import Burst
from webrtc.entries import VideoEntry
from webrtc.fanout import Fanout
from webrtc.frames import FrameSource
from webrtc.h264 import Profile, ProfileLevel
from webrtc.mux import Path, Port
from webrtc.viewer import Place, Viewer, Voice
from webrtc.watch import Watch

HIGH = VideoEntry(96, "h264", ProfileLevel(Profile.HIGH, 40), "", 97, ())
STEPS = {True: Step.DOWN, False: Step.UP}
LOW = VideoEntry(102, "h264", ProfileLevel(Profile.CONSTRAINED_BASELINE, 31), "", 103, ())


class Scene:
    """A main and a sub stream, and one viewer of them."""

    def __init__(self, tasks: asyncio.TaskGroup, port: Port):
        self.port = port
        self.main, self.sub = Source(), Source()
        self.main.sps, self.sub.sps = b"\x67\x64\x00\x28", b"\x67\x42\xe0\x1f"
        self.main.scene = self.sub.scene = (self.main, self.sub)
        self.idle: list[FrameSource] = []
        self.made: dict[FrameSource, Fanout] = {}
        self.running: list[asyncio.Task[None]] = []
        self.peer: Connected = connected(port)
        self._tasks, self._burst, self._voice = tasks, Burst[Viewer](), Voice()
        self.viewer = Viewer(cast(Any, self.peer), [HIGH, LOW], self._voice)
        self.watch = Watch(self.viewer, self.main, self._fanout_of)
        self.watching = tasks.create_task(self.watch.run())

    def _fanout_of(self, source: FrameSource) -> Fanout:
        if source in self.made and self.made[source].ended is None:
            return self.made[source]
        fanout = Fanout(
            source,
            self._burst,
            self._voice,
            idle_timeout_s=60,
            on_idle=lambda: self.idle.append(source),
        )
        self.made[source] = fanout
        self.running.append(self._tasks.create_task(fanout.run()))
        return fanout

    async def shown(self, source: Source, kinds: str) -> None:
        """Until the viewer has got these pictures of `source`, and is as far as anybody."""
        frames = self.viewer.frames_sent + len(kinds)
        source.show(kinds)
        await until(lambda: self.viewer.frames_sent >= frames and self.viewer.place is Place.LIVE)
        assert self.watch.source is source

    def report(self, fraction_lost: int) -> None:
        """What the viewer says of its video, four times."""
        for _ in range(4):
            self.peer.on_feedback(rtcp.ReceptionReport(self._voice.ssrc, fraction_lost, 0, 0, 0))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with _scene() as made:
        yield made


@asynccontextmanager
async def _scene() -> AsyncIterator[Scene]:
    port = Port("127.0.0.1", 0)
    async with asyncio.TaskGroup() as tasks:
        made = Scene(tasks, port)
        await asyncio.sleep(0)
        yield made
        for task in (made.watching, *made.running):
            task.cancel()
    for one in (port, made.peer):
        one.socket.close()


def times(packets: list[RtpPacket]) -> list[int]:
    return [time for time, _ in itertools.groupby(packet.timestamp for packet in packets)]


async def test_numbers_and_time_go_on_through_a_switch(scene: Scene) -> None:
    await scene.shown(scene.main, "Kpp")
    scene.watch.switch(scene.sub)
    await scene.shown(scene.main, "pp")
    before = scene.peer.received()
    assert {packet.payload_type for packet in before} == {96}
    scene.sub.number = 40_000  # a clock of its own
    await scene.shown(scene.sub, "Kpp")
    await scene.shown(scene.sub, "Kp")
    assert scene.idle == [scene.main]
    after = scene.peer.received()
    assert {packet.payload_type for packet in after} == {102}
    assert {packet.ssrc for packet in before} == {packet.ssrc for packet in after}
    steps = [(b - a) & 0xFFFF for a, b in itertools.pairwise(numbers(before + after))]
    assert set(steps) == {1}
    all_times = times(before + after)
    assert len(all_times) == 10, "one for each picture"
    assert all(0 < (b - a) & 0xFFFFFFFF < 1 << 31 for a, b in itertools.pairwise(all_times))
    # What was lost before the switch is made good under its own payload type.
    scene.peer.on_feedback(rtcp.Nack(before[0].ssrc, (before[3].sequence_number, after[0].sequence_number)))
    again = scene.peer.received()
    assert [packet.payload_type for packet in again] == [97, 103]
    assert [packet.timestamp for packet in again] == [before[3].timestamp, after[0].timestamp]
    assert [packet.payload[2:] for packet in again] == [before[3].payload, after[0].payload]


async def test_a_switch_back_before_the_keyframe_is_none(scene: Scene) -> None:
    await scene.shown(scene.main, "Kp")
    scene.watch.switch(scene.sub)
    await scene.shown(scene.main, "p")
    scene.watch.switch(scene.main)
    assert scene.idle == [scene.sub]
    await scene.shown(scene.main, "Kp")


async def test_loss_leads_down_and_clean_reports_up_to_the_choice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.shown(scene.main, "Kp")
    scene.report(80)
    await scene.shown(scene.main, "p")
    await scene.shown(scene.sub, "Kp")
    scene.report(80)
    await scene.shown(scene.sub, "p")
    monkeypatch.setattr("webrtc.adapt.PATIENCE_S", 0.0)
    scene.watch.switch(scene.main)
    await scene.shown(scene.main, "Kp")
    scene.watch.switch(scene.sub)
    await scene.shown(scene.sub, "K")
    scene.report(0)
    await scene.shown(scene.sub, "Kp")
    assert scene.idle == [scene.main, scene.sub, scene.main], "nothing better than the choice"


async def test_what_went_down_comes_up_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webrtc.adapt.Adapt.report", lambda self, lost, **_: STEPS[lost > 0.1])
    await scene.shown(scene.main, "K")
    for _ in range(2):
        scene.report(80)
        await scene.shown(scene.sub, "Kp")
        scene.report(0)
        await scene.shown(scene.main, "Kp")


async def test_a_stream_that_turns_out_to_reorder_gives_way_to_the_other(scene: Scene) -> None:
    await scene.shown(scene.main, "Kp")
    scene.main.codec = scene.main.sps = None
    scene.main.end()
    await scene.shown(scene.sub, "Kp")
    scene.sub.end()
    assert await scene.watching == "the stream ended"


async def test_a_choice_in_the_moment_of_a_move_is_not_lost(scene: Scene) -> None:
    await scene.shown(scene.main, "Kp")
    scene.watch.switch(scene.sub)
    scene.sub.show("K")
    await soon(lambda: scene.watch.source is scene.sub)
    scene.watch.switch(scene.main)
    await scene.shown(scene.main, "Kp")
    scene.watch.switch(scene.sub)
    scene.watching.cancel()
    await until(lambda: [scene.idle.count(source) for source in (scene.main, scene.sub)] == [2, 2])


async def test_no_number_is_used_for_two_things(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moved in the moment in which the kernel had no room: some of what was tried may have left."""
    monkeypatch.setattr("webrtc.fanout.RETRY_S", 60.0)
    await scene.shown(scene.main, "Kp")
    before = scene.peer.received()
    there, scene.peer.path = scene.peer.path, Path(scene.port, ("127.0.0.1", 0))
    scene.main.show("K")
    await until(lambda: scene.viewer.place is Place.STARTING)
    scene.peer.path = there
    scene.watch.switch(scene.sub)
    await scene.shown(scene.sub, "Kp")
    after = scene.peer.received()
    steps = [(b - a) & 0xFFFF for a, b in itertools.pairwise(numbers(before + after))]
    assert sorted(set(steps)) == [1, 4]
    assert steps.count(4) == 1, "the three packets of the keyframe that was tried"


async def test_who_ends_while_it_is_expected_leaves_both(scene: Scene) -> None:
    await scene.shown(scene.main, "Kp")
    scene.watch.switch(scene.sub)
    scene.watching.cancel()
    await until(lambda: sorted(map(id, scene.idle)) == sorted(map(id, (scene.main, scene.sub))))
