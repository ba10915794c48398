"""An analysis process that has been hijacked: `model` of its configuration says which lie it tells."""

from __future__ import annotations

import os
import socket
import sys
import time

from msgspec.structs import replace

from nvr.detect.messages.protocol import (
    BetterShot,
    CameraStatistics,
    Configure,
    Failed,
    Found,
    FoundWithPicture,
    Moved,
    PictureMade,
    Ready,
    SelfTest,
    Sick,
    SickHead,
    Statistics,
    WorkerReader,
    encode,
)
from nvr.detect.messages.sick import MAX_SICK_JPEG
from nvr.events import Rule

JPEG = b"\xff\xd8\xff\xe0\xff\xd9"
TRUTH = Found(
    camera=0,
    zone=0,
    kind="person",
    score=0.8,
    box=(0.1, 0.1, 0.2, 0.2),
    track=1,
    captured_mono_s=time.monotonic(),
    sure=True,
)
NUMBERS = CameraStatistics(examined_fps=0, skipped=0, decode_errors=0, queue_age_s=0)
SICK = Sick(SickHead(camera=0, sickness="moved"), b"", JPEG)
LIES = {
    "zone": encode(FoundWithPicture(replace(TRUTH, zone=1), JPEG)),
    "kind": encode(FoundWithPicture(replace(TRUTH, kind="cow"), JPEG)),
    "rule": encode(FoundWithPicture(replace(TRUTH, rule=Rule.LOITER), JPEG)),
    "box": encode(FoundWithPicture(replace(TRUTH, box=(0.5, 0.1, 0.2, 0.2)), JPEG)),
    "camera": encode(FoundWithPicture(replace(TRUTH, camera=1), JPEG)),
    "future": encode(Moved(camera=0, captured_mono_s=time.monotonic() + 3600, area=0.1)),
    "past": encode(Moved(camera=0, captured_mono_s=time.monotonic() - 3600, area=0.1)),
    "ready twice": encode(Ready(mechanisms=())),
    "cameras": encode(Statistics(cameras=(NUMBERS, NUMBERS), inference_ms=0)),
    "direction": encode(SelfTest()),
    "garbage": b"HTTP/1.1 200 OK\r\n\r\n",
    "picture": encode(FoundWithPicture(TRUTH, JPEG)).replace(JPEG, b"<html>"),
    "still": encode(PictureMade(1, JPEG)).replace(JPEG, b"<html>"),
    "stranger": encode(FoundWithPicture(TRUTH, JPEG)) + encode(BetterShot(0, 2, JPEG)),
    "better of nowhere": encode(BetterShot(9, 1, JPEG)),
    "flood": encode(FoundWithPicture(TRUTH, JPEG))
    + encode(BetterShot(0, 1, JPEG)) * 50
    + encode(Statistics(cameras=(NUMBERS, NUMBERS), inference_ms=0)),
    "sick": encode(Sick(SickHead(camera=1, sickness="moved"), b"", JPEG)),
    "sickness": encode(SICK).replace(b"moved", b"upset"),
    "sick picture": encode(SICK).replace(JPEG, b"<html>"),
    "large picture": encode(Sick(SICK.head, b"", JPEG[:3] + bytes(MAX_SICK_JPEG) + JPEG[-2:])),
    "believable": encode(SICK),
    "nothing": b"",
}


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    (configure,) = WorkerReader().feed(connection.recv(65536))
    assert isinstance(configure, Configure)
    lie = configure.model or ""
    if lie == "early":
        connection.sendall(encode(FoundWithPicture(TRUTH, JPEG)))
    elif lie == "locked out":
        connection.sendall(
            encode(Failed(code="sandbox", message="no mechanism", remedy="Use another kernel"))
        )
    elif lie == "dies":
        sys.exit("out of cheese\nredo from start")
    elif lie == "closes":
        connection.close()
    else:
        connection.sendall(encode(Ready(mechanisms=("honesty",))) + LIES[lie])
    while True:
        os.read(0, 1) or time.sleep(60)


if __name__ == "__main__":
    main()
