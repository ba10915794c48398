"""Makes and renews the appliance's certificates: `python -m nvr.web.authority`, a process that ends at once.

It reads a `Wish` from stdin and writes an `Outcome` to stdout; keys stay in files. The library that signs takes 10 MB,
which the service would keep for months to use it once a year.

Profiles: RFC 5280; server certificates as Apple and the CA/Browser Forum ask (SAN, serverAuth, at most 397 days).
"""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nvr.web.tls import BACKDATE, CA_DAYS, EARLIEST, LEAF_DAYS, RENEW_DAYS, Names, Outcome, Wish
from nvr.whole_file import PRIVATE, write_whole


def main() -> None:
    """Do what stdin asks for."""
    wish = msgspec.json.decode(sys.stdin.buffer.read(), type=Wish)
    sys.stdout.buffer.write(msgspec.json.encode(ensure(wish)))


def ensure(wish: Wish) -> Outcome:
    """Make or renew what is missing, wrong or about to end."""
    now = max(datetime.fromtimestamp(wish.now_wall_s, UTC), EARLIEST)
    directory = Path(wish.directory)
    made_ca = made_leaf = False
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = directory / "ca.pem"
        ca = _load(file)
        if ca is None and file.exists():
            return Outcome(is_ca_damaged=True)
        if ca is None or now > ca.certificate.not_valid_after_utc:
            ca, made_ca = _new_ca(wish.site, now), True
            write_whole(file, ca.pem(), mode=PRIVATE)
        leaf = _load(directory / "server.pem")
        if leaf is None or _is_stale(leaf, ca, wish.names, now):
            made_leaf = True
            leaf = _new_leaf(ca, wish.names, now)
            write_whole(directory / "server.pem", leaf.pem(ca.certificate), mode=PRIVATE)
    except OSError as error:
        return Outcome(error=error.strerror or str(error))
    return Outcome(
        made_ca=made_ca, made_leaf=made_leaf, ca=ca.certificate.public_bytes(serialization.Encoding.PEM)
    )


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


if __name__ == "__main__":
    main()
