"""Session descriptions of real cameras' shapes, and any bytes."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

import x265
from nvr.camera import sdp
from nvr.errors import ProtocolViolation, UnsupportedStream
from nvr.media.access_unit import CodecConfig
from nvr.restream.description import describe

SPS, PPS = bytes.fromhex("674d001f95a814016e40"), bytes.fromhex("68ee3c80")
SPROP = ",".join(base64.b64encode(nal).decode() for nal in (SPS, PPS))


def text(*video: str, media: str = "m=video 0 RTP/AVP 96") -> bytes:
    lines = ["v=0", "o=- 1 1 IN IP4 192.168.1.64", "s=Media", "t=0 0", "a=control:*", media, *video]
    return "\r\n".join([*lines, ""]).encode()


def track(*video: str, media: str = "m=video 0 RTP/AVP 96") -> sdp.VideoTrack:
    return sdp.video_track(sdp.parse(text(*video, media=media)))


def test_usual_description() -> None:
    found = track(
        "b=AS:5000",
        "a=control:trackID=1",
        "a=rtpmap:96 H264/90000",
        f"a=fmtp:96 profile-level-id=4D001F; packetization-mode=1; sprop-parameter-sets={SPROP}",
        "m=audio 0 RTP/AVP 8",
        "a=control:trackID=2",
    )
    assert found == sdp.VideoTrack("trackID=1", 96, "h264", SPS, PPS)


def test_padding_left_out_and_sets_in_any_order() -> None:
    swapped = ",".join(reversed(SPROP.split(","))).replace("=", "")
    found = track("a=rtpmap:96 h264/90000", f"a=fmtp:96 sprop-parameter-sets={swapped}")
    assert (found.sps, found.pps) == (SPS, PPS)


@pytest.mark.parametrize("sprop", ["", "====", "A", "Zw==", "!!!", f"{SPROP[:3]}é", ",,,"])
def test_broken_parameter_sets_are_left_to_the_stream(sprop: str) -> None:
    found = track("a=rtpmap:96 H264/90000", f"a=fmtp:96 sprop-parameter-sets={sprop}")
    assert found.pps == b""


def test_h264_is_found_behind_other_codecs_and_sections() -> None:
    found = track(
        "a=rtpmap:98 VP8/90000",
        "a=control:track1",
        "m=video 0 RTP/AVP 26 97",
        "a=rtpmap:97 H264/90000",
        "a=control:track2",
        media="m=video 0 RTP/AVP 98",
    )
    assert (found.control, found.payload_type) == ("track2", 97)


@pytest.mark.parametrize(
    ("video", "media", "names"),
    [
        (["a=rtpmap:96 VP8/90000"], "m=video 0 RTP/AVP 96", "VP8"),
        ([], "m=video 0 RTP/AVP 26", "JPEG"),
        (["a=rtpmap:96 <b>x</b>/90000"], "m=video 0 RTP/AVP 96", r"\?B\?X\?/B\?|\?B\?X\?"),
        ([], "m=video 0 RTP/AVP 96", "unknown codec"),
        ([], "m=audio 0 RTP/AVP 0", "no video"),
        (["a=rtpmap:96 H264/90000"], "m=video 0 RTP/SAVP 96", "RTP/SAVP"),
        (["a=rtpmap:96 H264/48000"], "m=video 0 RTP/AVP 96", "48000"),
        (["a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=2"], "m=video 0 RTP/AVP 96", "interleaved"),
    ],
)
def test_what_cannot_be_recorded_is_named(video: list[str], media: str, names: str) -> None:
    with pytest.raises(UnsupportedStream, match=names):
        track(*video, media=media)


def test_another_codec_comes_with_a_remedy() -> None:
    with pytest.raises(UnsupportedStream) as caught:
        track("a=rtpmap:96 AV1/90000")
    assert "H.265" in caught.value.remedy and caught.value.params == {"codec": "AV1"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "v=0"),
        (b"<html>", "v=0"),
        (text("a=rtpmap:x H264/90000"), "rtpmap"),
        (text("a=fmtp: sprop=1"), "fmtp"),
        (text(media="m=video 0"), "m="),
        (text(*["m=video 0 RTP/AVP 96"] * sdp.MAX_MEDIA), "media sections"),
    ],
)
def test_violations_are_named(body: bytes, problem: str) -> None:
    with pytest.raises(ProtocolViolation, match=problem):
        sdp.parse(body)


URL = "rtsp://10.0.0.2/cam/realmonitor?channel=1&subtype=0"


@pytest.mark.parametrize(
    ("content_base", "content_location", "expected"),
    [
        (f"{URL}/", "rtsp://other/", f"{URL}/"),
        ("", "rtsp://10.0.0.2/loc", "rtsp://10.0.0.2/loc"),
        ("(null)", "", URL),
        ("rtsp://x/\nEvil: 1", "", URL),
        ("http://x/", "", URL),
        ("", "", URL),
    ],
)
def test_base(content_base: str, content_location: str, expected: str) -> None:
    assert sdp.base_url(URL, content_base, content_location) == expected


@pytest.mark.parametrize(
    ("base", "control", "expected"),
    [
        ("rtsp://c/live/", "trackID=1", "rtsp://c/live/trackID=1"),
        ("rtsp://c/live", "trackID=1", "rtsp://c/live/trackID=1"),
        ("rtsp://c/live/", "/trackID=1", "rtsp://c/live/trackID=1"),
        (URL, "trackID=0", f"{URL}/trackID=0"),
        (f"{URL}/", "trackID=0", f"{URL}/trackID=0"),
        ("rtsp://c/live", "rtsp://c:554/live/t?x=1", "rtsp://c:554/live/t?x=1"),
        ("rtsp://c/live", "RTSP://c/t", "RTSP://c/t"),
        ("rtsp://c/live", "?track=1", "rtsp://c/live?track=1"),
        ("rtsp://c/live", "*", "rtsp://c/live"),
        ("rtsp://c/live", "", "rtsp://c/live"),
    ],
)
def test_control_url(base: str, control: str, expected: str) -> None:
    assert sdp.control_url(base, control) == expected


@pytest.mark.parametrize("control", ["a b", "a\r\nX: y", "é", "x" * 5000])
def test_control_that_is_no_url(control: str) -> None:
    with pytest.raises(ProtocolViolation, match="control"):
        sdp.control_url("rtsp://c/", control)


def test_our_own_description_is_read_back() -> None:
    config = CodecConfig("h264", SPS, PPS, 1280, 720, False)
    assert sdp.video_track(sdp.parse(describe(config, "video", None, ""))) == sdp.VideoTrack(
        "video", 96, "h264", SPS, PPS
    )


def test_h265_description_is_read_and_our_own_read_back() -> None:
    config = x265.encode(frames=1)[0].config
    expected = sdp.VideoTrack("video", 96, "h265", config.sps, config.pps, config.vps)
    assert sdp.video_track(sdp.parse(describe(config, "video", None, ""))) == expected
    found = track("a=rtpmap:96 H265/90000", "a=fmtp:96 sprop-vps=====;sprop-sps=Zw==;sprop-max-don-diff=0")
    assert (found.codec, found.vps, found.sps, found.pps) == ("h265", b"", b"", b"")
    with pytest.raises(UnsupportedStream, match="interleaved"):
        track("a=rtpmap:96 H265/90000", "a=fmtp:96 sprop-max-don-diff=2")


lines = st.one_of(
    st.sampled_from(
        [
            b"m=video 0 RTP/AVP 96",
            b"a=rtpmap:96 H264/90000",
            b"a=rtpmap:96 H265/90000",
            b"a=fmtp:96 sprop-vps=",
            b"a=control:",
            b"a=fmtp:96 sprop-parameter-sets=",
        ]
    ),
    st.binary(max_size=30),
)


@given(st.lists(lines))
def test_any_bytes_give_a_track_or_a_camera_error(parts: list[bytes]) -> None:
    try:
        found = sdp.video_track(sdp.parse(b"v=0\r\n" + b"\r\n".join(parts)))
        sdp.control_url("rtsp://c/", found.control)
    except (ProtocolViolation, UnsupportedStream) as error:
        assert error.message
