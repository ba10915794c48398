"""A notifier on a real state.db with real receivers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nvr.alarm.incidents import Incident, IncidentStore
from nvr.alarm.notify.message import Site
from nvr.alarm.notify.notifier import Notifier
from nvr.alarm.notify.outbox import Outbox
from nvr.alarm.notify.policy import Rule
from nvr.alarm.notify.webhook import WebhookSender
from nvr.audit_chain import Head
from nvr.clock import SystemClock
from nvr.config.notify import WebhookTarget
from nvr.events import Actor, Box, Response, Sighting
from nvr.faults import FaultBoard
from nvr.state import open_state
from nvr.store import Database
from nvr.supervise import Backoff, Supervisor

SECRET = "bí mật của trạm, dài"
WORDS = {"notify.text.incident": "{time} {camera}: {kind}", "kind.person": "người"}
OFFICER = Actor("Minh", "192.168.1.20")
HEAD = Head(7, "3f2a9c1b77d05e21" * 4)


def facts() -> Site:
    return Site("Trạm Đông", ZoneInfo("Asia/Ho_Chi_Minh"), {"gate": "Cổng"}, WORDS, "https://nvr.local:8443/")


class Receiver:
    """A webhook's other end. `status`: what it answers next."""

    def __init__(self) -> None:
        self.status = 204
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.queries: list[str] = []
        self.url = ""
        self.hold: asyncio.Event | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.got.append((dict(request.headers), await request.read()))
        self.queries.append(request.query_string)
        if self.hold is not None:
            await self.hold.wait()
        headers = {"Location": "/elsewhere"} if self.status == 302 else {}
        return web.Response(status=self.status, headers=headers)

    @property
    def bodies(self) -> list[dict]:
        return [json.loads(body) for _, body in self.got]

    @asynccontextmanager
    async def serve(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        port = runner.addresses[0][1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/hook?token=verborgen"
        try:
            yield self
        finally:
            if self.hold is not None:
                self.hold.set()
            await runner.cleanup()


def webhook(name: str, url: str, **more) -> WebhookTarget:
    return WebhookTarget(kind="webhook", name=name, url=url, secret=SECRET, **more)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """(certificate, key) files for 127.0.0.1 and localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "server.crt", folder / "server.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def server_tls(files: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


class Told:
    """One running notifier."""

    def __init__(self, db: Database, notifier: Notifier, faults: FaultBoard, clock) -> None:
        self.db, self.notifier, self.faults, self.clock = db, notifier, faults, clock
        self.store, self.outbox = IncidentStore(db), Outbox(db)
        self.changed: list[Incident] = []

    async def open(
        self,
        response=Response.CALL,
        *,
        tell: bool = True,
        opened_s: float | None = None,
        test: bool = False,
    ) -> Incident:
        """A new incident, as the journal writes and tells it."""
        sighting = Sighting("gate", "sân", response, "person", 0.9, Box(0, 0, 1, 1), 1, 0.0, b"")
        at_s = self.clock.wall() if opened_s is None else opened_s
        incident = await self.store.open(sighting, response, at_s, test=test)
        if tell:
            self.notifier.incident(incident)
        return incident

    async def acknowledge(self, incident: Incident) -> None:
        acknowledged = await self.store.acknowledge(incident.id, OFFICER, self.clock.wall())
        assert acknowledged
        self.notifier.incident(acknowledged)

    async def states(self, incident: Incident) -> dict[str, str]:
        return {d.recipient.target: d.state for d in await self.outbox.of_incident(incident.id)}

    async def until(self, condition) -> None:
        """`condition` may be a coroutine function."""
        async with asyncio.timeout(20):
            while True:
                value = condition()
                if await value if asyncio.iscoroutine(value) else value:
                    return
                await asyncio.sleep(0.02)

    async def until_tried(self, incident: Incident, **attempts: int) -> None:
        """So many attempts at each target have failed, and that is written down."""

        async def tried() -> bool:
            stored = await self.outbox.of_incident(incident.id)
            return {d.recipient.target: d.attempts for d in stored}.items() >= attempts.items()

        await self.until(tried)

    async def until_states(self, incident: Incident, wanted: dict[str, str]) -> None:
        async def reached() -> bool:
            return await self.states(incident) == wanted

        with contextlib.suppress(TimeoutError):
            await self.until(reached)
        assert await self.states(incident) == wanted


@asynccontextmanager
async def telling(
    folder: Path, targets, *, senders=None, clock=None, run: bool = True
) -> AsyncIterator[Told]:
    """A notifier for `targets`, running for the duration of the block."""
    clock = clock or SystemClock()
    db = await open_state(folder)
    faults = FaultBoard(clock)
    made = {target.name: WebhookSender(target, clock) for target in targets if target.kind == "webhook"}
    told: list[Told] = []

    async def head() -> Head:
        return HEAD

    notifier = Notifier(
        {t.name: Rule(t.name, t.after_seconds, frozenset(t.responses)) for t in targets},
        {**made, **(senders or {})},
        outbox=Outbox(db),
        incidents=IncidentStore(db),
        site=facts(),
        clock=clock,
        faults=faults,
        on_change=lambda incident: told[0].changed.append(incident),
        audit_head=head,
    )
    told.append(Told(db, notifier, faults, clock))
    supervisor = Supervisor(SystemClock(), faults)
    async with asyncio.TaskGroup() as tasks:
        jobs = [("notify", notifier.run)] if run else []
        jobs += [
            (f"notify:{name}", sender.run)
            for name, sender in (senders or {}).items()
            if hasattr(sender, "run")
        ]
        running = [
            tasks.create_task(supervisor.keep_running(place, job, Backoff(0.05, 0.2))) for place, job in jobs
        ]
        yield told[0]
        for job in running:
            job.cancel()
    await notifier.flush()
    await db.close()
