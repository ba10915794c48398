"""Audio tracks as cameras describe them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.camera import sdp
from nvr.camera.audio_rtp import AuHeaders
from nvr.camera.audio_sdp import AudioTrack, NoAudio, audio_track
from nvr.media.audio import aac_config, aac_lc_specific

HEAD = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\na=control:*\r\n"
VIDEO = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
METADATA = "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:trackID=3\r\n"
AAC = (
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=control:trackID=2\r\n"
    "a=fmtp:97 streamtype=5; profile-level-id=15; mode=AAC-hbr; config=1408; SizeLength=13;"
    " IndexLength=3; IndexDeltaLength=3; profile=1\r\n"
)
ALAW = "m=audio 0 RTP/AVP 8\r\na=control:trackID=2\r\n"
BACKCHANNEL = "m=audio 0 RTP/AVP 0\r\na=control:trackID=4\r\na=sendonly\r\n"


def found(*media: str) -> AudioTrack | NoAudio:
    session = sdp.parse((HEAD + "".join(media)).encode())
    assert sdp.video_track(session).control == "trackID=1"
    return audio_track(session)


@pytest.mark.parametrize(
    "media", [(VIDEO, AAC, METADATA), (METADATA, AAC, VIDEO), (BACKCHANNEL, VIDEO, METADATA, AAC)]
)
def test_onvif_tracks_in_any_order(media: tuple[str, ...]) -> None:
    track = found(*media)
    assert isinstance(track, AudioTrack)
    assert (track.control, track.payload_type, track.headers) == ("trackID=2", 97, AuHeaders(13, 3, 3))
    assert track.config == aac_config(bytes.fromhex("1408"), 16_000)
    assert (track.config.rate_hz, track.config.channels, track.config.frame_samples) == (16_000, 1, 1024)
    assert track.config.rfc6381 == "mp4a.40.2"


def test_backchannel_is_not_taken() -> None:
    assert found(VIDEO, BACKCHANNEL) == NoAudio()
    assert found(VIDEO, ALAW + "a=inactive\r\n") == NoAudio()
    camera_view = found(
        VIDEO + "a=sendonly\r\n", BACKCHANNEL.replace("sendonly", "recvonly"), ALAW + "a=sendonly\r\n"
    )
    assert isinstance(camera_view, AudioTrack) and camera_view.control == "trackID=2"


@pytest.mark.parametrize(
    ("media", "codec", "payload_type"),
    [
        (ALAW, "alaw", 8),
        (ALAW.replace("AVP 8", "AVP 0"), "ulaw", 0),
        (ALAW.replace("AVP 8", "AVP 98") + "a=rtpmap:98 PCMU/8000\r\n", "ulaw", 98),
        (ALAW.replace("AVP 8", "AVP 104 8") + "a=rtpmap:104 G726-32/8000\r\n", "alaw", 8),
    ],
)
def test_g711(media: str, codec: str, payload_type: int) -> None:
    track = found(VIDEO, media)
    assert isinstance(track, AudioTrack)
    assert (track.config.codec, track.payload_type, track.config.rate_hz) == (codec, payload_type, 8000)


@pytest.mark.parametrize(
    ("media", "named"),
    [
        (ALAW.replace("AVP 8", "AVP 104") + "a=rtpmap:104 G726-32/8000\r\n", "G726-32"),
        (ALAW.replace("AVP 8", "AVP 111") + "a=rtpmap:111 opus/48000/2\r\n", "OPUS"),
        (AAC.replace("RTP/AVP", "RTP/SAVP"), "RTP/SAVP"),
        (AAC.replace("config=1408", "config=14"), "AAC"),
        (AAC.replace("config=1408", "config=" + "14" * 70), "AAC"),
        (AAC.replace("config=1408", "config=zz"), "AAC"),
        (AAC.replace("config=1408", "config=0808"), "AAC"),  # AAC Main
        (AAC.replace("SizeLength=13", "SizeLength=99"), "AAC"),
        (AAC.replace("profile=1", "CTSDeltaLength=5"), "AAC"),
        (AAC.replace("AAC-hbr", "generic"), "AAC"),
    ],
)
def test_other_audio_is_named(media: str, named: str) -> None:
    track = found(VIDEO, media)
    assert isinstance(track, NoAudio) and named in track.codec


def test_he_aac_counts_the_samples_that_are_heard() -> None:
    explicit = bytes.fromhex("2b92080000")  # SBR 22050 -> 44100 Hz, stereo
    config = aac_config(explicit, 44_100)
    assert (config.rate_hz, config.channels, config.frame_samples) == (44_100, 2, 2048)
    implicit = aac_config(aac_lc_specific(8000, 1), 16_000)
    assert implicit.frame_samples == 2048


def test_missing_config_is_made() -> None:
    track = found(VIDEO, AAC.replace("config=1408; ", ""))
    assert isinstance(track, AudioTrack) and track.config.specific == bytes.fromhex("1408")


@given(st.binary(max_size=70), st.sampled_from([8000, 16_000, 44_100, 48_000]))
def test_any_config_is_understood_or_refused(specific: bytes, clock_hz: int) -> None:
    try:
        config = aac_config(specific, clock_hz)
    except ValueError:
        return
    assert config.rate_hz == clock_hz and 960 <= config.frame_samples <= 2048 and 1 <= config.channels <= 8
