"""The child process of a libav source: `python -m nvr.camera.av_source FD`, FD being its end of a socket pair."""

from __future__ import annotations

import os
import socket
import stat
import sys
import threading
from pathlib import Path

from nvr.camera.av_job import MAX_JOB_BYTES, Job
from nvr.camera.av_messages import Failed, Failure, encode
from nvr.child import lock


def main() -> int:
    """Exit code 0: the service has closed its end, or was told why this ends."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.setblocking(True)
    lock.name_process("nvr-source")
    lock.die_with_parent()
    line = _first_line(connection)
    if not line:
        return 0
    job = Job.unpack(line)
    failure: Failed | None = None
    file = -1
    try:
        if job.kind == "file":
            file = _open_file(job.path)
        elif job.kind == "v4l2" and not stat.S_ISCHR(Path(job.path).stat().st_mode):
            failure = Failed("no_camera", "no device")
    except OSError as error:
        failure = Failed(_OPEN_FAILURES.get(type(error), "undecodable"), error.strerror or "")
    if failure is None:
        has_left_network = job.kind != "network" and lock.leave_network()
        # Imported only now: a process with threads cannot leave its network namespace.
        from nvr.camera.av_demux import play

        failure = play(connection, job, file, has_left_network=has_left_network, on_locked=_watch)
    try:
        connection.sendall(encode(failure))
    except OSError:
        return 0
    return 0


_OPEN_FAILURES: dict[type[OSError], Failure] = {
    FileNotFoundError: "missing",
    NotADirectoryError: "missing",
    PermissionError: "denied",
}


def _first_line(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        data = connection.recv(MAX_JOB_BYTES)
        if not data or len(received) > MAX_JOB_BYTES:
            return b""
        received += data
    return received


def _open_file(path: str) -> int:
    """Raises OSError; a folder, pipe or device is none that can be played."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(0, "no regular file")
    return file


def _watch(connection: socket.socket) -> None:
    """End the process when the service closes its end, also while libav waits for a camera."""

    def wait() -> None:
        while connection.recv(1024):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
