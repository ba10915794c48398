"""How the link looks at cameras, and what it tells, through the real process."""

from __future__ import annotations

import asyncio
import os
import signal

import av
import pytest
from analysis_site import AnalysisSite
from detect_peers import encode

from nvr.detect import overload


async def test_seldom_keyframes_are_no_gate(empty_street: list[av.VideoFrame]) -> None:
    """A stream with one keyframe is followed, once that shows; and one with many is not."""
    site = AnalysisSite("gate", "yard")
    still = empty_street[:1] * 500
    gate, yard = encode(still, gop=1000), encode(still[:50], gop=25)
    async with site.running(), site.playing({"gate": gate, "yard": yard}):
        await site.until(lambda: site.mode("gate") == "seldom_keyframes" and site.fps("gate") > 1)
        numbers = site.link.statistics.cameras["yard"]
        assert numbers.mode == "keyframes"
        assert numbers.gop_s is not None and 0.5 < numbers.gop_s < 4


async def test_acting_cameras_that_are_too_slow_are_a_fault_until_they_are_not(
    empty_street: list[av.VideoFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overload, "AFTER_S", 1.5)
    monkeypatch.setattr(overload, "OVER_S", 1.5)
    site = AnalysisSite("gate")
    site.link.set_acting(frozenset({"gate"}))
    async with site.running(), site.playing({"gate": encode(empty_street)}):
        await site.until(lambda: site.mode("gate") == "acting" and site.fps("gate") > 0)
        pid = site.link.worker_pid
        assert pid is not None
        while not site.faults.current:  # a machine that has something else to do
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(0.7)
            os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(0.3)
        ((fault, _),) = site.faults.current
        assert (fault.place, fault.code) == ("analysis", "analysis_overload")
        assert fault.params["cameras"] == "Gate" and fault.params["needed"] == "5"
        await site.until(lambda: not site.faults.current)
