"""What a process can give up before it sees a stranger's byte: the network, files, memory, system calls.

A network namespace can only be left, and Landlock only be complete, while there is one thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import platform
import resource
import signal
import stat
from collections.abc import Collection, Iterable
from pathlib import Path

from nvr.child import seccomp

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_NO_NEW_PRIVS = 1, 15, 38
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
# The same numbers on every architecture.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 2
_FS_WRITE_FILE, _FS_READ_FILE, _FS_READ_DIR, _FS_IOCTL_DEV = 1 << 1, 1 << 2, 1 << 3, 1 << 15
_NET_CONNECT_TCP = 1 << 1

libc = ctypes.CDLL(None, use_errno=True)


class SandboxError(Exception):
    """This kernel cannot lock the process in."""


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr (uapi/linux/landlock.h)."""

    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathRule(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


class _PortRule(ctypes.Structure):
    """struct landlock_net_port_attr."""

    _fields_ = (("allowed_access", ctypes.c_uint64), ("port", ctypes.c_uint64))


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def name_process(name: str) -> None:
    """How `ps` and `top` show it (at most 15 bytes)."""
    libc.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends. A parent that is dead already shows as
    the end of file on the socket."""
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def leave_network() -> bool:
    """Move into a network namespace without any interface; must be called while there is one thread.

    As root directly, else by way of a user namespace. Returns whether the kernel allowed it.
    """
    return any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def step_back(*, niceness: int, oom_score: int) -> None:
    """Let others run first, and let the kernel end this process before the recorder when memory runs out."""
    os.nice(niceness)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(oom_score))


def limit(*, memory_bytes: int, more_files: int) -> None:
    """At most `memory_bytes` and `more_files` open files above what there is now; no written files, no core dumps."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    for kind, value in (
        (resource.RLIMIT_AS, pages * mmap.PAGESIZE + memory_bytes),
        (resource.RLIMIT_NOFILE, highest + 1 + more_files),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))


def forbid_new_privileges() -> bool:
    """No program that is started later has more rights; needed for what follows. Returns whether it is in force."""
    done: bool = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    return done


def install_landlock(
    *, readable: Iterable[Path] = (), device: Path | None = None, ports: Collection[int] = ()
) -> bool:
    """Forbid files, TCP, and signals and abstract sockets to the outside, as far as this kernel's Landlock knows them;
    False: not in force, or there is more than one thread, and it would be a door with a hole beside it.

    Left open: reading what is at or beneath `readable`, all of `device`, connecting to TCP `ports`. Paths that do not
    exist are left out.
    """
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1 or len(list(Path("/proc/self/task").iterdir())) > 1:
        return False
    rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)  # + refer, truncate, ioctl on devices
    rules = _Ruleset((1 << rights) - 1, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, ctypes.byref(rules), size, 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow(ruleset, path, _FS_READ_FILE | _FS_READ_DIR)
        if device is not None:
            _allow(
                ruleset, device, (_FS_READ_FILE | _FS_WRITE_FILE | _FS_IOCTL_DEV) & rules.handled_access_fs
            )
        if version >= 4:
            for port in ports:
                rule = _PortRule(_NET_CONNECT_TCP, port)
                libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _RULE_NET_PORT, ctypes.byref(rule), 0)
        restricted: bool = libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)
    return restricted


def _allow(ruleset: int, path: Path, access: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            access &= ~_FS_READ_DIR
        rule = _PathRule(access, beneath)
        libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(beneath)


def install_seccomp(*, ioctl: bool = False) -> bool:
    """Forbid all system calls but those of `seccomp.program`, in every thread; returns whether it is in force."""
    machine = seccomp.MACHINES.get(platform.machine())
    if machine is None:
        return False
    code = seccomp.program(machine, ioctl=ioctl)
    program = _Program(len(code) // 8, code)
    arguments = (_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(program))
    installed: bool = libc.syscall(machine.seccomp, *arguments) == 0
    return installed
