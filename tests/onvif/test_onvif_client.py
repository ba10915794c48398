"""What we ask cameras. The requests are judged by ONVIF's own WSDL files (of onvif-zeep-async), read by zeep."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import pytest
import zeep
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from nvr.onvif import client
from nvr.onvif.client import CameraRefusal, Signature, answered, media_service, profile_of, request
from nvr.onvif.security import Guard, Verdict
from nvr.onvif.soap import envelope, parse_request
from nvr.onvif.xml import Markup, build, split_tag
from nvr.restream.accounts import PlatformCredential

DEVICE = "http://192.168.1.64/onvif/device_service"


@cache
def wsdl(name: str) -> zeep.Client:
    spec = importlib.util.find_spec("onvif.wsdl")
    assert spec is not None and spec.origin is not None
    return zeep.Client(str(Path(spec.origin).parent / f"{name}.wsdl"))


@pytest.mark.parametrize(
    ("service", "content"),
    [
        ("devicemgmt", client.ask_time()),
        ("devicemgmt", client.ask_media_service()),
        ("media", client.ask_profiles()),
        ("media", client.ask_stream_uri("Profile_1 & <2>")),
        ("media", client.ask_keyframe("Profile_1")),
    ],
)
def test_a_request_is_as_the_schema_wants_it(service: str, content: Markup) -> None:
    body = etree.fromstring(request(content, None))[0]
    (operation,) = body
    known = wsdl(service)
    value = known.get_element(operation.tag).parse(operation, known.wsdl.types)
    asked = operation.findtext("{*}ProfileToken")
    assert asked is None or value.ProfileToken == asked


def test_a_signature_is_right_once() -> None:
    known = {"xa": PlatformCredential("xa", "mật khẩu", frozenset())}
    signature = Signature("xa", "mật khẩu", b"0123456789abcdef", 1.8e9)
    token = parse_request(request(client.ask_profiles(), signature)).token
    guard = Guard(known.get, b"")
    assert token is not None
    assert guard.by_token(token, 1.8e9).verdict is Verdict.RIGHT
    assert guard.by_token(token, 1.8e9).verdict is Verdict.REPEATED
    assert "mật" not in repr(signature)


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("http://192.168.1.64/onvif/media", "http://192.168.1.64/onvif/media"),
        ("http://192.168.1.64:8000/onvif/media", "http://192.168.1.64:8000/onvif/media"),
        ("http://evil.example:81/a?b=1", "http://192.168.1.64/a?b=1"),
        ("https://192.168.1.64:81/a", "http://192.168.1.64/a"),
        ("/onvif/media", "http://192.168.1.64/onvif/media"),
    ],
)
def test_what_signs_for_a_camera_goes_nowhere_else(told: str, url: str) -> None:
    answer = build("a", build("Capabilities", build("Media", build("XAddr", told))))
    assert media_service(answered(envelope(answer)), DEVICE) == url


def test_a_camera_without_media_service() -> None:
    for told in ("", "http://[::1/a"):
        answer = build("a", build("Capabilities", build("Media", build("XAddr", told))))
        with pytest.raises(CameraRefusal, match="Media service"):
            media_service(answered(envelope(answer)), DEVICE)


@pytest.mark.parametrize(
    ("address", "token"),
    [
        ("rtsp://192.168.1.64:554/Streaming/Channels/102", "sub"),
        ("rtsp://192.168.1.64/Streaming/Channels/101/", "main"),
        ("rtsp://192.168.1.64/cam/realmonitor?channel=1&subtype=1", "third"),
        ("rtsp://192.168.1.64/another", "sub"),
    ],
)
def test_the_profile_of_an_address(address: str, token: str) -> None:
    uris = [
        ("main", "rtsp://10.0.0.9/Streaming/Channels/101?transportmode=unicast&profile=Profile_1"),
        ("sub", "rtsp://10.0.0.9/Streaming/Channels/102?transportmode=unicast"),
        ("second", "rtsp://10.0.0.9/cam/realmonitor?channel=1&subtype=0&unicast=true"),
        ("third", "rtsp://10.0.0.9/cam/realmonitor?channel=1&subtype=1&unicast=true"),
        ("bad", "rtsp://[::1"),
    ]
    assert profile_of(address, uris, 1) == token
    assert profile_of("rtsp://a/another", uris, 9) is None


def test_a_fault_says_why() -> None:
    fault = build(
        "s:Fault", build("s:Code"), build("s:Reason", build("s:Text", "Action\n not supported" + "!" * 200))
    )
    with pytest.raises(CameraRefusal) as refusal:
        answered(envelope(fault))
    assert str(refusal.value).startswith("Action not supported!")
    assert len(str(refusal.value)) <= client.MAX_REASON


@given(st.binary(max_size=300))
@example(envelope())
@example(b"<a><Body/></a>")
def test_anything_is_an_answer_or_refused(body: bytes) -> None:
    try:
        answer = answered(body)
    except CameraRefusal as refusal:
        assert str(refusal).isprintable()
        return
    assert split_tag(answer.tag)[1]
    client.camera_time_s(answer)
    client.profile_tokens(answer)
    client.stream_uri(answer)
