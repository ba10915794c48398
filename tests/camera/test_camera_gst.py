"""The RTSP client against gst-rtsp-server."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from camera_peers import PATIENCE_S, Collector, camera, decode

from nvr.camera.client import play
from nvr.clock import SystemClock
from nvr.errors import CameraRefused, UnsupportedStream
from nvr.events import Role

SERVER = Path(__file__).parents[1] / "peers" / "rtsp_gst.py"
USER, PASSWORD = "anna", "quê hương"


@pytest.fixture(scope="module", params=["none", "basic", "digest"])
def gst(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, str]]:
    """(address, user, password) of a server with that kind of login."""
    command = ["/usr/bin/python3", str(SERVER), request.param]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        port = int(process.stdout.readline())
        login = ("", "") if request.param == "none" else (USER, PASSWORD)
        yield f"rtsp://127.0.0.1:{port}", *login
        process.stdin.close()
        process.wait(PATIENCE_S)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("path", ["h264", "bframes", "h265", "h265-bframes"])
async def test_every_unit_decodes(gst: tuple[str, str, str], path: str, transport: str) -> None:
    address, user, password = gst
    collector = Collector()
    config = camera(f"{address}/{path}", user, password).model_copy(update={"transport": transport})
    async with asyncio.TaskGroup() as tasks:
        life = tasks.create_task(
            play(config, Role.MAIN, SystemClock(), collector.publish, collector.on_healthy)
        )
        await collector.wait_for(25)
        life.cancel()
    units = collector.units
    assert len(decode(units)) == len(units)
    assert units[0].config.codec == ("h265" if "h265" in path else "h264")
    assert (units[0].config.width, units[0].config.height) == (160, 96)
    assert units[0].is_key and collector.causes == ["reconnect"] and collector.healthy == 1
    shown = sorted(unit.pts_90k for unit in units)
    assert (shown == [unit.pts_90k for unit in units]) == ("bframes" not in path)
    assert units[0].config.reorders == ("bframes" in path)
    steps = {b - a for a, b in itertools.pairwise(shown[:-4])}  # behind it B-frames are still to come
    assert steps and all(3500 <= step <= 3700 for step in steps)


@pytest.mark.parametrize(("path", "names"), [("jpeg", "JPEG"), ("audio", "no video")])
async def test_unsupported(gst: tuple[str, str, str], path: str, names: str) -> None:
    address, user, password = gst
    config = camera(f"{address}/{path}", user, password)
    with pytest.raises(UnsupportedStream, match=names):
        await play(config, Role.MAIN, SystemClock(), lambda item: None, lambda: None)


async def test_refused(gst: tuple[str, str, str]) -> None:
    address, user, password = gst
    with pytest.raises(CameraRefused) as caught:
        config = camera(f"{address}/nothing", user, password)
        await play(config, Role.MAIN, SystemClock(), lambda item: None, lambda: None)
    assert caught.value.params["reason"] == "path"
    if user:
        with pytest.raises(CameraRefused, match="wrong user or password"):
            config = camera(f"{address}/h264", user, password + "!")
            await play(config, Role.MAIN, SystemClock(), lambda item: None, lambda: None)
