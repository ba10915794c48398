"""The appliance's CA and server certificate, checked by OpenSSL as a device checks them."""

from __future__ import annotations

import asyncio
import ssl
import stat
import time
from pathlib import Path

import pytest
from cryptography import x509

from nvr.errors import ConfigError, StorageError
from nvr.web.tls import BACKDATE, Certificates, own_names

NAMES = frozenset({"localhost", "127.0.0.1", "::1", "nvr.example"})
DAY_S = 86400.0


def make(directory: Path, *, now_s: float | None = None, names: frozenset[str] = NAMES) -> Certificates:
    certificates = Certificates(directory, "Nhà văn hoá thôn Đông")
    certificates.ensure(names, time.time() if now_s is None else now_s)
    return certificates


def leaf(directory: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates((directory / "server.pem").read_bytes())[0]


async def handshake(certificates: Certificates, name: str, *, ca: str | None = None) -> str | None:
    """TLS version that a client which trusts only the CA agrees on with a real server."""
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=certificates.context())
    client = ssl.create_default_context(cadata=ca or certificates.ca_pem.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
        version = writer.get_extra_info("ssl_object").version()
        writer.close()
        await writer.wait_closed()
    return str(version)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "nvr.example"])
async def test_the_chain_validates_for_every_name(tmp_path: Path, name: str) -> None:
    assert await handshake(make(tmp_path / "tls"), name) == "TLSv1.3"


async def test_another_name_or_another_ca_does_not_validate(tmp_path: Path) -> None:
    certificates = make(tmp_path / "a")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        await handshake(certificates, "elsewhere.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(certificates, "localhost", ca=make(tmp_path / "b").ca_pem.decode())


def test_keys_are_for_the_service_alone(tmp_path: Path) -> None:
    certificates = make(tmp_path / "tls")
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    for file in (tmp_path / "tls").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"PRIVATE" not in certificates.ca_pem


def test_what_is_good_is_kept_and_the_ca_survives_renewals(tmp_path: Path) -> None:
    first = make(tmp_path)
    again = Certificates(tmp_path, "another name")
    assert again.ensure(NAMES, time.time()) is False
    assert again.ensure(NAMES | {"10.1.2.3"}, time.time()) is True
    assert again.ca_fingerprint == first.ca_fingerprint
    assert len(first.ca_fingerprint.split(":")) == 32
    names = leaf(tmp_path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == NAMES | {"10.1.2.3"}


def test_renewed_when_less_than_30_days_are_left(tmp_path: Path) -> None:
    now_s = time.time()
    certificates = make(tmp_path, now_s=now_s)
    lifetime = leaf(tmp_path).not_valid_after_utc - leaf(tmp_path).not_valid_before_utc
    assert lifetime.days < 397
    left_days = 397 - BACKDATE.days
    assert certificates.ensure(NAMES, now_s + (left_days - 31) * DAY_S) is False
    assert certificates.ensure(NAMES, now_s + (left_days - 29) * DAY_S) is True


def test_a_board_that_woke_in_1970_gets_a_certificate_for_this_decade(tmp_path: Path) -> None:
    make(tmp_path, now_s=60.0)
    assert leaf(tmp_path).not_valid_after_utc.year >= 2026


def test_damaged_files(tmp_path: Path) -> None:
    certificates = make(tmp_path)
    (tmp_path / "server.pem").write_bytes(b"torn")
    assert certificates.ensure(NAMES, time.time()) is True
    (tmp_path / "ca.pem").write_bytes(b"torn")
    with pytest.raises(StorageError, match=r"ca\.pem: damaged"):
        certificates.ensure(NAMES, time.time())
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be used"):
        make(tmp_path / "file")


def test_own_names() -> None:
    names = own_names(["CAM.thon-dong.example", "192.168.7.7", "fd00:0:0::7"])
    assert {"localhost", "127.0.0.1", "::1", "cam.thon-dong.example", "192.168.7.7", "fd00::7"} <= names
    with pytest.raises(ConfigError, match="web names"):
        own_names(["not a name"])
