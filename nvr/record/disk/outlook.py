"""How many days of footage are kept, and how many the disk would hold at the present rate. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nvr.record.keep.retention import DAY_90K, Budget, Days, Keep
from nvr.record.model import TICKS

MOST_DAYS = 36_500.0
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of one camera, both streams: `oldest_90k` None: nothing. `bytes_per_day`: as it recorded last.
    `continuous_90k`: start of the oldest footage in which nothing was seen."""

    bytes: int
    oldest_90k: int | None
    bytes_per_day: float
    continuous_90k: int | None = None


@dataclass(frozen=True, slots=True)
class CameraOutlook:
    """`days_kept`: since its oldest footage; where more is kept of what was seen, since the oldest footage of all.
    `days_possible`: that the disk would hold of all footage, None while no rate is known."""

    bytes: int
    oldest_s: float | None
    days_kept: float
    days_possible: float | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """`days_possible`: of all cameras together, the fewest of any. `cameras`: by id. `disks`: for each disk the same of
    the cameras that record on it."""

    days_possible: float | None
    cameras: Mapping[str, CameraOutlook]
    disks: Mapping[int, float | None]


@dataclass(frozen=True, slots=True)
class Share:
    """One disk's: the stock of each camera on it, and how many bytes of footage it holds at most."""

    stocks: Mapping[str, Stock]
    capacity: int


def capacity_bytes(budget: Budget, used_bytes: int, free_bytes: int) -> int:
    """How much footage fits, what is there included."""
    room = max(used_bytes + free_bytes - budget.keep_free_bytes, 0)
    return room if budget.max_bytes is None else min(room, budget.max_bytes)


def outlook(shares: Mapping[int, Share], homes: Mapping[str, int], keep: Keep, now_90k: int) -> Outlook:
    """The outlook of the cameras of `keep`. `homes`: for each camera the disk it records on, where it does."""
    found: dict[str, list[tuple[int, Stock]]] = {camera: [] for camera in keep.cameras}
    for disk, share in shares.items():
        for camera, stock in share.stocks.items():
            found.setdefault(camera, []).append((disk, stock))
    possible: dict[str, float] = {}
    disks: dict[int, float | None] = {}
    for disk, share in shares.items():
        rates = {camera: _rate(found[camera], disk) for camera in found if homes.get(camera) == disk}
        rates = {camera: rate for camera, rate in rates.items() if rate > 0}
        longer = sum(_kept_longer(camera, stock, keep, now_90k) for camera, stock in share.stocks.items())
        limits = {
            camera: _within_maximum(camera, rate, share, keep, now_90k) for camera, rate in rates.items()
        }
        days = days_possible(rates, limits, max(share.capacity - longer, 0))
        disks[disk] = min(days.values(), default=None)
        possible.update(days)
    cameras = {}
    for camera, stocks in found.items():
        starts = [stock.oldest_90k for _, stock in stocks if stock.oldest_90k is not None]
        oldest_90k = min(starts, default=None)
        all_since = [since for _, stock in stocks if (since := _all_since_90k(camera, stock, keep, now_90k))]
        cameras[camera] = CameraOutlook(
            sum(stock.bytes for _, stock in stocks),
            None if oldest_90k is None else oldest_90k / TICKS,
            max(now_90k - min(all_since, default=now_90k), 0) / DAY_90K,
            possible.get(camera),
        )
    return Outlook(min(possible.values(), default=None), cameras, disks)


def _all_since_90k(camera: str, stock: Stock, keep: Keep, now_90k: int) -> int | None:
    """From when on there is footage of all classes."""
    most = keep.of(camera).most
    is_young = stock.oldest_90k is None or (most is not None and now_90k - stock.oldest_90k <= most * DAY_90K)
    if camera not in keep.longer or is_young or stock.continuous_90k is None:
        return stock.oldest_90k
    return stock.continuous_90k


def _kept_longer(camera: str, stock: Stock, keep: Keep, now_90k: int) -> float:
    """Bytes of footage that is older than the oldest of all classes: no room for that."""
    since_90k = _all_since_90k(camera, stock, keep, now_90k)
    if camera not in keep.longer or since_90k is None:
        return 0.0
    return max(stock.bytes - stock.bytes_per_day * (now_90k - since_90k) / DAY_90K, 0.0)


def _within_maximum(camera: str, rate: float, share: Share, keep: Keep, now_90k: int) -> Days:
    """Its days, where it may take only so many bytes: no more than fit in those."""
    days, limit = keep.of(camera), keep.max_bytes.get(camera)
    if limit is None:
        return days
    longer = _kept_longer(camera, share.stocks[camera], keep, now_90k) if camera in share.stocks else 0.0
    fit = max(limit - longer, 0) / rate
    return Days(days.least, fit if days.most is None else min(days.most, fit))


def _rate(stocks: Sequence[tuple[int, Stock]], disk: int) -> float:
    """As it records on `disk`; where it has not yet, as on another."""
    rates = {other: stock.bytes_per_day for other, stock in stocks}
    return rates.get(disk) or max(rates.values(), default=0.0)


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
