"""Incidents to real webhook receivers: at once, later, again, once, and never after it is too late."""

import asyncio
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from notify_site import HEAD, SECRET, Receiver, make_certificate, server_tls, telling, webhook

from nvr.alarm.notify import notifier as module
from nvr.alarm.notify.policy import FIRST_RETRY_S, GIVE_UP_S
from nvr.alarm.notify.sender import SendFailed
from nvr.clock import FakeClock
from nvr.events import Response


@pytest.fixture
async def receiver():
    async with Receiver().serve() as running:
        yield running


async def test_a_call_is_told_at_once_and_signed(tmp_path, receiver):
    async with telling(tmp_path, [webhook("a", receiver.url)]) as told:
        incident = await told.open()
        await told.until_states(incident, {"a": "delivered"})
        assert told.changed[-1].id == incident.id
        headers, body = receiver.got[0]
        signed = headers["X-Timestamp"].encode() + b"." + body
        assert (
            headers["X-Signature"]
            == "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        )
        assert headers["X-Delivery"] == "1"
        message = json.loads(body)
        assert message["incident"]["camera_name"] == "Cổng"
        assert message["incident"]["response"] == "call"
        assert message["text"].endswith("Cổng: người")
        assert message["url"] == f"https://nvr.local:8443/#/incident/{incident.id}"
        assert message["audit_head"] == str(HEAD)
        assert not message["escalation"]
        recorded = await told.open(Response.RECORD)
        # Told again, or more of it: nothing more is sent.
        told.notifier.incident(replace(incident, sightings=2))
        told.notifier.incident(replace(incident, response=Response.SIREN))
        another = await told.open()
        await told.until_states(another, {"a": "delivered"})
        assert await told.states(recorded) == {}
    assert [body["incident"]["id"] for body in receiver.bodies] == [incident.id, another.id]


async def test_of_a_quiet_test_nobody_outside_is_told_also_after_a_restart(tmp_path, receiver):
    target = webhook("a", receiver.url)
    async with telling(tmp_path, [target]) as told:
        rehearsed = await told.open(test=True)
        meant = await told.open()
        await told.until_states(meant, {"a": "delivered"})
    async with telling(tmp_path, [target]) as told:
        later = await told.open()
        await told.until_states(later, {"a": "delivered"})
        assert await told.states(rehearsed) == {}
    assert [body["incident"]["id"] for body in receiver.bodies] == [meant.id, later.id]


async def test_only_what_grew_into_a_siren_is_told_to_who_asked_for_sirens(tmp_path, receiver):
    async with telling(tmp_path, [webhook("a", receiver.url, responses=["siren"])]) as told:
        incident = await told.open(Response.CALL)
        await told.until(lambda: not told.notifier._mailbox)
        told.notifier.incident(replace(incident, response=Response.SIREN))
        await told.until_states(incident, {"a": "delivered"})
    assert len(receiver.got) == 1


async def test_the_second_list_is_told_where_nobody_acknowledges_and_else_not(tmp_path, receiver):
    clock = FakeClock()
    targets = [webhook("a", receiver.url), webhook("b", receiver.url, after_seconds=300)]
    async with telling(tmp_path, targets, clock=clock) as told:
        one, other = await told.open(), await told.open()
        for incident in (one, other):
            await told.until_states(incident, {"a": "delivered", "b": "waiting"})
        clock.advance(299)
        await told.acknowledge(one)
        await told.until_states(one, {"a": "delivered", "b": "withdrawn"})
        clock.advance(1)
        told.notifier._wake.set()
        await told.until_states(other, {"a": "delivered", "b": "delivered"})
    assert [(b["incident"]["id"], b["escalation"]) for b in receiver.bodies] == [
        (one.id, False),
        (other.id, False),
        (other.id, True),
    ]


async def test_what_was_acknowledged_while_it_could_not_be_told_is_still_told_to_the_first_list(
    tmp_path, receiver
):
    clock = FakeClock()
    receiver.status = 500
    targets = [webhook("a", receiver.url), webhook("b", receiver.url, after_seconds=5)]
    async with telling(tmp_path, targets, clock=clock) as told:
        incident = await told.open()
        await told.until_tried(incident, a=1)
        clock.advance(5)
        told.notifier._wake.set()
        await told.until_tried(incident, a=2, b=1)
        await told.acknowledge(incident)
        await told.until_states(incident, {"a": "waiting", "b": "withdrawn"})
        receiver.status = 200
        clock.advance(600)
        told.notifier._wake.set()
        await told.until_states(incident, {"a": "delivered", "b": "withdrawn"})
    assert receiver.bodies[-1]["incident"]["acknowledged_by"] == "Minh"


async def test_a_failing_target_is_tried_again_and_a_fault_until_it_works(tmp_path, receiver):
    clock = FakeClock()
    receiver.status = 503
    async with telling(tmp_path, [webhook("a", receiver.url)], clock=clock) as told:
        incident = await told.open()
        for tries in range(1, 4):
            await told.until(lambda tries=tries: len(receiver.got) == tries)

            async def noted(tries=tries):
                (stored,) = await told.outbox.of_incident(incident.id)
                return stored.attempts == tries and stored.problem == "answered:503"

            await told.until(noted)
            clock.advance(FIRST_RETRY_S * 2**tries)
            told.notifier._wake.set()
        await told.until(lambda: told.faults.at("notify:a") is not None)
        assert told.faults.at("notify:a").code == "notify_failing"
        assert "verborgen" not in str(told.faults.current)
        receiver.status = 200
        clock.advance(1000)
        told.notifier._wake.set()
        await told.until_states(incident, {"a": "delivered"})
        await told.until(lambda: not told.faults.current)
    assert {headers["X-Delivery"] for headers, _ in receiver.got} == {"1"}


async def test_what_is_too_old_is_given_up_and_shown(tmp_path, receiver):
    clock = FakeClock()
    receiver.status = 500
    async with telling(tmp_path, [webhook("a", receiver.url)], clock=clock) as told:
        incident = await told.open()
        await told.until_tried(incident, a=1)
        clock.advance(GIVE_UP_S)
        told.notifier._wake.set()
        await told.until_states(incident, {"a": "given_up"})
        (stored,) = await told.outbox.of_incident(incident.id)
        assert stored.problem == "expired"


async def test_the_clock_may_be_set_by_years(tmp_path, receiver):
    """A board without a clock of its own hears of the time just after the incident."""
    clock = FakeClock(wall=1_767_300_000.0, source="none")
    receiver.status = 500
    async with telling(tmp_path, [webhook("a", receiver.url)], clock=clock) as told:
        incident = await told.open()
        await told.until_tried(incident, a=1)
        clock.jump_wall(3 * 365 * 86400)
        clock.become("ntp")
        clock.advance(60)
        receiver.status = 200
        told.notifier._wake.set()
        await told.until_states(incident, {"a": "delivered"})


async def test_after_a_power_cut_it_is_told_what_was_not(tmp_path, receiver):
    clock = FakeClock()
    targets = [webhook("a", receiver.url), webhook("b", receiver.url, after_seconds=600)]
    async with telling(tmp_path, targets, clock=clock, run=False) as told:
        old = await told.open(opened_s=clock.wall() - GIVE_UP_S - 1, tell=False)
        unplanned = await told.open(tell=False)
    async with telling(tmp_path, targets, clock=clock) as told:
        await told.until_states(unplanned, {"a": "delivered", "b": "waiting"})
        assert await told.states(old) == {}
    clock.advance(700)
    async with telling(tmp_path, targets, clock=clock) as told:
        await told.until_states(unplanned, {"a": "delivered", "b": "delivered"})
    async with telling(tmp_path, targets, clock=clock) as told:
        another = await told.open()
        await told.until_states(another, {"a": "delivered", "b": "waiting"})
        assert [b["incident"]["id"] for b in receiver.bodies] == [unplanned.id, unplanned.id, another.id]
    # Somebody took `b` out of nvr.toml.
    async with telling(tmp_path, targets[:1], clock=clock) as told:
        await told.until_states(another, {"a": "delivered", "b": "given_up"})


async def test_acknowledged_during_the_cut_is_not_escalated(tmp_path, receiver):
    clock = FakeClock()
    targets = [webhook("b", receiver.url, after_seconds=600)]
    async with telling(tmp_path, targets, clock=clock) as told:
        incident = await told.open()
        await told.until_states(incident, {"b": "waiting"})
    async with telling(tmp_path, targets, clock=clock, run=False) as told:
        await told.acknowledge(incident)
    clock.advance(700)
    async with telling(tmp_path, targets, clock=clock) as told:
        await told.until_states(incident, {"b": "withdrawn"})
    assert not receiver.got


async def test_a_disk_that_fails_for_a_while_ends_nothing_twice(tmp_path, receiver):
    async with telling(tmp_path, [webhook("a", receiver.url)]) as told:
        await told.db.write(lambda c: c.execute("ALTER TABLE deliveries RENAME TO away"))
        incident = await told.open()
        await told.until(lambda: told.faults.at("notify") is not None)
        assert told.faults.at("notify").code == "storage"
        await told.db.write(lambda c: c.execute("ALTER TABLE away RENAME TO deliveries"))
        await told.until_states(incident, {"a": "delivered"})
        await told.until(lambda: told.faults.at("notify") is None)
    assert len(receiver.got) == 1


@pytest.mark.parametrize(("status", "problem"), [(302, "answered:302"), (401, "answered:401")])
async def test_a_redirect_is_not_followed_and_what_is_refused_says_so(tmp_path, receiver, status, problem):
    receiver.status = status
    async with telling(tmp_path, [webhook("a", receiver.url)]) as told:
        with pytest.raises(SendFailed, match=problem):
            await told.notifier.test("a", "Minh")
    assert [body["type"] for body in receiver.bodies] == ["test"]


async def test_a_test_says_who_sent_it(tmp_path, receiver):
    async with telling(tmp_path, [webhook("a", receiver.url)]) as told:
        assert await told.notifier.test("a", "Minh") == 1
        with pytest.raises(KeyError):
            await told.notifier.test("b", "Minh")
    assert (receiver.bodies[0]["by"], receiver.bodies[0]["delivery"]) == ("Minh", 0)


async def test_certificates_are_verified(tmp_path):
    files = make_certificate(tmp_path)
    async with Receiver().serve(server_tls(files)) as receiver:
        trusted = webhook("trusted", receiver.url, tls_ca=files[0])
        async with telling(tmp_path, [trusted, webhook("unknown", receiver.url)]) as told:
            assert await told.notifier.test("trusted", "Minh") == 1
            with pytest.raises(SendFailed, match="certificate"):
                await told.notifier.test("unknown", "Minh")
        assert len(receiver.got) == 1


async def test_nobody_there_and_nobody_answering(tmp_path, receiver, monkeypatch):
    url = receiver.url
    receiver.hold = asyncio.Event()
    async with telling(tmp_path, [webhook("slow", url), webhook("off", "http://127.0.0.1:9/")]) as told:
        with monkeypatch.context() as patch, pytest.raises(SendFailed, match="timeout"):
            patch.setattr(module, "SEND_S", 0.3)
            await told.notifier.test("slow", "Minh")
        with pytest.raises(SendFailed, match="unreachable"):
            await told.notifier.test("off", "Minh")


async def test_stopped_while_sending_it_is_tried_again_under_the_same_number(tmp_path, receiver):
    receiver.hold = asyncio.Event()
    async with telling(tmp_path, [webhook("a", receiver.url)]) as told:
        incident = await told.open()
        await told.until(lambda: receiver.got)
    receiver.hold.set()
    async with telling(tmp_path, [webhook("a", receiver.url)]) as told:
        await told.until_states(incident, {"a": "delivered"})
    assert [headers["X-Delivery"] for headers, _ in receiver.got] == ["1", "1"]
