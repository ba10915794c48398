"""GET /api/deletions over a real index."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from web_site import GATE, Site

from nvr.events import Role, StreamKey
from nvr.record.disks.joined import join_deletions
from nvr.record.keep.retention import DAY_90K, Doomed
from nvr.record.model import TICKS, Candidate, Deletion
from nvr.web.access import AccountRole

YARD = StreamKey("yard", Role.MAIN)
DAY = 20_000


async def test_what_was_deleted_and_why_is_told_to_administrators(site: Site) -> None:
    recorder = site.services.disks.disks[0].open
    index = recorder._directory.index
    assert index is not None
    start = 1_700_000_000 * TICKS

    def delete(key: StreamKey, number: int, day: int) -> None:
        """As the ring does, of a segment that the index has."""

        def insert(connection) -> None:
            connection.execute("INSERT OR IGNORE INTO streams (camera, role) VALUES (?, ?)", key)
            connection.execute("INSERT OR IGNORE INTO configs VALUES (1, 'h264', x'', x'', x'', 1, 1, 0)")
            query = "SELECT id FROM streams WHERE camera = ? AND role = ?"
            (stream,) = connection.execute(query, key).fetchone()
            row = (number, stream, 1, start + number * TICKS, TICKS, 0, 100, 10, 0, 0, b"")
            columns = (
                "id, stream, config, start_90k, duration_90k, slew_ppm, bytes, header_bytes, footer_bytes,"
                " is_open, fragments"
            )
            connection.execute(f"INSERT INTO segments ({columns}) VALUES ({', '.join('?' * 11)})", row)

        index.db.write_now(insert)
        gone = Candidate(number, key, start + number * TICKS, start + (number + 1) * TICKS, 100)
        index.discard([Doomed(gone, "space")], day * DAY_90K)

    delete(GATE, 1001, DAY)
    delete(GATE, 1002, DAY)
    delete(GATE, 1003, DAY + 1)
    delete(YARD, 1004, DAY)
    boss = await site.log_in("trưởng", AccountRole.ADMINISTRATOR)
    status, answer = await boss.ask("GET", "/api/deletions")
    assert status == 200
    entries = answer["deletions"]
    assert [(entry["day_s"], entry["camera"]) for entry in entries] == [
        ((DAY + 1) * 86_400, "gate"),
        (DAY * 86_400, "gate"),
        (DAY * 86_400, "yard"),
    ]
    assert entries[1] == {
        "day_s": DAY * 86_400,
        "camera": "gate",
        "role": GATE.role,
        "cause": "space",
        "segments": 2,
        "bytes": 200,
        "start_s": 1_700_001_001,
        "end_s": 1_700_001_003,
    }
    _, answer = await boss.ask("GET", f"/api/deletions?camera=gate&since_s={(DAY + 1) * 86_400}")
    assert answer["deletions"] == entries[:1]
    limited = await site.log_in("phó", AccountRole.ADMINISTRATOR, frozenset({"yard"}))
    assert (await limited.ask("GET", "/api/deletions"))[1]["deletions"] == entries[2:]
    assert (await limited.ask("GET", "/api/deletions?camera=gate"))[0] == 404
    assert (await boss.ask("GET", "/api/deletions?since_s=x"))[0] == 400
    assert (await boss.ask("GET", "/api/deletions?since_s=1e300"))[1]["deletions"] == []


deletions = st.builds(
    Deletion,
    st.sampled_from([GATE, YARD]),
    st.integers(1, 3),
    st.sampled_from(["space", "max_days"]),
    st.integers(1, 9),
    st.integers(1, 99),
    st.integers(0, 50),
    st.integers(51, 99),
)


@given(st.lists(deletions))
def test_those_of_several_disks_are_summed_up(found: list[Deletion]) -> None:
    joined = join_deletions(found)
    names = [(-one.day, one.key, one.cause) for one in joined]
    assert names == sorted(set(names))
    for one in joined:
        parts = [p for p in found if (p.key, p.day, p.cause) == (one.key, one.day, one.cause)]
        assert one == replace(
            parts[0],
            segments=sum(part.segments for part in parts),
            bytes=sum(part.bytes for part in parts),
            start_90k=min(part.start_90k for part in parts),
            end_90k=max(part.end_90k for part in parts),
        )
    assert sum(one.bytes for one in joined) == sum(part.bytes for part in found)
