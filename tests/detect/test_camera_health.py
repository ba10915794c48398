"""Sickness through the real decoder, the real pictures and, once, the real locked-in process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import cycle

import av
import numpy as np
from detect_peers import encode
from sick_scenes import Light, Street

from nvr.detect.messages.protocol import CameraSetup, Configure, Parameters, Ready, Sick, Unit, Well
from nvr.detect.process import WorkerProcess
from nvr.detect.steps.sick import LEARN_S
from nvr.detect.worker.health import PROVEN_S, CameraHealth
from nvr.detect.worker.picture import Picture

EVERY_S = 10.0
START_S = 1e6


def frame(luma: Light, *, colour: int = 150) -> av.VideoFrame:
    """A picture of 640x360 in one tint; 128 is grey."""
    large = np.kron(luma.round().clip(16, 235).astype(np.uint8), np.ones((2, 2), np.uint8))
    chroma = np.full((180, 640), colour, np.uint8)
    return av.VideoFrame.from_ndarray(np.concatenate([large, chroma]), "yuv420p")


def size_of(jpeg: bytes) -> tuple[int, int]:
    picture = av.CodecContext.create("mjpeg", "r").decode(av.Packet(jpeg))[0]
    return picture.width, picture.height


def brightness_of(jpeg: bytes) -> float:
    picture = av.CodecContext.create("mjpeg", "r").decode(av.Packet(jpeg))[0]
    return float(picture.reformat(format="gray").to_ndarray().mean())


def test_pictures_of_before_and_after_go_with_the_message() -> None:
    street, health, t_s = Street(), CameraHealth(7), 1000.0
    bag = np.full_like(street.scene, 200)

    def show(seconds: float, scene: Callable[[], Light]) -> list[Sick | Well]:
        nonlocal t_s
        told, until_s = [], t_s + seconds
        while t_s < until_s:
            told += health.observe(Picture(frame(street.picture(scene()).astype(np.float32))), t_s)
            t_s += EVERY_S
        return told

    assert show(LEARN_S + 2 * PROVEN_S, lambda: street.scene) == []
    (sick,) = show(400, lambda: bag)
    assert isinstance(sick, Sick)
    assert (sick.head.camera, sick.head.sickness) == (7, "covered")
    assert size_of(sick.before) == size_of(sick.now) == (480, 270)
    assert brightness_of(sick.now) > 180 > brightness_of(sick.before)
    assert Sick.unpack(sick.pack()) == sick
    assert show(400, lambda: street.scene) == [Well(camera=7)]


def test_sick_from_the_start_has_no_picture_of_before() -> None:
    health = CameraHealth(0)
    black = [Picture(frame(np.full((180, 320), 16 + n, np.float32))) for n in range(2)]
    told = [one for n in range(60) for one in health.observe(black[n % 2], EVERY_S * n)]
    (sick,) = told
    assert isinstance(sick, Sick)
    assert (sick.head.sickness, sick.before) == ("dark", b"")


def test_digest_and_colour() -> None:
    street = Street()
    luma = street.picture().astype(np.float32)
    picture, again = Picture(frame(luma)), Picture(frame(luma))
    assert picture.digest() == again.digest()
    luma[10:16, 20:24] += 3.0  # a figure of a clock
    assert Picture(frame(luma)).digest() != picture.digest()
    assert picture.has_colour()
    assert not Picture(frame(luma, colour=128)).has_colour()


async def test_through_the_locked_in_process_on_simulated_time() -> None:
    """Pictures that are ten seconds apart by their own account. Without colour, as from an infrared camera."""
    street = Street()
    black: Sequence[Light] = [np.full_like(street.scene, 16 + n) for n in range(3)]
    units = encode([frame(luma, colour=128) for luma in black], gop=1)
    worker = await WorkerProcess.start()
    config = units[0].config

    async def send_pictures() -> None:
        for count, unit in enumerate(cycle(units)):
            # Ahead of the machine's time: none is too old, and each is due.
            worker.send(Unit(0, True, START_S + EVERY_S * count, unit.data))
            await asyncio.sleep(0.05)

    async def next_sickness() -> Sick:
        while True:
            message = await worker.receive(60)
            if isinstance(message, Sick):
                return message

    async with asyncio.TaskGroup() as tasks:
        worker.send(Configure(model=None, fps=6, sure_at=7.0, cameras=(CameraSetup(zones=()),)))
        assert isinstance(await worker.receive(60), Ready)
        worker.send(Parameters(0, "h264", config.sps, config.pps))
        sending = tasks.create_task(send_pictures())
        try:
            sick = await next_sickness()
        finally:
            sending.cancel()
            await worker.end()
    assert sick.head.sickness == "dark"
    assert size_of(sick.now) == (480, 270)
