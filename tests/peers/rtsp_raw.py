"""An RTSP client that says what the test wants, request by request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from nvr.camera.auth import Login
from nvr.camera.rtsp import Headers, Message, Request, Response, RtspParser

PATIENCE_S = 30.0


class RawClient:
    """Speaks RTSP request by request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer
        self.frames: list[tuple[int, bytes]] = []
        self.login: Login | None = None
        self._messages: list[Message] = []
        self._parser = RtspParser(self._messages.append)
        for channel in range(256):
            self._parser.sinks[channel] = lambda buffer, start, end, at_s, channel=channel: (
                self.frames.append((channel, bytes(buffer[start:end])))
            )

    async def ask(self, method: str, url: str, **fields: str) -> Response:
        headers = Headers((("CSeq", "7"), *fields.items()))
        self.writer.write(Request(method, url, headers).encode())
        while not self._messages:
            await self.read()
        response = self._messages.pop(0)
        assert isinstance(response, Response) and response.headers.get("CSeq") == "7"
        return response

    async def log_in(self, url: str, name: str, password: str) -> Response:
        """DESCRIBE with an answer to the challenge; `told` asks likewise from now on."""
        first = await self.ask("DESCRIBE", url)
        assert first.status == 401
        self.login = Login(name, password)
        assert self.login.take_challenge(first.headers.all("WWW-Authenticate"))
        return await self.told("DESCRIBE", url)

    async def told(self, method: str, url: str, **fields: str) -> Response:
        """The answer to a request that proves the password."""
        assert self.login is not None
        authorization = self.login.authorization(method, url, "c0ffee") or ""
        return await self.ask(method, url, Authorization=authorization, **fields)

    async def read(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            data = await self.reader.read(1 << 20)
        if not data:
            raise ConnectionResetError
        self._parser.feed(data, 0.0)


@asynccontextmanager
async def raw(address: str, **options: Any) -> AsyncIterator[RawClient]:
    host, port = address.partition("//")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port), **options)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
