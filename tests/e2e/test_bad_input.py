"""What is wrong at one place is named with its remedy, and the rest of the appliance goes on."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiortc import RTCPeerConnection

from nvr.cli.footage import EMPTY_SHOT
from peers.appliance import Appliance

pytestmark = pytest.mark.timeout(180)

PEER = Path(__file__).parents[1] / "peers/rtsp_gst.py"


@asynccontextmanager
async def gst_server(login: str) -> AsyncIterator[int]:
    """A real RTSP server of another make; yields its port."""
    process = await asyncio.create_subprocess_exec(
        "/usr/bin/python3",
        str(PEER),
        login,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.communicate()


def camera(identity: str, url: str, login: str = "") -> str:
    return f'[[camera]]\nid = "{identity}"\nname = "Mắt {identity}"\nmain = "{url}"\n{login}\n'


async def until_true(look, what: str, attempts: int = 300):
    for _ in range(attempts):
        if value := await look():
            return value
        await asyncio.sleep(0.1)
    raise AssertionError(f"never: {what}")


async def test_sick_cameras_are_named_while_the_others_go_on(site: Appliance, clip: Path):
    await site.start_cameras(clip, "--shots", EMPTY_SHOT)
    await site.start_relay()
    async with gst_server("digest") as closed, gst_server("none") as opened:
        site.configure()
        anna = 'username = "anna"\npassword = '
        with (site.folder / "nvr.toml").open("a") as file:
            file.write(camera("off", "rtsp://127.0.0.1:9/main"))
            file.write(camera("wrong", f"rtsp://127.0.0.1:{closed}/h264", anna + '"sai"'))
            file.write(camera("right", f"rtsp://127.0.0.1:{closed}/h264", anna + '"quê hương"'))
            file.write(camera("jpeg", f"rtsp://127.0.0.1:{opened}/jpeg"))
            file.write(camera("hevc", f"rtsp://127.0.0.1:{opened}/h265", 'transport = "udp"'))
            file.write(camera("bframes", f"rtsp://127.0.0.1:{opened}/bframes"))
        await site.start_service()
        async with site.api(claim=True) as api:
            cameras = {}

            async def settled():
                answer = (await api.get("/api/cameras"))["cameras"]
                cameras.update({entry["id"]: entry for entry in answer})
                states = {key: entry["streams"]["main"]["state"] for key, entry in cameras.items()}
                good = all(states[key] == "live" for key in ("cam1", "right", "bframes", "hevc"))
                faults = {entry["id"] for entry in answer if entry["fault"]}
                seen = cameras["bframes"]["streams"]["main"]["b_frames"]
                return good and seen and faults == {"off", "wrong", "jpeg"}

            await until_true(settled, f"every camera in its state: {cameras}")
            expected = {"off": "camera_unreachable", "wrong": "camera_refused", "jpeg": "camera_unsupported"}
            for key, code in expected.items():
                fault = cameras[key]["fault"]
                assert fault["code"] == code
                assert key in fault["detail"]
            assert "password" in cameras["wrong"]["fault"]["detail"]
            assert "H.264 or H.265" in cameras["jpeg"]["fault"]["detail"]
            text = str(await api.get("/api/status")) + str(cameras)
            assert "sai" not in text.split()
            assert "quê hương" not in text

            # Streams with B-frames and in H.265 are recorded, and refused with words to who cannot play them live.
            peer = RTCPeerConnection()
            peer.addTransceiver("video", direction="recvonly")
            offer = (await peer.createOffer()).sdp.encode()
            await peer.close()
            for key, code in (("bframes", "b_frames"), ("hevc", "h265")):
                assert cameras[key]["live"] is None
                path = f"/api/cameras/{key}/live/main"
                status, answer = await post(api, path, offer, "application/sdp")
                assert (status, answer["error"]) == (409, code)
                assert key in answer["message"]

            async def recorded():
                now = time.time()
                spans = [
                    await api.footage(key, "main", now - 60, now)
                    for key in ("cam1", "bframes", "right", "hevc")
                ]
                kinds = [part["content_type"] for part in spans[-1]["parts"]]
                return all(span["covered"] for span in spans) and all("hvc1" in kind for kind in kinds)

            await until_true(recorded, "the good streams are recorded")

            async def examined():
                analysis = (await api.get("/api/status"))["analysis"]
                return analysis["running"] and all(
                    analysis["cameras"][key]["fps"] > 0 for key in ("cam1", "hevc")
                )

            await until_true(examined, "the analysis sees both codecs")

            # Hostile bodies.
            path = "/api/cameras/cam1/live/main"
            for body in (b"", b"nonsense", b"v=0\r\nm=video 9 x y\r\n", b"\xff\xfe"):
                status, answer = await post(api, path, body, "application/sdp")
                assert (status, answer["error"]) == (400, "bad_offer"), body
            status, answer = await post(api, path, b"v" * 100_000, "application/sdp")
            assert (status, answer["error"]) == (413, "too_large")
            status, answer = await post(api, "/api/login", b"{" * 60_000, "application/json")
            assert status == 400
    assert "quê hương" not in (site.folder / "service.log").read_text()


async def post(api, path: str, body: bytes, kind: str):
    headers = {"X-CSRF-Token": api.csrf, "Content-Type": kind}
    async with api.session.post(path, data=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_missing_disk_relay_and_model_leave_the_rest_working(site: Appliance, clip: Path):
    await site.start_cameras(clip, "--shots", EMPTY_SHOT)
    model = site.folder / "model.tflite"
    model.write_bytes(b"truncated")
    site.configure(more='[analysis]\nmodel = "model.tflite"\n')
    recordings = site.folder / "recordings"
    recordings.write_text("a file is in the way")
    await site.start_service()
    async with site.api(claim=True) as api:

        async def faults():
            found = {fault["code"]: fault for fault in (await api.get("/api/status"))["faults"]}
            return found if {"storage", "siren", "model"} <= set(found) else None

        found = await until_true(faults, "disk, relay and model are reported")
        assert str(recordings) in found["storage"]["detail"]
        assert str(site.folder / "relay") in found["siren"]["detail"]
        assert str(model) in found["model"]["detail"]

        async def live():
            (entry,) = (await api.get("/api/cameras"))["cameras"]
            return entry["live"]

        assert await until_true(live, "the camera is live all the same")
        status, answer = await post(api, "/api/siren/on", b"{}", "application/json")
        assert (status, answer["error"]) == (503, "siren_unavailable")
        alarm = await api.post("/api/alarm/arm")
        assert alarm["armed"]

        # Mended while it runs.
        recordings.unlink()
        await site.start_relay()

        async def mended():
            codes = {fault["code"] for fault in (await api.get("/api/status"))["faults"]}
            return codes == {"model"}

        await until_true(mended, "disk and relay are back")
        await api.post("/api/siren/on")

        async def sounding():
            return any(frame["on"] for frame in site.relay_frames())

        await until_true(sounding, "the siren sounds")


async def test_a_second_service_on_the_same_place_says_so(site: Appliance, clip: Path):
    """Two appliances on one recordings directory or one port must not harm each other."""
    await site.start_cameras(clip, "--shots", EMPTY_SHOT)
    site.configure()
    await site.start_service()
    second = await site.spawn_service()
    await second.line("address: ")
    log = second.log

    async def refused():
        text = log.read_text()
        return "https_port" in text and "in use" in text and "another process" in text

    await until_true(refused, f"both conflicts are named: {sys.executable}")
    async with site.api(claim=True) as api:
        (entry,) = (await api.get("/api/cameras"))["cameras"]
        assert entry["streams"]["main"]["state"] == "live"
