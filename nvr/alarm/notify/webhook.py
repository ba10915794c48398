"""Signed webhook.

The receiver computes HMAC-SHA256 with the shared secret over `X-Timestamp`, a full stop, and the body as it came, and
compares it with `X-Signature: sha256=<hex>` in constant time. It should refuse timestamps that are minutes off, and
drop an `X-Delivery` it has already: what was sent and not confirmed is sent again.
"""

from __future__ import annotations

import hashlib
import hmac

from nvr.alarm.notify.http_post import HttpPost
from nvr.alarm.notify.message import Message
from nvr.alarm.notify.sender import SendFailed
from nvr.clock import Clock
from nvr.config.notify import WebhookTarget


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The value of `X-Signature`."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class WebhookSender:
    """One [[notify]] of kind "webhook". Any status of 200 to 299 counts as delivered."""

    def __init__(self, target: WebhookTarget, clock: Clock):
        self._target, self._clock = target, clock
        self._http = HttpPost(target.tls_context)

    async def members(self, camera: str | None) -> list[str]:
        """Itself."""
        return [""]

    async def send(self, member: str, message: Message) -> None:
        """Raises SendFailed."""
        timestamp = str(round(self._clock.wall()))
        secret = self._target.secret.get_secret_value()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "village-nvr",
            "X-Delivery": str(message.delivery),
            "X-Timestamp": timestamp,
            "X-Signature": signature(secret, timestamp, message.body),
        }
        status = await self._http.post(self._target.url, message.body, headers)
        if not 200 <= status < 300:
            raise SendFailed(f"answered:{status}")
