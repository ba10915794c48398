"""What a stranger on the network may send, parser by parser. A target takes any bytes and raises nothing, or has found
something: another exception than the parser's own, or an answer that breaks a promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

from test_webrtc_sdp import LOCAL

from nvr.camera import rtp
from nvr.camera import sdp as camera_sdp
from nvr.errors import CameraError
from nvr.events import Role, StreamKey
from nvr.onvif import client, device, media
from nvr.onvif.discovery import MAX_ANSWER, Presence, parse_probe, probe_matches
from nvr.onvif.facade import Facade, Question
from nvr.onvif.faults import SoapRefusal
from nvr.onvif.model import Appliance, Profile, VideoSource, Visit
from nvr.onvif.security import Guard
from nvr.onvif.soap import envelope, parse_request
from nvr.onvif.xml import build, parse
from nvr.restream.accounts import PlatformCredential
from webrtc import rtcp, sdp, stun, trickle
from webrtc.answer import answer
from webrtc.errors import WhepError
from webrtc.ice import Credentials, answer_check

OURS = Credentials("evtj", "VOkJxbRl1RmTxUk/WvJxBt", "h6vY")


def stun_check(data: bytes) -> None:
    """A connectivity check, and its answer."""
    if not stun.is_stun(data):
        return
    try:
        message = stun.parse(data)
    except stun.StunError:
        return
    _, reply = answer_check(message, OURS, ("192.0.2.1", 5000))
    if reply is not None:
        stun.parse(reply)


def rtcp_compound(data: bytes) -> None:
    """What a viewer reports, once decrypted."""
    try:
        rtcp.parse(data)
    except rtcp.RtcpError:
        return


def whep_offer(data: bytes) -> None:
    """A player's offer, and the answer to it."""
    try:
        offer = sdp.parse_offer(data.decode("utf-8", "replace"))
    except WhepError:
        return
    if offer.entries:
        text = answer(offer, offer.entries, LOCAL)
        assert text.isascii() and text.count("\r\nm=") == len(offer.sections)


def whep_fragment(data: bytes) -> None:
    """Candidates that come later."""
    try:
        trickle.ice_sessions(data.decode("utf-8", "replace"))
    except WhepError:
        return


def camera_rtp(data: bytes) -> None:
    """A packet of a camera."""
    rtp.parse_sender_report(data)
    try:
        header = rtp.parse_header(data, 0, len(data))
    except CameraError:
        return
    assert 12 <= header.payload_start <= header.payload_end <= len(data)


def camera_description(data: bytes) -> None:
    """A camera's answer to DESCRIBE."""
    try:
        camera_sdp.video_track(camera_sdp.parse(data))
    except CameraError:
        return


NOW_S = 1.8e9
SOURCES = (VideoSource("gate", "Cổng", (Profile(StreamKey("gate", Role.MAIN), "Cổng (main)"),)),)
VISIT = Visit(
    Appliance("Trạm", "0123", "1", "nvr", ZoneInfo("Asia/Ho_Chi_Minh")), "http://nvr", "rtsp://nvr", NOW_S
)
PRESENCE = Presence("0123", device.scopes(VISIT.appliance), ["http://10.0.0.2:8080/onvif/device_service"], 1)
GUARD = Guard({"xa": PlatformCredential("xa", "not the seed's", frozenset({"gate"}))}.get, b"")


def onvif_request(data: bytes) -> None:
    """A platform's SOAP request: from a stranger, and past its signature."""
    reply = Facade(GUARD, lambda _login: SOURCES).answer(Question("media", data, "", "/", VISIT))
    parse(reply.body)
    assert reply.checked is None or reply.checked.login is None
    assert "Cổng".encode() not in reply.body
    try:
        request = parse_request(data)
    except SoapRefusal:
        return
    inside = replace(VISIT, sources=SOURCES)
    for operation in (*device.OPERATIONS.values(), *media.OPERATIONS.values()):
        try:
            parse(envelope(build("x", operation.handle(inside, request))))
        except SoapRefusal:
            continue


def onvif_authorization(data: bytes) -> None:
    """The Authorization field of a stranger, as HTTP hands it over."""
    text = data.decode("utf-8", "surrogateescape")
    assert GUARD.by_header(text, "GET", "/onvif/snapshot/a", NOW_S).login is None


def onvif_probe(data: bytes) -> None:
    """What anybody on the network sends to the multicast group."""
    probe = parse_probe(data)
    if probe is not None and probe.is_for(PRESENCE.scopes):
        answer = probe_matches(probe, PRESENCE, message_id="00000000-0000-0000-0000-000000000000", number=1)
        parse(answer)
        assert len(answer) <= MAX_ANSWER


def camera_onvif(data: bytes) -> None:
    """A camera's answer, whatever it was asked."""
    try:
        found = client.answered(data)
        client.media_service(found, "http://10.0.0.9:80/onvif/device_service")
    except client.CameraRefusal as refusal:
        assert str(refusal).isprintable() and len(str(refusal)) < 200
        return
    client.camera_time_s(found)
    client.profile_of(
        "rtsp://a/b?c=d", [(t, client.stream_uri(found)) for t in client.profile_tokens(found)], 0
    )


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        stun_check,
        rtcp_compound,
        whep_offer,
        whep_fragment,
        camera_rtp,
        camera_description,
        onvif_request,
        onvif_authorization,
        onvif_probe,
        camera_onvif,
    )
}
