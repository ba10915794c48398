"""A real disk that can be made to stall, break and be pulled out: an image file, loop-mounted with ext4. Needs root.

The kernel itself does what such disks do: FIFREEZE lets every write and sync wait, an error found in the file system
makes it read-only, and EXT4_IOC_SHUTDOWN answers every access with EIO (linux/fs.h, fs/ext4/ext4.h).
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time
from contextlib import suppress
from pathlib import Path

SIZE = 512 << 20
FREEZE, THAW = 0xC0045877, 0xC0045878
SHUTDOWN, WITHOUT_LOG = 0x8004587D, struct.pack("I", 2)


class FaultyDisk:
    """`mounted` is where it is mounted, as it is from the start."""

    def __init__(self, folder: Path, mounted: Path):
        """A new, empty disk; its image lies in `folder`. Raises OSError, AssertionError."""
        self.mounted = mounted
        folder.mkdir(parents=True)
        mounted.mkdir(parents=True, exist_ok=True)
        image = folder / "image"
        with image.open("wb") as file:
            file.truncate(SIZE)
        _run("mkfs.ext4", "-q", "-F", str(image))
        self._device = _run("losetup", "--find", "--show", str(image)).strip()
        self.mount()

    def mount(self) -> None:
        """As a system does at start, with a check of the file system. While somebody has files open in an earlier
        mount, that is what would be mounted again: wait until they let go."""
        deadline = time.monotonic() + 30
        while (done := _check(self._device)).returncode not in (0, 1):
            assert time.monotonic() < deadline, done.stdout + done.stderr
            time.sleep(0.1)
        _run("mount", "-o", "errors=remount-ro", self._device, str(self.mounted))

    def unmount(self) -> None:
        """Also while files are open."""
        _run("umount", "--lazy", str(self.mounted))

    def stall(self) -> None:
        """From now on no write and no sync ends, as with a disk that is looking for a sector."""
        self._command(FREEZE, struct.pack("i", 0))

    def go_on(self) -> None:
        """What waits goes on."""
        self._command(THAW, struct.pack("i", 0))

    def break_file_system(self) -> None:
        """The kernel finds an error in the file system and makes it read-only."""
        Path("/sys/fs/ext4", Path(self._device).name, "trigger_fs_error").write_text("1")

    def pull(self) -> None:
        """Every access fails from now on; the mount stays, as it does for a USB disk that is pulled out."""
        self._command(SHUTDOWN, WITHOUT_LOG)

    def close(self) -> None:
        """Nothing is left of it but its image. A stall is over, or else those who wait could never end."""
        with suppress(AssertionError):
            self.unmount()
        _run("losetup", "--detach", self._device)

    def _command(self, number: int, argument: bytes) -> None:
        directory = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, number, argument)
        finally:
            os.close(directory)


def _check(device: str) -> subprocess.CompletedProcess[str]:
    """0 and 1: the file system is whole, or is now."""
    return subprocess.run(["e2fsck", "-f", "-y", device], check=False, capture_output=True, text=True)


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
