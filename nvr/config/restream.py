"""The section [restream] of nvr.toml: cameras served again to platforms (recorders elsewhere)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nvr.config.model import Model


class Restream(Model):
    """`rtsp_port`: the TCP port on which platforms fetch the cameras' streams."""

    rtsp_port: Annotated[int, Field(ge=1, le=65535)] = 8554
