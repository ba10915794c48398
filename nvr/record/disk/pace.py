"""How often and how long the recorder does what."""

from __future__ import annotations

from dataclasses import dataclass

from nvr.record.disk.intake import MAX_BYTES


@dataclass(frozen=True, slots=True)
class Pace:
    """`write_s`: between two looks at the queue. `commit_s`: between two commits; with fragments of a second, that is
    what a power cut can cost. `retry_s`: after an error. `finish_s`: for the last commit. `slow_s`: a disk that takes
    longer for one step is a fault. `stuck_s`: after so long without success its cameras go to another disk, if there
    is one. `reopen_s`: after so long with nothing but errors the directory is let go, so that
    its disk can be mounted anew. `overflow_s`: how long a loss is shown. `minimum_s`: how long it is shown that a
    minimum of days was broken. `settle_s`: for the wall clock to be trusted in deleting what is too old.
    `memory_bytes`: for what is not written."""

    write_s: float = 0.25
    commit_s: float = 1.5
    retry_s: float = 1.0
    finish_s: float = 5.0
    slow_s: float = 10.0
    stuck_s: float = 4.0
    reopen_s: float = 30.0
    overflow_s: float = 60.0
    minimum_s: float = 6 * 3600.0
    settle_s: float = 3600.0
    memory_bytes: int = MAX_BYTES


PACE = Pace()
"""As shipped."""
