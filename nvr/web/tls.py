"""The appliance's own certificate authority and its server certificate.

A phone on a village's network reaches the appliance by an address no public authority certifies. So each appliance
has its own CA, made at the first start, which staff install once on their devices. It signs nothing but the
server certificate, which is renewed when names change or its end is near. `authority.py` makes both.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ifaddr
import msgspec
import structlog

from nvr.errors import ConfigError, StorageError

log = structlog.get_logger(__name__)

CA_DAYS = 3650
LEAF_DAYS = 397
RENEW_DAYS = 30
BACKDATE = timedelta(days=2)
"""How far a new certificate begins in the past, for devices whose clock is behind."""
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""A board without a battery wakes in 1970; no certificate is made for a time before this software."""
MAX_NAMES = 100

AUTHORITY = (sys.executable, "-m", "nvr.web.authority")
AUTHORITY_S = 120

Names = frozenset[str]
_DNS = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)


def own_names(configured: Iterable[str]) -> Names:
    """Every name and address under which the page may be opened: host name, its .local, localhost, the addresses
    of all interfaces, and `configured` (web.names). Blocks a moment.

    Raises ConfigError: a configured name is neither a DNS name nor an IP address.
    """
    names = {"localhost", "127.0.0.1", "::1"}
    host = socket.gethostname().lower().removesuffix(".local")
    if _DNS.fullmatch(host):
        names |= {host, f"{host}.local"}
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            address = ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
            # A link-local IPv6 address means nothing without its interface, which a certificate cannot name.
            if not (address.version == 6 and address.is_link_local):
                names.add(str(address))
    for name in configured:
        try:
            names.add(str(ipaddress.ip_address(name)))
        except ValueError:
            if not _DNS.fullmatch(name.lower()):
                raise ConfigError(
                    "nvr.toml", "web names", f'"{name}" is no name', "DNS names and IP addresses"
                ) from None
            names.add(name.lower())
    return frozenset(sorted(names)[:MAX_NAMES])


class Wish(msgspec.Struct, frozen=True):
    """To the process that makes certificates: as `Certificates.ensure`."""

    directory: str
    site: str
    names: Names
    now_wall_s: float


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """Its answer. `ca`: the CA's certificate (PEM, no key). `error`: why the directory cannot be used."""

    made_ca: bool = False
    made_leaf: bool = False
    ca: bytes = b""
    is_ca_damaged: bool = False
    error: str = ""


def ask_authority(wish: Wish) -> Outcome:
    """Have it done in a process that ends at once."""
    answer = subprocess.run(  # noqa: S603
        AUTHORITY, input=msgspec.json.encode(wish), stdout=subprocess.PIPE, timeout=AUTHORITY_S, check=True
    )
    return msgspec.json.decode(answer.stdout, type=Outcome)


class Certificates:
    """The files `ca.pem` and `server.pem` (each: private key, then certificate) in `directory`, readable by the
    service alone. `authority`: who makes them. Every method blocks: call it in a thread."""

    def __init__(self, directory: Path, site: str, authority: Callable[[Wish], Outcome] = ask_authority):
        self._directory, self._site, self._authority = directory, site, authority
        self._ca_pem: bytes | None = None

    def ensure(self, names: Names, now_wall_s: float) -> bool:
        """Make or renew what is missing, wrong or about to end; whether the server certificate is another now.

        Raises StorageError: the directory cannot be used, or `ca.pem` is damaged.
        """
        outcome = self._authority(Wish(str(self._directory), self._site, names, now_wall_s))
        if outcome.error:
            raise StorageError(
                f"{self._directory}: cannot be used: {outcome.error}",
                remedy="Check the directory storage.state",
                params={"path": str(self._directory)},
            )
        if outcome.is_ca_damaged:
            file = self._directory / "ca.pem"
            raise StorageError(
                f"{file}: damaged",
                remedy="Restore it from a backup; or delete it, then every device must install the new CA",
                params={"path": str(file)},
            )
        self._ca_pem = outcome.ca
        if outcome.made_ca:
            log.info("made a certificate authority", fingerprint=self.ca_fingerprint)
        if outcome.made_leaf:
            log.info("made a server certificate", names=sorted(names))
        return outcome.made_leaf

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 and later with the present server certificate; `ensure` first."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        self.reload(context)
        return context

    def reload(self, context: ssl.SSLContext) -> None:
        """Use the present server certificate for the next connections of `context`."""
        context.load_cert_chain(self.server_file)

    @property
    def server_file(self) -> Path:
        """Where the server's key and certificate are."""
        return self._directory / "server.pem"

    @property
    def ca_pem(self) -> bytes:
        """The CA's certificate (no key) for devices to install; `ensure` first."""
        if self._ca_pem is None:
            raise RuntimeError("ensure was not called")
        return self._ca_pem

    @property
    def ca_fingerprint(self) -> str:
        """SHA-256 of the CA's certificate as devices show it: AB:CD:…"""
        content = ssl.PEM_cert_to_DER_cert(self.ca_pem.decode())
        return hashlib.sha256(content).digest().hex(":").upper()
