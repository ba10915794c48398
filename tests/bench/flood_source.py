"""Whoever is on the network and means harm: `python -m bench.flood_source SECONDS HOST PORT [UFRAG PASSWORD REMOTE]`.

From 200 sockets: garbage, STUN checks for sessions that there are not or with a wrong password, DTLS records and RTCP
that belong to nobody. With the ICE credentials of a session of its own (and its own fragment) also from one that is let
in: a valid check, then DTLS records and RTCP that cannot be decrypted. Prints one JSON line: `sent`, `seconds`.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import time

from aioice import stun

SOCKETS = 200
STRANGERS = 20
"""Datagrams from strangers for each from the session's own address."""


def check(username: str, password: str) -> bytes:
    """A Binding request as ICE sends it."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction_id=secrets.token_bytes(12))
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    message.add_fingerprint()
    return bytes(message)


def main() -> None:
    seconds, host, port, *own = sys.argv[1:]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    target = (host, int(port))
    sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(SOCKETS)]
    hello = b"\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc8" + os.urandom(200)
    rtcp = b"\x81\xc9\x00\x07" + os.urandom(60)
    strange = [
        os.urandom(300),
        check("nobody:me", "x" * 24),
        hello,
        rtcp,
        b"",
        b"\x00\x01\x00\x00" + os.urandom(16),
    ]
    inside: list[bytes] = []
    if own:
        ufrag, password, remote = own
        strange.append(check(f"{ufrag}:{remote}", "wrong" * 6))
        sockets[0].sendto(check(f"{ufrag}:{remote}", password), target)
        inside = [hello, rtcp]
    began_s, sent = time.monotonic(), 0
    while time.monotonic() < began_s + float(seconds):
        for number in range(STRANGERS):
            sender = sockets[1 + (sent + number) % (SOCKETS - 1)]
            sender.sendto(strange[number % len(strange)], target)
        for datagram in inside:
            sockets[0].sendto(datagram, target)
        sent += STRANGERS + len(inside)
    print(json.dumps({"sent": sent, "seconds": round(time.monotonic() - began_s, 1)}))


if __name__ == "__main__":
    main()
