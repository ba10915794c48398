"""The tunnel's settings and phones in state.db: kept, changed, damaged, and never told."""

import asyncio

import pytest

from nvr import audit
from nvr.clock import FakeClock
from nvr.events import Actor
from nvr.state import open_state
from nvr.tunnel.keys import new_pair
from nvr.tunnel.settings import MAX_PHONES, SettingRefused, read_hub
from nvr.tunnel.store import NotSetUp, TunnelStore, UnknownPhone

LAN = Actor("Lan", "10.0.0.2")
HUB_KEY = new_pair().public


def hub(**changed):
    known = {
        "endpoint": "hub.example.org",
        "hub_key": HUB_KEY,
        "network": "10.77.0.0/24",
        "address": "10.77.0.2",
    }
    return read_hub(**(known | changed))


@pytest.fixture
async def state(tmp_path):
    database = await open_state(tmp_path / "state")
    yield database
    await database.close()


@pytest.fixture
async def store(state):
    return await TunnelStore.open(state, FakeClock(wall=1000.0))


async def test_nothing_is_set_up_at_first(store):
    assert (store.hub, store.enabled, store.public_key, store.phones, store.active, store.changed) == (
        None,
        False,
        None,
        [],
        None,
        None,
    )
    for change in (store.switch(True, by=LAN), store.renew_key(by=LAN), store.add_phone("Lan", by=LAN)):
        with pytest.raises(NotSetUp):
            await change
    with pytest.raises(UnknownPhone):
        await store.remove_phone("Lan", by=LAN)


async def test_it_is_set_up_and_kept(state, store):
    told = []
    store.on_change(lambda: told.append(1))
    await store.set_hub(hub(), by=LAN)
    key = store.public_key
    assert (store.enabled, store.active, store.changed) == (False, None, (1000.0, "Lan"))
    await store.switch(True, by=LAN)
    first, second = [await store.add_phone(name, by=LAN) for name in ("lan", "Đức")]
    assert [str(new.phone.address) for new in (first, second)] == ["10.77.0.3", "10.77.0.4"]
    assert f"Endpoint = {hub().endpoint}\n" in first.conf
    await store.set_hub(hub(endpoint="203.0.113.7:443"), by=LAN)
    assert (store.public_key, store.enabled) == (key, True)
    again = await TunnelStore.open(state, FakeClock())
    assert again.active == store.active is not None
    assert [phone.name for phone in again.phones] == ["lan", "Đức"]
    await store.remove_phone("lan", by=LAN)
    await store.renew_key(by=LAN)
    assert store.public_key != key
    assert (await store.add_phone("Lan", by=LAN)).phone.address == hub().network[5], (
        "no address comes back at once"
    )
    await store.switch(False, by=LAN)
    assert store.active is None
    assert len(told) == 9
    rows = await audit.page(state)
    assert [row.action for row in reversed(rows)] == [
        *(
            "tunnel-hub",
            "tunnel-on",
            "tunnel-phone-add",
            "tunnel-phone-add",
            "tunnel-hub",
            "tunnel-phone-remove",
        ),
        *("tunnel-key", "tunnel-phone-add", "tunnel-off"),
    ]
    assert {(row.actor, row.address) for row in rows} == {("Lan", "10.0.0.2")}


async def test_private_keys_are_in_no_text(state, store, caplog):
    await store.set_hub(hub(), by=LAN)
    await store.switch(True, by=LAN)
    new = await store.add_phone("Lan", by=LAN)
    await store.renew_key(by=LAN)
    private_key = new.conf.split("PrivateKey = ")[1].split("\n")[0]
    texts = [repr(new), repr(store.active), repr(store.phones), repr(vars(store)), caplog.text]
    texts += [row.detail for row in await audit.page(state)]
    for secret in (private_key, store.active.private_key):
        assert not any(secret in text for text in texts)
    dump = await state.read(
        lambda c: "\n".join(str(tuple(row)) for row in c.execute("SELECT * FROM tunnel_phones"))
    )
    assert private_key not in dump, "a phone's private key is not kept"


async def test_what_is_refused(store):
    await store.set_hub(hub(), by=LAN)
    await store.add_phone("Lan", by=LAN)

    async def refusal(change):
        with pytest.raises(SettingRefused) as refused:
            await change
        return refused.value.field, refused.value.code

    assert await refusal(store.set_hub(hub(hub_key=store.public_key), by=LAN)) == ("hub_key", "tunnel_key")
    assert await refusal(store.set_hub(hub(address="10.77.0.3"), by=LAN)) == ("address", "tunnel_address")
    assert await refusal(store.add_phone("LAN", by=LAN)) == ("name", "tunnel_phone_taken")
    assert await refusal(store.add_phone("", by=LAN)) == ("name", "tunnel_phone_name")
    await store.set_hub(hub(network="10.78.0.0/29", address="10.78.0.2"), by=LAN)
    added = [str((await store.add_phone(f"p{n}", by=LAN)).phone.address) for n in range(4)]
    assert added == ["10.78.0.3", "10.78.0.4", "10.78.0.5", "10.78.0.6"]
    assert await refusal(store.add_phone("p4", by=LAN)) == ("name", "tunnel_full")


async def test_there_is_a_most_of_phones(store):
    await store.set_hub(hub(), by=LAN)
    for number in range(MAX_PHONES):
        await store.add_phone(f"p{number}", by=LAN)
    with pytest.raises(SettingRefused, match="fewer"):
        await store.add_phone("more", by=LAN)


async def test_two_at_once_get_two_addresses(store):
    await store.set_hub(hub(), by=LAN)
    new = await asyncio.gather(*(store.add_phone(f"p{n}", by=LAN) for n in range(5)))
    assert len({phone.phone.address for phone in new}) == 5


@pytest.mark.parametrize("column", ["private_key", "public_key", "endpoint", "hub_key", "network", "address"])
@pytest.mark.parametrize("damaged", ["", "x y", b"\xff", 7, "10.77.0.999"])
async def test_a_damaged_row_switches_it_off(state, store, column, damaged):
    await store.set_hub(hub(), by=LAN)
    await store.switch(True, by=LAN)
    await state.write(lambda c: c.execute(f"UPDATE tunnel SET {column} = ?", (damaged,)))
    again = await TunnelStore.open(state, FakeClock())
    assert again.problem.startswith("state.db, tunnel: ")
    assert (again.enabled, again.active, again.hub) == (False, None, None)
    await again.set_hub(hub(), by=LAN)
    assert not again.problem
    assert (await TunnelStore.open(state, FakeClock())).hub == hub()


@pytest.mark.parametrize(
    ("column", "damaged"),
    [
        ("public_key", "x"),
        ("address", "10.77"),
        ("address", b"\xff"),
        ("created_s", "soon"),
        ("created_by", b"\x00"),
    ],
)
async def test_a_damaged_phone_costs_itself_alone(state, store, column, damaged):
    await store.set_hub(hub(), by=LAN)
    await store.switch(True, by=LAN)
    await store.add_phone("Lan", by=LAN)
    await store.add_phone("Đức", by=LAN)
    await state.write(
        lambda c: c.execute(f"UPDATE tunnel_phones SET {column} = ? WHERE name = 'Lan'", (damaged,))
    )
    again = await TunnelStore.open(state, FakeClock())
    assert [str(phone.address) for phone in again.phones if phone.name == "Đức"] == ["10.77.0.4"]
    assert again.active
    if column in ("public_key", "address"):
        assert [phone.address for phone in again.phones if phone.name == "Lan"] == [None]
    await again.remove_phone("Lan", by=LAN)
    await again.add_phone("Lan", by=LAN)


async def test_a_disk_that_fails_gives_no_phone(state, store, monkeypatch):
    await store.set_hub(hub(), by=LAN)

    async def full(_work):
        raise OSError("disk full")

    monkeypatch.setattr(state, "write", full)
    with pytest.raises(OSError, match="full"):
        await store.add_phone("Lan", by=LAN)
    assert store.phones == []
