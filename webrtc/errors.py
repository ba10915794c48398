"""The one exception of this package."""

from __future__ import annotations


class WhepError(Exception):
    """An offer that cannot be served; `str()` is a sentence for the client, `status` the HTTP status, `code` one of:

    - "bad_offer": 400 malformed or unusable; 422 no codec of the camera that we can send;
    - "no_picture": 409 the camera has not delivered a picture yet (try again);
    - "too_many_viewers": 503 all places of the appliance are taken;
    - "too_many_own_viewers": 429 this user has as many as one may have;
    - "no_live_port": 503 no network address, or the UDP port is taken;
    - "live_stopped": 503 the server is not running, or the session was ended while it was being set up.
    """

    def __init__(self, status: int, message: str, code: str = "bad_offer"):
        super().__init__(message)
        self.status = status
        self.code = code
