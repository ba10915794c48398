"""Reading what a request brings: bounded, timed, and in the shape that was asked for."""

from __future__ import annotations

import asyncio
import math
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from nvr.web.errors import ApiError

MAX_BODY_BYTES = 64 << 10
BODY_TIMEOUT_S = 15.0
MAX_TEXT = 100


class Body(BaseModel):
    """Base of all JSON bodies: unknown keys are errors, what was sent stands in no message."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


B = TypeVar("B", bound=Body)


async def read_bytes(request: web.Request, content_type: str) -> bytes:
    """The body. Raises ApiError: 415 another content type, 413 too large, 408 too slow."""
    if request.content_type != content_type:
        raise ApiError(415, "unsupported_type", f"send {content_type}")
    return await read_anything(request)


async def read_anything(request: web.Request) -> bytes:
    """The body as it came. Raises ApiError: 415 compressed, 413 too large, 408 too slow."""
    if "Content-Encoding" in request.headers:
        raise ApiError(415, "unsupported_type", "send it uncompressed")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except TimeoutError:
        raise ApiError(408, "bad_request", "the request's body did not arrive") from None


async def read_json(request: web.Request, model: type[B]) -> B:
    """The JSON body as `model`. Raises ApiError: as `read_bytes`, and 400 for anything but such an object."""
    content = await read_bytes(request, "application/json")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step) for step in problem["loc"])[:60]
        raise ApiError(400, "bad_request", f"{place or 'body'}: {problem['msg']}") from None


def query_number(request: web.Request, name: str) -> float:
    """A finite number from the query. Raises ApiError 400."""
    try:
        value = float(request.query.get(name, "")[:40])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ApiError(400, "bad_request", f"{name}: a number is needed")
    return value


def query_integer(
    request: web.Request, name: str, *, default: int | None, least: int, most: int
) -> int | None:
    """A whole number within bounds from the query, `default` where it is not given. Raises ApiError 400."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and least <= int(text) <= most):
        raise ApiError(400, "bad_request", f"{name}: a whole number from {least} to {most} is needed")
    return int(text)


def query_text(request: web.Request, name: str) -> str | None:
    """A text of at most 100 characters from the query, None where it is not given or empty. Raises ApiError 400."""
    text = request.query.get(name, "")
    if len(text) > MAX_TEXT:
        raise ApiError(400, "bad_request", f"{name}: at most {MAX_TEXT} characters")
    return text or None
