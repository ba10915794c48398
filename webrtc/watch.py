"""One viewer's way through the streams of a scene: by choice, by what it reports, and when a stream ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from webrtc.adapt import Adapt, Step
from webrtc.fanout import Fanout
from webrtc.frames import FrameSource
from webrtc.rtcp import ReceptionReport
from webrtc.viewer import Stage, Viewer


class Watch:
    """`wish` is the best stream that is shown; what the viewer reports leads down from it and up to it again.

    A move takes place once the other stream has a keyframe; until then the present one goes on.
    """

    def __init__(self, viewer: Viewer, wish: FrameSource, fanout_of: Callable[[FrameSource], Fanout]):
        self.viewer = viewer
        self._wish = wish
        self._fanout_of = fanout_of
        self._now_s = asyncio.get_running_loop().time
        self._adapt = Adapt(self._now_s())
        self._present: Stage | None = None
        self._coming: Fanout | None = None
        self._step: Step | None = None

    @property
    def source(self) -> FrameSource:
        """What is shown now; before the first picture, what is to be."""
        return self._wish if self.viewer.fanout is None else self.viewer.fanout.source

    async def run(self) -> str:
        """Show to a connected viewer until there is nothing more to show; returns why."""
        viewer, peer = self.viewer, self.viewer.peer
        peer.on_feedback = lambda feedback: viewer.hear(feedback, self._now_s())
        viewer.on_report = self._hear
        try:
            if not self._go_on_without():
                return "no stream is left that the client can take"
            while True:
                await viewer.wants_start.wait()
                fanout = viewer.fanout
                if fanout is None:
                    raise RuntimeError("a viewer wants to start nowhere")
                if fanout is not self._present:
                    self._arrived(fanout)
                if fanout.ended is None:
                    await fanout.start(viewer)
                elif viewer.entry_for(fanout.source) is not None or not self._go_on_without(fanout):
                    return fanout.ended
        finally:
            peer.on_feedback = viewer.on_report = None
            for fanout in (viewer.fanout, self._coming):
                if fanout is not None:
                    fanout.leave(viewer)

    def switch(self, wish: FrameSource) -> None:
        """Show `wish` and nothing better."""
        self._wish, self._step = wish, None
        if self.viewer.fanout is not None:
            self._go(wish)

    def _candidates(self) -> list[FrameSource]:
        """What the client can take, the best first, none better than the wish."""
        scene = list(self._wish.scene)
        allowed = scene[scene.index(self._wish) :] if self._wish in scene else [self._wish]
        return [source for source in allowed if self.viewer.entry_for(source) is not None]

    def _go(self, source: FrameSource) -> None:
        """Come over to `source`, or stay if that is shown."""
        coming = self._coming
        if coming is not None and coming.source is source and coming.ended is None:
            return
        self._coming = None
        if coming is not None and coming is not self.viewer.fanout:
            coming.leave(self.viewer)
        if self.viewer.fanout is None or self.viewer.fanout.source is not source:
            self._coming = self._fanout_of(source)
            self._coming.expect(self.viewer)

    def _arrived(self, fanout: Stage) -> None:
        if self._present is not None:
            self._adapt.moved(self._step, self._now_s())
        self._present, self._step = fanout, None
        if self._coming is fanout:  # and not another that was chosen meanwhile
            self._coming = None

    def _go_on_without(self, ended: Stage | None = None) -> bool:
        """Show the best that is left; False if nothing is."""
        candidates = self._candidates()
        if not candidates:
            return False
        if ended is not None:
            ended.leave(self.viewer)
            self.viewer.fanout = None
            self.viewer.wants_start.clear()
        self._go(candidates[0])
        return True

    def _hear(self, report: ReceptionReport) -> None:
        step = self._adapt.report(
            lost=report.fraction_lost / 256, round_trip_s=self.viewer.round_trip_s, now_s=self._now_s()
        )
        present, candidates = self.viewer.fanout, self._candidates()
        if step is None or present is None or present.source not in candidates:
            return
        index = candidates.index(present.source) + (1 if step is Step.DOWN else -1)
        if 0 <= index < len(candidates):
            self._step = step
            self._go(candidates[index])
        elif step is Step.DOWN:
            self._go(present.source)  # no further up, at least
