"""Notifications: how the targets do, a test of each, what became of an incident's, and Web Push on a phone."""

from __future__ import annotations

import base64
import binascii

from aiohttp import web
from pydantic import Field

from nvr.alarm.notify.push import is_installed, is_service
from nvr.alarm.notify.sender import SendFailed
from nvr.alarm.notify.subscriptions import Subscription
from nvr.web.access import Ability, Access, Subject
from nvr.web.errors import ApiError, not_found
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route


class Keys(Body):
    p256dh: str = Field(max_length=120, repr=False)
    auth: str = Field(max_length=60, repr=False)


class SubscribeBody(Body):
    """As PushSubscription.toJSON() gives them; the expiry is the push service's business."""

    endpoint: str = Field(max_length=1000, repr=False)
    keys: Keys


async def show(call: Call) -> web.Response:
    notifications = call.services.notifications
    targets = []
    for target in notifications.targets:
        summary = await notifications.outbox.summary(target.name)
        targets.append(
            {
                "name": target.name,
                "kind": target.kind,
                "after_s": target.after_seconds,
                "responses": list(target.responses),
                "failing": call.services.faults.at(f"notify:{target.name}") is not None,
                "waiting": summary.waiting,
                "delivered_s": summary.delivered_s,
            }
        )
    return web.json_response({"targets": targets})


async def test(call: Call) -> web.Response:
    notifications, name = call.services.notifications, call.request.match_info["target"]
    if name not in {target.name for target in notifications.targets}:
        raise not_found()
    await call.note("notify-test", name)
    try:
        arrived = await notifications.notifier.test(name, call.account.name)
    except SendFailed as failure:
        return web.json_response({"arrived": 0, "problem": failure.problem})
    return web.json_response({"arrived": arrived, "problem": None})


async def of_incident(call: Call) -> web.Response:
    notifications = call.services.notifications
    kinds = {target.name: target.kind for target in notifications.targets}
    return web.json_response(
        {
            "deliveries": [
                {
                    "target": stored.recipient.target,
                    "kind": kinds.get(stored.recipient.target),
                    "state": stored.state,
                    "due_s": stored.due_s,
                    "changed_s": stored.changed_s,
                    "attempts": stored.attempts,
                    "problem": stored.problem or None,
                }
                for stored in await notifications.outbox.of_incident(call.incident.id)
            ]
        }
    )


async def push(call: Call) -> web.Response:
    """Whether this log-in is told by Web Push, and what a browser needs to subscribe."""
    notifications = call.services.notifications
    is_offered = notifications.push is not None and is_installed()
    return web.json_response(
        {
            "configured": notifications.push is not None,
            "installed": is_installed(),
            "key": await notifications.vapid_key.public() if is_offered else None,
            "subscribed": await notifications.subscriptions.has(call.session.key),
        }
    )


async def subscribe(call: Call) -> web.Response:
    body = await read_json(call.request, SubscribeBody)
    target = call.services.notifications.push
    if target is None or not is_installed():
        raise ApiError(
            409, "no_push", "nvr.toml has no [[notify]] of kind push, or the extra push is not installed"
        )
    if not is_service(body.endpoint, target.services):
        raise ApiError(400, "bad_request", "endpoint: not at a push service that nvr.toml allows")
    if _length(body.keys.p256dh) != 65 or _length(body.keys.auth) != 16:
        raise ApiError(400, "bad_request", "keys: not those of a push subscription")
    subscription = Subscription(body.endpoint, body.keys.p256dh, body.keys.auth)
    services = call.services
    await services.notifications.subscriptions.add(call.session.key, subscription, services.clock.wall())
    return web.Response(status=204)


async def unsubscribe(call: Call) -> web.Response:
    await call.services.notifications.subscriptions.remove(call.session.key)
    return web.Response(status=204)


def _length(base64url: str) -> int:
    """Of what is encoded; -1: nothing is."""
    try:
        return len(base64.b64decode(base64url + "=" * (-len(base64url) % 4), altchars="-_", validate=True))
    except (binascii.Error, ValueError):
        return -1


ROUTES = (
    Route("GET", "/api/notify", show, Access(Ability.GUARD)),
    Route("POST", "/api/notify/{target}/test", test, Access(Ability.ADMINISTER)),
    Route(
        "GET",
        "/api/incidents/{incident}/deliveries",
        of_incident,
        Access(Ability.SITE, Subject.INCIDENT),
    ),
    Route("GET", "/api/push", push, Access(Ability.SITE)),
    Route("POST", "/api/push", subscribe, Access(Ability.SITE)),
    Route("DELETE", "/api/push", unsubscribe, Access(Ability.SITE)),
)
