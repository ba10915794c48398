"""How the analysis process locks itself in before it sees a byte from a camera.

Two steps, because a network namespace can only be left while there is one thread, and everything else only be
given up once the model is loaded: `leave_network()` first thing, `lock_in()` last thing before work.
What holds is seccomp (see seccomp.py); where a kernel lacks it, Landlock together with an empty network namespace.
The limits are there so that a leak ends this process and not the recorder.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import platform
import resource
import socket
from collections.abc import Callable, Collection
from pathlib import Path

from nvr.detect import seccomp

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446  # the same number on every architecture
_LANDLOCK_CREATE_RULESET_VERSION = 1
_PTRACE_CONT = 7
NICENESS = 10
OOM_SCORE = "500"
"""When memory runs out the kernel ends this process before the recorder."""
MEMORY_BYTES, MEMORY_BYTES_PER_CAMERA = 384 << 20, 32 << 20

_libc = ctypes.CDLL(None, use_errno=True)


class SandboxError(Exception):
    """This kernel cannot lock the process in."""


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr (uapi/linux/landlock.h)."""

    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def leave_network() -> bool:
    """Move into a network namespace without any interface; must be called while there is one thread.

    As root directly, else by way of a user namespace. Returns whether the kernel allowed it.
    """
    return any(_libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def lock_in(*, cameras: int, has_left_network: bool) -> tuple[str, ...]:
    """Give up all rights that analysis does not need; returns the names of the mechanisms in force.

    Raises SandboxError if they do not suffice (see `suffices`).
    """
    os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    single_thread = len(list(Path("/proc/self/task").iterdir())) == 1
    _limit(cameras)
    mechanisms = ["network namespace"] if has_left_network else []
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        # Landlock covers the calling thread alone, so with others it would be a door with a hole beside it.
        if _landlock() and single_thread:
            mechanisms.append("landlock")
        if _seccomp():
            mechanisms.append("seccomp")
    if not suffices(mechanisms):
        raise SandboxError(f"this kernel offers only: {', '.join(mechanisms) or 'nothing'}")
    return tuple(mechanisms)


def suffices(mechanisms: Collection[str]) -> bool:
    """Whether `mechanisms` keep the process from files and the network."""
    return "seccomp" in mechanisms or {"landlock", "network namespace"} <= set(mechanisms)


def _limit(cameras: int) -> None:
    """Memory, open files (none beyond those now open), written files and core dumps (none)."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * mmap.PAGESIZE + MEMORY_BYTES + cameras * MEMORY_BYTES_PER_CAMERA
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NOFILE, highest + 1),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (allowed, allowed))


def _landlock() -> bool:
    """Forbid every file access, TCP binding and connecting, and signals and abstract sockets to the outside, as
    far as this kernel's Landlock knows them."""
    version = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return False
    rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)  # + refer, truncate, ioctl on devices
    rules = _Ruleset((1 << rights) - 1, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _libc.syscall(_LANDLOCK_CREATE_RULESET, ctypes.byref(rules), size, 0)
    if ruleset < 0:
        return False
    restricted: bool = _libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return restricted


def _seccomp() -> bool:
    machine = seccomp.MACHINES.get(platform.machine())
    if machine is None:
        return False
    code = seccomp.program(machine)
    program = _Program(len(code) // 8, code)
    arguments = (_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(program))
    installed: bool = _libc.syscall(machine.seccomp, *arguments) == 0
    return installed


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
        "execve": lambda: _checked(_libc.execve(b"/nonexistent", None, None)),
        "ptrace": lambda: _checked(_libc.ptrace(_PTRACE_CONT, os.getppid(), None, None)),
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
