from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aioice.ice
import pytest
from aiortc import RTCRtpReceiver
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, SRTPProtectionProfile
from live_peers import STEP_90K, LoopCamera, Viewer, encode, soon, until

from webrtc.frames import START_CODE, EncodedFrame
from webrtc.session import LiveServer, SessionState, WhepError

Serve = Callable[..., Awaitable[LiveServer]]
MakeViewer = Callable[[], Viewer]
VIEWER_LOGS = ("aioice", "aiortc.rtcpeerconnection")


def open_sockets() -> int:
    """How many sockets this process holds (Linux)."""
    descriptors = Path("/proc/self/fd").iterdir()
    return sum(str(path.readlink()).startswith("socket:") for path in descriptors if path.is_symlink())


@pytest.mark.parametrize(("profile", "profile_idc"), [("baseline", 66), ("main", 77), ("high", 100)])
async def test_a_viewer_decodes_every_profile_with_exact_timestamps(
    serve: Serve, viewer: MakeViewer, profile: str, profile_idc: int
) -> None:
    camera = LoopCamera(encode(profile, 320, 240), first_pts_90k=(1 << 33) - 20 * STEP_90K)
    assert camera.sps is not None
    assert camera.sps[1] == profile_idc
    server, watching = await serve(), viewer()
    answer = await watching.connect(server, camera)
    first = await watching.picture()
    assert (first.width, first.height) == (320, 240)
    times = await watching.times_90k(40)
    assert [b - a for a, b in itertools.pairwise(times)] == [STEP_90K] * 39
    bar = first.to_ndarray(format="rgb24")[120, 16]
    assert bar[0] > 200 > 60 > bar[2], "the first picture is the GOP's keyframe, with the bar at the left"
    (info,) = server.sessions()
    assert (info.session_id, info.owner, info.source) == (answer.session_id, "an", camera)
    assert info.state is SessionState.LIVE
    assert info.frames_sent >= 40
    assert info.bytes_sent > 1000


@pytest.mark.parametrize("profile", [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80])
@pytest.mark.parametrize(
    ("offered", "answered"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")]
)
async def test_a_viewer_of_any_encryption_and_in_either_role_of_the_handshake(
    serve: Serve,
    viewer: MakeViewer,
    camera: LoopCamera,
    profile: SRTPProtectionProfile,
    offered: str,
    answered: str,
) -> None:
    server, watching = await serve(), viewer()
    offer = (await watching.offer()).replace("a=setup:actpass", f"a=setup:{offered}")
    watching.pc.getReceivers()[0].transport._srtp_profiles = [profile]
    answer = await server.offer(camera, offer, owner="an")
    assert f"a=setup:{answered}\r\n" in answer.sdp
    await watching.accept(answer.sdp)
    assert (await watching.picture()).width == 320


async def test_several_viewers_of_one_source(serve: Serve, viewer: MakeViewer, camera: LoopCamera) -> None:
    server, viewers = await serve(), [viewer() for _ in range(4)]
    answers = [await one.connect(server, camera, owner=f"user{i}") for i, one in enumerate(viewers)]
    assert len({answer.session_id for answer in answers}) == 4
    for one in viewers:
        for _ in range(5):
            assert (await one.picture()).width == 320
    assert camera.viewers == 1, "the source is read once for all"
    assert [info.owner for info in server.sessions()] == ["user0", "user1", "user2", "user3"]


async def test_all_candidates_are_in_the_answer_and_are_host(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    answer = await (await serve()).offer(camera, await viewer().offer(), owner="an")
    candidates = [line for line in answer.sdp.splitlines() if line.startswith("a=candidate:")]
    assert candidates
    assert all(" typ host" in line for line in candidates)
    assert "a=end-of-candidates" in answer.sdp
    assert "a=sendonly" in answer.sdp


async def test_only_the_viewer_starts_a_receiver(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiving = []
    receive = RTCRtpReceiver.receive

    async def spy(self: RTCRtpReceiver, parameters: object) -> None:
        receiving.append(self)
        await receive(self, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(RTCRtpReceiver, "receive", spy)
    watching = viewer()
    await watching.connect(await serve(), camera)
    await watching.picture()
    assert receiving == watching.pc.getReceivers()


async def test_a_viewer_that_never_connects_is_removed(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    server = await serve(connect_timeout_s=0.2)
    await server.offer(camera, await viewer().offer(), owner="an")
    assert [info.state for info in server.sessions()] == [SessionState.CONNECTING]
    await until(lambda: not server.sessions())
    assert camera.viewers == 0


async def test_a_viewer_that_hangs_up_is_removed(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    server, watching = await serve(), viewer()
    await watching.connect(server, camera)
    await watching.picture()
    await watching.pc.close()
    await until(lambda: not server.sessions())
    assert camera.viewers == 0


async def test_a_viewer_that_vanishes_is_removed(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.1)
    server, watching = await serve(consent_timeout_s=3.0), viewer()
    await watching.connect(server, camera)
    await watching.picture()
    await asyncio.sleep(3.5)
    assert server.sessions(), "it was there all the time"
    # Without its ICE the viewer neither answers nor can say goodbye.
    await watching.pc.getReceivers()[0].transport.transport.stop()
    await until(lambda: not server.sessions())


async def test_one_user_does_not_take_all_places(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    """Also not with several offers at the very first, while the libraries are still being loaded."""
    server, offers = await serve(max_sessions=4, max_per_user=2), [await viewer().offer() for _ in range(4)]
    asked = (server.offer(camera, offer, owner=f"log-in {n}", user="an") for n, offer in enumerate(offers))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refusals = [(a.status, a.code) for a in answers if isinstance(a, WhepError)]
    assert refusals == [(429, "too_many_own_viewers")] * 2
    await server.offer(camera, await viewer().offer(), owner="log-in", user="binh")
    assert len(server.sessions()) == 3


async def test_places_are_limited_and_become_free_again(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    server = await serve(max_sessions=2)
    first = await server.offer(camera, await viewer().offer(), owner="an")
    await server.offer(camera, await viewer().offer(), owner="an")
    offer = await viewer().offer()
    with pytest.raises(WhepError, match="all 2 live places") as caught:
        await server.offer(camera, offer, owner="an")
    assert (caught.value.status, caught.value.code) == (503, "too_many_viewers")
    assert await server.close(first.session_id, owner="an")
    await server.offer(camera, offer, owner="an")
    assert len(server.sessions()) == 2


async def test_only_the_owner_or_an_administrator_closes(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    server, watching = await serve(), viewer()
    answer = await watching.connect(server, camera, owner="an")
    await watching.picture()
    assert not await server.close(answer.session_id, owner="binh")
    assert not await server.close("unknown", owner=None)
    assert len(server.sessions()) == 1
    assert await server.close(answer.session_id, owner=None)
    assert server.sessions() == []
    assert camera.viewers == 0
    async with asyncio.timeout(10):
        await watching.ended.wait()
    assert not await server.close(answer.session_id, owner="an")


async def test_revocation_ends_the_picked_sessions_only(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    other = LoopCamera(camera.frames)
    server, revoked, kept = await serve(), viewer(), viewer()
    await revoked.connect(server, camera)
    await kept.connect(server, other)
    await revoked.picture()
    await kept.picture()
    assert await server.close_where(lambda info: info.source is camera) == 1
    async with asyncio.timeout(10):
        await revoked.ended.wait()
    assert [info.source for info in server.sessions()] == [other]
    await kept.picture()
    assert await server.close_where(lambda info: info.source is camera) == 0


async def test_revocation_reaches_an_offer_that_is_being_answered(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    server, offer = await serve(), await viewer().offer()
    offering = asyncio.create_task(server.offer(camera, offer, owner="an"))
    await soon(lambda: bool(server.sessions()))
    assert await server.close_where(lambda info: info.owner == "an") == 1
    with pytest.raises(WhepError, match="ended while"):
        await offering
    assert server.sessions() == []


async def test_an_abandoned_offer_leaves_nothing(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    server, offer = await serve(), await viewer().offer()
    offering = asyncio.create_task(server.offer(camera, offer, owner="an"))
    await soon(lambda: bool(server.sessions()))
    offering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await offering
    await until(lambda: not server.sessions())


async def test_cancelling_the_server_closes_every_session(viewer: MakeViewer, camera: LoopCamera) -> None:
    server, watching, offering = LiveServer(max_sessions=3), viewer(), viewer()
    running = asyncio.create_task(server.run())
    await asyncio.sleep(0)  # its first step
    await watching.connect(server, camera)
    await watching.picture()
    await server.offer(camera, await offering.offer(), owner="an")
    offer = await viewer().offer()
    last = asyncio.create_task(server.offer(camera, offer, owner="an"))
    await soon(lambda: len(server.sessions()) == 3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert server.sessions() == []
    # Answered just before its session was closed, or told that it was.
    with suppress(WhepError):
        assert (await last).session_id
    assert server.sessions() == []
    async with asyncio.timeout(10):
        await watching.ended.wait()
    with pytest.raises(WhepError, match="not running"):
        await server.offer(camera, offer, owner="an")


async def test_the_session_ends_with_its_source(serve: Serve, viewer: MakeViewer, camera: LoopCamera) -> None:
    server, watching = await serve(), viewer()
    await watching.connect(server, camera)
    await watching.picture()
    camera.gone = True
    async with asyncio.timeout(10):
        await watching.ended.wait()
    await until(lambda: not server.sessions())


async def test_a_camera_that_stays_away_ends_the_session(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    server, watching = await serve(idle_timeout_s=0.3), viewer()
    await watching.connect(server, camera)
    await watching.picture()
    camera.present.clear()
    await until(lambda: not server.sessions())


async def test_a_camera_that_reconnects_keeps_its_viewers(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    server, watching = await serve(), viewer()
    await watching.connect(server, camera)
    await watching.picture()
    camera.present.clear()
    sent_before = 0
    while sent_before != (sent_before := server.sessions()[0].frames_sent):
        await asyncio.sleep(0.1)
    camera.origin_90k = -5_000_000
    camera.present.set()
    await until(lambda: server.sessions()[0].frames_sent > sent_before + 20)
    # More than were sent before, so the last ones are from after the pause.
    times = await watching.times_90k(sent_before + 10)
    steps = [b - a for a, b in itertools.pairwise(times)]
    assert all(step >= STEP_90K for step in steps)
    assert sum(step != STEP_90K for step in steps) == 1, "one step is the pause, all others one frame"


async def test_a_camera_without_a_picture_is_a_conflict(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    camera.sps = None
    server, offer = await serve(), await viewer().offer()
    with pytest.raises(WhepError) as caught:
        await server.offer(camera, offer, owner="an")
    assert caught.value.status == 409


async def test_an_offered_high_profile_is_answered_and_its_payload_type_used(
    serve: Serve, viewer: MakeViewer
) -> None:
    camera, watching = LoopCamera(encode("high", 320, 240)), viewer()
    offer = await watching.offer()
    assert "profile-level-id=42001f" in offer
    answer = await (await serve()).offer(camera, offer.replace("42001f", "64001f"), owner="an")
    assert "profile-level-id=64001f" in answer.sdp
    assert "profile-level-id=42" not in answer.sdp
    # aiortc's own client knows no High, so that it gets back what it had offered itself.
    await watching.accept(answer.sdp.replace("64001f", "42001f"))
    assert (await watching.picture()).height == 240


async def test_no_ice_password_is_logged(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server, watching = await serve(), viewer()
    answer = await watching.connect(server, camera)
    await watching.picture()
    await server.close(answer.session_id, owner=None)
    # The viewer in the same process tells its own secrets.
    ours = "\n".join(str(r.getMessage()) for r in caplog.records if not r.name.startswith(VIEWER_LOGS))
    assert "closed by request" in ours
    assert "aiortc.rtcdtlstransport" in caplog.text
    passwords = [line.partition(":")[2] for line in answer.sdp.splitlines() if line.startswith("a=ice-pwd:")]
    assert passwords
    assert not any(password in ours for password in passwords)
    assert answer.session_id not in ours


async def test_a_session_leaves_no_task_and_no_socket(serve: Serve, camera: LoopCamera) -> None:
    server = await serve()
    tasks, sockets = len(asyncio.all_tasks()), open_sockets()
    never = Viewer()
    for _ in range(3):
        watching = Viewer()
        answer = await watching.connect(server, camera)
        await watching.picture()
        assert open_sockets() > sockets
        await server.close(answer.session_id, owner=None)
        await watching.pc.close()
    await server.offer(camera, await never.offer(), owner="an")
    await server.close_where(lambda info: True)
    await never.pc.close()
    await until(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)


async def test_a_picture_with_an_empty_nal_unit_or_nothing_in_it_is_passed_over(
    serve: Serve, viewer: MakeViewer, camera: LoopCamera
) -> None:
    key, *rest = camera.frames
    empty = EncodedFrame(START_CODE + START_CODE, STEP_90K, False)
    bad = LoopCamera((EncodedFrame(key.data + START_CODE, 0, True), empty, *rest[1:]))
    server, watching = await serve(), viewer()
    await watching.connect(server, bad)
    times = await watching.times_90k(10)
    assert times[1] - times[0] == 2 * STEP_90K
