"""The heap's settings, tried in a process of its own."""

from __future__ import annotations

import subprocess
import sys

LIVED = """
import asyncio, gc
from nvr.heap import keep_clean, settle

class Node:
    count = 0

    def __init__(self):
        self.me = self
        Node.count += 1

    def __del__(self):
        Node.count -= 1

stays = [[n] for n in range(800_000)]
settle()

async def lose_connections():
    cleaning = asyncio.create_task(keep_clean(lambda: None, every_s=0.01))
    lived_a_while = [Node() for _ in range(100_000)]
    gc.collect(1)  # they are old by now
    del lived_a_while
    before = Node.count
    async with asyncio.timeout(60):
        while Node.count:
            await asyncio.sleep(0.01)
    cleaning.cancel()
    return before

print(asyncio.run(lose_connections()))
"""


def test_old_garbage_does_not_pile_up_beside_what_is_frozen() -> None:
    assert int(subprocess.check_output([sys.executable, "-c", LIVED], text=True)) > 0


GREW = """
import asyncio
from nvr.heap import keep_clean, keep_small

keep_small()

def private_kb():
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

async def wait_for_a_disk():
    cleaning = asyncio.create_task(keep_clean(lambda: None, every_s=0.01))
    before = private_kb()
    waiting = [bytes(10_000) for _ in range(4_000)]
    stays = waiting[-1]  # at the end of the heap, which so cannot shrink
    grown = private_kb()
    del waiting
    async with asyncio.timeout(60):
        while private_kb() - before > (grown - before) / 4:
            await asyncio.sleep(0.01)
    cleaning.cancel()
    return grown - before

print(asyncio.run(wait_for_a_disk()))
"""


def test_what_waited_for_a_disk_is_given_back_from_amid_the_heap() -> None:
    assert int(subprocess.check_output([sys.executable, "-c", GREW], text=True)) > 30_000
