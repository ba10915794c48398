"""The main loop of the analysis process: read, decode, examine, report; one thread.

It reads its configuration, loads the model, locks itself in, says so, and works until the other end closes.
Messages are always read before the next frame is examined, so that the queue in the socket stays short.
"""

from __future__ import annotations

import math
import select
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from nvr.detect.messages.protocol import (
    Configure,
    Failed,
    ProtocolError,
    Ready,
    ToService,
    ToWorker,
    WorkerReader,
    encode,
)
from nvr.detect.model.objects import CLASSES, ObjectDetector, suppress
from nvr.detect.note import Note
from nvr.detect.steps.analysis import CameraAnalysis
from nvr.detect.steps.look import best_shift
from nvr.detect.steps.rules import WatchedZone
from nvr.detect.steps.sick import SAMPLE_EVERY_S
from nvr.detect.worker import sandbox
from nvr.detect.worker.decode import Decoder
from nvr.detect.worker.engine import Engine
from nvr.detect.worker.health import CameraHealth
from nvr.detect.worker.picture import Picture
from nvr.detect.worker.witness import warm_up
from nvr.errors import ModelError

RECEIVE_BYTES = 256 << 10
READS_PER_ROUND = 16
ROUND_S = 0.1
"""At most so much is read and decoded before the next examination."""
REPORT_EVERY_S = 1.0
SANDBOX_REMEDY = "Use a kernel with seccomp filters, or with Landlock and network namespaces"


class _Closed(Exception):
    """The service has closed its end."""


def serve(connection: socket.socket, note: Note, *, has_left_network: bool) -> int:
    """Do the process's work over `connection`, a blocking stream socket, telling `note` what it is; returns the exit
    code (see worker.py). Where memory runs out it raises MemoryError."""
    reader = WorkerReader()
    try:
        first, *later = _first_messages(connection, reader)
        if not isinstance(first, Configure):
            raise ProtocolError("the first message is not the configuration")
        detector = ObjectDetector(Path(first.model) if first.model is not None else None)
        _warm_up(detector)
        mechanisms = sandbox.lock_in(cameras=len(first.cameras), has_left_network=has_left_network)
        _send(connection, [Ready(mechanisms=mechanisms)])
        _work(connection, reader, Engine(first, detector, time.monotonic, time.process_time, note), later)
    except (_Closed, BrokenPipeError, ConnectionResetError):
        return 0
    except ProtocolError as error:
        print(f"protocol error: {error}", file=sys.stderr)  # noqa: T201  (the service keeps it as last words)
        return 1
    except ModelError as error:
        _send(connection, [Failed(code="model", message=error.message[:1000], remedy=error.remedy[:1000])])
    except sandbox.SandboxError as error:
        _send(connection, [Failed(code="sandbox", message=str(error)[:1000], remedy=SANDBOX_REMEDY)])
    return 2


def _first_messages(connection: socket.socket, reader: WorkerReader) -> list[ToWorker]:
    while True:
        messages = list(_received(connection, reader, flags=0))
        if messages:
            return messages


def _work(connection: socket.socket, reader: WorkerReader, engine: Engine, backlog: list[ToWorker]) -> None:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    report_s = time.monotonic() + REPORT_EVERY_S
    idle_s = 0.0

    def examine() -> float:
        """One frame, and report if that is due; until when the next may wait."""
        nonlocal report_s, idle_s
        _send(connection, engine.work())
        now_s = time.monotonic()
        if now_s >= report_s:
            _send(connection, [engine.statistics(idle_s)])
            idle_s = 0.0
            report_s = now_s + REPORT_EVERY_S
        return now_s + ROUND_S

    for message in backlog:
        _send(connection, engine.take(message))
    while True:
        before_s = time.monotonic()
        wait_s = min(engine.wait_s, max(report_s - before_s, 0.0))
        readable = bool(poll.poll(math.ceil(1000 * wait_s)))
        now_s = time.monotonic()
        idle_s += now_s - before_s
        round_end_s = now_s + ROUND_S
        for _ in range(READS_PER_ROUND):
            if not readable:
                break
            for message in _received(connection, reader, flags=socket.MSG_DONTWAIT):
                _send(connection, engine.take(message))
                if time.monotonic() >= round_end_s:
                    round_end_s = examine()
            readable = bool(poll.poll(0))
        examine()


def _received(connection: socket.socket, reader: WorkerReader, *, flags: int) -> Iterator[ToWorker]:
    data = connection.recv(RECEIVE_BYTES, flags)
    if not data:
        raise _Closed
    return reader.feed(data)


def _send(connection: socket.socket, messages: list[ToService]) -> None:
    for message in messages:
        connection.sendall(encode(message))


def _warm_up(detector: ObjectDetector) -> None:
    """Use everything once, so that no library wants to load a module or start a thread later (numpy does so in
    the middle of a calculation)."""
    Decoder.warm_up()
    everything = WatchedZone(((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)), frozenset(CLASSES.values()))
    analysis, health = CameraAnalysis(detector, [everything]), CameraHealth(0)
    for t_s in range(4):
        luma = np.full((96 * 3 // 2, 96), 128, np.uint8)
        luma[9 * t_s : 9 * t_s + 24, 20:50] = 255
        picture = Picture(av.VideoFrame.from_ndarray(luma, "yuv420p"))
        analysis.examine(picture, float(t_s))
        health.observe(picture, SAMPLE_EVERY_S * t_s)
        picture.jpeg()
        warm_up(picture)
    best_shift(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32))
    suppress(np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.float32), np.ones(2, np.float32))
