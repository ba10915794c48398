"""Requests in, answers and faults out. Their shape is judged by another's client in tests/web/test_web_onvif.py."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from nvr.events import Role, StreamKey
from nvr.media.access_unit import CodecConfig
from nvr.onvif.device import posix_zone
from nvr.onvif.facade import Facade, Question, Reply, Service
from nvr.onvif.model import Appliance, Profile, Rate, VideoSource, Visit
from nvr.onvif.security import Guard, Verdict
from nvr.onvif.xml import split_tag
from nvr.restream.accounts import PlatformCredential
from peers.onvif_client import answered, envelope, fault_codes, reason, texts, token

NOW_S = 1_800_000_000.0
XA = PlatformCredential("xa", "secret", frozenset({"gate"}))
H264 = CodecConfig("h264", b"\x67\x4d\x00\x1e", b"\x68\xce", 1280, 720, False)
H265 = CodecConfig("h265", b"\x42\x01", b"\x44\x01", 2560, 1440, False, b"\x40\x01")


def source(camera: str, config: CodecConfig | None, rate: Rate | None = None) -> VideoSource:
    profile = Profile(StreamKey(camera, Role.MAIN), f"{camera} <main>", config, rate)
    return VideoSource(camera, camera, (profile,))


SOURCES = (
    source("gate", H264, Rate(24.96, 2013.4, 50)),
    source("yard", H265, Rate(15.0, 900.0, 30)),
    source("dark", None),
)
VISIT = Visit(
    Appliance("Trạm & Đông", "0123", "1.0", "nvr", ZoneInfo("Asia/Ho_Chi_Minh")),
    "http://10.0.0.2:8080",
    "rtsp://10.0.0.2:8554",
    NOW_S,
)


def facade(*cameras: str) -> Facade:
    allowed = tuple(s for s in SOURCES if s.token in cameras)
    return Facade(Guard({"xa": XA}.get, b"secret"), lambda _login: allowed)


def ask(service: Service, operation: str, arguments: str = "", *cameras: str) -> Reply:
    body = envelope(service, operation, arguments, token("xa", "secret", NOW_S))
    return facade(*cameras or ("gate",)).answer(Question(service, body, "", "/", VISIT))


def test_the_time_is_told_to_anybody() -> None:
    body = envelope("device", "GetSystemDateAndTime")
    reply = facade().answer(Question("device", body, "", "/", VISIT))
    assert (reply.status, reply.checked) == (200, None)
    assert texts(reply.body, "TZ") == ["UTC-7:00:00"]
    assert texts(reply.body, "Hour") == ["8", "15"]


def test_posix_zones_have_the_sign_the_other_way_round() -> None:
    assert posix_zone(ZoneInfo("America/St_Johns"), NOW_S) == "UTC3:30:00"
    assert posix_zone(ZoneInfo("UTC"), NOW_S) == "UTC-0:00:00"


@pytest.mark.parametrize("service", ["device", "media"])
def test_everything_else_asks_who_it_is(service: Service) -> None:
    operation = "GetScopes" if service == "device" else "GetProfiles"
    reply = facade().answer(Question(service, envelope(service, operation), "", "/", VISIT))
    assert reply.status == 401
    assert fault_codes(reply.body) == ["s:Sender", "ter:NotAuthorized"]
    assert reply.challenges[0].startswith("Digest ")
    assert reply.checked is not None
    assert reply.checked.verdict is Verdict.MISSING


def test_another_clock_is_told_so() -> None:
    body = envelope("device", "GetScopes", header=token("xa", "secret", NOW_S - 3600))
    reply = facade().answer(Question("device", body, "", "/", VISIT))
    assert "3600 s behind" in reason(reply.body)


def test_names_are_escaped() -> None:
    reply = ask("device", "GetScopes")
    assert "onvif://www.onvif.org/name/Tr%E1%BA%A1m%20%26%20%C4%90%C3%B4ng" in texts(reply.body, "ScopeItem")
    assert texts(ask("media", "GetProfiles").body, "Name")[0] == "gate <main>"


def test_a_profile_says_what_the_hub_knows() -> None:
    body = ask(
        "media", "GetVideoEncoderConfiguration", "<ConfigurationToken>gate_main</ConfigurationToken>"
    ).body
    assert texts(body, "Encoding") == ["H264"]
    assert texts(body, "Width") + texts(body, "Height") == ["1280", "720"]
    assert texts(body, "FrameRateLimit") + texts(body, "BitrateLimit") == ["25", "2013"]
    assert texts(body, "GovLength") + texts(body, "H264Profile") == ["50", "Main"]


def test_what_it_does_not_know_it_leaves_out() -> None:
    body = ask("media", "GetProfiles", "", "yard", "dark").body
    assert [p.get("token") for p in answered(body)] == ["yard_main", "dark_main"]
    assert texts(body, "Encoding") == []
    assert texts(ask("media", "GetVideoEncoderConfigurations", "", "yard", "dark").body, "Encoding") == []
    assert [s.get("token") for s in answered(ask("media", "GetVideoSources", "", "dark").body)] == ["dark"]


def test_addresses_are_those_the_client_came_by() -> None:
    setup = "<StreamSetup><Stream>RTP-Unicast</Stream><Transport><Protocol>RTSP</Protocol></Transport></StreamSetup>"
    wanted = setup + "<ProfileToken>gate_main</ProfileToken>"
    assert texts(ask("media", "GetStreamUri", wanted).body, "Uri") == ["rtsp://10.0.0.2:8554/gate/main"]
    uri = texts(ask("media", "GetSnapshotUri", "<ProfileToken>gate_main</ProfileToken>").body, "Uri")
    assert uri == ["http://10.0.0.2:8080/onvif/snapshot/gate_main"]
    multicast = wanted.replace("Unicast", "Multicast")
    codes = fault_codes(ask("media", "GetStreamUri", multicast).body)
    assert codes == ["s:Sender", "ter:InvalidArgVal", "ter:InvalidStreamSetup"]


@pytest.mark.parametrize("token_text", ["yard_main", "nothing", "gate_sub", "", "gate/main"])
@pytest.mark.parametrize("operation", ["GetProfile", "GetStreamUri", "GetSnapshotUri"])
def test_a_foreign_profile_is_one_that_does_not_exist(operation: str, token_text: str) -> None:
    reply = ask("media", operation, f"<ProfileToken>{token_text}</ProfileToken>")
    assert fault_codes(reply.body) == ["s:Sender", "ter:InvalidArgVal", "ter:NoProfile"]


@pytest.mark.parametrize("what", ["VideoSourceConfiguration", "VideoEncoderConfiguration"])
def test_a_foreign_configuration_too(what: str) -> None:
    for token_text in ("yard", "yard_main", ""):
        reply = ask("media", f"Get{what}", f"<ConfigurationToken>{token_text}</ConfigurationToken>")
        assert fault_codes(reply.body) == ["s:Sender", "ter:InvalidArgVal", "ter:NoConfig"]


def test_what_is_not_there() -> None:
    assert fault_codes(ask("device", "SetUser").body) == ["s:Receiver", "ter:ActionNotSupported"]
    assert "SetUser" in reason(ask("device", "SetUser").body)
    assert ask("device", "SetUser").status == 500
    wrong_service = envelope("media", "GetProfiles", header=token("xa", "secret", NOW_S))
    reply = facade().answer(Question("device", wrong_service, "", "/", VISIT))
    assert fault_codes(reply.body) == ["s:Receiver", "ter:ActionNotSupported"]
    codes = fault_codes(ask("device", "GetCapabilities", "<Category>PTZ</Category>").body)
    assert codes == ["s:Receiver", "ter:ActionNotSupported", "ter:NoSuchService"]
    assert (
        fault_codes(facade().answer(Question("device", b"<a/>", "", "/", VISIT)).body)[1] == "ter:WellFormed"
    )
    too_long = "<ProfileToken>" + "x" * 300 + "</ProfileToken>"
    assert fault_codes(ask("media", "GetProfile", too_long).body) == ["s:Sender", "ter:InvalidArgVal"]


def test_every_answer_is_named_after_its_operation() -> None:
    for operation in ("GetServices", "GetCapabilities", "GetHostname", "GetNetworkInterfaces"):
        assert split_tag(answered(ask("device", operation).body).tag)[1] == operation + "Response"
