"""WHEP as draft-ietf-wish-whep-04 describes it: what a standard player sends and reads, over real HTTPS."""

from __future__ import annotations

from collections.abc import Mapping

from web_live import SDP, publish, viewer
from web_site import GATE, Client, Site

from nvr.web.access import AccountRole

ENDPOINT = "/api/cameras/gate/live/sub"
FRAGMENT = (
    "a=group:BUNDLE 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:{ufrag}\r\n"
    "a=ice-pwd:{pwd}\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
)
TRICKLE = "application/trickle-ice-sdpfrag"


async def begun(client: Client, offer: str) -> Mapping[str, str]:
    """The headers of the answer to an offer."""
    async with client.open("POST", ENDPOINT, data=offer, headers=SDP) as response:
        assert response.status == 201, await response.text()
        return response.headers


def ice(offer: str) -> dict[str, str]:
    """The fragment and password of an offer."""
    lines = dict(line[2:].split(":", 1) for line in offer.splitlines() if line.startswith("a=ice-"))
    return {"ufrag": lines["ice-ufrag"], "pwd": lines["ice-pwd"]}


async def patched(
    client: Client, session: str, fragment: str | bytes, tag: str | None, kind: str = TRICKLE
) -> tuple[int, str]:
    headers: dict[str, str | None] = {"Content-Type": kind, "If-Match": tag}
    status, answer = await client.ask("PATCH", session, data=fragment, headers=headers)
    return status, answer["error"] if answer else ""


async def test_an_endpoint_is_recognised_without_an_offer(site: Site) -> None:
    client = await site.log_in("xem", AccountRole.VIEWER)
    for method in ("GET", "HEAD"):
        async with client.open(method, ENDPOINT) as response:
            assert (response.status, response.content_type) == (200, "application/sdp")
            assert await response.read() == b""
        assert (await client.ask(method, "/api/cameras/gate/live/third"))[0] == 404
        assert (await site.anonymous.ask(method, ENDPOINT))[0] == 401


async def test_candidates_are_taken_and_not_needed(site: Site) -> None:
    publish(site, GATE)
    client = await site.log_in("xem", AccountRole.VIEWER)
    other = await site.log_in("khác", AccountRole.VIEWER)
    async with viewer() as peer:
        offer = peer.localDescription.sdp
        headers = await begun(client, offer)
        session, tag = headers["Location"], headers["ETag"]
        assert headers["Accept-Patch"] == TRICKLE
        fragment = FRAGMENT.format(**ice(offer))
        for good in (fragment, fragment.replace("\r\n", "\n"), "a=end-of-candidates\r\n"):
            assert await patched(client, session, good, tag) == (204, "")
        async with client.open(
            "PATCH", session, data=fragment, headers={"Content-Type": TRICKLE, "If-Match": tag}
        ) as response:
            assert "ETag" not in response.headers
        assert await patched(client, session, fragment, None) == (204, ""), "as the reference player sends it"
        assert await patched(client, session, fragment, '"of another"') == (412, "other_ice_session")
        assert await patched(client, session, fragment, tag, "application/sdp") == (415, "unsupported_type")
        for bad in ("", "v=0\r\n", "nonsense", fragment + "a=ice-ufrag:x\r\n", b"a=\xff", "m=video 9\r\n"):
            assert await patched(client, session, bad, tag) == (400, "bad_offer"), bad
        assert await patched(other, session, fragment, tag) == (404, "not_found")
        assert await patched(client, "/api/live/none", fragment, tag) == (404, "not_found")


async def test_an_ice_restart_is_refused_and_ends_nothing(site: Site) -> None:
    publish(site, GATE)
    client = await site.log_in("xem", AccountRole.VIEWER)
    async with viewer() as peer:
        headers = await begun(client, peer.localDescription.sdp)
        restart = FRAGMENT.format(ufrag="ysXw", pwd="vw5LmwG4y/e6dPP/zAP9Gp5k")
        assert await patched(client, headers["Location"], restart, "*") == (422, "no_ice_restart")
        assert len(site.services.live.sessions()) == 1


async def test_deleting_asks_for_no_entity_tag(site: Site) -> None:
    publish(site, GATE)
    client = await site.log_in("xem", AccountRole.VIEWER)
    async with viewer() as peer:
        session = (await begun(client, peer.localDescription.sdp))["Location"]
        assert (await client.ask("DELETE", session, headers={"If-Match": '"of another"'}))[0] == 200


async def test_options_tell_everybody_the_same(site: Site) -> None:
    foreign: dict[str, str | None] = {
        "Origin": "https://player.example",
        "Sec-Fetch-Site": "cross-site",
        "Access-Control-Request-Method": "POST",
        "X-CSRF-Token": None,
    }
    for path in (ENDPOINT, "/api/cameras/none/live/sub", "/api/live/none"):
        async with site.anonymous.open("OPTIONS", path, headers=foreign) as response:
            assert response.status == 200
            assert response.headers["Accept-Post"] == "application/sdp"
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in response.headers
            assert "PATCH" in response.headers["Access-Control-Allow-Methods"]
            assert "authorization" in response.headers["Access-Control-Allow-Headers"].lower()
    assert (await site.anonymous.ask("OPTIONS", "/api/alarm"))[0] == 405
