"""Web Push against a stand-in push service that really decrypts what it gets and checks who sent it."""

import base64
import json
import os

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from notify_site import Receiver, make_certificate, server_tls, telling
from py_vapid import Vapid

from nvr.alarm.notify.push import PushSender, VapidKey, is_service
from nvr.alarm.notify.sender import SendFailed
from nvr.alarm.notify.subscriptions import Subscription, Subscriptions
from nvr.clock import SystemClock
from nvr.config.notify import PUSH_SERVICES, PushTarget
from nvr.errors import StorageError
from nvr.state import open_state
from nvr.web.access import AccountRole
from nvr.web.accounts import insert_account, insert_session


class Phone:
    """A browser's half of a subscription."""

    def __init__(self, endpoint: str):
        self._key, self._auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.subscription = Subscription(endpoint, encode(point), encode(self._auth))

    def read(self, body: bytes) -> dict:
        """Raises what the library raises for what is not encrypted for this phone."""
        return json.loads(
            http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth, version="aes128gcm")
        )


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.fixture
async def service(tmp_path):
    """The push service, with a certificate of its own."""
    async with Receiver().serve(server_tls(make_certificate(tmp_path))) as running:
        running.status = 201
        yield running


@pytest.fixture
def target(tmp_path):
    more = {"services": ("127.0.0.1",), "tls_ca": tmp_path / "server.crt"}
    return PushTarget(kind="push", name="may", contact="mailto:truc@example.org", **more)


async def log_in(tmp_path, name, cameras=None):
    db = await open_state(tmp_path)

    def work(connection):
        role = AccountRole.ADMINISTRATOR
        account = insert_account(
            connection, name=name, role=role, cameras=cameras, password_hash="x", now_wall_s=1.0
        )
        return insert_session(connection, account, address="", agent="", now_wall_s=SystemClock().wall())

    _, session = await db.write(work)
    await db.close()
    return session.key


async def subscribe(told, key, phone):
    await Subscriptions(told.db).add(key, phone.subscription, told.clock.wall())


def with_sender(tmp_path, target):
    """The sender needs the database, which `telling` opens: handed over when it is there."""
    return Late(lambda db: PushSender(target, VapidKey(tmp_path), Subscriptions(db), SystemClock()))


class Late:
    def __init__(self, make):
        self._make, self._made = make, None

    def use(self, db):
        self._made = self._make(db)

    async def members(self, camera):
        return await self._made.members(camera)

    async def send(self, member, message):
        await self._made.send(member, message)


async def test_only_the_phone_can_read_it_and_the_service_knows_who_sends(tmp_path, service, target):
    key = await log_in(tmp_path, "Minh")
    other_key = await log_in(tmp_path, "Lan", frozenset({"yard"}))
    late = with_sender(tmp_path, target)
    async with telling(tmp_path, [target], senders={"may": late}) as told:
        late.use(told.db)
        phones = {f"n={n}": Phone(f"{service.url}&n={n}") for n in range(3)}
        for name in ("n=0", "n=1"):
            await subscribe(told, key, phones[name])
        await subscribe(told, other_key, phones["n=2"])  # may not see the gate
        incident = await told.open()
        await told.until_states(incident, {"may": "delivered"})
        await told.until(lambda: len(service.got) == 2)
    read = {}
    for query, (headers, body) in zip(service.queries, service.got, strict=True):
        name = query.rpartition("&")[2]
        assert b"gate" not in body
        read[name] = phones[name].read(body)
        assert Vapid.verify(headers["Authorization"])
        assert headers["Authorization"].endswith(",k=" + await VapidKey(tmp_path).public())
        assert (headers["Content-Encoding"], headers["Urgency"], headers["TTL"]) == (
            "aes128gcm",
            "high",
            "3600",
        )
        token = headers["Authorization"].removeprefix("vapid t=").partition(",")[0]
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        assert claims["aud"] == service.url.partition("/hook")[0]
        assert claims["sub"] == "mailto:truc@example.org"
    assert read.keys() == {"n=0", "n=1"}
    assert {message["incident"]["id"] for message in read.values()} == {incident.id}
    assert read["n=0"]["delivery"] != read["n=1"]["delivery"]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_phone_that_left_is_forgotten(tmp_path, service, target, status):
    key = await log_in(tmp_path, "Minh")
    late = with_sender(tmp_path, target)
    service.status = status
    async with telling(tmp_path, [target], senders={"may": late}) as told:
        late.use(told.db)
        await subscribe(told, key, Phone(service.url))
        incident = await told.open()
        await told.until_states(incident, {"may": "given_up"})
        (stored,) = await told.outbox.of_incident(incident.id)
        assert stored.problem == "gone"
        assert await late.members(None) == []
        assert not told.faults.current


async def test_a_service_that_is_out_of_order_is_tried_again(tmp_path, service, target):
    key = await log_in(tmp_path, "Minh")
    late = with_sender(tmp_path, target)
    service.status = 503
    async with telling(tmp_path, [target], senders={"may": late}) as told:
        late.use(told.db)
        await subscribe(told, key, Phone(service.url))
        with pytest.raises(SendFailed, match="answered:503"):
            await told.notifier.test("may", "Minh")
        service.status = 201
        assert await told.notifier.test("may", "Minh") == 1


async def test_keys_that_are_none_end_the_delivery(tmp_path, service, target):
    key = await log_in(tmp_path, "Minh")
    late = with_sender(tmp_path, target)
    async with telling(tmp_path, [target], senders={"may": late}) as told:
        late.use(told.db)
        phone = Phone(service.url)
        phone.subscription = Subscription(service.url, encode(b"\x04" + bytes(64)), encode(bytes(16)))
        await subscribe(told, key, phone)
        incident = await told.open()
        await told.until_states(incident, {"may": "given_up"})
    assert not service.got


async def test_the_key_is_made_once_and_kept_private(tmp_path):
    public = await VapidKey(tmp_path).public()
    assert await VapidKey(tmp_path).public() == public
    assert (tmp_path / "vapid.pem").stat().st_mode & 0o777 == 0o600
    (tmp_path / "vapid.pem").write_bytes(b"nonsense")
    with pytest.raises(StorageError, match=r"vapid\.pem"):
        await VapidKey(tmp_path).public()


@pytest.mark.parametrize(
    ("endpoint", "known"),
    [
        ("https://fcm.googleapis.com/fcm/send/x", True),
        ("https://web.push.apple.com/x", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/x", True),
        ("http://fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com.evil.org/x", False),
        ("https://evilpush.apple.com/x", False),
        ("https://fcm.googleapis.com@evil.org/x", False),
        ("https://127.0.0.1/x", False),
        ("nonsense", False),
    ],
)
def test_endpoints(endpoint, known):
    assert is_service(endpoint, PUSH_SERVICES) is known
