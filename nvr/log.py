"""Structured logs on stderr: JSON lines for machines, columns for a terminal. No secret passes.

Logging never raises and never waits: whoever logs may be about to silence a siren. Lines go through a bounded
queue to a thread; when whatever reads stderr is gone or stands still, lines are dropped and counted.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import re
import threading
from typing import Any

import structlog

STDERR_FD = 2
QUEUE_LINES = 2000
FLUSH_S = 2.0

_SECRET_KEY = re.compile(r"password|secret|cookie|token|authorization|claim", re.IGNORECASE)
_URL_CREDENTIALS = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)


def redact(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """structlog processor: hides values under telling keys and `user:password@` in any address."""
    for key, value in event.items():
        if _SECRET_KEY.search(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = _URL_CREDENTIALS.sub(r"\1***@", value)
    return event


class LogSink:
    """A text stream that only queues; a daemon thread writes to the file descriptor `fd`, which it does not own.

    Drop policy: of more than QUEUE_LINES waiting pieces the newest are dropped, and the next line that passes says
    how many. Errors in writing are swallowed: there is nowhere left to report them. It writes past Python's own
    stderr, because the interpreter would wait for that one's lock at its end.
    """

    def __init__(self, fd: int):
        self._fd = fd
        self._lines: queue.Queue[str | None] = queue.Queue(QUEUE_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_on, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Queue `text`; returns its length like any text stream."""
        try:
            if self._dropped:
                self._lines.put_nowait(f"({self._dropped} pieces of the log were dropped)\n")
                self._dropped = 0
            self._lines.put_nowait(text)
        except queue.Full:
            self._dropped += 1
        return len(text)

    def flush(self) -> None:
        """Nothing to do: the thread writes as soon as it can."""

    def close(self, timeout_s: float = FLUSH_S) -> None:
        """Write what is queued, waiting `timeout_s` at most."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
            self._thread.join(timeout_s)

    def _write_on(self) -> None:
        while (text := self._lines.get()) is not None:
            rest = text.encode("utf-8", "backslashreplace")
            with contextlib.suppress(OSError):
                while rest:
                    rest = rest[os.write(self._fd, rest) :]


def configure(*, level: str = "info", json: bool | None = None) -> None:
    """Set up logging for the process; `json` None chooses by whether stderr is a terminal."""
    if json is None:
        json = not os.isatty(STDERR_FD)
    sink = LogSink(STDERR_FD)
    atexit.register(sink.close)
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer()
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sink),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard module; they go the same way and only from warnings on.
    handler = logging.StreamHandler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
