"""A libav child that has been hijacked: the name of the file it is to play says which lie it tells."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

from nvr.camera.av_job import Job
from nvr.camera.av_messages import Failed, Opened, ParameterSets, Unit, encode

SPS = bytes.fromhex("6742c00cd9028d1e")
PPS = bytes.fromhex("68cb83cb20")
PICTURE = b"\x00\x00\x00\x04\x65\x88\x84\x00"
OPENED, SETS = encode(Opened(())), encode(ParameterSets("h264", b"", SPS, PPS))


def unit(data: bytes) -> bytes:
    return encode(Unit(False, 0, data))


LIES = {
    "silent": b"",
    "stalled": OPENED,
    "garbage": b"HTTP/1.1 200 OK\r\n\r\n",
    "long": (1 << 30).to_bytes(4, "big") + b"\x03",
    "type": b"\x00\x00\x00\x00\x09",
    "early": SETS,
    "twice": OPENED + OPENED,
    "no sets": OPENED + unit(PICTURE),
    "bad sets": OPENED + encode(ParameterSets("h264", b"", b"\x67" * 40, PPS)),
    "codec": OPENED + SETS.replace(b"\x02\x00", b"\x02\x07", 1),
    "overrun": OPENED + SETS + unit(b"\x00\x00\xff\xff\x65"),
    "empty": OPENED + SETS + unit(b"\x00\x00\x00\x00"),
    "no picture": OPENED + SETS + unit(b"\x00\x00\x00\x02\x06\x05"),
    "code": encode(Failed("end")).replace(b"end", b"eno"),
    "text": encode(Failed("codec", "x")).replace(b'"x"', b"[[["),
    "flood": OPENED + SETS + unit(PICTURE) * 400_000,
}


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    job = Job.unpack(connection.recv(65_536))
    connection.sendall(LIES[Path(job.path).name])
    time.sleep(60)


if __name__ == "__main__":
    main()
