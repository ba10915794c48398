"""The one exception a handler raises to refuse a request."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """An answer with `status` >= 400 and the body
    `{"error": code, "message": message, "retry_after_s"?, "place"?, "params"?}`.

    `code` is a key of the page's locales (`error.<code>`), which `params` fill in; `message` is English. None of it may
    hold a secret. `place`: which part of the request's body it is about, as "change.2.at".
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after_s: float | None = None,
        place: str = "",
        params: Mapping[str, str | float] | None = None,
    ):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.place = place
        self.params = dict(params or {})


def not_found() -> ApiError:
    """The same answer for what does not exist and for what this account may not know of."""
    return ApiError(404, "not_found", "there is nothing here, or not for this account")
