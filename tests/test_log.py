"""Logging neither raises nor waits, whatever becomes of the stream it goes to, and lets no secret pass."""

import io
import os
import subprocess
import sys
import threading

import pytest

from nvr.log import QUEUE_LINES, LogSink, redact


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("password", "hunter2"),
        ("set_cookie", "hunter2"),
        ("claim_code", "hunter2"),
        ("url", "rtsp://admin:hunter2@192.168.1.64/main"),
        ("event", "cannot open rtsp://admin:hunter2@host/ now"),
    ],
)
def test_no_secret_passes(key, value):
    assert "hunter2" not in str(redact(None, "info", {key: value}))


def test_lines_arrive_in_order():
    stream = io.StringIO()
    sink = LogSink(stream)
    for number in range(100):
        sink.write(f"{number}\n")
    sink.close()
    assert stream.getvalue().split() == [str(n) for n in range(100)]


def test_a_closed_stream_is_no_error():
    stream = io.StringIO()
    stream.close()
    sink = LogSink(stream)
    sink.write("lost\n")
    sink.close()


class Stuck(io.StringIO):
    """A stream whose reader stands still."""

    def __init__(self):
        super().__init__()
        self.entered, self.released = threading.Event(), threading.Event()

    def write(self, text):
        self.entered.set()
        self.released.wait(30)
        return super().write(text)


def test_a_stuck_stream_costs_lines_and_no_time():
    stream = Stuck()
    sink = LogSink(stream)
    sink.write("first\n")
    assert stream.entered.wait(30)
    for number in range(QUEUE_LINES + 7):
        sink.write(f"{number}\n")
    stream.released.set()
    while sink._lines.qsize():
        pass
    sink.write("last\n")
    sink.close(30)
    assert "(7 pieces of the log were dropped)" in stream.getvalue()
    assert stream.getvalue().endswith("last\n")


def test_a_process_logs_into_a_pipe_nobody_reads_and_ends():
    """The whole set-up: 3 MB into a pipe of 64 kB without reader."""
    code = (
        "from nvr import log; import structlog, logging; log.configure();"
        "[structlog.get_logger().info('x' * 1000) for _ in range(3000)];"
        "logging.getLogger('aiortc').error('library'); print('done')"
    )
    reading, writing = os.pipe()
    try:
        result = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=writing, timeout=60, check=True
        )
    finally:
        os.close(writing)
        os.close(reading)
    assert result.stdout == b"done\n"
