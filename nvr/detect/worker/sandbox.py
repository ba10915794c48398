"""How the analysis process locks itself in before it sees a byte from a camera.

Two steps, because a network namespace can only be left while there is one thread, and everything else only be
given up once the model is loaded: `leave_network()` first thing, `lock_in()` last thing before work.
What holds is seccomp (see nvr/child/lock.py); where a kernel lacks it, Landlock with an empty network namespace.
The limits are there so that a leak ends this process and not the recorder.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from collections.abc import Callable, Collection

from nvr.child import lock
from nvr.child.lock import SandboxError, leave_network

__all__ = ["SandboxError", "leave_network", "lock_in", "suffices", "try_to_break_out"]

_PTRACE_CONT = 7
NICENESS = 10
OOM_SCORE = 500
MEMORY_BYTES, MEMORY_BYTES_PER_CAMERA = 384 << 20, 32 << 20


def lock_in(*, cameras: int, has_left_network: bool) -> tuple[str, ...]:
    """Give up all rights that analysis does not need; returns the names of the mechanisms in force.

    Raises SandboxError if they do not suffice (see `suffices`).
    """
    lock.step_back(niceness=NICENESS, oom_score=OOM_SCORE)
    lock.limit(memory_bytes=MEMORY_BYTES + cameras * MEMORY_BYTES_PER_CAMERA, more_files=0)
    mechanisms = ["network namespace"] if has_left_network else []
    if lock.forbid_new_privileges():
        if lock.install_landlock():
            mechanisms.append("landlock")
        if lock.install_seccomp():
            mechanisms.append("seccomp")
    if not suffices(mechanisms):
        raise SandboxError(f"this kernel offers only: {', '.join(mechanisms) or 'nothing'}")
    return tuple(mechanisms)


def suffices(mechanisms: Collection[str]) -> bool:
    """Whether `mechanisms` keep the process from files and the network."""
    return "seccomp" in mechanisms or {"landlock", "network namespace"} <= set(mechanisms)


def try_to_break_out() -> dict[str, str]:
    """Try what a hijacked decoder would try; attempt to outcome: the name of the error, or "allowed".

    For the test that proves the sandbox from inside the real process.
    """
    attempts: dict[str, Callable[[], object]] = {
        "socket inet": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "socket unix": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "socket netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "open to read": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "open a device": lambda: os.open("/dev/null", os.O_RDWR),
        "open of itself": lambda: os.open("/proc/self/maps", os.O_RDONLY),
        "open to write": lambda: os.open("/tmp/nvr-sandbox-test", os.O_WRONLY | os.O_CREAT, 0o600),  # noqa: S108
        "unlink": lambda: os.unlink("/tmp/nvr-sandbox-test"),  # noqa: PTH108, S108
        "fork": _fork,
        "execve": lambda: _checked(lock.libc.execve(b"/nonexistent", None, None)),
        "ptrace": lambda: _checked(lock.libc.ptrace(_PTRACE_CONT, os.getppid(), None, None)),
        "signal to the service": lambda: os.kill(os.getppid(), 0),
        "more memory": lambda: bytearray(64 << 30),
    }
    outcomes = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError as error:
            outcomes[name] = errno.errorcode.get(error.errno or 0, "error")
        except MemoryError:
            outcomes[name] = "ENOMEM"
        else:
            outcomes[name] = "allowed"
    return outcomes


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _checked(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "failed")
