"""What the child of a libav source gives up before libav sees the first byte of it.

file: everything: the file is open already, and libav reads a descriptor. v4l2: all but its device; once that is open,
what is left is `ioctl`. network: all files but those that name servers and TLS need, and all TCP ports but one.
"""

from __future__ import annotations

from pathlib import Path

from nvr.camera.av_job import Job
from nvr.child import lock
from nvr.child.lock import SandboxError

NICENESS = 5
OOM_SCORE = 400
MEMORY_BYTES = 768 << 20
MORE_FILES = {"file": 0, "v4l2": 8, "network": 32}
NAMES_AND_TLS = tuple(
    Path(path)
    for path in (
        "/etc/hosts",
        "/etc/host.conf",
        "/etc/gai.conf",
        "/etc/nsswitch.conf",
        "/etc/resolv.conf",
        "/etc/ssl",
        "/lib",
        "/usr/lib",
    )
)
DNS_PORT = 53


def lock_in(job: Job, *, has_left_network: bool) -> tuple[str, ...]:
    """Give up what `job` does not need; returns the mechanisms in force. Raises SandboxError if they do not suffice."""
    lock.step_back(niceness=NICENESS, oom_score=OOM_SCORE)
    lock.limit(memory_bytes=MEMORY_BYTES, more_files=MORE_FILES[job.kind])
    if not lock.forbid_new_privileges():
        raise SandboxError("this kernel lets programs gain privileges")
    mechanisms = ["network namespace"] if has_left_network else []
    match job.kind:
        case "file":
            landlock = lock.install_landlock()
        case "v4l2":
            landlock = lock.install_landlock(device=Path(job.path))
        case "network":
            landlock = lock.install_landlock(readable=NAMES_AND_TLS, ports={job.port, DNS_PORT})
    if landlock:
        mechanisms.append("landlock")
    if job.kind == "file" and lock.install_seccomp():
        mechanisms.append("seccomp")
    enough = (
        landlock
        if job.kind == "network"
        else "seccomp" in mechanisms or (landlock and has_left_network) or job.kind == "v4l2"
    )
    if not enough:
        raise SandboxError(f"this kernel offers only: {', '.join(mechanisms) or 'nothing'}")
    return tuple(mechanisms)


def lock_in_with_device(mechanisms: tuple[str, ...]) -> tuple[str, ...]:
    """The rest, once a V4L2 device is open. Raises SandboxError if all together does not suffice."""
    if lock.install_seccomp(ioctl=True):
        mechanisms = (*mechanisms, "seccomp")
    if "seccomp" not in mechanisms and not {"landlock", "network namespace"} <= set(mechanisms):
        raise SandboxError(f"this kernel offers only: {', '.join(mechanisms) or 'nothing'}")
    return mechanisms
