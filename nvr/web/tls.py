"""The appliance's own certificate authority and its server certificate.

A phone on a village's network reaches the appliance by an address no public authority certifies. So each appliance
has its own CA, made at the first start, which staff install once on their devices. It signs nothing but the
server certificate, which is renewed when names change or its end is near.

Profiles: RFC 5280; server certificates as Apple and the CA/Browser Forum ask (SAN, serverAuth, at most 397 days).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ifaddr
import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nvr.errors import ConfigError, StorageError
from nvr.web.files import write_private

log = structlog.get_logger(__name__)

CA_DAYS = 3650
LEAF_DAYS = 397
RENEW_DAYS = 30
BACKDATE = timedelta(days=2)
"""How far a new certificate begins in the past, for devices whose clock is behind."""
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""A board without a battery wakes in 1970; no certificate is made for a time before this software."""
MAX_NAMES = 100

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


@dataclass(frozen=True, slots=True)
class _Signed:
    """A private key with its certificate. The repr shows neither."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def __repr__(self) -> str:
        return f"_Signed({self.certificate.subject.rfc4514_string()})"

    def pem(self, *further: x509.Certificate) -> bytes:
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return key + b"".join(
            c.public_bytes(serialization.Encoding.PEM) for c in (self.certificate, *further)
        )

    def needs_renewal(self, now: datetime, days: int) -> bool:
        end = self.certificate.not_valid_after_utc
        return now < self.certificate.not_valid_before_utc or end - now < timedelta(days=days)


class Certificates:
    """The files `ca.pem` and `server.pem` (each: private key, then certificate) in `directory`, readable by the
    service alone. Every method blocks: call it in a thread."""

    def __init__(self, directory: Path, site: str):
        self._directory, self._site = directory, site
        self._ca: _Signed | None = None

    def ensure(self, names: Names, now_wall_s: float) -> bool:
        """Make or renew what is missing, wrong or about to end; whether the server certificate is another now.

        Raises StorageError: the directory cannot be used, or `ca.pem` is damaged.
        """
        now = max(datetime.fromtimestamp(now_wall_s, UTC), EARLIEST)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            ca = self._load_ca()
            if ca is None or now > ca.certificate.not_valid_after_utc:
                ca = _new_ca(self._site, now)
                write_private(self._directory / "ca.pem", ca.pem())
                log.info("made a certificate authority", fingerprint=fingerprint(ca.certificate))
            self._ca = ca
            leaf = _load(self._directory / "server.pem")
            if leaf is not None and not _is_stale(leaf, ca, names, now):
                return False
            write_private(self._directory / "server.pem", _new_leaf(ca, names, now).pem(ca.certificate))
            log.info("made a server certificate", names=sorted(names))
        except OSError as error:
            raise StorageError(
                f"{self._directory}: cannot be used: {error.strerror}",
                remedy="Check the directory storage.state",
                params={"path": str(self._directory)},
            ) from None
        return True

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
        context.load_cert_chain(self._directory / "server.pem")

    @property
    def ca_pem(self) -> bytes:
        """The CA's certificate (no key) for devices to install; `ensure` first."""
        return self._authority.public_bytes(serialization.Encoding.PEM)

    @property
    def ca_fingerprint(self) -> str:
        """SHA-256 of the CA's certificate as devices show it: AB:CD:…"""
        return fingerprint(self._authority)

    @property
    def _authority(self) -> x509.Certificate:
        if self._ca is None:
            raise RuntimeError("ensure was not called")
        return self._ca.certificate

    def _load_ca(self) -> _Signed | None:
        file = self._directory / "ca.pem"
        ca = _load(file)
        if ca is None and file.exists():
            raise StorageError(
                f"{file}: damaged",
                remedy="Restore it from a backup; or delete it, then every device must install the new CA",
                params={"path": str(file)},
            )
        return ca


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 in pairs of capital hexadecimal digits with colons."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _load(file: Path) -> _Signed | None:
    """None where the file is missing or damaged."""
    try:
        pem = file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        key = serialization.load_pem_private_key(pem, None)
        certificate = x509.load_pem_x509_certificates(pem)[0]
    except (ValueError, IndexError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return _Signed(key, certificate)


def _is_stale(leaf: _Signed, ca: _Signed, names: Names, now: datetime) -> bool:
    try:
        leaf.certificate.verify_directly_issued_by(ca.certificate)
        extension = leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, TypeError, x509.ExtensionNotFound, InvalidSignature):
        return True
    present = {str(name.value) for name in extension.value}
    return present != set(names) or leaf.needs_renewal(now, RENEW_DAYS)


def _new_ca(site: str, now: datetime) -> _Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    # The serial's end tells the CAs of several appliances apart in a phone's list.
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Village NVR"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{site[:40]} CA {serial & 0xFFFF:04X}"),
        ]
    )
    builder = (
        _builder(key, name, name, serial, now, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return _Signed(key, builder.sign(key, hashes.SHA256()))


def _new_leaf(ca: _Signed, names: Names, now: datetime) -> _Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Village NVR")])
    builder = (
        _builder(key, subject, ca.certificate.subject, x509.random_serial_number(), now, LEAF_DAYS)
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in sorted(names)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False
        )
    )
    return _Signed(key, builder.sign(ca.key, hashes.SHA256()))


def _builder(
    key: ec.EllipticCurvePrivateKey,
    subject: x509.Name,
    issuer: x509.Name,
    serial: int,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    begin = (now - BACKDATE).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(begin)
        # One second less: both ends count (RFC 5280, 4.1.2.5).
        .not_valid_after(begin + timedelta(days=days, seconds=-1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
