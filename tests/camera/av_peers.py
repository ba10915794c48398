"""Clips and servers for the libav sources: made and run by Debian's ffmpeg."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

X264 = "-pix_fmt yuv420p -c:v libx264 -preset ultrafast -bf 2 -b_strategy 0 -g 12 -keyint_min 12"
X265 = "-pix_fmt yuv420p -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=12:min-keyint=12:bframes=2"
CLIPS = {
    "h264.mp4": X264,
    "h264.ts": X264,
    "h264.flv": X264,
    "h265.mkv": X265,
    "h265.ts": X265,
    "mjpeg.avi": "-pix_fmt yuvj420p -c:v mjpeg",
    "yuyv.avi": "-pix_fmt yuyv422 -c:v rawvideo",
    "raw.y4m": "-pix_fmt yuv420p",
    "mpeg4.mp4": "-pix_fmt yuv420p -c:v mpeg4",
}
FRAMES = 36
FPS = 25


def make_clip(folder: Path, name: str, seconds: float = FRAMES / FPS) -> Path:
    """FRAMES pictures of 160x96, or more, in the container and codec of CLIPS."""
    path = folder / name
    source = f"testsrc=size=160x96:rate={FPS}:duration={seconds}"
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, *CLIPS[name].split(), str(path)]
    subprocess.run(command, check=True, timeout=60)
    return path


@asynccontextmanager
async def serving(clip: Path, form: str, url: str) -> AsyncIterator[None]:
    """ffmpeg serves `clip` in real time, again and again, as `form` to the first who connects to `url`."""
    command = f"ffmpeg -v error -re -stream_loop -1 -i {clip} -c copy -f {form} -listen 1 {url}".split()
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        await listening(int(url.rpartition(":")[2].partition("/")[0]))
        yield
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def listening(port: int) -> None:
    """Wait until somebody listens at `port`, without connecting."""
    wanted = f":{port:04X} 00000000:0000 0A"
    async with asyncio.timeout(30):
        while wanted not in Path("/proc/net/tcp").read_text():
            await asyncio.sleep(0.02)


def children(name: str = "nvr-source", parent: int | None = None) -> list[int]:
    """The ids of the processes of this name whose parent is `parent`, by default this process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                comm, _, rest = (entry / "stat").read_text().partition(") ")
                if comm.endswith(f"({name}") and int(rest.split()[1]) == (parent or os.getpid()):
                    found.append(int(entry.name))
    return found
