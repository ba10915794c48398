"""The one exception of this package."""

from __future__ import annotations


class WhepError(Exception):
    """An offer that cannot be served; `str()` is a sentence for the client, `status` the HTTP status.

    400 malformed or unusable offer; 409 the camera has not delivered a picture yet (try again); 422 no H.264
    that we can send; 503 too many viewers, no network address, or the server is not running.
    """

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
