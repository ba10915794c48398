"""The plain-HTTP site: the CA's page, and nothing for people. And what stands in the way of listening."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from ssl import SSLContext, create_default_context

import pytest
from aiohttp import ClientConnectionError, ClientSession, TCPConnector, web
from web_site import Site

from nvr.config import Web
from nvr.errors import ConfigError
from nvr.web.listen import Listener, listening
from nvr.web.server import ROUTES, WebServer
from nvr.web.services import Services
from nvr.web.tls import Certificates
from peers.appliance import free_port


async def test_the_page_explains_and_the_certificate_is_there(site: Site) -> None:
    async with ClientSession() as client:
        async with client.get(site.http_url + "/") as response:
            text = await response.text()
            assert response.status == 200
            assert response.content_type == "text/html"
            assert "{{" not in text
            assert site.server.ca_fingerprint in text
            assert site.url + "/" in text
            assert escape("Trạm <Đông>") in text
            assert "<Đông>" not in text
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        async with client.get(site.http_url + "/ca.crt") as response:
            pem = await response.read()
            assert response.content_type == "application/x-x509-ca-cert"
    assert pem.startswith(b"-----BEGIN CERTIFICATE-----")
    assert b"PRIVATE" not in pem


async def test_everything_else_is_sent_to_https(site: Site) -> None:
    paths = {route.path for route in ROUTES if not route.access.platform} - {"/"}
    async with ClientSession() as client:
        for path in [*paths, "/nothing?a=1", "//evil.example/"]:
            for method in ("GET", "POST"):
                url = site.http_url + path
                async with client.request(method, url, allow_redirects=False) as response:
                    assert response.status == 308
                    assert response.headers["Location"].startswith(site.url + "/")
                    assert "Set-Cookie" not in response.headers


async def test_a_host_that_is_none_is_not_repeated(site: Site) -> None:
    port = site.config.web.https_port
    async with ClientSession() as client:
        for host in ("evil.example/x", "a b", "x" * 300, "", '"><script>'):
            headers = {"Host": host}
            async with client.get(site.http_url + "/x", headers=headers, allow_redirects=False) as response:
                assert response.headers["Location"] == f"https://localhost:{port}/x"
            async with client.get(site.http_url + "/", headers=headers) as response:
                assert "<script" not in await response.text()


def with_web(services: Services, **changes: object) -> Services:
    values = {name: getattr(services, name) for name in Services.__dataclass_fields__}
    settings: Web = services.config.web.model_copy(update=changes)
    return Services(**values | {"config": services.config.model_copy(update={"web": settings})})


@pytest.mark.parametrize("key", ["https_port", "http_port"])
async def test_a_port_in_use_is_named(site: Site, key: str) -> None:
    with socket.socket() as other, socket.socket() as free:
        for taken in (other, free):
            taken.bind(("127.0.0.1", 0))
        other.listen()
        ports = {"https_port": free.getsockname()[1], "http_port": free.getsockname()[1]}
        free.close()
        ports[key] = other.getsockname()[1]
        server = WebServer(with_web(site.services, **ports))
        with pytest.raises(ConfigError, match=rf"web {key}: port {ports[key]} is used"):
            await server.run(lambda: None)


async def test_a_foreign_address_is_named(site: Site) -> None:
    server = WebServer(with_web(site.services, host="203.0.113.1"))
    with pytest.raises(ConfigError, match="web host"):
        await server.run(lambda: None)


@asynccontextmanager
async def three_connections(port: int, context: SSLContext | None) -> AsyncIterator[Listener]:
    async with (
        listening(web.Application(), "127.0.0.1", port, "http_port", context, max_connections=3) as listener,
        asyncio.TaskGroup() as tasks,
    ):
        accepting = tasks.create_task(listener.accept())
        yield listener
        accepting.cancel()


async def test_connections_in_the_handshake_are_bounded_too(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path, "x")
    certificates.ensure(frozenset({"localhost"}), time.time())
    port = free_port()
    async with three_connections(port, certificates.context()):
        mute = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(5):
            assert await reader.read() == b"", "one too many"
        writer.close()
        for _, writer in mute:
            writer.close()
        # Those that leave within the handshake count no more.
        context = create_default_context(cadata=certificates.ca_pem.decode())
        async with asyncio.timeout(20), ClientSession(connector=TCPConnector(ssl=context)) as client:
            while True:
                try:
                    async with client.get(f"https://localhost:{port}/") as response:
                        assert response.status == 404
                        break
                except ClientConnectionError:
                    await asyncio.sleep(0.05)


async def test_connections_are_bounded_and_must_ask_something() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    async with three_connections(port, None) as listener, ClientSession() as client:
        async with client.get(url) as response:
            assert response.status == 404
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b"", "one too many"
        writer.close()
        for _ in range(2):
            listener.close_silent()
        for reader, writer in silent:
            assert await reader.read() == b""
            writer.close()
        async with client.get(url) as response:
            assert response.status == 404, "on the connection that has spoken"


async def test_what_is_no_http_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    async with three_connections(port, None):
        for garbage in (b"\x16\x03\x01\xff\xff\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"GET /" + b"a" * 100_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(garbage)
            assert b" 400 " in await reader.read()
            writer.close()
    assert not caplog.records
