"""What the service believes of a sighting."""

from __future__ import annotations

import pytest

from nvr.config import Camera, Zone
from nvr.detect.checks import Checks
from nvr.detect.messages.protocol import Found, FoundWithPicture
from nvr.detect.messages.sightings import Look, Why
from nvr.events import Response

ZONE = Zone(name="all", response=Response.SIREN, objects=("person",), decided_by="a test")
CAMERA = Camera(id="gate", name="Gate", main="rtsp://127.0.0.1/gate", zone=(ZONE,))
JPEG = b"\xff\xd8 a picture \xff\xd9"


@pytest.mark.parametrize(
    ("sure", "by_way", "response"),
    [
        (True, False, Response.SIREN),
        (False, False, Response.CALL),
        (False, True, Response.CALL),
        (True, True, Response.CALL),
    ],
)
def test_shape_and_way_never_sound_the_siren_whatever_the_worker_says(
    sure: bool, by_way: bool, response: Response
) -> None:
    look = Look(0.0, 0.0, 2.5, 0.5, True, (0.1, 0.1, 0.2, 0.4))
    why = Why(certain_at=2.5, after_s=4.0, pictures=1, examined=(look,), counted=(0,), by_way=by_way)
    box = (0.1, 0.1, 0.2, 0.4)
    found = Found(
        camera=0, zone=0, kind="person", score=0.0, box=box, track=1, captured_mono_s=99.0, sure=sure, why=why
    )
    assert Checks((CAMERA,)).sighting(FoundWithPicture(found, JPEG), 100.0).response is response
