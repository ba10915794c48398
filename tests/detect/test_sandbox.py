"""The filter program by a small interpreter, and the lock itself in processes of their own; in the real worker it
is tested by test_analysis_link.py."""

from __future__ import annotations

import errno
import itertools
import struct
import subprocess
import sys

import pytest

from nvr.child.seccomp import ALLOW, CLONE_THREAD, KILL_PROCESS, MACHINES, Machine, program
from nvr.detect.worker.sandbox import suffices

DENIED = 0x00050000 | errno.EPERM
# From the kernel's tables, independent of the module: (x86_64, aarch64, armv7l).
FORBIDDEN = {
    "open": (2, None, 5),
    "openat": (257, 56, 322),
    "openat2": (437, 437, 437),
    "socket": (41, 198, 281),
    "connect": (42, 203, 283),
    "bind": (49, 200, 282),
    "sendmsg": (46, 211, 296),
    "execve": (59, 221, 11),
    "execveat": (322, 281, 387),
    "fork": (57, None, 2),
    "vfork": (58, None, 190),
    "kill": (62, 129, 37),
    "tgkill": (234, 131, 268),
    "ptrace": (101, 117, 26),
    "process_vm_readv": (310, 270, 376),
    "unlinkat": (263, 35, 328),
    "io_uring_setup": (425, 425, 425),
    "bpf": (321, 280, 386),
    "mount": (165, 40, 21),
    "setns": (308, 268, 375),
    "unshare": (272, 97, 337),
    "prctl": (157, 167, 172),
    "ioctl": (16, 29, 54),
    "keyctl": (250, 219, 311),
    "pidfd_getfd": (438, 438, 438),
}


def run(code: bytes, *, arch: int, number: int, first_argument: int = 0) -> int:
    """What a filter returns for a system call (the four instructions that ours uses)."""
    data = struct.pack("<IIQ6Q", number, arch, 0, first_argument, *[0] * 5)
    lines = list(struct.iter_unpack("=HBBI", code))
    at = accumulator = 0
    while True:
        operation, if_true, if_false, operand = lines[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x15:
            at += if_true if accumulator == operand else if_false
        elif operation == 0x45:
            at += if_true if accumulator & operand else if_false
        else:
            assert operation == 0x06
            return operand


@pytest.mark.parametrize("name", MACHINES)
def test_the_filter(name: str) -> None:
    machine: Machine = MACHINES[name]
    code = program(machine)
    column = list(MACHINES).index(name)
    for numbers in FORBIDDEN.values():
        if numbers[column] is not None:
            assert run(code, arch=machine.arch, number=numbers[column]) == DENIED
    for number in machine.allowed:
        assert run(code, arch=machine.arch, number=number) == ALLOW
    assert run(code, arch=machine.arch, number=10_000) == DENIED
    assert run(code, arch=machine.arch, number=0x40000000) == DENIED  # x32
    assert run(code, arch=machine.arch ^ 1, number=min(machine.allowed)) == KILL_PROCESS
    assert run(code, arch=machine.arch, number=machine.clone3) == 0x00050000 | errno.ENOSYS


def test_only_who_asks_for_ioctl_gets_it() -> None:
    for column, machine in enumerate(MACHINES.values()):
        number = FORBIDDEN["ioctl"][column]
        assert number is not None
        assert run(program(machine, ioctl=True), arch=machine.arch, number=number) == ALLOW


@pytest.mark.parametrize("machine", MACHINES.values())
def test_clone_makes_threads_only(machine: Machine) -> None:
    code = program(machine)
    assert run(code, arch=machine.arch, number=machine.clone, first_argument=0x003D0F00) == ALLOW
    assert 0x003D0F00 & CLONE_THREAD
    for flags in (0, 17, 0x4100 | 17, 0x10000000, 0x40000000):  # fork, vfork, new namespaces
        assert run(code, arch=machine.arch, number=machine.clone, first_argument=flags) == DENIED


def test_what_is_enough() -> None:
    names = ("seccomp", "landlock", "network namespace")
    enough = {
        chosen for size in range(4) for chosen in itertools.combinations(names, size) if suffices(chosen)
    }
    assert enough == {
        ("seccomp",),
        ("seccomp", "landlock"),
        ("seccomp", "network namespace"),
        ("landlock", "network namespace"),
        names,
    }


AS_NOBODY = """
import ctypes, os
from nvr.detect.worker import sandbox
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, without which /proc/self is root's
"""
LOCKED = """
left = sandbox.leave_network()
mechanisms = sandbox.lock_in(cameras=1, has_left_network=left)
outcomes = sandbox.try_to_break_out()
print(mechanisms)
assert outcomes.pop("more memory") == "ENOMEM", outcomes
assert set(outcomes.values()) == {"EPERM"}, outcomes
"""
WITHOUT_SECCOMP = """
import socket
sandbox.lock.install_seccomp = lambda: False
left = sandbox.leave_network()
try:
    mechanisms = sandbox.lock_in(cameras=1, has_left_network=left)
except sandbox.SandboxError as error:
    print("refused:", error)
else:
    for path, mode in (("/etc/passwd", "r"), ("/dev/null", "w"), ("/tmp/nvr-sandbox-test", "w")):
        try:
            open(path, mode)
        except PermissionError:
            continue
        raise SystemExit(f"{path} can be opened")
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    print(mechanisms)
"""
WITH_NOTHING = """
sandbox.lock.install_seccomp = sandbox.lock.install_landlock = lambda: False
try:
    sandbox.lock_in(cameras=1, has_left_network=True)
except sandbox.SandboxError as error:
    print("refused:", error)
"""


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_user_without_rights_can_lock_itself_in() -> None:
    assert "seccomp" in python(AS_NOBODY + LOCKED)


def test_the_second_line_holds_by_itself_or_the_worker_refuses() -> None:
    said = python("from nvr.detect.worker import sandbox\n" + WITHOUT_SECCOMP)
    assert said.startswith("refused: this kernel offers only") or "landlock" in said


def test_without_any_mechanism_it_refuses() -> None:
    said = python("from nvr.detect.worker import sandbox\n" + WITH_NOTHING)
    assert said == "refused: this kernel offers only: network namespace\n"
