"""What all parts of nvr.toml have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A section: unknown keys are errors, values do not change, and errors do not show what was written."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Name = Annotated[str, Field(min_length=1, max_length=60)]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]
