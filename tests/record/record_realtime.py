"""Records two synthetic streams in real time until it is killed: `record_realtime.py DIRECTORY BOARD`.

The file BOARD always holds, as a double, when (wall time) the last picture was handed over.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
import sys
from pathlib import Path

from record_streams import GATE, YARD, encode, endless

from nvr.clock import SystemClock
from nvr.faults import FaultBoard
from nvr.record.disk.recorder import Recorder


async def main(root: Path, board: Path) -> None:
    clock = SystemClock()
    recorder = await Recorder.open(
        root, clock=clock, faults=FaultBoard(clock), max_bytes=None, keep_free_bytes=0
    )
    with board.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), 8)
    begin_s = clock.monotonic()
    streams = [
        (endless(encode(gop=250, frames=250), GATE, start_mono_s=begin_s), recorder.consumer(GATE)),
        (endless(encode(gop=25, b_frames=2), YARD, start_mono_s=begin_s), recorder.consumer(YARD)),
    ]
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run(lambda: None))
        print("recording", flush=True)
        while True:
            for units, consumer in streams:
                unit = next(units)
                await asyncio.sleep(max(unit.received_mono_s - clock.monotonic(), 0.0))
                consumer.push(unit)
            shared[:8] = struct.pack("d", clock.wall())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
