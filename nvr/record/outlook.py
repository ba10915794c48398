"""How many days of footage are kept, and how many the disk would hold at the present rate. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nvr.record.model import TICKS
from nvr.record.retention import DAY_90K, Budget, Days, Keep

MOST_DAYS = 36_500.0
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of one camera, both streams: `oldest_90k` None: nothing. `bytes_per_day`: as it recorded last."""

    bytes: int
    oldest_90k: int | None
    bytes_per_day: float


@dataclass(frozen=True, slots=True)
class CameraOutlook:
    """`days_kept`: since its oldest footage. `days_possible`: that the disk would hold, None while no rate is known."""

    bytes: int
    oldest_s: float | None
    days_kept: float
    days_possible: float | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """`days_possible`: of all cameras together, the fewest of any. `cameras`: by id."""

    days_possible: float | None
    cameras: Mapping[str, CameraOutlook]


def capacity_bytes(budget: Budget, used_bytes: int, free_bytes: int) -> int:
    """How much footage fits, what is there included."""
    room = max(used_bytes + free_bytes - budget.keep_free_bytes, 0)
    return room if budget.max_bytes is None else min(room, budget.max_bytes)


def outlook(stocks: Mapping[str, Stock], keep: Keep, capacity: int, now_90k: int) -> Outlook:
    """The outlook of the cameras in `stocks`."""
    rates = {camera: stock.bytes_per_day for camera, stock in stocks.items() if stock.bytes_per_day > 0}
    possible = days_possible(rates, {camera: keep.of(camera) for camera in rates}, capacity)
    cameras = {
        camera: CameraOutlook(
            stock.bytes,
            None if stock.oldest_90k is None else stock.oldest_90k / TICKS,
            0.0 if stock.oldest_90k is None else max(now_90k - stock.oldest_90k, 0) / DAY_90K,
            possible.get(camera),
        )
        for camera, stock in stocks.items()
    }
    return Outlook(min(possible.values(), default=None), cameras)


def days_possible(rates: Mapping[str, float], keep: Mapping[str, Days], capacity: float) -> dict[str, float]:
    """For each camera (`rates`: bytes a day, above 0) the days that fit when the oldest footage of all goes first, but
    what is within a minimum last and what is over a maximum at once: the same for all, within their bounds."""

    def kept(camera: str, days: float) -> float:
        least, most = keep[camera]
        return min(max(days, least), MOST_DAYS if most is None else most)

    def kept_of_minimum(camera: str, days: float) -> float:
        return min(days, keep[camera].least)

    minima_fit = sum(rate * keep[camera].least for camera, rate in rates.items()) <= capacity
    days_of = kept if minima_fit else kept_of_minimum
    low, high = 0.0, MOST_DAYS
    if sum(rate * days_of(camera, high) for camera, rate in rates.items()) <= capacity:
        low = high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if sum(rate * days_of(camera, middle) for camera, rate in rates.items()) <= capacity:
            low = middle
        else:
            high = middle
    return {camera: days_of(camera, low) for camera in rates}
