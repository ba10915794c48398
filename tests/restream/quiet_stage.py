"""A stage for dialogues without sockets: what would be sent is kept, and what is asked for is counted."""

from __future__ import annotations

from collections.abc import Mapping

from nvr.camera.auth import Login, Realm
from nvr.camera.rtsp import Headers, Message, Request, Response, RtspParser
from nvr.media.access_unit import CodecConfig
from nvr.media.audio import g711_config
from nvr.restream.dialogue import Dialogue, Lane, Presented
from nvr.restream.gate import Gate

URL, USER, PASSWORD, NONCE, SESSION = "rtsp://10.0.0.9:8554/gate/main", "tinh", "secret", "n0nce", "5e55"
SPS = bytes.fromhex("6764001facd9405005ba10000003001000000303c8f1831960")
VIDEO = CodecConfig("h264", SPS, b"\x68\xeb\xe3\xcb\x22\xc0", 1280, 720, False)


class QuietStage:
    """Knows `gate/main` for USER alone."""

    def __init__(self) -> None:
        self.sent = b""
        self.asked: list[str] = []
        self.deeds: list[str] = []

    def send(self, data: bytes) -> None:
        assert "close" not in self.deeds, "nothing is said after the end"
        self.sent += data

    def find(self, user: str, path: str) -> Presented | None:
        assert user == USER, "only who has logged in learns what there is"
        self.asked.append(path)
        return Presented(path, VIDEO, g711_config("alaw")) if path == "gate/main" else None

    def has_room(self, user: str) -> bool:
        return True

    def open_udp(self) -> tuple[int, int] | None:
        return 6000, 6001

    def join(self, place: str, lanes: Mapping[str, Lane]) -> dict[str, tuple[int, int]]:
        assert place == "gate/main" and lanes
        for lane in lanes.values():
            assert (lane.channels is None) != (lane.ports is None)
            assert lane.ports is None or min(lane.ports) >= 1024
        channels = [channel for lane in lanes.values() for channel in lane.channels or ()]
        assert len(channels) == len(set(channels))
        self.deeds.append("join")
        return {"video": (7, 9)}

    def flow(self) -> None:
        self.deeds.append("flow")

    def hold(self) -> None:
        self.deeds.append("hold")

    def leave(self) -> None:
        self.deeds.append("leave")

    def close(self) -> None:
        self.deeds.append("close")

    def answers(self) -> list[Response]:
        """What was sent, as a client reads it."""
        found: list[Message] = []
        RtspParser(found.append).feed(self.sent, 0.0)
        assert all(isinstance(answer, Response) for answer in found)
        return [answer for answer in found if isinstance(answer, Response)]


def dialogue(stage: QuietStage, *, needs_login: bool = True) -> Dialogue:
    """At time 0."""
    realm = Realm("Village NVR", {USER: PASSWORD}.get)
    gate = Gate(realm if needs_login else None)
    return Dialogue(stage, gate, address="10.0.0.1", nonce=NONCE, session=SESSION, began_s=0.0)


def request(method: str, url: str = URL, **fields: str) -> bytes:
    """A request that proves the password."""
    login = Login(USER, PASSWORD)
    assert login.take_challenge(Realm("Village NVR", {USER: PASSWORD}.get).challenges(NONCE))
    proof = login.authorization(method, url, "c0ffee") or ""
    return Request(method, url, Headers((("CSeq", "1"), ("Authorization", proof), *fields.items()))).encode()


VISIT = (
    request("OPTIONS"),
    request("DESCRIBE"),
    request("SETUP", f"{URL}/video", Transport="RTP/AVP/TCP;unicast;interleaved=0-1"),
    request("SETUP", f"{URL}/audio", Transport="RTP/AVP/TCP;unicast", Session=SESSION),
    request("PLAY", Session=SESSION),
    b"$\x01\x00\x08" + bytes.fromhex("80c9000100000007"),
    request("GET_PARAMETER", Session=SESSION),
    request("PAUSE", Session=SESSION),
    request("PLAY", Session=SESSION),
    request("SET_PARAMETER", Session=SESSION),
    request("TEARDOWN", Session=SESSION),
)
"""What a well-behaved client sends, message by message."""
UDP_VISIT = (
    request("SETUP", f"{URL}/video", Transport="RTP/AVP;unicast;client_port=5000-5001"),
    request("PLAY", Session=SESSION),
    request("TEARDOWN", Session=SESSION),
)
