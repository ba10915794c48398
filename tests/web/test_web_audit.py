"""The audit trail over the API: for administrators, in pages, with the state of its chain."""

import pytest

from nvr.web.access import AccountRole

ADMINISTRATOR, OPERATOR = AccountRole.ADMINISTRATOR, AccountRole.OPERATOR


async def test_an_administrator_reads_it_in_pages_with_filters(site):
    client = await site.log_in("Lan", ADMINISTRATOR)
    for path in ("/api/alarm/arm", "/api/alarm/disarm", "/api/alarm/arm"):
        assert (await client.ask("POST", path))[0] == 200
    await site.journal.settle(10)
    status, first = await client.ask("GET", "/api/audit?limit=2")
    assert status == 200
    assert [row["action"] for row in first["rows"]] == ["arm", "disarm"]
    assert first["rows"][0]["actor"] == "Lan"
    assert first["rows"][0]["address"] == "127.0.0.1"
    _, second = await client.ask("GET", f"/api/audit?limit=2&before={first['next']}")
    assert [row["id"] for row in second["rows"]] == [1]
    assert second["next"] is None
    _, found = await client.ask("GET", "/api/audit?action=disarm&who=Lan&since_s=0&until_s=99999999999")
    assert [row["id"] for row in found["rows"]] == [2]
    assert (await client.ask("GET", "/api/audit?who=Minh"))[1]["rows"] == []
    for bad in ("since_s=x", "limit=0", "before=-1", "who=" + "x" * 201):
        assert (await client.ask("GET", f"/api/audit?{bad}"))[1]["error"] == "bad_request"


async def test_the_chain_is_checked_when_asked(site):
    client = await site.log_in("Lan", ADMINISTRATOR)
    await client.ask("POST", "/api/alarm/arm")
    await site.journal.settle(10)
    _, before = await client.ask("GET", "/api/audit")
    assert before["chain"]["state"] is None
    status, chain = await client.ask("POST", "/api/audit/check")
    assert (status, chain["state"], chain["rows"]) == (200, "whole", 1)
    assert chain["head"] == before["chain"]["head"]
    await site.state.write(lambda c: c.execute("DROP TRIGGER audit_keeps_values"))
    await site.state.write(lambda c: c.execute("UPDATE audit SET actor = 'Minh'"))
    _, chain = await client.ask("POST", "/api/audit/check")
    assert (chain["state"], chain["broken_row"]) == ("broken", 1)
    _, status = await client.ask("GET", "/api/status")
    assert [fault["code"] for fault in status["faults"]] == ["audit_broken"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_others_do_not(site, method):
    client = await site.log_in("Minh", OPERATOR)
    path = "/api/audit" if method == "GET" else "/api/audit/check"
    assert (await client.ask(method, path))[0] == 403
