"""Sources read by libav, through the real child process: files in several containers, servers that were not written
here, and whatever can be wrong. No V4L2 device exists here: its errors and its raw pictures are tried by other ways."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import random
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import pytest
from aiohttp import web
from av_peers import CLIPS, FPS, FRAMES, children, make_clip, serving
from camera_peers import Collector, decode

from nvr.camera import av_client
from nvr.camera.av_client import play_av
from nvr.camera.av_errors import CameraReaderLost, error_for
from nvr.camera.av_job import PROTOCOLS, job_for
from nvr.camera.av_messages import Failed
from nvr.camera.source import play
from nvr.clock import SystemClock
from nvr.config import Camera
from nvr.errors import CameraError
from nvr.events import Role, StreamKey
from nvr.faults import FaultBoard
from nvr.media.hub import StreamHub
from nvr.record.disk.recorder import Pace, Recorder
from nvr.stream_address import parse_address
from nvr.supervise import Backoff, Supervisor
from nvr.web.tls import Certificates
from peers.appliance import free_port
from played import whole

pytestmark = pytest.mark.timeout(120)
KEY = StreamKey("gate", Role.MAIN)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name in CLIPS:
        make_clip(folder, name)
    return folder


def camera(url: str, user: str = "", password: str = "") -> Camera:
    return Camera(id="gate", name="Cổng", main=url, username=user, password=password)


async def failure(
    url: str, user: str = "", password: str = "", collector: Collector | None = None
) -> CameraError:
    """How playing `url` fails."""
    got = collector or Collector()
    with pytest.raises(CameraError) as caught:
        await play(camera(url, user, password), Role.MAIN, SystemClock(), got.publish, got.on_healthy)
    assert str(caught.value).startswith('Camera "gate" (main): ')
    assert caught.value.remedy
    return caught.value


async def pictures(url: str, count: int, user: str = "", password: str = "") -> Collector:
    """What comes of `url` until there are `count` pictures."""
    got = Collector()
    async with asyncio.TaskGroup() as tasks:
        config = camera(url, user, password)
        job = tasks.create_task(play(config, Role.MAIN, SystemClock(), got.publish, got.on_healthy))
        await got.wait_for(count)
        job.cancel()
    assert not children()
    return got


@pytest.mark.parametrize("name", ["h264.mp4", "h264.ts", "h264.flv", "h265.mkv", "h265.ts"])
async def test_h264_and_h265_are_passed_on_as_they_are(clips: Path, name: str) -> None:
    got = Collector()
    await play(camera(f"file:{clips / name}"), Role.MAIN, SystemClock(), got.publish, got.on_healthy)
    assert got.causes == ["reconnect"] and got.healthy == 1
    with av.open(str(clips / name), "r") as container:
        originals = list(container.decode(video=0))
    assert len(got.units) == FRAMES
    times = [unit.pts_90k for unit in got.units]
    assert {b - a for a, b in pairwise(sorted(times))} == {90_000 // FPS}
    assert times != sorted(times), "the clip has B-frames"
    assert [unit.is_key for unit in got.units].count(True) == FRAMES // 12
    decoded = decode(got.units)
    assert [frame.to_ndarray().tobytes() for frame in decoded] == [
        f.to_ndarray().tobytes() for f in originals
    ]
    assert (got.units[0].config.width, got.units[0].config.height) == (160, 96)
    lasted_s = got.units[-1].received_mono_s - got.units[0].received_mono_s
    assert lasted_s > 0.8 * FRAMES / FPS, "played in real time"


@pytest.mark.parametrize("name", ["mjpeg.avi", "yuyv.avi", "raw.y4m"])
async def test_raw_and_mjpeg_pictures_are_encoded(tmp_path: Path, name: str) -> None:
    clip = make_clip(tmp_path, name, seconds=2.4)
    got = Collector()
    await play(camera(f"file:{clip}"), Role.MAIN, SystemClock(), got.publish, got.on_healthy)
    assert got.causes == ["reconnect"] and got.healthy == 1
    assert [unit.pts_90k * FPS // 90_000 for unit in got.units] == list(range(60))
    assert [index for index, unit in enumerate(got.units) if unit.is_key] == [0, 50], "a GOP of 2 s"
    assert got.units[0].config.rfc6381.startswith("avc1.42"), "Baseline"
    first = decode(got.units)[0].to_ndarray(format="gray").astype(int)
    with av.open(str(clip), "r") as container:
        original = next(container.decode(video=0)).to_ndarray(format="gray").astype(int)
    assert abs(first - original).mean() < 8


@pytest.mark.parametrize(
    ("form", "scheme", "clip", "codec"),
    [
        ("mpegts", "http", "h264.mp4", "avc1.64"),
        ("mpegts", "http", "h265.mkv", "hvc1"),
        ("flv", "http", "h264.mp4", "avc1.64"),
        ("mpjpeg", "http", "mjpeg.avi", "avc1.42"),
        ("flv", "rtmp", "h264.mp4", "avc1.64"),
    ],
)
async def test_servers_not_written_here(clips: Path, form: str, scheme: str, clip: str, codec: str) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}/live/a"
    async with serving(clips / clip, form, url):
        got = await pictures(url, 2 * FRAMES)
    assert got.causes == ["reconnect"]
    assert codec[:4] == got.units[0].config.rfc6381[:4]
    assert got.units[0].is_key
    assert len(decode(got.units)) == len(got.units)


LOGIN = "Basic " + base64.b64encode("anna:quê:hương".encode()).decode()
TRAPS = {
    "hls": (
        "application/vnd.apple.mpegurl",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.4,\nfile://{clip}\n#EXT-X-ENDLIST\n",
    ),
    "concat": ("text/plain", "ffconcat version 1.0\nfile 'file:{clip}'\n"),
    "sdp": (
        "application/sdp",
        "v=0\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 33\n",
    ),
}


@pytest.fixture
async def web_server(clips: Path):
    async with web_serving(clips) as url:
        yield url


@asynccontextmanager
async def web_serving(clips: Path, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server with traps that refer to a local file that could be played, and one honest stream with a login."""

    async def trap(request: web.Request) -> web.Response:
        kind, text = TRAPS[request.match_info["name"]]
        return web.Response(text=text.format(clip=clips / "h264.ts"), content_type=kind)

    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"file://{clips / 'h264.ts'}"})

    async def locked(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != LOGIN:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        return web.FileResponse(clips / "h264.ts")

    app = web.Application()
    app.router.add_get("/trap/{name}", trap)
    app.router.add_get("/redirect", redirect)
    app.router.add_get("/locked", locked)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("trap", [*(f"trap/{name}" for name in TRAPS), "redirect"])
async def test_a_server_cannot_make_it_open_a_local_file(web_server: str, trap: str) -> None:
    got = Collector()
    error = await failure(f"{web_server}/{trap}", collector=got)
    assert got.units == []
    assert error.code in ("camera_undecodable", "camera_unreachable")


@pytest.mark.parametrize("trap", ["trap/hls", "trap/concat"])
async def test_the_traps_work_and_the_protocol_list_alone_holds(web_server: str, trap: str) -> None:
    url = f"{web_server}/{trap}"

    def opens(protocols: str) -> bool:
        options = {
            "protocol_whitelist": protocols,
            "allowed_extensions": "ALL",
            "extension_picky": "0",
            "safe": "0",
        }
        try:
            with av.open(url, "r", options=options) as container:
                return any(packet.size for packet in container.demux(video=0))
        except (av.FFmpegError, IndexError):
            return False

    assert await asyncio.to_thread(opens, PROTOCOLS["http"] + ",file")
    assert not await asyncio.to_thread(opens, PROTOCOLS["http"])


async def test_login_path_and_server(web_server: str) -> None:
    url = f"{web_server}/locked"
    assert (await failure(url)).params["reason"] == "login"
    wrong = await failure(url, "anna", "hunter2")
    assert wrong.params["reason"] == "login" and "hunter2" not in repr(wrong)
    assert (await failure(f"{web_server}/nothing")).params["reason"] == "path"
    assert (await failure(f"http://127.0.0.1:{free_port()}/")).code == "camera_unreachable"
    got = Collector()
    ended = await failure(url, "anna", "quê:hương", collector=got)
    assert len(got.units) == FRAMES
    assert "the stream ended" in str(ended)


async def test_over_tls_with_a_certificate_that_nobody_signed(clips: Path, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path, "camera")
    certificates.ensure(frozenset({"127.0.0.1"}), time.time())
    got = Collector()
    async with web_serving(clips, certificates.context()) as server:
        ended = await failure(f"{server}/locked", "anna", "quê:hương", collector=got)
    assert "the stream ended" in str(ended)
    assert len(got.units) == FRAMES


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("file:{}/missing.mp4", "camera_missing", "is not there"),
        ("file:{}/h264.mp4/x", "camera_missing", "is not there"),
        ("file:{}", "camera_undecodable", "no regular file"),
        ("file:/dev/null", "camera_undecodable", "no regular file"),
        ("file:/dev/zero", "camera_undecodable", "no regular file"),
        ("file:{}/junk", "camera_undecodable", "no video"),
        ("file:{}/empty", "camera_undecodable", "no video"),
        ("file:{}/mpeg4.mp4", "camera_unsupported", "mpeg4"),
        ("v4l2:/dev/nvr-no-such-camera", "camera_missing", "ls /dev/v4l/by-id"),
        ("v4l2:/dev/null?size=640x480&fps=15&format=mjpeg", "camera_undecodable", "is no camera"),
        ("v4l2:/dev/shm", "camera_undecodable", "is no camera"),
    ],
)
async def test_what_can_be_wrong(clips: Path, url: str, code: str, words: str) -> None:
    (clips / "junk").write_bytes(random.Random(1).randbytes(100_000))
    (clips / "empty").write_bytes(b"")
    error = await failure(url.format(clips))
    assert error.code == code
    assert words in str(error)


AS_NOBODY = """
import os, socket, sys
from nvr.camera import av_source
ours, theirs = socket.socketpair()
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
from nvr.camera.av_job import Job
ours.sendall(Job("file", {}, path=sys.argv[1]).pack())
sys.argv = ["", str(theirs.detach())]
assert av_source.main() == 0
print(ours.recv(1000))
"""


def test_no_permission(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"")
    secret.chmod(0)
    command = [sys.executable, "-c", AS_NOBODY, str(secret)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert '"denied"' in done.stdout


@pytest.mark.parametrize("code", ["denied", "busy", "missing", "mode", "no_camera"])
def test_a_device_has_a_remedy_of_its_own(code) -> None:
    error = error_for(Failed(code, "libav's words"), parse_address("v4l2:/dev/video0"))
    assert "/dev/video0" in error.message
    assert any(word in error.remedy for word in ("group video", "fuser", "v4l"))


def test_options_of_a_device() -> None:
    address = parse_address("v4l2:/dev/v4l/by-id/usb-x?size=1280x720&fps=15&format=yuyv")
    job = job_for(address, "anna", "hunter2")
    wanted = {
        "video_size": "1280x720",
        "framerate": "15",
        "input_format": "yuyv422",
        "protocol_whitelist": "none",
    }
    assert wanted.items() <= job.options.items()
    assert (job.kind, job.path, job.url) == ("v4l2", "/dev/v4l/by-id/usb-x", "")
    assert "hunter2" not in repr(job)


async def test_the_password_is_in_no_command_line(clips: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/a"
    async with serving(clips / "h264.mp4", "mpegts", url), asyncio.TaskGroup() as tasks:
        got = Collector()
        config = camera(url, "anna", "hunter2")
        job = tasks.create_task(play(config, Role.MAIN, SystemClock(), got.publish, got.on_healthy))
        await got.wait_for(5)
        (child,) = children()
        for name in ("cmdline", "environ"):
            assert b"hunter2" not in Path(f"/proc/{child}/{name}").read_bytes()
        assert b"nvr.camera.av_source" in Path(f"/proc/{child}/cmdline").read_bytes()
        job.cancel()


async def test_a_killed_child_is_one_fault_and_is_started_again(clips: Path) -> None:
    clock = SystemClock()
    faults = FaultBoard(clock)
    got = Collector()
    url = f"file:{clips / 'h264.mp4'}"
    seen: list[str] = []
    faults.on_change(lambda: seen.extend(fault.code for fault, _ in faults.current))
    async with asyncio.TaskGroup() as tasks:
        play_it = partial(play, camera(url), Role.MAIN, clock, got.publish)
        supervisor = Supervisor(clock, faults)
        job = tasks.create_task(
            supervisor.keep_running("camera:gate/main", play_it, Backoff(first_s=0.1, max_s=0.2))
        )
        await got.wait_for(3)
        (child,) = children()
        os.kill(child, signal.SIGKILL)
        # Played again to its end, and once more, as a camera that comes back.
        await got.wait_for(3 + FRAMES + 5)
        assert faults.current == []
        job.cancel()
    assert seen == ["camera_reader"]
    assert got.causes[:3] == ["reconnect"] * 3


def test_a_child_never_outlives_its_parent(tmp_path: Path) -> None:
    code = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[2])
from nvr.camera.source import play
from nvr.clock import SystemClock
from nvr.config import Camera
from nvr.events import Role
from av_peers import children
def first(): print("child", *children(), flush=True)
asyncio.run(play(Camera(id="g", name="g", main=sys.argv[1]), Role.MAIN, SystemClock(), lambda i: None, first))
"""
    url = f"file:{make_clip(tmp_path, 'h264.mp4', seconds=20)}"
    command = [sys.executable, "-c", code, url, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout
        child = int(next(line for line in parent.stdout if line.startswith(b"child")).split()[1])
        pidfd = os.pidfd_open(child)
        parent.kill()
    with os.fdopen(pidfd) as ended:
        assert select.select([ended], [], [], 30)[0]


@pytest.fixture
def hijacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is lying_source.py."""
    monkeypatch.setattr(av_client, "CHILD_MODULE", "lying_source")
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{here}:{here.parent.parent}")


@pytest.mark.usefixtures("hijacked")
@pytest.mark.parametrize(
    ("lie", "code", "words"),
    [
        ("silent", "camera_unreachable", "no video within"),
        ("stalled", "camera_stalled", "no video for 1 s"),
        ("garbage", "camera_protocol", "announces"),
        ("long", "camera_protocol", "announces 1073741824 bytes"),
        ("type", "camera_protocol", "type 9 is malformed"),
        ("early", "camera_protocol", "out of order"),
        ("twice", "camera_protocol", "out of order"),
        ("no sets", "camera_protocol", "before its parameter sets"),
        ("bad%20sets", "camera_protocol", "parameter set"),
        ("codec", "camera_protocol", "malformed"),
        ("overrun", "camera_protocol", "runs past the end"),
        ("empty", "camera_protocol", "empty NAL unit"),
        ("no%20picture", "camera_protocol", "without a picture"),
        ("code", "camera_protocol", "malformed"),
        ("text", "camera_protocol", "malformed"),
        ("flood", "camera_protocol", "in a second"),
    ],
)
async def test_a_hijacked_child_is_let_go(lie: str, code: str, words: str) -> None:
    got = Collector()
    config = camera("file:/" + lie.replace(" ", "%20"))
    open_s = 2.0 if lie == "silent" else 30.0
    stall_s = 1.0 if lie == "stalled" else 30.0
    with pytest.raises(CameraError) as caught:
        await play_av(
            config, Role.MAIN, SystemClock(), got.publish, got.on_healthy, stall_s=stall_s, open_s=open_s
        )
    assert caught.value.code == code
    assert words in str(caught.value)
    assert not children("python")


@pytest.mark.parametrize("name", ["h264.mp4", "h265.mkv", "h264.ts", "mjpeg.avi"])
async def test_broken_files_end_the_child_at_most(clips: Path, tmp_path: Path, name: str) -> None:
    whole = (clips / name).read_bytes()
    chance = random.Random(name)
    paths = []
    for number in range(6):
        broken = bytearray(whole)
        for _ in range(3 ** (number + 1)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(broken[: chance.randrange(len(broken) // 2, len(broken))])
    outcomes = []

    async def try_it(path: Path) -> None:
        got = Collector()
        try:
            async with asyncio.timeout(15):
                await play(camera(f"file:{path}"), Role.MAIN, SystemClock(), got.publish, got.on_healthy)
            outcomes.append("end")
        except CameraReaderLost as error:
            # A crash is allowed; giving up for another reason is a defect of ours.
            assert "Traceback" not in str(error) and "exit code" not in str(error), error
            outcomes.append("crash")
        except CameraError as error:
            outcomes.append(error.code)

    async with asyncio.TaskGroup() as tasks:
        for path in paths:
            tasks.create_task(try_it(path))
    assert len(outcomes) == len(paths)
    assert not children()


async def test_from_a_file_to_what_is_played_back(clips: Path, tmp_path: Path) -> None:
    clock = SystemClock()
    pace = Pace(write_s=0.05, commit_s=0.2, retry_s=0.1, overflow_s=1.0)
    recorder = await Recorder.open(
        tmp_path / "rec", clock=clock, faults=FaultBoard(clock), max_bytes=None, keep_free_bytes=0, pace=pace
    )
    hub = StreamHub(KEY)
    hub.attach(recorder.consumer(KEY))
    got = Collector()
    hub.attach(_Pushed(got))
    async with asyncio.TaskGroup() as tasks:
        disk = tasks.create_task(recorder.run(lambda: None))
        for name in ("mjpeg.avi", "h264.mp4"):
            await play(camera(f"file:{clips / name}"), Role.MAIN, clock, hub.publish, lambda: None)
        async with asyncio.timeout(30):
            while recorder.statistics().frames.get(KEY, 0) < 2 * FRAMES - 15:
                await asyncio.sleep(0.05)
        disk.cancel()
    parts = await recorder.mp4(KEY, 0, 1e11)
    assert len(parts) == 2 and len(got.units) == 2 * FRAMES
    shown = 0
    for part in parts:
        with av.open(io.BytesIO(whole(part)), "r") as container:
            shown += sum(1 for _ in container.decode(video=0))
    assert shown == 2 * FRAMES
    await recorder.close()


class _Pushed:
    def __init__(self, collector: Collector):
        self.push = collector.publish


LOCKED = """
import errno, fcntl, os, socket, sys
from pathlib import Path
from nvr.camera.av_job import Job
from nvr.camera import av_lock
from nvr.child import lock
def attempt(work):
    try:
        work()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "allowed"
def connect(port):
    with socket.socket() as s:
        s.connect(("127.0.0.1", port))
kind, port, other = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
job = Job(kind, {}, path="/dev/null", port=port)
left = kind != "network" and lock.leave_network()
mechanisms = av_lock.lock_in(job, has_left_network=left)
def results():
    return [
        attempt(lambda: os.open("/dev/null", os.O_RDWR)),
        attempt(lambda: os.open("/dev/zero", os.O_RDWR)),
        attempt(lambda: os.open("/etc/passwd", os.O_RDONLY)),
        attempt(lambda: os.open("/etc/hosts", os.O_RDONLY)),
        attempt(lambda: os.open("/tmp/nvr-source-test", os.O_WRONLY | os.O_CREAT)),
        attempt(lambda: os.unlink("/etc/hosts")),
        attempt(lambda: connect(port)),
        attempt(lambda: connect(other)),
    ]
print(*results())
if kind == "v4l2":
    null = os.open("/dev/null", os.O_RDWR)
    assert "seccomp" in av_lock.lock_in_with_device(mechanisms)
    print(attempt(lambda: fcntl.ioctl(null, 0x80685600, bytes(104))), attempt(lambda: os.open("/dev/null", os.O_RDWR)))
"""


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("file", "EPERM EPERM EPERM EPERM EPERM EPERM EPERM EPERM"),
        ("v4l2", "allowed EACCES EACCES EACCES EACCES EACCES EACCES EACCES\nENOTTY EPERM"),
        ("network", "EACCES EACCES EACCES allowed EACCES EACCES allowed EACCES"),
    ],
)
def test_the_lock_from_inside(kind: str, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [str(server.getsockname()[1]) for server in (one, other)]
        command = [sys.executable, "-c", LOCKED, kind, *ports]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == said
