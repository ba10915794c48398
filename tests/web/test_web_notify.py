"""Notifications over the API: how targets do, tests, what became of an incident's, and a phone that subscribes."""

import base64
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from web_site import running_site

from nvr.web.access import AccountRole

ADMINISTRATOR, OPERATOR, VIEWER = AccountRole.ADMINISTRATOR, AccountRole.OPERATOR, AccountRole.VIEWER
SECRET = "ein-langes-geheimnis"
HOOK = {"kind": "webhook", "name": "xa", "url": "http://127.0.0.1:9/geheim", "secret": SECRET}
LATER = {**HOOK, "name": "huyen", "after_seconds": 300}
PUSH = {"kind": "push", "name": "may", "contact": "mailto:truc@example.org"}


@pytest.fixture
async def told(tmp_path):
    async with running_site(tmp_path, notify=(HOOK, LATER, PUSH)) as site:
        yield site


def subscription(endpoint="https://fcm.googleapis.com/fcm/send/abc", **keys):
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    made = {"p256dh": encode(raw), "auth": encode(os.urandom(16)), **keys}
    return {"endpoint": endpoint, "keys": made}


def encode(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def test_targets_without_their_secrets(told):
    client = await told.log_in("Minh", OPERATOR)
    status, answer = await client.ask("GET", "/api/notify")
    assert status == 200
    assert [(t["name"], t["kind"], t["after_s"]) for t in answer["targets"]] == [
        ("xa", "webhook", 0),
        ("huyen", "webhook", 300),
        ("may", "push", 0),
    ]
    assert SECRET not in str(answer)
    assert "geheim" not in str(answer)
    viewer = await told.log_in("Lan", VIEWER)
    assert (await viewer.ask("GET", "/api/notify"))[0] == 403


async def test_a_test_is_for_administrators_and_is_recorded(told):
    operator = await told.log_in("Minh", OPERATOR)
    assert (await operator.ask("POST", "/api/notify/xa/test"))[0] == 403
    client = await told.log_in("Lan", ADMINISTRATOR)
    status, answer = await client.ask("POST", "/api/notify/xa/test")
    assert (status, answer) == (200, {"arrived": 0, "problem": "unreachable"})
    assert (await client.ask("POST", "/api/notify/may/test"))[1]["problem"] == "nobody"
    assert (await client.ask("POST", "/api/notify/fax/test"))[0] == 404
    assert ("Lan", "notify-test", "xa") in await told.audit()


async def test_what_became_of_an_incident_is_shown_to_who_may_see_it(told):
    incident = await told.open_incident("gate")
    client = await told.log_in("Minh", VIEWER, frozenset({"gate"}))
    path = f"/api/incidents/{incident.id}/deliveries"
    while True:
        status, answer = await client.ask("GET", path)
        assert status == 200
        if answer["deliveries"] and answer["deliveries"][0]["attempts"]:
            break
    first, later = answer["deliveries"]
    assert (first["target"], first["kind"], first["state"], first["problem"]) == (
        "xa",
        "webhook",
        "waiting",
        "unreachable",
    )
    assert (later["target"], later["state"], later["attempts"]) == ("huyen", "waiting", 0)
    assert later["due_s"] == pytest.approx(incident.opened_s + 300)
    stranger = await told.log_in("Lan", VIEWER, frozenset({"yard"}))
    assert (await stranger.ask("GET", path))[0] == 404


async def test_a_phone_subscribes_and_leaves_with_its_log_in(told):
    client = await told.log_in("Minh", VIEWER)
    _, offered = await client.ask("GET", "/api/push")
    assert offered["configured"]
    assert offered["installed"]
    assert not offered["subscribed"]
    assert len(base64.urlsafe_b64decode(offered["key"] + "=")) == 65
    assert (told.config.storage.state / "vapid.pem").stat().st_mode & 0o777 == 0o600
    asked = subscription()
    assert (await client.ask("POST", "/api/push", json=asked))[0] == 204
    assert (await client.ask("POST", "/api/push", json=asked))[0] == 204
    subscriptions = told.services.notifications.subscriptions
    now_s = told.services.clock.wall()

    async def members(camera=None):
        return await subscriptions.members(lambda name: True, camera, now_s)

    assert len(await members()) == 1
    assert (await client.ask("GET", "/api/push"))[1]["subscribed"]
    # The same browser, another person: the subscription goes over.
    limited = await told.log_in("Lan", VIEWER, frozenset({"yard"}))
    assert (await limited.ask("POST", "/api/push", json=asked))[0] == 204
    assert not (await client.ask("GET", "/api/push"))[1]["subscribed"]
    assert await members("gate") == []
    assert len(await members("yard")) == 1
    assert await subscriptions.members(lambda name: name == "Minh", "yard", now_s) == []
    assert (
        await subscriptions.members(lambda name: True, "yard", now_s + 40 * 86400) == []
    )  # it ended by itself
    assert (await limited.ask("DELETE", "/api/push"))[0] == 204
    assert await members() == []
    assert (await limited.ask("POST", "/api/push", json=asked))[0] == 204
    assert (await limited.ask("POST", "/api/logout"))[0] == 204
    assert await members() == []


@pytest.mark.parametrize(
    "bad",
    [
        subscription("http://fcm.googleapis.com/x"),
        subscription("https://192.168.1.1/x"),
        subscription("https://fcm.googleapis.com.evil.org/x"),
        subscription("https://evil@fcm.googleapis.com/x"),
        subscription(p256dh="AAAA"),
        subscription(auth="!!!"),
        {"endpoint": "https://fcm.googleapis.com/x"},
    ],
)
async def test_only_real_subscriptions_at_known_services(told, bad):
    client = await told.log_in("Minh", VIEWER)
    status, answer = await client.ask("POST", "/api/push", json=bad)
    assert (status, answer["error"]) == (400, "bad_request")


async def test_where_nothing_is_configured(site):
    client = await site.log_in("Lan", ADMINISTRATOR)
    assert (await client.ask("GET", "/api/notify"))[1] == {"targets": []}
    _, offered = await client.ask("GET", "/api/push")
    assert (offered["configured"], offered["key"]) == (False, None)
    assert (await client.ask("POST", "/api/push", json=subscription()))[1]["error"] == "no_push"
    assert not (site.config.storage.state / "vapid.pem").exists()
