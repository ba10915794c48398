"""A platform of somebody else: onvif-zeep-async (PyPI) with its own WSDL files, which judges every answer's shape."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

_root = logging.getLogger()
_level, _handlers = _root.level, list(_root.handlers)
from onvif import ONVIFCamera  # noqa: E402  (it sets up logging for the whole process, which is undone)

_root.setLevel(_level)
_root.handlers[:] = _handlers


@asynccontextmanager
async def recorder(url: str, user: str, password: str) -> AsyncIterator[ONVIFCamera]:
    """The recorder at `url` (scheme, host and port), as a platform sees it that was told address and log-in."""
    parts = urlsplit(url)
    device = ONVIFCamera(
        f"{parts.scheme}://{parts.hostname}", parts.port, user, password, no_cache=True, adjust_time=True
    )
    try:
        yield device
    finally:
        await device.close()


async def posted(url: str, body: bytes, **options: object) -> tuple[int, bytes, list[str]]:
    """(status, body, WWW-Authenticate fields) of a request that is sent as it is; certificates are not checked."""
    headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
    async with (
        aiohttp.ClientSession() as client,
        client.post(url, data=body, headers=headers, ssl=False, **options) as response,
    ):
        return response.status, await response.read(), response.headers.getall("WWW-Authenticate", [])
