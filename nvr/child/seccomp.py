"""The seccomp filter of processes that only compute, as a classic BPF program. Pure.

Everything not listed fails with EPERM: files, sockets, new processes, signals, ptrace, io_uring and whatever
future kernels add. What is left computes, and talks over descriptors that are already open.

Sources: Linux Documentation/userspace-api/seccomp_filter.rst; uapi/linux/{seccomp,bpf_common,audit}.h; system call
numbers from asm/unistd_64.h (x86_64), asm-generic/unistd.h (aarch64), asm/unistd-eabi.h (arm).
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_LOAD, _JUMP_EQUAL, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_FIRST_ARGUMENT = 0, 4, 16  # struct seccomp_data, little-endian
ALLOW, KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
CLONE_THREAD = 0x00010000


@dataclass(frozen=True, slots=True)
class Machine:
    """`arch`: AUDIT_ARCH_*; `allowed`: system call numbers; `seccomp`, `clone`, `clone3`, `ioctl`: numbers of those."""

    arch: int
    seccomp: int
    clone: int
    clone3: int
    ioctl: int
    allowed: frozenset[int]


_X86_64 = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11,
    "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "select": 23, "sched_yield": 24,
    "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39, "sendto": 44, "recvfrom": 45, "exit": 60,
    "gettimeofday": 96, "getrusage": 98, "sysinfo": 99, "sigaltstack": 131, "gettid": 186, "time": 201,
    "futex": 202, "sched_getaffinity": 204, "set_tid_address": 218, "restart_syscall": 219, "clock_gettime": 228,
    "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "pselect6": 270, "ppoll": 271,
    "set_robust_list": 273, "getcpu": 309, "getrandom": 318, "membarrier": 324, "rseq": 334,
}  # fmt: skip
_AARCH64 = {
    "close": 57, "lseek": 62, "read": 63, "write": 64, "pselect6": 72, "ppoll": 73, "fstat": 80, "exit": 93,
    "exit_group": 94, "set_tid_address": 96, "futex": 98, "set_robust_list": 99, "nanosleep": 101,
    "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "sched_getaffinity": 123,
    "sched_yield": 124, "restart_syscall": 128, "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135,
    "rt_sigreturn": 139, "getrusage": 165, "getcpu": 168, "gettimeofday": 169, "getpid": 172, "gettid": 178,
    "sysinfo": 179, "sendto": 206, "recvfrom": 207, "brk": 214, "munmap": 215, "mremap": 216, "mmap": 222,
    "mprotect": 226, "madvise": 233, "getrandom": 278, "membarrier": 283, "rseq": 293,
}  # fmt: skip
_ARM = {
    "restart_syscall": 0, "exit": 1, "read": 3, "write": 4, "close": 6, "lseek": 19, "getpid": 20, "brk": 45,
    "getrusage": 77, "gettimeofday": 78, "munmap": 91, "sysinfo": 116, "sigreturn": 119, "mprotect": 125,
    "_llseek": 140, "_newselect": 142, "sched_yield": 158, "nanosleep": 162, "mremap": 163, "poll": 168,
    "rt_sigreturn": 173, "rt_sigaction": 174, "rt_sigprocmask": 175, "sigaltstack": 186, "mmap2": 192,
    "fstat64": 197, "madvise": 220, "gettid": 224, "futex": 240, "sched_getaffinity": 242, "exit_group": 248,
    "set_tid_address": 256, "clock_gettime": 263, "clock_getres": 264, "clock_nanosleep": 265, "sendto": 290,
    "recvfrom": 292, "pselect6": 335, "ppoll": 336, "set_robust_list": 338, "getcpu": 345, "getrandom": 384,
    "membarrier": 389, "rseq": 398, "clock_gettime64": 403, "clock_nanosleep_time64": 407,
    "pselect6_time64": 413, "ppoll_time64": 414, "futex_time64": 422,
}  # fmt: skip

MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(0xC000003E, 317, 56, 435, 16, frozenset(_X86_64.values())),
    "aarch64": Machine(0xC00000B7, 277, 220, 435, 29, frozenset(_AARCH64.values())),
    "armv7l": Machine(0x40000028, 383, 120, 435, 54, frozenset(_ARM.values())),
}
"""By `platform.machine()`."""


def program(machine: Machine, *, ioctl: bool = False) -> bytes:
    """The filter as an array of struct sock_filter (code, jump if true, jump if false, operand).

    A wrong architecture ends the process. `clone` makes threads only; `clone3`, whose flags a filter cannot see,
    fails with ENOSYS, on which C libraries fall back to `clone`. `ioctl`: allow that too, for a device that is open.
    """
    denied = _ERRNO | errno.EPERM
    lines: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 1, 0, machine.arch),
        (_RETURN, 0, 0, KILL_PROCESS),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    for number in sorted(machine.allowed | ({machine.ioctl} if ioctl else set())):
        lines += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, ALLOW)]
    lines += [
        (_JUMP_EQUAL, 0, 1, machine.clone3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_JUMP_EQUAL, 1, 0, machine.clone),
        (_RETURN, 0, 0, denied),
        (_LOAD, 0, 0, _OFFSET_FIRST_ARGUMENT),
        (_JUMP_BITS, 0, 1, CLONE_THREAD),
        (_RETURN, 0, 0, ALLOW),
        (_RETURN, 0, 0, denied),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
