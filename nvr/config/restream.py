"""The section [restream] of nvr.toml: cameras served again to platforms (recorders elsewhere)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nvr.config.model import Model

Streams = Annotated[int, Field(ge=1, le=512)]


class Restream(Model):
    """`rtsp_port`: the TCP port on which platforms fetch the cameras' streams, `rtsps_port`: the same with TLS, 0: not
    at all. Both are open while a platform's account is switched on. `max_streams`: those that are fetched at once, and
    `max_streams_per_account` of them by one platform."""

    rtsp_port: Annotated[int, Field(ge=1, le=65535)] = 8554
    rtsps_port: Annotated[int, Field(ge=0, le=65535)] = 0
    max_streams: Streams = 128
    max_streams_per_account: Streams = 128
