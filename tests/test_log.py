"""Logging neither raises nor waits, whatever becomes of the stream it goes to, and lets no secret pass."""

import fcntl
import os
import subprocess
import sys

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


@pytest.fixture
def pipe():
    """(reading end, writing end) of a pipe with the least room the kernel gives."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def read_until(fd: int, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        data += os.read(fd, 65536)
    return data


def test_lines_arrive_in_order(pipe):
    reading, writing = pipe
    sink = LogSink(writing)
    for number in range(100):
        sink.write(f"{number}\n")
    sink.close()
    assert read_until(reading, b"99\n").split() == [str(n).encode() for n in range(100)]


def test_a_closed_stream_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    sink = LogSink(writing)
    sink.write("lost\n")
    sink.close()


def test_a_stuck_stream_costs_lines_and_no_time(pipe):
    reading, writing = pipe
    sink = LogSink(writing)
    for _ in range(QUEUE_LINES + 100):  # the pipe holds four of them, and nobody reads
        sink.write("x" * 1000 + "\n")
    sink.close(0.1)  # gives up
    seen = []
    while not seen or seen[-1] != b"last":
        sink.write("last\n")  # passes as soon as there is room again
        seen += read_until(reading, b"\n").splitlines()
    # The queue can fill again while it is told, so that the sum comes in several lines.
    dropped = sum(int(line[1:].split()[0]) for line in seen if line.endswith(b"dropped)"))
    kept = sum(line.startswith(b"xxx") for line in seen)
    assert 0 < kept < QUEUE_LINES + 100 <= kept + dropped


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
