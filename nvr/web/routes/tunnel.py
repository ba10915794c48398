"""The tunnel, by which phones come in from outside; administrators alone. A phone's private key stands in one answer
only, that of the request that made it; the appliance's own in none."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from aiohttp import web
from pydantic import Field

from nvr.tunnel.health import Link
from nvr.tunnel.settings import MAX_NAME, MAX_PHONES, MAX_TEXT, Address, Phone, SettingRefused, read_hub
from nvr.tunnel.store import NewPhone, NotSetUp, TunnelStore, UnknownPhone
from nvr.tunnel.wg_conf import HUB_KEY_FILE, hub_conf
from nvr.web.access import Ability, Access
from nvr.web.errors import ApiError, not_found
from nvr.web.qr import qr_svg
from nvr.web.request_body import Body, read_json
from nvr.web.route import Call, Route

T = TypeVar("T")


class HubBody(Body):
    """As people type them: `read_hub` says what is wrong."""

    endpoint: str = Field(max_length=MAX_TEXT)
    hub_key: str = Field(max_length=MAX_TEXT)
    network: str = Field(max_length=MAX_TEXT)
    address: str = Field(max_length=MAX_TEXT)


class SwitchBody(Body):
    enabled: bool


class PhoneBody(Body):
    name: str = Field(max_length=MAX_TEXT)


async def show(call: Call) -> web.Response:
    config, tunnel = call.services.config, call.services.tunnel
    body = tunnel_answer(tunnel.store, tunnel.link, site=config.site.name, https_port=config.web.https_port)
    return web.json_response(body)


def tunnel_answer(store: TunnelStore, link: Link, *, site: str, https_port: int) -> dict[str, object]:
    """Settings, phones, and how the tunnel does. `site`: how the hub's configuration names the appliance."""
    hub, changed = store.hub, store.changed
    return {
        "enabled": store.enabled,
        "damaged": bool(store.problem),
        "state": link.state,
        "handshake_age_s": link.handshake_age_s,
        "received_bytes": link.received_bytes,
        "sent_bytes": link.sent_bytes,
        "public_key": store.public_key,
        "hub": hub
        and {
            "endpoint": str(hub.endpoint),
            "hub_key": hub.public_key,
            "network": str(hub.network),
            "address": str(hub.address),
        },
        "hub_conf": hub and hub_conf(hub, site=site, own_key=store.public_key or "", phones=store.phones),
        "hub_key_file": HUB_KEY_FILE,
        "page": hub and f"https://{_in_url(hub.address)}:{https_port}/",
        "changed_s": changed and changed[0],
        "changed_by": changed and changed[1],
        "phones": [_shown(phone) for phone in store.phones],
        "max_phones": MAX_PHONES,
        "max_name": MAX_NAME,
    }


async def set_hub(call: Call) -> web.Response:
    body = await read_json(call.request, HubBody)
    await _changed(_set_hub(call, body))
    return await show(call)


async def switch(call: Call) -> web.Response:
    body = await read_json(call.request, SwitchBody)
    await _changed(call.services.tunnel.store.switch(body.enabled, by=call.actor))
    return await show(call)


async def renew_key(call: Call) -> web.Response:
    await _changed(call.services.tunnel.store.renew_key(by=call.actor))
    return await show(call)


async def add_phone(call: Call) -> web.Response:
    body = await read_json(call.request, PhoneBody)
    new: NewPhone = await _changed(call.services.tunnel.store.add_phone(body.name, by=call.actor))
    return web.json_response(new_phone_answer(new), status=201)


def new_phone_answer(new: NewPhone) -> dict[str, object]:
    """With its private key, for this once."""
    return _shown(new.phone) | {"conf": new.conf, "qr": qr_svg(new.conf)}


async def remove_phone(call: Call) -> web.Response:
    try:
        await call.services.tunnel.store.remove_phone(call.request.match_info["phone"], by=call.actor)
    except UnknownPhone:
        raise not_found() from None
    return web.Response(status=204)


async def _set_hub(call: Call, body: HubBody) -> None:
    hub = read_hub(endpoint=body.endpoint, hub_key=body.hub_key, network=body.network, address=body.address)
    await call.services.tunnel.store.set_hub(hub, by=call.actor)


async def _changed(change: Awaitable[T]) -> T:
    """What `change` gives. Raises ApiError: 422 with the place of what is refused, 409 there is no hub yet."""
    try:
        return await change
    except SettingRefused as refusal:
        raise ApiError(422, refusal.code, f"{refusal.field}: {refusal}", place=refusal.field) from None
    except NotSetUp:
        raise ApiError(409, "tunnel_no_hub", "set up the hub first") from None


def _in_url(address: Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _shown(phone: Phone) -> dict[str, object]:
    return {
        "name": phone.name,
        "address": None if phone.address is None else str(phone.address),
        "created_s": phone.created_wall_s,
        "created_by": phone.created_by,
    }


_ADMINISTRATOR = Access(Ability.ADMINISTER)
ROUTES = (
    Route("GET", "/api/tunnel", show, _ADMINISTRATOR),
    Route("PUT", "/api/tunnel", set_hub, _ADMINISTRATOR),
    Route("POST", "/api/tunnel/switch", switch, _ADMINISTRATOR),
    Route("POST", "/api/tunnel/key", renew_key, _ADMINISTRATOR),
    Route("POST", "/api/tunnel/phones", add_phone, _ADMINISTRATOR),
    Route("DELETE", "/api/tunnel/phones/{phone}", remove_phone, _ADMINISTRATOR),
)
