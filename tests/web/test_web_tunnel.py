"""The tunnel over the API: administrators set it up; private keys are in no answer but the one that a phone is for."""

import asyncio
import json
import ssl

import pytest

from nvr.tunnel.keys import new_pair
from nvr.tunnel.settings import MAX_TEXT
from nvr.web.access import AccountRole
from nvr.web.qr import qr_svg

PATH = "/api/tunnel"
HUB = {
    "endpoint": "hub.example.org",
    "hub_key": new_pair().public,
    "network": "10.77.0.0/24",
    "address": "10.77.0.2",
}


async def test_it_is_set_up(site):
    client = await site.log_in("Lan", AccountRole.ADMINISTRATOR)
    status, empty = await client.ask("GET", PATH)
    assert (status, empty["hub"], empty["hub_conf"], empty["page"]) == (200, None, None, None)
    assert (empty["enabled"], empty["state"], empty["phones"], empty["public_key"]) == (
        False,
        "off",
        [],
        None,
    )
    status, shown = await client.ask("PUT", PATH, json=HUB)
    assert (status, shown["hub"]) == (200, HUB | {"endpoint": "hub.example.org:51820"})
    assert (shown["state"], shown["changed_by"]) == ("off", "Lan")
    assert shown["page"] == f"https://10.77.0.2:{site.config.web.https_port}/"
    status, phone = await client.ask("POST", f"{PATH}/phones", json={"name": " Máy của Đức / 2 "})
    assert (status, phone["name"], phone["address"]) == (201, "Máy của Đức / 2", "10.77.0.3")
    assert phone["qr"] == qr_svg(phone["conf"])
    status, on = await client.ask("POST", f"{PATH}/switch", json={"enabled": True})
    assert (on["enabled"], on["state"], on["handshake_age_s"]) == (True, "down", None), "nobody runs it here"
    assert on["phones"] == [{key: value for key, value in phone.items() if key not in ("conf", "qr")}]
    assert f"PublicKey = {on['public_key']}\nAllowedIPs = 10.77.0.2/32" in on["hub_conf"]
    assert "# Máy của Đức / 2\n" in on["hub_conf"]
    status, renewed = await client.ask("POST", f"{PATH}/key")
    assert renewed["public_key"] != on["public_key"]
    assert (await client.ask("DELETE", f"{PATH}/phones/M%C3%A1y%20c%E1%BB%A7a%20%C4%90%E1%BB%A9c%20%2F%202"))[
        0
    ] == 204
    assert (await client.ask("GET", PATH))[1]["phones"] == []
    deeds = [action for _, action, _ in await site.audit() if action.startswith("tunnel-")]
    assert deeds == ["tunnel-hub", "tunnel-phone-add", "tunnel-on", "tunnel-key", "tunnel-phone-remove"]
    told = json.dumps([empty, shown, on, renewed, (await client.ask("GET", "/api/audit"))[1]])
    for secret in (
        phone["conf"].split("PrivateKey = ")[1][:44],
        site.services.tunnel.store.active.private_key,
    ):
        assert secret not in told


@pytest.mark.parametrize(
    ("changed", "place", "code"),
    [
        ({"endpoint": "hub:99999"}, "endpoint", "tunnel_endpoint"),
        ({"hub_key": "x"}, "hub_key", "tunnel_key"),
        ({"network": "8.8.8.0/24"}, "network", "tunnel_network"),
        ({"address": "10.77.0.1"}, "address", "tunnel_address"),
    ],
)
async def test_a_wrong_field_is_named(site, changed, place, code):
    client = await site.log_in("Lan", AccountRole.ADMINISTRATOR)
    status, answer = await client.ask("PUT", PATH, json=HUB | changed)
    assert (status, answer["error"], answer["place"]) == (422, code, place)


async def test_what_is_refused(site):
    client = await site.log_in("Lan", AccountRole.ADMINISTRATOR)

    async def refusal(method, path, body=None):
        status, answer = await client.ask(method, path, json=body)
        return status, answer["error"]

    for path, body in (("switch", {"enabled": True}), ("key", None), ("phones", {"name": "Lan"})):
        assert await refusal("POST", f"{PATH}/{path}", body) == (409, "tunnel_no_hub")
    assert await refusal("PUT", PATH, HUB | {"endpoint": "x" * (MAX_TEXT + 1)}) == (400, "bad_request")
    assert await refusal("PUT", PATH, {"endpoint": "x"}) == (400, "bad_request")
    await client.ask("PUT", PATH, json=HUB)
    assert await refusal("POST", f"{PATH}/phones", {"name": "\n"}) == (422, "tunnel_phone_name")
    await client.ask("POST", f"{PATH}/phones", json={"name": "Lan"})
    assert await refusal("POST", f"{PATH}/phones", {"name": "lan"}) == (422, "tunnel_phone_taken")
    assert await refusal("DELETE", f"{PATH}/phones/Minh") == (404, "not_found")


async def test_the_certificate_names_the_tunnels_address_as_soon_as_it_is_on(site):
    client = await site.log_in("Lan", AccountRole.ADMINISTRATOR)

    async def certified() -> bool:
        port = site.config.web.https_port
        try:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=site.tls(), server_hostname="10.77.0.2"
            )
        except ssl.SSLCertVerificationError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    await client.ask("PUT", PATH, json=HUB)
    assert not await certified(), "it is off"
    await client.ask("POST", f"{PATH}/switch", json={"enabled": True})
    async with asyncio.timeout(60):
        while not await certified():
            await asyncio.sleep(0.1)
    await client.ask("POST", f"{PATH}/switch", json={"enabled": False})
    async with asyncio.timeout(60):
        while await certified():
            await asyncio.sleep(0.1)
