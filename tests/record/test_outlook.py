"""How many days are kept and how many the disk would hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_running import Start
from record_streams import GATE, YARD

from nvr.__main__ import main
from nvr.record.disk.outlook import MOST_DAYS, Share, Stock, capacity_bytes, days_possible, outlook
from nvr.record.keep.retention import DAY_90K, Budget, Days, Keep, Longer
from nvr.record.model import TICKS

some_days = st.tuples(st.floats(0, 100), st.one_of(st.none(), st.floats(0, 100))).map(
    lambda pair: Days(pair[0], None if pair[1] is None else pair[0] + pair[1])
)
cameras = st.lists(st.tuples(st.floats(1, 1e6), some_days), max_size=6)


@given(cameras, st.floats(1, 1e9))
def test_days_fill_the_disk_and_keep_their_bounds(drawn: list[tuple[float, Days]], capacity: float) -> None:
    rates = {str(n): rate for n, (rate, _) in enumerate(drawn)}
    keep = {str(n): days for n, (_, days) in enumerate(drawn)}
    found = days_possible(rates, keep, capacity)
    used = sum(rates[camera] * days for camera, days in found.items())
    assert used <= capacity * (1 + 1e-9)
    for camera, days in found.items():
        least, most = keep[camera]
        assert days <= (MOST_DAYS if most is None else most)
        assert days >= least or used >= capacity * (1 - 1e-6), "a minimum gives way only on a full disk"
    # Where there is room left, nobody could keep more.
    if used < capacity * (1 - 1e-6):
        assert all(
            days == (keep[c].most or (MOST_DAYS if keep[c].most is None else 0)) for c, days in found.items()
        )


def test_equal_cameras_share_equally_and_a_maximum_gives_room_to_others() -> None:
    free = Days()
    assert days_possible({"a": 10.0, "b": 30.0}, {"a": free, "b": free}, 400) == pytest.approx(
        {"a": 10, "b": 10}
    )
    keep = {"a": Days(0, 4), "b": free}
    assert days_possible({"a": 10.0, "b": 30.0}, keep, 400) == pytest.approx({"a": 4, "b": 12})
    keep = {"a": Days(16, None), "b": free}
    assert days_possible({"a": 10.0, "b": 30.0}, keep, 400) == pytest.approx({"a": 16, "b": 8})
    assert days_possible({}, {}, 400) == {}


def test_capacity_is_what_budget_and_disk_allow() -> None:
    assert capacity_bytes(Budget(None, 10), 50, 60) == 100
    assert capacity_bytes(Budget(70, 10), 50, 60) == 70
    assert capacity_bytes(Budget(None, 200), 50, 60) == 0


def test_footage_that_is_kept_longer_takes_the_room_of_the_rest() -> None:
    """Ten bytes a day for five days, and 30 bytes of persons' footage from before."""
    now = 1000 * DAY_90K
    keep = Keep(Days(), {"a": Days(0, 20)}, {"a": Longer(Days(0, 20), Days(0, 90))})
    stock = Stock(80, now - 60 * DAY_90K, 10.0, now - 5 * DAY_90K)
    found = outlook({0: Share({"a": stock}, 100)}, {"a": 0}, keep, now)
    assert found.cameras["a"].days_kept == pytest.approx(5)
    assert found.days_possible == pytest.approx(7)
    young = Stock(80, now - 8 * DAY_90K, 10.0, now)
    found = outlook({0: Share({"a": young}, 100)}, {"a": 0}, keep, now)
    assert (found.cameras["a"].days_kept, found.days_possible) == pytest.approx((8, 10))
    alike = outlook({0: Share({"a": stock}, 100)}, {"a": 0}, Keep(Days(), {"a": Days(0, 20)}), now)
    limited = outlook({0: Share({"a": stock}, 100)}, {"a": 0}, replace(keep, max_bytes={"a": 40}), now)
    assert limited.days_possible == pytest.approx(1)
    assert (alike.cameras["a"].days_kept, alike.days_possible) == pytest.approx((60, 10))


async def test_recorder_knows_and_check_tells(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep = Keep(Days(), {"gate": Days(0, 5), "yard": Days(), "new": Days()})
    recording = await start(tmp_path / "rec", keep=keep)
    await recording.record(8, GATE, ago_s=86_400)
    await recording.record(8, YARD, ago_s=43_200)
    forecast = recording.recorder.forecast
    await forecast.look()
    assert forecast.share is not None
    now_90k = int(recording.clock.wall() * TICKS)
    whole = outlook({0: forecast.share}, dict.fromkeys(keep.cameras, 0), keep, now_90k)
    found = whole.cameras
    assert found["gate"].days_kept == pytest.approx(1, rel=0.01)
    assert found["yard"].days_kept == pytest.approx(0.5, rel=0.01)
    assert found["gate"].days_possible == 5
    assert found["new"].days_possible is None
    assert found["new"].oldest_s is None
    files = sum(path.stat().st_size for path in (recording.root / "footage" / "gate").rglob("*.mp4"))
    assert found["gate"].bytes == files
    usage = recording.recorder.usage()
    rate = found["yard"].bytes / 8 * 86_400
    room = usage.used_bytes + usage.free_bytes - 5 * files / 8 * 86_400
    assert found["yard"].days_possible == pytest.approx(min(room / rate, MOST_DAYS), rel=0.01)
    assert whole.days_possible == whole.disks[0] == 5

    file = tmp_path / "nvr.toml"
    storage = (
        '[storage]\nrecordings = "rec"\nstate = "state"\nkeep_free_gb = 0.1\n[analysis]\nenabled = false\n'
    )
    camera = '[[camera]]\nid = "gate"\nname = "Gate"\nmain = "rtsp://127.0.0.1:9/x"\nkeep_days_max = 5\n'
    file.write_text(storage + camera)
    # The service has the directory open meanwhile.
    assert main(["check", "--config", str(file), "--json"]) == 0
    details = {f["place"]: f["detail"] for f in json.loads(capsys.readouterr().out)}
    assert "1.0 days are kept now; at the present rate the disk holds 5.0" in details['camera "gate" footage']
