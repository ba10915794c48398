"""The section [alarm] of nvr.toml, and what a siren zone asks for before it sounds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nvr.config.model import Model


class AlarmSettings(Model):
    """`exit_seconds`: so long after arming nothing acts, so that who armed can leave. `instead`: what is done where the
    siren would sound but cannot, and when something that acts fails while armed."""

    exit_seconds: Annotated[float, Field(ge=0.0, le=300.0)] = 30.0
    instead: Literal["call", "warn"] = "call"


class Confirm(Model):
    """The siren sounds only after so many `sightings` in the zone at distinct times, and by so many `cameras`, all
    within `within_seconds`; until then the zone calls."""

    sightings: Annotated[int, Field(ge=1, le=5)] = 1
    cameras: Literal[1, 2] = 1
    within_seconds: Annotated[float, Field(ge=1.0, le=600.0)] = 60.0
