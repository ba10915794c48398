"""Debian's mosquitto as a real MQTT broker."""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

MOSQUITTO = "/usr/sbin/mosquitto"


@dataclass
class Broker:
    """`port`: plain, `tls_port`: with the certificate that was given."""

    folder: Path
    port: int
    tls_port: int
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await create_subprocess_exec(
            *(MOSQUITTO, "-c", str(self.folder / "mosquitto.conf")), stdout=DEVNULL, stderr=DEVNULL
        )
        async with asyncio.timeout(20):
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                        return
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


@asynccontextmanager
async def mqtt_broker(
    folder: Path, certificate: Path, key: Path, *, user: str = "nvr", password: str = "bí mật 1"
) -> AsyncIterator[Broker]:
    """A broker on the loopback interface that lets in `user` only."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        broker = Broker(folder, one.getsockname()[1], other.getsockname()[1])
    passwords = folder / "passwords"
    making = await create_subprocess_exec(
        *("/usr/bin/mosquitto_passwd", "-b", "-c", str(passwords), user, password), stdout=DEVNULL
    )
    assert await making.wait() == 0
    for path in (passwords, key):  # as root mosquitto gives its rights up
        path.chmod(0o644)
    (folder / "mosquitto.conf").write_text(
        f"user root\npassword_file {passwords}\nallow_anonymous false\n"
        f"listener {broker.port} 127.0.0.1\n"
        f"listener {broker.tls_port} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n"
    )
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()
