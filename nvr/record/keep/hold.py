"""A hold: footage that the ring must not delete, for whom, why, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nvr.record.keep.retention import Span90k
from nvr.record.model import TICKS

Moment = Annotated[float, Field(ge=0.0, le=1e11, allow_inf_nan=False)]
Line = Annotated[str, Field(min_length=1, max_length=200)]


class Hold(BaseModel):
    """Both streams of `camera` from `start_s` until before `end_s` (seconds since 1970 UTC), for a case.

    `case`: its number or name; `person`: who asked for it; `reason`: in words; `expires_s`: then the ring may have the
    footage again; `made_by`, `made_s`: the account that entered it, and when.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    camera: Annotated[str, Field(min_length=1, max_length=64)]
    start_s: Moment
    end_s: Moment
    case: Line
    person: Line
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    expires_s: Moment
    made_by: Line
    made_s: Moment

    @model_validator(mode="after")
    def _is_a_span(self) -> Hold:
        if self.start_s >= self.end_s:
            raise ValueError("start_s must lie before end_s")
        return self


def held_spans(holds: Iterable[Hold], now_s: float | None) -> dict[str, list[Span90k]]:
    """For each camera the spans that `holds` protect at `now_s`, disjoint and in order; `now_s` None: the time is not
    known, so none has expired."""
    spans: dict[str, list[Span90k]] = {}
    for hold in sorted(holds, key=lambda hold: hold.start_s):
        if now_s is not None and hold.expires_s <= now_s:
            continue
        found = spans.setdefault(hold.camera, [])
        start_90k, end_90k = int(hold.start_s * TICKS), int(hold.end_s * TICKS) + 1
        if found and start_90k <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_90k))
        else:
            found.append((start_90k, end_90k))
    return spans
