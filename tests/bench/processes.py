"""What processes use, read from /proc (Linux)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time (user and system, all threads) since the start, memory as PSS, open files, threads."""

    cpu_s: float
    pss_mb: float
    files: int
    threads: int


def cpu_s(pid: int) -> float:
    """User and system time of the process so far, without its children's."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def pss_mb(pid: int) -> float:
    """Its own pages, and its share of those it has in common with others."""
    text = (Path("/proc") / str(pid) / "smaps_rollup").read_text()
    return int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0]) / 1000


def usage(pid: int) -> Usage:
    folder = Path("/proc") / str(pid)
    return Usage(
        cpu_s(pid), pss_mb(pid), len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))
    )


def total_cpu_s(pids: Iterable[int]) -> float:
    return sum(cpu_s(pid) for pid in pids)


def total_pss_mb(pids: Iterable[int]) -> float:
    return sum(pss_mb(pid) for pid in pids)


def children(pid: int) -> dict[int, str]:
    """Its child processes: pid to name."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                before, _, after = (entry / "stat").read_text().rpartition(")")
            except OSError:
                continue
            if int(after.split()[1]) == pid:
                found[int(entry.name)] = before.partition("(")[2]
    return found


def machine_s() -> tuple[float, float]:
    """CPU time of all cores so far: in use, and altogether."""
    fields = [int(field) / _TICKS for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def unread_bytes(port: int) -> int:
    """What the clients of a local server's TCP port have on IPv4 received, and not read yet."""
    total = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        remote, _, queues = line.split()[2:5]
        total += int(queues.split(":")[1], 16) if remote.endswith(f":{port:04X}") else 0
    return total
