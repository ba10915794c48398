"""Web Push (RFC 8030): the push service of a phone's browser wakes the phone; what it says only that browser can read
(RFC 8291), and the service knows the appliance by its VAPID key (RFC 8292), `vapid.pem` in the state directory."""

from __future__ import annotations

import asyncio
import base64
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nvr.alarm.notify.http_post import HttpPost
from nvr.alarm.notify.message import Message
from nvr.alarm.notify.sender import SendFailed
from nvr.alarm.notify.subscriptions import Subscription, Subscriptions
from nvr.clock import Clock
from nvr.config.notify import PushTarget
from nvr.errors import StorageError
from nvr.whole_file import PRIVATE, write_whole

if TYPE_CHECKING:
    from py_vapid import Vapid

NAME = "vapid.pem"
KEEP_S = 3600
"""How long a push service keeps a message for a phone that is out of reach."""


def is_installed() -> bool:
    """Whether the extra "push" is there."""
    return find_spec("pywebpush") is not None


class VapidKey:
    """The appliance's key towards push services. Made at first use: phones must subscribe anew when it is lost."""

    def __init__(self, state: Path):
        self._path = state / NAME
        self._vapid: Vapid | None = None
        self._loading = asyncio.Lock()

    async def public(self) -> str:
        """What a browser subscribes with (`applicationServerKey`): the point, uncompressed, base64url. Raises
        StorageError."""
        vapid = await self._load()
        return await asyncio.to_thread(_public, vapid)

    async def authorization(self, endpoint: str, contact: str) -> str:
        """The header `Authorization` for one request. Raises StorageError."""
        vapid = await self._load()
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "sub": contact}
        headers: dict[str, str] = await asyncio.to_thread(vapid.sign, claims)
        return headers["Authorization"]

    async def _load(self) -> Vapid:
        async with self._loading:
            if self._vapid is None:
                try:
                    self._vapid = await asyncio.to_thread(_read_or_make, self._path)
                except (OSError, ValueError) as error:
                    raise StorageError(
                        f"{self._path}: cannot be used: {error}",
                        remedy="Check the system's disk; without this file phones must switch notifications on anew",
                        params={"path": str(self._path)},
                    ) from error
            return self._vapid


def _read_or_make(path: Path) -> Vapid:
    # Not before it is needed: the library takes some 20 MB.
    from py_vapid import Vapid, VapidException

    try:
        return Vapid.from_pem(path.read_bytes())
    except FileNotFoundError:
        vapid = Vapid()
        vapid.generate_keys()
        write_whole(path, vapid.private_pem(), mode=PRIVATE)
        return vapid
    except VapidException as error:
        raise ValueError(str(error)) from error


def _public(vapid: Vapid) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


def _encrypt(subscription: Subscription, body: bytes) -> bytes:
    """Raises ValueError: the subscription's keys are none."""
    from pywebpush import WebPusher, WebPushException

    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    try:
        encrypted: bytes = WebPusher({"endpoint": subscription.endpoint, "keys": keys}).encode(body)["body"]
    except WebPushException as error:
        raise ValueError(str(error)) from error
    return encrypted


def is_service(endpoint: str, services: tuple[str, ...]) -> bool:
    """Whether an endpoint is an https address at one of the push services, or below it: an account must not make the
    appliance talk to others."""
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").lower()
    if parts.scheme != "https" or parts.username is not None:
        return False
    return any(host == service or host.endswith("." + service) for service in services)


class PushSender:
    """One [[notify]] of kind "push"."""

    def __init__(self, target: PushTarget, key: VapidKey, subscriptions: Subscriptions, clock: Clock):
        self._target, self._key, self._subscriptions, self._clock = target, key, subscriptions, clock
        self._http = HttpPost(target.tls_context)

    async def members(self, camera: str | None) -> list[str]:
        """The phones of the accounts that are meant and may see the camera. Raises StorageError."""
        meant = self._target.accounts
        return await self._subscriptions.members(
            lambda name: not meant or name in meant, camera, self._clock.wall()
        )

    async def send(self, member: str, message: Message) -> None:
        """Raises SendFailed."""
        if not is_installed():
            raise SendFailed("not_installed")
        try:
            subscription = await self._subscriptions.get(member)
            if subscription is None or not is_service(subscription.endpoint, self._target.services):
                raise SendFailed("gone", is_gone=True)
            authorization = await self._key.authorization(subscription.endpoint, self._target.contact)
        except StorageError:
            raise SendFailed("storage") from None
        try:
            body = await asyncio.to_thread(_encrypt, subscription, message.body)
        except ValueError:  # a key that is none
            raise SendFailed("gone", is_gone=True) from None
        headers = {
            "Authorization": authorization,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEEP_S),
            "Urgency": "high",
        }
        status = await self._http.post(subscription.endpoint, body, headers)
        if status in (404, 410):
            await self._subscriptions.forget(member)
            raise SendFailed("gone", is_gone=True)
        if not 200 <= status < 300:
            raise SendFailed(f"answered:{status}")
