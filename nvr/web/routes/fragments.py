"""Live pictures by WebSocket for Media Source, where UDP does not get through: the same rights, places and refusals as
by WebRTC.

A browser does not tell a page why a handshake was refused. So a plain GET is refused for the same reasons, and the page
asks by it; where nothing is in the way but that it does not upgrade, it answers 426.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from nvr.events import StreamKey
from nvr.media.access_unit import Codec, CodecConfig
from nvr.record.mp4.live import content_type, init_segment
from nvr.web.access import Ability, Access, Subject
from nvr.web.errors import ApiError
from nvr.web.fragment_source import FragmentQueue
from nvr.web.live_choice import best_live, live_below, refusal
from nvr.web.route import Call, Route, stream_key
from webrtc.errors import WhepError

IDLE_S = 60.0
"""It ends when the camera sends no picture for so long."""
SLOW_S = 30.0
"""Who falls too far behind twice within so long gets the stream below."""
STALLED_S = 15.0
"""It ends when the viewer's connection takes nothing for so long."""
PING_S = 30.0
CLOSE_S = 0.5
UNSENT_BYTES = 128 << 10
"""What the kernel takes for one viewer and has not sent: by its own bounds it could be pictures of ten seconds."""
BUFFER_BYTES = 64 << 10
"""What the transport takes before who sends must wait, besides the picture that is being sent."""
HEARD_BYTES = 256
_CODECS: Final[dict[str, Codec]] = {"h264": "h264", "h265": "h265"}


async def watch(call: Call) -> web.StreamResponse:
    """Until the viewer leaves, the right to it or the stream ends, or the server stops."""
    request, services, wanted, codecs = call.request, call.services, stream_key(call), _codecs(call.request)
    key = best_live(services, call.camera, wanted, codecs)
    answer = web.WebSocketResponse(
        timeout=CLOSE_S, heartbeat=PING_S, compress=False, max_msg_size=HEARD_BYTES, writer_limit=0
    )
    over = asyncio.Event()
    with (
        _place(call),
        call.runtime.watches.open(
            call.session,
            Ability.LIVE,
            key.camera,
            lambda watch: over.set() if watch.ended else None,
            counted=False,
        ) as watching,
    ):
        if request.method != "GET" or not answer.can_prepare(request):
            raise ApiError(426, "upgrade_required", "this is for a WebSocket")
        if "Origin" not in request.headers:  # the gate has looked whose it is, where there is one
            raise ApiError(403, "cross_origin", "a WebSocket says whose page opens it")
        await call.note("live", str(key), {"by": "fragments"})
        await answer.prepare(request)
        _bound_buffers(request)
        reason = await _until_over(call, answer, key, codecs, over)
        if watching.ended:
            await _close(request, answer, WSCloseCode.GOING_AWAY, "ended")
        else:
            await _close(request, answer, WSCloseCode.OK, reason)
    return answer


@contextlib.contextmanager
def _place(call: Call) -> Iterator[None]:
    """One of the places for live pictures. Raises ApiError 429, 503: none is left."""
    try:
        with call.services.live.place(str(call.account.id)):
            yield
    except WhepError as error:
        raise refusal(error) from None


async def _until_over(
    call: Call, answer: web.WebSocketResponse, key: StreamKey, codecs: frozenset[Codec], over: asyncio.Event
) -> str:
    """Returns why it ended, in a word; "" where `over` was set by somebody else."""
    reasons = []

    async def run(job: Callable[[], Awaitable[str]]) -> None:
        try:
            reasons.append(await job())
        finally:
            over.set()

    async with asyncio.TaskGroup() as tasks:
        jobs = partial(_show, call, answer, key, codecs), partial(_hear, answer)
        running = [tasks.create_task(run(job)) for job in jobs]
        await over.wait()
        for task in running:
            task.cancel()
    return reasons[0] if reasons else ""


async def _show(call: Call, answer: web.WebSocketResponse, shown: StreamKey, codecs: frozenset[Codec]) -> str:
    """The stream, or where the connection turns out to be too slow for it the one below."""
    while True:
        with call.runtime.fragments[shown].watch() as queue:
            below = partial(live_below, call.services, call.camera, shown, codecs)
            outcome = await _feed(answer, queue, shown, codecs, below)
        if isinstance(outcome, str):
            return outcome
        shown = outcome


async def _feed(
    answer: web.WebSocketResponse,
    queue: FragmentQueue,
    key: StreamKey,
    codecs: frozenset[Codec],
    below: Callable[[], StreamKey | None],
) -> str | StreamKey:
    """Why it ended, or the stream to go on with."""
    config: CodecConfig | None = None
    overflows, slow_until_s = 0, 0.0
    clock = asyncio.get_running_loop().time
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                fragment = await queue.get()
        except TimeoutError:
            return "no_picture"
        if fragment is None:
            return "b_frames"
        if queue.overflows > overflows:
            lower = below() if clock() < slow_until_s else None
            if lower is not None:
                return lower
            overflows, slow_until_s = queue.overflows, clock() + SLOW_S
        if fragment.config.codec not in codecs:
            return "h265"
        try:
            async with asyncio.timeout(STALLED_S):
                if fragment.config != config:
                    config = fragment.config
                    await answer.send_str(_description(key, config))
                    await answer.send_bytes(init_segment(config))
                await answer.send_bytes(fragment.data)
        except TimeoutError:
            return "stalled"
        except ConnectionError:
            return "left"


async def _hear(answer: web.WebSocketResponse) -> str:
    """A viewer has nothing to say; that it left is heard here, and its answers to pings."""
    message = await answer.receive()
    return "unexpected" if message.type in (WSMsgType.TEXT, WSMsgType.BINARY) else "left"


async def _close(request: web.Request, answer: web.WebSocketResponse, code: WSCloseCode, reason: str) -> None:
    """With a word to the viewer, if its connection takes that; nobody waits for it."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await answer.close(code=code, message=reason.encode(), drain=False)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()


def _description(key: StreamKey, config: CodecConfig) -> str:
    return json.dumps(
        {
            "content_type": content_type(config),
            "role": key.role,
            "width": config.width,
            "height": config.height,
        }
    )


def _codecs(request: web.Request) -> frozenset[Codec]:
    """What the viewer says that it decodes; without a word, H.264."""
    named = request.query.get("codecs", "h264")[:40].split(",")
    return frozenset(_CODECS[name] for name in named if name in _CODECS)


def _bound_buffers(request: web.Request) -> None:
    """What is on its way to a slow viewer is little, so that what it gets is of now."""
    if request.transport is None:
        return
    request.transport.set_write_buffer_limits(high=BUFFER_BYTES)
    connection = request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


ROUTES = (
    Route(
        "GET",
        "/api/cameras/{camera}/fragments/{role}",
        watch,
        Access(Ability.LIVE, Subject.CAMERA),
    ),
)
