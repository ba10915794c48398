"""A mounted ext4 disk whose every write and flush is logged; needs root, /dev/fuse and loop devices."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

SAMPLE_S = 0.002


def run(*command: str | Path) -> str:
    """Standard output. Raises CalledProcessError."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class LoggedDisk:
    """`base`: the empty file system before the log began; `log`: all that was done to it; `image`: what it is once it
    is unmounted; `samples`: (wall time, size of the log), growing while it is mounted."""

    def __init__(self, folder: Path):
        self.base, self.log = folder / "base.img", folder / "log"
        self.samples: list[tuple[float, int]] = []
        self.image = folder / "disk.img"
        self._folder = folder

    @contextmanager
    def mounted(self, where: Path, size_mb: int) -> Iterator[None]:
        """Make it and mount it for the block."""
        disk, exported = self.image, self._folder / "exported"
        run("truncate", "--size", f"{size_mb}M", disk)
        run("mkfs.ext4", "-q", "-F", disk)
        run("cp", "--sparse=always", disk, self.base)
        self.log.touch()
        exported.touch()
        with ExitStack() as stack:
            daemon = subprocess.Popen(
                [
                    "qemu-storage-daemon",
                    *("--blockdev", f"driver=file,node-name=disk,filename={disk}"),
                    *("--blockdev", f"driver=file,node-name=log,filename={self.log}"),
                    *(
                        "--blockdev",
                        "driver=blklogwrites,node-name=logged,file=disk,log=log,log-sector-size=512",
                    ),
                    *("--export", f"type=fuse,id=export,node-name=logged,mountpoint={exported},writable=on"),
                ]
            )
            stack.callback(_end, daemon)
            _until_exported(exported, size_mb << 20)
            # Without direct I/O the loop device gives the export, which writes through, one request at a time. Several
            # at once get each other's bytes: QEMU 7.2's FUSE export has a single buffer, and polls while it writes.
            loop = run("losetup", "--find", "--show", exported)
            stack.callback(run, "losetup", "--detach", loop)
            run("mount", loop, where)
            stack.callback(run, "umount", where)
            stop = threading.Event()
            sampler = threading.Thread(target=self._sample, args=(stop,))
            sampler.start()
            stack.callback(sampler.join)
            stack.callback(stop.set)
            yield

    def _sample(self, stop: threading.Event) -> None:
        while not stop.wait(SAMPLE_S):
            size = self.log.stat().st_size
            if not self.samples or size > self.samples[-1][1]:
                self.samples.append((time.time(), size))


def _until_exported(exported: Path, size: int) -> None:
    for _ in range(1000):
        if exported.stat().st_size == size:
            return
        time.sleep(0.01)
    raise RuntimeError("qemu-storage-daemon exports nothing; is /dev/fuse there?")


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    daemon.wait()
