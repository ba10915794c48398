"""The analysis process: `python -m nvr.detect.worker FD NOTE`: its end of a socket pair, and its note (see note.py)."""

from __future__ import annotations

import signal
import socket
import sys

from nvr.child import lock
from nvr.detect.note import NoteWriter


def main() -> int:
    """Exit code 0: the service has closed its end; 1: it broke the protocol; 2: this process cannot work."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.setblocking(True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which then closes its end
    lock.name_process("nvr-analysis")
    lock.die_with_parent()
    has_left_network = lock.leave_network()
    # Imported only now: numpy may start threads, and a process with threads cannot leave its network namespace.
    from nvr.detect.worker.loop import serve

    with connection:
        return serve(connection, NoteWriter(int(sys.argv[2])), has_left_network=has_left_network)


if __name__ == "__main__":
    sys.exit(main())
