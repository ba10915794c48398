"""Sending files in an answer that may take hours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

STALLED_S = 60.0
"""A paused player reads nothing; after this it must ask for a new range."""


async def send(response: web.StreamResponse, request: web.Request, chunks: AsyncIterator[bytes]) -> None:
    """Write everything; where that fails the connection is cut, since the answer's head has gone out."""
    try:
        async for chunk in chunks:
            async with asyncio.timeout(STALLED_S):
                await response.write(chunk)
        await response.write_eof()
    except ConnectionError:
        log.debug("viewer left", path=request.path)
    except TimeoutError:
        abort(request)
    except (OSError, EOFError) as error:
        log.warning("footage cannot be read", path=request.path, error=str(error))
        abort(request)


def abort(request: web.Request) -> None:
    """Cut the connection."""
    if request.transport is not None:
        request.transport.abort()
