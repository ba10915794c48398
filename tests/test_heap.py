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
