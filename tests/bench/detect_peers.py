"""The peers of `make bench-detect`: Debian's `motion`, and ffmpeg that only decodes, on the farm's sub streams."""

from __future__ import annotations

import asyncio
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from dataclasses import dataclass
from pathlib import Path

from bench.farm_video import FPS, SIZES
from bench.processes import machine_s, total_cpu_s, unread_bytes
from bench.rig import FarmProcess
from nvr.detect.steps.analysis import MOTION_HEIGHT, MOTION_WIDTH

START_S = 15.0
"""From the start of the last process until the measured time begins."""
MOTION_FPS = 6
"""As ours."""
MOTION_SITE = f"""\
daemon off
setup_mode off
log_level 5
framerate {MOTION_FPS}
width 640
height 360
netcam_use_tcp on
netcam_params capture_rate={FPS + 1}
emulate_motion off
minimum_motion_frames 1
pre_capture 0
picture_output off
movie_output off
stream_port 0
webcontrol_port 0
"""
"""Detection as Debian configures it, nothing recorded, shown or sent. Without `capture_rate` it reads no more pictures
than it examines, and falls ever more behind; its log recommends a little more than what the camera sends."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`cpu_percent` of one core for all `cameras`; `behind_s`: how much of the streams it had not read at the end;
    `machine_busy`: share of all cores in use meanwhile."""

    cameras: int
    cpu_percent: float
    behind_s: float
    machine_busy: float

    @property
    def per_camera(self) -> float:
        return self.cpu_percent / self.cameras


async def measured_motion(cameras: int, watched: int, seconds: float) -> Measured:
    """One `motion` process with `cameras` cameras."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        farm = await FarmProcess.start(cameras, subs=True, watched=watched)
        site = MOTION_SITE
        for number, url in enumerate(subs(farm), 1):
            (folder / f"camera{number}.conf").write_text(f"camera_id {number}\nnetcam_url {url}\n")
            site += f"camera {folder}/camera{number}.conf\n"
        (folder / "motion.conf").write_text(site)
        command = ("motion", "-n", "-c", str(folder / "motion.conf"), "-l", str(folder / "motion.log"))
        process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
        return await _measured([process], farm, cameras, seconds)


async def measured_decoding(cameras: int, watched: int, seconds: float) -> Measured:
    """One ffmpeg a camera that decodes each picture and scales it to the size in which we look for motion."""
    farm = await FarmProcess.start(cameras, subs=True, watched=watched)
    scale = f"scale={MOTION_WIDTH}:{MOTION_HEIGHT}:flags=area,format=gray"
    processes = [
        await asyncio.create_subprocess_exec(
            *("ffmpeg", "-v", "error", "-threads", "1", "-rtsp_transport", "tcp", "-i", url),
            *("-filter_threads", "1", "-vf", scale, "-f", "null", "-"),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        for url in subs(farm)
    ]
    return await _measured(processes, farm, cameras, seconds)


def subs(farm: FarmProcess) -> list[str]:
    return [url for url in farm.urls if url.endswith("/sub")]


async def _measured(processes: list[Process], farm: FarmProcess, cameras: int, seconds: float) -> Measured:
    pids = [process.pid for process in processes]
    try:
        await asyncio.sleep(START_S)
        began_s, before_s, machine = time.monotonic(), total_cpu_s(pids), machine_s()
        await asyncio.sleep(seconds)
        used_s, elapsed_s = total_cpu_s(pids) - before_s, time.monotonic() - began_s
        unread = unread_bytes(int(farm.urls[0].split(":")[2].partition("/")[0]))
        busy_s, all_s = (now - then for now, then in zip(machine_s(), machine, strict=True))
    finally:
        for process in processes:
            if process.returncode is None:
                process.terminate()
        await asyncio.gather(*(process.wait() for process in processes))
        offered = await farm.end()
    assert len({path for path, *_ in offered.offered}) == cameras, "the peer did not play all cameras"
    behind_s = 8 * unread / (cameras * 1000 * SIZES["sub"][2])
    return Measured(cameras, round(100 * used_s / elapsed_s, 1), round(behind_s, 1), round(busy_s / all_s, 2))
