"""The tunnel's settings and phones in state.db (schema/014_tunnel.sql), and all changes to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import structlog

from nvr import audit
from nvr.clock import Clock
from nvr.events import Actor
from nvr.store import Database
from nvr.tunnel import settings
from nvr.tunnel.keys import KeyPair, new_pair
from nvr.tunnel.settings import Active, Hub, Phone, SettingRefused
from nvr.tunnel.wg_conf import phone_conf

log = structlog.get_logger(__name__)


class NotSetUp(Exception):
    """There is no hub yet."""


class UnknownPhone(Exception):
    """There is no phone of that name."""


class NewPhone(NamedTuple):
    """`conf`: with its private key, for it alone; it is nowhere else and cannot be had again."""

    phone: Phone
    conf: str

    def __repr__(self) -> str:
        return f"NewPhone({self.phone})"


@dataclass(frozen=True, slots=True)
class _Row:
    """The row of the table `tunnel`, as far as it can be used."""

    keys: KeyPair = field(repr=False)
    hub: Hub
    enabled: bool
    last_place: int
    changed_wall_s: float
    changed_by: str


class TunnelStore:
    """Settings and phones. Changes go through this object alone, so what it remembers is what holds: asking it waits
    for nothing.

    `on_change` is told of every change; what was added to it must neither block nor raise.
    """

    def __init__(self, db: Database, clock: Clock):
        self._db, self._clock = db, clock
        self._row: _Row | None = None
        self._phones: dict[str, Phone] = {}
        self._listeners: list[Callable[[], None]] = []
        self.problem = ""
        """Why what is stored cannot be used, in English; the tunnel is off then. Saving the settings anew mends it."""

    @classmethod
    async def open(cls, db: Database, clock: Clock) -> TunnelStore:
        """As state.db has it; what is damaged is left out. Raises sqlite3.Error."""
        store = cls(db, clock)
        row, phones = await db.read(
            lambda c: (
                c.execute("SELECT * FROM tunnel").fetchone(),
                c.execute("SELECT * FROM tunnel_phones").fetchall(),
            )
        )
        try:
            store._row = None if row is None else _as_row(row)
        except SettingRefused as error:
            store.problem = f"state.db, tunnel: {error.field} is damaged; needed is {error}"
        store._phones = {phone.name: phone for phone in map(_as_phone, phones)}
        return store

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    @property
    def hub(self) -> Hub | None:
        return self._row.hub if self._row else None

    @property
    def enabled(self) -> bool:
        return self._row is not None and self._row.enabled

    @property
    def public_key(self) -> str | None:
        """The appliance's own."""
        return self._row.keys.public if self._row else None

    @property
    def changed(self) -> tuple[float, str] | None:
        """(wall time in s, account) of the last change of the settings."""
        return (self._row.changed_wall_s, self._row.changed_by) if self._row else None

    @property
    def phones(self) -> list[Phone]:
        """By name."""
        return sorted(self._phones.values(), key=lambda phone: phone.name.lower())

    @property
    def active(self) -> Active | None:
        """What is to be up now; None: nothing."""
        if self._row is None or not self._row.enabled:
            return None
        return Active(self._row.keys.private, self._row.hub, tuple(self.phones))

    async def set_hub(self, hub: Hub, *, by: Actor) -> None:
        """Another hub, or other addresses. The first time it makes the appliance's key; the tunnel stays off until it
        is switched on. Raises SettingRefused: the hub's key is the appliance's, the address a phone's;
        sqlite3.Error."""
        known = self._row
        if known is not None and known.keys.public == hub.public_key:
            raise SettingRefused("hub_key", "tunnel_key", "the hub's key, not the appliance's own")
        if any(phone.address == hub.address for phone in self._phones.values()):
            raise SettingRefused("address", "tunnel_address", "an address that no phone has")
        keys = known.keys if known is not None else new_pair()
        place = int(hub.address) - int(hub.network.network_address)
        row = _Row(keys, hub, self.enabled, place, self._clock.wall(), by.name)
        if known is not None and known.hub.network == hub.network:
            row = replace(row, last_place=known.last_place)
        detail = {
            "endpoint": str(hub.endpoint),
            "hub_key": hub.public_key,
            "network": str(hub.network),
            "address": str(hub.address),
        }
        await self._save(row, by, "tunnel-hub", detail)

    async def switch(self, enabled: bool, *, by: Actor) -> None:
        """On or off. Raises NotSetUp, sqlite3.Error."""
        row = replace(self._need(), enabled=enabled)
        await self._save(row, by, "tunnel-on" if enabled else "tunnel-off", {})

    async def renew_key(self, *, by: Actor) -> None:
        """A new key pair of the appliance; the hub must be told. Raises NotSetUp, sqlite3.Error."""
        keys = new_pair()
        await self._save(replace(self._need(), keys=keys), by, "tunnel-key", {"public_key": keys.public})

    async def add_phone(self, name: str, *, by: Actor) -> NewPhone:
        """A new one, with a key pair and the next free address. Raises NotSetUp; SettingRefused: no such name is
        possible, it is taken (without regard to case), or there is no room for more; sqlite3.Error."""
        row, name = self._need(), settings.read_phone_name(name)
        if name.lower() in map(str.lower, self._phones):
            raise SettingRefused("name", "tunnel_phone_taken", "a name that no phone has yet")
        taken = [phone.address for phone in self._phones.values() if phone.address is not None]
        place = settings.free_host(row.hub.network, row.hub.address, taken, row.last_place)
        if place is None or len(self._phones) >= settings.MAX_PHONES:
            raise SettingRefused("name", "tunnel_full", "fewer phones, or a larger network")
        address, keys = row.hub.network[place], new_pair()
        phone = Phone(name, keys.public, address, self._clock.wall(), by.name)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO tunnel_phones (name, public_key, address, created_s, created_by) VALUES (?, ?, ?, ?, ?)",
                (name, keys.public, str(address), phone.created_wall_s, by.name),
            )
            connection.execute("UPDATE tunnel SET last_place = ?", (place,))
            detail = {"address": str(address), "public_key": keys.public}
            self._audit(connection, by, "tunnel-phone-add", name, detail)

        # Before the disk has it, so that nobody else is given the same address meanwhile.
        self._phones[name], self._row = phone, replace(row, last_place=place)
        try:
            await self._db.write(work)
        except BaseException:
            self._phones.pop(name, None)
            raise
        self._tell()
        return NewPhone(phone, phone_conf(keys.private, address, row.hub))

    async def remove_phone(self, name: str, *, by: Actor) -> None:
        """It is let in no longer, whatever the hub still knows of it. Raises UnknownPhone, sqlite3.Error."""

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute("DELETE FROM tunnel_phones WHERE name = ?", (name,)).rowcount != 1:
                raise UnknownPhone("there is no such phone")
            self._audit(connection, by, "tunnel-phone-remove", name, {})

        await self._db.write(work)
        self._phones.pop(name, None)
        self._tell()

    def _need(self) -> _Row:
        if self._row is None:
            raise NotSetUp("there is no hub yet")
        return self._row

    async def _save(self, row: _Row, by: Actor, action: str, detail: audit.Detail) -> None:
        row = replace(row, changed_wall_s=self._clock.wall(), changed_by=by.name)
        hub = row.hub
        values = (
            *(int(row.enabled), row.keys.private, row.keys.public),
            *(str(hub.endpoint), hub.public_key, str(hub.network), str(hub.address)),
            *(row.last_place, row.changed_wall_s, row.changed_by),
        )

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "REPLACE INTO tunnel (only_row, enabled, private_key, public_key, endpoint, hub_key, network, address,"
                " last_place, changed_s, changed_by) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            self._audit(connection, by, action, "", detail)

        await self._db.write(work)
        self._row, self.problem = row, ""
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _audit(
        self, connection: sqlite3.Connection, by: Actor, action: str, subject: str, detail: audit.Detail
    ) -> None:
        audit.insert(
            connection,
            wall_s=self._clock.wall(),
            actor=by.name,
            address=by.address,
            action=action,
            subject=subject,
            detail=detail,
        )


def _as_row(row: sqlite3.Row) -> _Row:
    """Raises SettingRefused: a field is damaged."""
    hub = settings.read_hub(
        **{name: str(row[name]) for name in ("endpoint", "hub_key", "network", "address")}
    )
    keys = KeyPair(*(settings.read_key(str(row[name])) for name in ("private_key", "public_key")))
    place = row["last_place"] if isinstance(row["last_place"], int) else 0
    return _Row(keys, hub, row["enabled"] == 1, place, _seconds(row["changed_s"]), str(row["changed_by"]))


def _as_phone(row: sqlite3.Row) -> Phone:
    """One that is damaged has no address."""
    name, created_by = str(row["name"]), str(row["created_by"])
    try:
        settings.read_phone_name(name)
        key, address = settings.read_key(str(row["public_key"])), settings.read_address(str(row["address"]))
    except SettingRefused:
        log.error(
            "a phone's row is damaged: it cannot come in until it is removed and added again", name=name
        )
        key, address = "", None
    return Phone(name, key, address, _seconds(row["created_s"]), created_by)


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
