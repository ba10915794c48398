"""Addresses that nvr.toml takes."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from nvr.stream_address import parse_address

_URL = re.compile(r"https?://[!-~]+", re.ASCII)


def _stream_url(url: str) -> str:
    parse_address(url)
    return url


def _service_url(url: str) -> str:
    parts = urlsplit(url)
    if not _URL.fullmatch(url) or not parts.hostname or parts.path in ("", "/") or parts.fragment:
        raise ValueError("not a service's address; for example http://192.168.1.64/onvif/device_service")
    if parts.username is not None or parts.password is not None:
        raise ValueError("user and password belong in the camera's keys `username` and `password`")
    _ = parts.port  # raises ValueError for a port that is no number
    return url


StreamUrl = Annotated[str, AfterValidator(_stream_url)]
ServiceUrl = Annotated[str, AfterValidator(_service_url)]
