from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies as st

from bench.processes import unread_bytes
from bench.sightings import LATE_S, STAYS_S, Matched, Stored, match

cameras = st.sampled_from(["cam1", "cam6"])
times = st.floats(0, 100)


def test_the_first_sighting_of_a_stay_counts() -> None:
    stored = [Stored("cam1", 10.9), Stored("cam1", 13.0), Stored("cam6", 10.2), Stored("cam1", 30.0)]
    matched = match([("cam1", 10.0), ("cam1", 50.0)], stored)
    assert matched == Matched([10.9 - 10.0], missed=1, false=2)


@given(st.lists(st.tuples(cameras, times)), st.lists(st.builds(Stored, cameras, times)))
def test_each_entry_is_noticed_or_missed(entries: list[tuple[str, float]], stored: list[Stored]) -> None:
    matched = match(entries, stored)
    assert len(matched.delays_s) + matched.missed == len(entries)
    assert all(0 <= delay <= STAYS_S + LATE_S for delay in matched.delays_s)
    assert 0 <= matched.false <= len(stored)


def test_what_a_client_has_not_read_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            connection, _ = server.accept()
            with connection:
                connection.sendall(bytes(5000))
                assert unread_bytes(port) == 5000
                client.recv(5000, socket.MSG_WAITALL)
                assert unread_bytes(port) == 0
