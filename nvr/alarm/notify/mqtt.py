"""MQTT 3.1.1: incidents as events, alarm state and presence retained.

TOPIC/incident   each message (QoS 1, not retained)
TOPIC/state      {"armed", "since_s", "siren", "ringing"} (retained)
TOPIC/online     "online", or "offline" by the Last Will or a clean stop (retained)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping

import aiomqtt

from nvr.alarm.notify.message import Message
from nvr.alarm.notify.sender import NotifyError, SendFailed
from nvr.config.notify import MqttTarget

CALL_S = 10.0
KEEPALIVE_S = 20
COALESCE_S = 0.5
GOODBYE_S = 1.0
State = Mapping[str, object]


class MqttSender:
    """One [[notify]] of kind "mqtt"; while `run` holds the connection, messages can be sent. `state`: the alarm's."""

    def __init__(self, target: MqttTarget, state: Callable[[], State]):
        self._target, self._state = target, state
        self._client: aiomqtt.Client | None = None
        self._changed = asyncio.Event()

    async def members(self, camera: str | None) -> list[str]:
        """Itself."""
        return [""]

    def changed(self) -> None:
        """The alarm's state may have changed."""
        self._changed.set()

    async def send(self, member: str, message: Message) -> None:
        """Raises SendFailed."""
        client = self._client
        if client is None:
            raise SendFailed("unreachable")
        try:
            await client.publish(f"{self._target.topic}/incident", message.body, qos=1, timeout=CALL_S)
        except aiomqtt.MqttError:
            raise SendFailed("unreachable") from None

    async def run(self, healthy: Callable[[], None]) -> None:
        """Hold the connection until cancelled. Raises NotifyError."""
        target = self._target
        try:
            tls = await asyncio.to_thread(target.tls_context) if target.tls else None
            async with self._connected(tls) as client:
                await self._publish(client, "online", b"online")
                self._client = client
                healthy()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._hold(client))
                    tasks.create_task(self._tell_state(client))
        except (aiomqtt.MqttError, OSError) as error:
            raise self._lost(error) from None

    @contextlib.asynccontextmanager
    async def _connected(self, tls: ssl.SSLContext | None) -> AsyncIterator[aiomqtt.Client]:
        target = self._target
        will = aiomqtt.Will(f"{target.topic}/online", b"offline", qos=1, retain=True)
        async with aiomqtt.Client(
            target.host,
            target.used_port,
            username=target.username or None,
            password=target.password.get_secret_value() or None,
            will=will,
            timeout=CALL_S,
            keepalive=KEEPALIVE_S,
            tls_context=tls,
        ) as client:
            try:
                yield client
            except asyncio.CancelledError:
                # A clean end sends no Last Will.
                with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                    async with asyncio.timeout(GOODBYE_S):
                        await self._publish(client, "online", b"offline")
                raise
            finally:
                self._client = None

    async def _hold(self, client: aiomqtt.Client) -> None:
        """Until the connection is lost: nothing is subscribed to, so no message comes. Raises NotifyError."""
        try:
            async for _ in client.messages:
                continue
        except aiomqtt.MqttError as error:
            raise self._lost(error) from None

    async def _tell_state(self, client: aiomqtt.Client) -> None:
        """Raises NotifyError."""
        told = b""
        try:
            while True:
                self._changed.clear()
                state = json.dumps(self._state(), separators=(",", ":")).encode()
                if state != told:
                    await self._publish(client, "state", state)
                    told = state
                await self._changed.wait()
                await asyncio.sleep(COALESCE_S)
        except aiomqtt.MqttError as error:
            raise self._lost(error) from None

    async def _publish(self, client: aiomqtt.Client, what: str, payload: bytes) -> None:
        await client.publish(f"{self._target.topic}/{what}", payload, qos=1, retain=True, timeout=CALL_S)

    def _lost(self, error: Exception) -> NotifyError:
        target = self._target
        return NotifyError(
            f'notify "{target.name}": no connection to the MQTT broker {target.host}:{target.used_port}: {error}',
            remedy="Check host, port, user and password of this [[notify]], and the network",
            params={"target": target.name},
        )
