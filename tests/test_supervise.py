"""The retry loop and the fault board."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from nvr.clock import FakeClock
from nvr.errors import CameraUnreachable
from nvr.events import Fault
from nvr.faults import FaultBoard
from nvr.supervise import Backoff, Supervisor

QUICK = Backoff(first_s=0.001, max_s=0.001)


class Job:
    """Fails, works, and tells; each entry of `script` is one life."""

    def __init__(self, *script):
        self.script = list(script)
        self.lives = 0
        self.done = asyncio.Event()

    async def __call__(self, healthy):
        self.lives += 1
        step = self.script.pop(0) if self.script else None
        if step is None:
            self.done.set()
            await asyncio.Event().wait()
        if step == "healthy":
            healthy()
        elif step is not None:
            raise step


async def supervised(job, faults, clock):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Supervisor(clock, faults).keep_running("camera:gate/main", job, QUICK))
        async with asyncio.timeout(10):
            await job.done.wait()
        task.cancel()
    return task


async def test_errors_become_faults_and_the_job_goes_on():
    clock = FakeClock()
    faults = FaultBoard(clock)
    seen = []
    faults.on_change(lambda: seen.append([f.code for f, _ in faults.current]))
    job = Job(
        CameraUnreachable("gate: no route", remedy="Check the cable"), "healthy", RuntimeError("defect")
    )
    task = await supervised(job, faults, clock)
    assert job.lives == 4
    assert seen == [["camera_unreachable"], [], ["internal"]]
    assert task.cancelled()


async def test_an_error_out_of_a_task_group_keeps_its_code():
    clock = FakeClock()
    faults = FaultBoard(clock)
    group = ExceptionGroup("g", [ExceptionGroup("h", [CameraUnreachable("gate: no route")])])
    await supervised(Job(group), faults, clock)
    assert faults.at("camera:gate/main").code == "camera_unreachable"


def test_the_same_fault_again_keeps_its_beginning():
    clock = FakeClock()
    faults = FaultBoard(clock)
    changes = []
    faults.on_change(lambda: changes.append(1))
    faults.raise_fault(Fault("disk", "disk_full", "full"))
    began = clock.wall()
    clock.advance(60)
    faults.raise_fault(Fault("disk", "disk_full", "full"))
    assert faults.current == [(Fault("disk", "disk_full", "full"), began)]
    assert len(changes) == 1
    faults.clear("disk", "other")
    assert faults.at("disk")
    faults.clear("disk")
    assert faults.current == []


async def test_a_cancelled_part_of_a_job_does_not_end_its_supervision():
    """A CancelledError that nobody sent to the supervisor's own task is a failure like others."""
    clock = FakeClock()
    faults = FaultBoard(clock)
    job = Job(asyncio.CancelledError())
    await supervised(job, faults, clock)
    assert job.lives == 2
    assert faults.at("camera:gate/main").code == "internal"


async def test_cancelling_ends_a_job_that_fails_at_the_same_moment():
    clock = FakeClock()
    lives = 0
    started = asyncio.Event()

    async def part():
        try:
            await asyncio.Event().wait()
        finally:
            if lives == 1:
                raise CameraUnreachable("gate: gone")

    async def job(_healthy):
        nonlocal lives
        lives += 1
        async with asyncio.TaskGroup() as group:
            group.create_task(part())
            await asyncio.sleep(0)
            started.set()

    keeper = asyncio.create_task(Supervisor(clock, FaultBoard(clock)).keep_running("x", job, QUICK))
    await started.wait()
    keeper.cancel()
    done, _ = await asyncio.wait([keeper], timeout=5)
    assert done
    assert keeper.cancelled()
    assert lives == 1


@given(st.integers(1, 1000), st.floats(0, 1))
def test_backoff_grows_to_its_bound(failures, jitter):
    backoff = Backoff(first_s=0.5, max_s=15.0)
    assert 0.75 * 0.5 <= backoff.delay_s(failures, jitter) <= 15.0
    assert backoff.delay_s(failures, jitter) <= backoff.delay_s(failures, 0.0)
    assert backoff.delay_s(failures, 0.0) <= backoff.delay_s(failures + 1, 0.0)


async def test_health_clears_only_what_the_supervisor_showed():
    """A job's own fault, such as an index that is being rebuilt, is for the job to clear."""
    clock = FakeClock()
    faults = FaultBoard(clock)
    faults.raise_fault(Fault("camera:gate/main", "index_rebuilding", "old"))
    await supervised(Job(CameraUnreachable("gate: no route"), "healthy"), faults, clock)
    assert [fault.code for fault, _ in faults.current] == ["index_rebuilding"]
