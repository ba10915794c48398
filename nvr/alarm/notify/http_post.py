"""One bounded POST: certificate verified, no redirects, no cookies, nothing of the answer read but its status."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping

import aiohttp

from nvr.alarm.notify.sender import SendFailed

TOTAL_S, CONNECT_S = 15.0, 8.0


class HttpPost:
    """`tls`: makes the context on first use, in a thread, since it reads files; raises OSError."""

    def __init__(self, tls: Callable[[], ssl.SSLContext]):
        self._tls = tls
        self._context: ssl.SSLContext | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The answer's status. Raises SendFailed: there was none."""
        try:
            if self._context is None:
                self._context = await asyncio.to_thread(self._tls)
            async with (
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=TOTAL_S, sock_connect=CONNECT_S),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    connector=aiohttp.TCPConnector(ssl=self._context, force_close=True),
                ) as session,
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return answer.status  # closing the session drops the rest unread
        except TimeoutError:
            raise SendFailed("timeout") from None
        except aiohttp.ClientConnectorCertificateError:
            raise SendFailed("certificate") from None
        except aiohttp.ClientSSLError:
            raise SendFailed("tls") from None
        except (OSError, aiohttp.ClientError):
            raise SendFailed("unreachable") from None
