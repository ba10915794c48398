from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.config import Analysis, Camera, Config, Siren, Storage, Zone
from nvr.detect.steps.calibration import MAX_FPS, demands_of, notice_s, siren_evidence
from nvr.detect.steps.sprt import ErrorRates
from nvr.errors import ConfigError
from nvr.events import Response

nights = st.floats(1, 100_000)
counts = st.integers(0, 58)


def site(analysis: Analysis, *, siren: bool = True) -> Config:
    zone = Zone(name="yard", response=Response.SIREN if siren else Response.CALL, decided_by="A")
    return Config(
        storage=Storage(recordings=(Path("/a"),), state=Path("/b")),
        analysis=analysis,
        siren=Siren(port=Path("/dev/null")),
        camera=(Camera(id="gate", name="Gate", main="rtsp://192.0.2.1/1", zone=(zone,)),),
    )


@given(nights, nights, counts, counts)
def test_more_nights_or_cameras_need_more_evidence(a: float, b: float, few: int, more: int) -> None:
    seldom, cameras = max(a, b), max(few, more)
    low = siren_evidence(min(a, b), min(few, more))
    assert ErrorRates().accept_at <= low <= siren_evidence(seldom, cameras) < 30


def test_the_usual_wish_comes_true_at_the_usual_rate() -> None:
    demands = demands_of(site(Analysis()))
    assert demands.fps == 6
    assert 12 < demands.sure_at < 14
    assert notice_s(demands.sure_at, 6) <= 2.0


def test_sooner_takes_more_frames() -> None:
    usual = demands_of(site(Analysis(fps=3, notice_within_s=3.0)))
    sooner = demands_of(site(Analysis(fps=3, notice_within_s=1.5)))
    assert usual.fps < sooner.fps <= MAX_FPS
    assert notice_s(sooner.sure_at, sooner.fps) <= 1.5


def test_without_a_siren_somebody_is_noticed_sooner() -> None:
    with_siren, without = demands_of(site(Analysis())), demands_of(site(Analysis(), siren=False))
    assert notice_s(without.sure_at, 6) < notice_s(with_siren.sure_at, 6)


def test_an_impossible_wish_is_one_clear_error() -> None:
    with pytest.raises(ConfigError) as caught:
        demands_of(site(Analysis(notice_within_s=0.3, false_siren_nights=10_000)))
    assert (
        "nvr.toml: analysis.notice_within_s: 0.3 s is too short for one false siren in 10000 nights"
        in str(caught.value)
    )
    shortest_s = float(caught.value.allowed.split()[1])
    assert demands_of(site(Analysis(notice_within_s=shortest_s, false_siren_nights=10_000))).fps <= MAX_FPS
