"""Real peers for the tests of hw/: the guard as a process, bytes on its socket."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hw

ROOT = Path(hw.__file__).parents[1]
PATIENCE_S = 20.0


class GuardProcess:
    """`python -m hw.guard`, its JSON events collected from standard error."""

    def __init__(self, port: Path, socket_path: Path, *options: str) -> None:
        self.socket_path = socket_path
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hw.guard", "--port", str(port), "--socket", str(socket_path), *options],
            cwd=ROOT,
            stderr=subprocess.PIPE,
        )
        self.events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.events.append(json.loads(line))
                self._changed.notify_all()

    def wait_event(self, name: str) -> dict[str, Any]:
        with self._changed:
            found = self._changed.wait_for(
                lambda: next((event for event in self.events if event["event"] == name), None), PATIENCE_S
            )
        assert found is not None, f"no event {name!r} in {self.events}"
        return found

    def connect(self) -> RawClient:
        self.wait_event("listening")
        return RawClient(self.socket_path)

    def wait_exit(self) -> int:
        code = self.process.wait(PATIENCE_S)
        self._reader.join()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()


class RawClient:
    """Bytes on the guard's socket, without the product's client."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(path))
        self._file = self.sock.makefile("rb")
        self.first = self.read()

    def read(self) -> dict[str, Any]:
        line = self._file.readline()
        assert line, "the guard ended the connection"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, line: bytes) -> dict[str, Any]:
        """Send one line; its answer, skipping what is pushed."""
        self.sock.sendall(line + b"\n")
        return self.read_until(lambda status: status["re"] is not None)

    def request(self, **fields: object) -> dict[str, Any]:
        return self.ask(json.dumps(fields).encode())

    def read_until(self, predicate: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not predicate(status := self.read()):
            pass
        return status

    def close(self) -> None:
        self._file.close()
        self.sock.close()
