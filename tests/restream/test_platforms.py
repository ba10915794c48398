"""Platform accounts: what is kept, what is looked up, and that nothing of it is shown."""

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr import audit
from nvr.clock import FakeClock
from nvr.events import Actor
from nvr.restream.accounts import (
    MAX_PLATFORMS,
    PASSWORD_CHARACTERS,
    PlatformRefused,
    Platforms,
    UnknownPlatform,
)
from nvr.state import open_state

LAN = Actor("Lan", "10.0.0.2")


@pytest.fixture
async def state(tmp_path):
    database = await open_state(tmp_path / "state")
    yield database
    await database.close()


@pytest.fixture
async def platforms(state):
    return await Platforms.open(state, FakeClock(wall=1000.0))


async def test_one_is_made_changed_and_removed(state, platforms):
    told = []
    platforms.on_change(lambda: told.append(1))
    made = await platforms.add("xa-dong", ["gate", "yard"], by=LAN)
    assert len(made.password) == PASSWORD_CHARACTERS
    found = platforms.credential("xa-dong")
    assert (found.password, found.cameras) == (made.password, {"gate", "yard"})
    assert found.may_see("gate") and not found.may_see("road")
    await platforms.change("xa-dong", ["yard"], True, by=LAN)
    assert platforms.credential("xa-dong").cameras == {"yard"}
    renewed = await platforms.renew_password("xa-dong", by=LAN)
    assert renewed.password != made.password
    assert platforms.credential("xa-dong").password == renewed.password
    await platforms.change("xa-dong", ["yard"], False, by=LAN)
    assert platforms.credential("xa-dong") is None
    assert not platforms.any_enabled
    platforms.seen("xa-dong", "192.0.2.7")
    await platforms.flush()
    again = await Platforms.open(state, FakeClock(wall=2000.0))
    assert again.all() == platforms.all()
    assert (again.all()[0].seen_wall_s, again.all()[0].seen_address) == (1000.0, "192.0.2.7")
    await platforms.remove("xa-dong", by=LAN)
    assert platforms.all() == (await Platforms.open(state, FakeClock())).all() == []
    assert len(told) == 5
    rows = await audit.page(state)
    assert [row.action for row in reversed(rows)] == [
        "platform-add",
        "platform-change",
        "platform-password",
        "platform-change",
        "platform-remove",
    ]
    assert {(row.actor, row.address, row.subject) for row in rows} == {("Lan", "10.0.0.2", "xa-dong")}


async def test_a_password_is_in_no_text(state, platforms, caplog):
    made = await platforms.add("xa", ["gate"], by=LAN)
    texts = [repr(made), repr(platforms.credential("xa")), caplog.text]
    texts += [row.detail for row in await audit.page(state)]
    assert not any(made.password in text for text in texts)


async def test_nobody_else_reads_the_file(state):
    for name in ("state.db", "state.db-wal"):
        assert stat.S_IMODE(os.stat(state.path.with_name(name)).st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "Thôn", "a b", "a/b", "-a", "a-", "a" * 33, "a:b", "a@b", "a\n"])
async def test_names_that_a_url_would_spoil(platforms, name):
    with pytest.raises(PlatformRefused) as refused:
        await platforms.add(name, [], by=LAN)
    assert refused.value.code == "bad_platform_name"


async def test_what_cannot_be(platforms):
    await platforms.add("Xa", [], by=LAN)
    with pytest.raises(PlatformRefused, match="already"):
        await platforms.add("xa", [], by=LAN)
    for number in range(MAX_PLATFORMS - 1):
        await platforms.add(f"p{number}", [], by=LAN)
    with pytest.raises(PlatformRefused) as refused:
        await platforms.add("one-more", [], by=LAN)
    assert refused.value.code == "too_many_platforms"
    for change in (
        platforms.change("nobody", [], True, by=LAN),
        platforms.renew_password("nobody", by=LAN),
        platforms.remove("nobody", by=LAN),
    ):
        with pytest.raises(UnknownPlatform):
            await change
    platforms.seen("nobody", "192.0.2.7")
    assert platforms.credential("nobody") is None


@given(st.text())
def test_looking_up_takes_any_text(name):
    assert Platforms(None, FakeClock()).credential(name) is None


@pytest.mark.parametrize("damaged", ["", "{", "7", "null", '["gate"'])
async def test_a_damaged_row_costs_its_cameras_alone(state, platforms, damaged):
    await platforms.add("xa-dong", ["gate"], by=LAN)
    await platforms.add("xa-tay", ["gate"], by=LAN)
    await state.write(
        lambda c: c.execute("UPDATE platforms SET cameras = ? WHERE name = 'xa-dong'", (damaged,))
    )
    again = await Platforms.open(state, FakeClock())
    assert again.credential("xa-dong").cameras == frozenset()
    assert again.credential("xa-tay").cameras == {"gate"}
