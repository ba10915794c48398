"""Offers of real browsers, shortened, and what fuzzing makes of them."""

from __future__ import annotations

import asyncio

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_peers import LoopCamera, encode

from webrtc import sdp
from webrtc.answer import Local, answer
from webrtc.entries import VideoEntry, choose
from webrtc.errors import WhepError
from webrtc.h264 import Profile, ProfileLevel, nearest
from webrtc.session import LiveServer

PRINT = ":".join(["AB"] * 32)
TRANSPORT = f"""a=ice-ufrag:164L
a=ice-pwd:Dcz1N4y5LRJwIWQhX6KmPwBP
a=ice-options:trickle
a=fingerprint:sha-256 {PRINT}
a=setup:actpass
"""
CHROMIUM = f"""v=0
o=- 4547865141329226794 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 9
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:3338912994 1 udp 2113937151 bcfe3f22-e4b4-47dc-8cc4-fbd67d19fd60.local 33296 typ host generation 0
{TRANSPORT}a=mid:0
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 108 109 116 117 41 42
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:3338912994 1 udp 2113937151 bcfe3f22-e4b4-47dc-8cc4-fbd67d19fd60.local 47655 typ host generation 0
a=candidate:1 1 udp 2113937151 192.0.2.7 47656 typ host generation 0
a=candidate:2 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active
a=candidate:3 1 udp 2113942271 2001:db8::7 36105 typ host
a=end-of-candidates
{TRANSPORT}a=mid:1
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=recvonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=rtcp-fb:102 goog-remb
a=rtcp-fb:102 transport-cc
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=64001f
a=rtpmap:108 H264/90000
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108
a=rtpmap:116 H264/90000
a=fmtp:116 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f
a=rtpmap:117 rtx/90000
a=fmtp:117 apt=116
a=rtpmap:41 H264/90000
a=rtcp-fb:41 nack
a=fmtp:41 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f
a=rtpmap:42 rtx/90000
a=fmtp:42 apt=41
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
{TRANSPORT}a=mid:2
a=sctp-port:5000
""".replace("\n", "\r\n")
SAFARI = f"""v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99
c=IN IP4 0.0.0.0
{TRANSPORT}a=mid:0
a=recvonly
a=rtcp-mux
a=rtpmap:96 H264/90000
a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c1f
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:98 H264/90000
a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:99 rtx/90000
a=fmtp:99 apt=98
""".replace("\n", "\r\n")

LOCAL = Local(
    number=7,
    addresses=[("2001:db8::2", 8555), ("192.0.2.2", 40000)],
    ufrag="abcd",
    password="secret",
    fingerprints=[f"sha-256 {PRINT}"],
    setup="passive",
    ssrc=11,
    rtx_ssrc=12,
    audio_ssrc=13,
    cname="nvr",
)


def h264(offer: sdp.Offer, profile_level_id: str) -> list[VideoEntry]:
    """What a stream of this profile and level is answered with."""
    entry = choose(offer.entries, "h264", b"\x67" + bytes.fromhex(profile_level_id))
    return [] if entry is None else [entry]


def level(text: str) -> ProfileLevel:
    found = ProfileLevel.from_hex(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("profile_level_id", "profile"),
    [
        ("42001f", Profile.BASELINE),
        ("420029", Profile.BASELINE),
        ("42e01f", Profile.CONSTRAINED_BASELINE),
        ("424028", Profile.CONSTRAINED_BASELINE),
        ("4d0028", Profile.MAIN),
        ("4d4028", Profile.MAIN),
        ("4d8028", Profile.CONSTRAINED_BASELINE),
        ("58a01f", Profile.BASELINE),
        ("64001f", Profile.HIGH),
        ("640028", Profile.HIGH),
        ("640c1f", Profile.CONSTRAINED_HIGH),
        ("F4001F", Profile.HIGH_444),
    ],
)
def test_profiles(profile_level_id: str, profile: Profile) -> None:
    assert level(profile_level_id) == ProfileLevel(profile, int(profile_level_id[4:], 16))
    assert ProfileLevel.from_sps(b"\x67" + bytes.fromhex(profile_level_id) + b"\x00") == level(
        profile_level_id
    )


@pytest.mark.parametrize("text", ["", "42001", "42001g", "42001f0", "00001f", "58001f", "４２００１ｆ"])
def test_no_profile(text: str) -> None:
    assert ProfileLevel.from_hex(text) is None
    assert ProfileLevel.from_sps(b"\x67\x42\x00") is None


@pytest.mark.parametrize(
    ("stream", "offered", "chosen"),
    [
        ("640028", "42e01f 4d001f 64001f", "64001f"),
        ("640028", "640c1f 42e01f", "640c1f"),
        ("640028", "42001f 42e01f 4d001f f4001f", "f4001f"),
        ("640028", "42001f 42e01f 4d001f", "4d001f"),
        ("640028", "42001f 42e01f", "42e01f"),
        ("640028", "64001f 640034 640028 64002a", "640028"),
        ("640029", "64001f 640034 640028 64002a", "64002a"),
        ("640034", "64001f 640028", "640028"),
        ("4d0028", "42e01f 64001f 640c1f", "64001f"),
        ("420029", "42e01f 42001f", "42001f"),
        ("420029", "64001f 42e01f", "42e01f"),
        ("42e01f", "640c1f 42001f 4d001f", "42001f"),
        ("42e01f", "42e01f 42e01f", "42e01f"),
    ],
)
def test_the_nearest_entry(stream: str, offered: str, chosen: str) -> None:
    levels = [level(text) for text in offered.split()]
    index = nearest(level(stream), levels)
    assert index == offered.split().index(chosen)
    assert nearest(level(stream), []) is None


def test_a_chromium_offer() -> None:
    offer = sdp.parse_offer(CHROMIUM)
    assert (offer.video_index, offer.carrier_index, offer.mid, offer.is_bundled) == (1, 0, "1", True)
    assert [entry.payload_type for entry in offer.entries] == [102, 108, 116, 41]
    first = offer.entries[0]
    assert first.rtx_payload_type == 103
    assert first.feedback == ("nack", "nack pli")
    assert offer.transport.ufrag == "164L"
    assert offer.transport.fingerprints == (f"sha-256 {PRINT}",)
    assert "Dcz1" not in repr(offer), "a repr shows no ICE password"


def test_the_answer_names_the_offered_entry_and_every_section() -> None:
    offer = sdp.parse_offer(CHROMIUM)
    text = answer(offer, h264(offer, "640028"), LOCAL)
    audio, video, application = ("m=" + part for part in text.split("m=")[1:])
    assert "a=ice-lite\r\n" in text
    assert "a=group:BUNDLE 0 1\r\n" in text
    assert video.startswith("m=video 8555 UDP/TLS/RTP/SAVPF 41 42\r\nc=IN IP6 2001:db8::2\r\n")
    assert "a=fmtp:41 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f\r\n" in video
    assert "a=rtcp-fb:41 nack\r\n" in video
    assert "transport-cc" not in text
    # The first of the bundle carries the transport, without media.
    assert audio.startswith("m=audio 8555 UDP/TLS/RTP/SAVPF 111\r\n")
    assert "a=inactive\r\na=mid:0\r\n" in audio
    assert "a=ice-ufrag:abcd\r\n" in audio
    assert application.startswith("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n")
    assert "a=mid:2\r\n" in application
    assert text.count("\n") == text.count("\r\n")


def with_audio(formats: str) -> sdp.Offer:
    return sdp.parse_offer(CHROMIUM.replace("SAVPF 111 9\r\n", f"SAVPF {formats}\r\n"))


def test_audio_is_answered_beside_the_video_where_it_was_asked_for() -> None:
    offer = with_audio("111 9 0 8")
    assert offer.audio_entries == {"PCMA": 8, "PCMU": 0}
    text = answer(offer, h264(offer, "640028"), LOCAL, "PCMA")
    audio, video, _ = ("m=" + part for part in text.split("m=")[1:])
    assert "a=group:BUNDLE 0 1\r\n" in text
    assert audio.startswith("m=audio 8555 UDP/TLS/RTP/SAVPF 8\r\n")
    for line in ("a=sendonly", "a=mid:0", "a=msid:live audio", "a=rtpmap:8 PCMA/8000", "a=ssrc:13 cname:nvr"):
        assert f"\r\n{line}\r\n" in audio
    assert "a=msid:live video\r\n" in video
    SessionDescription.parse(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=recvonly\r\na=rtcp-mux\r\na=rtpmap:111", "a=sendonly\r\na=rtcp-mux\r\na=rtpmap:111"),
        ("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 1 2"),
        ("m=audio 9", "m=audio 0"),
        ("a=recvonly\r\na=rtcp-mux\r\na=rtpmap:111", "a=recvonly\r\na=rtpmap:111"),
        ("SAVPF 111 9", "SAVPF 111 9 13"),
    ],
)
def test_audio_that_was_not_asked_for_in_a_way_we_can_answer_is_none(old: str, new: str) -> None:
    assert old in CHROMIUM
    assert sdp.parse_offer(CHROMIUM.replace(old, new)).audio_entries == {}


def test_the_answer_names_all_our_addresses_the_best_first() -> None:
    offer = sdp.parse_offer(SAFARI)
    (media,) = SessionDescription.parse(answer(offer, offer.entries[:1], LOCAL)).media
    found = [(candidate.ip, candidate.port, candidate.type) for candidate in media.ice_candidates]
    assert found == [("2001:db8::2", 8555, "host"), ("192.0.2.2", 40000, "host")]
    assert media.ice_candidates[0].priority > media.ice_candidates[1].priority
    assert len({candidate.foundation for candidate in media.ice_candidates}) == 2
    assert "secret" not in repr(LOCAL)


def test_retransmissions_are_announced_where_they_were_offered_and_the_primary_comes_first() -> None:
    offer = sdp.parse_offer(SAFARI)
    text = answer(offer, offer.entries[:1], LOCAL)
    assert text.index("a=ssrc-group:FID 11 12") < text.index("a=ssrc:11 ") < text.index("a=ssrc:12 ")
    plain = sdp.parse_offer(SAFARI.replace("apt=", "no="))
    text = answer(plain, plain.entries[:1], LOCAL)
    assert "a=ssrc:11 cname:nvr\r\n" in text
    assert "rtx" not in text
    assert "FID" not in text


def test_the_transport_is_the_first_bundled_section_s_if_the_video_has_none() -> None:
    head, video = CHROMIUM.split("m=video")
    offer = sdp.parse_offer(head + "m=video" + video.replace(TRANSPORT.replace("\n", "\r\n"), "", 1))
    assert offer.transport.ufrag == "164L"


def test_a_first_section_that_cannot_be_accepted_is_refused() -> None:
    text = CHROMIUM.replace("m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP")
    offer = sdp.parse_offer(text)
    assert offer.carrier_index == 1
    text = answer(offer, offer.entries[:1], LOCAL)
    assert "m=audio 0 RTP/AVP 111\r\n" in text
    assert "a=group:BUNDLE 1\r\n" in text


def test_without_a_bundle_there_is_none_in_the_answer() -> None:
    offer = sdp.parse_offer(SAFARI.replace("a=group:BUNDLE 0\r\n", ""))
    assert "BUNDLE" not in answer(offer, offer.entries[:1], LOCAL)


def test_h264_is_not_usable_as_something_else() -> None:
    for text in (
        SAFARI.replace("H264", "H265"),
        SAFARI.replace("packetization-mode=1", "packetization-mode=0"),
    ):
        assert h264(sdp.parse_offer(text), "42e01f") == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("v=0", "v=1", "does not begin with v=0"),
        ("m=video", "m=audio", "no video section"),
        ("a=recvonly", "a=sendonly", "is sendonly; it must be recvonly"),
        ("a=recvonly", "a=inactive", "is inactive"),
        ("m=video 9", "m=video 0", "switched off"),
        ("m=video 9", "m=video 99999", "line 6 .* not a valid m= line"),
        ("m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 RTP/AVP", "must use UDP/TLS/RTP/SAVPF"),
        ("a=mid:0\r\n", "", "a=mid"),
        ("a=mid:0\r\n", "a=mid:0 0\r\n", "a=mid"),
        ("a=rtcp-mux\r\n", "", "a=rtcp-mux"),
        ("a=ice-ufrag:164L", "a=ice-ufrag:1", "ICE user name"),
        ("a=ice-pwd:Dcz1", "a=ice-pwd:Dcz 1", "ICE password"),
        ("a=fingerprint:sha-256", "a=fingerprint:sha-1", "a=fingerprint"),
        ("AB\r\n", "AB:AB\r\n", "a=fingerprint"),
        ("a=setup:actpass", "a=setup:holdconn", "DTLS role"),
        ("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", "ICE-lite"),
        ("s=-", "hello", "line 3 of the offer is not SDP"),
    ],
)
def test_an_unusable_offer_is_400_and_says_why(old: str, new: str, message: str) -> None:
    assert old in SAFARI
    with pytest.raises(WhepError, match=message) as caught:
        sdp.parse_offer(SAFARI.replace(old, new))
    assert caught.value.status == 400
    assert "Dcz1" not in str(caught.value)


def test_bounds() -> None:
    for text in (SAFARI + "a=x\r\n" * 20_000, SAFARI + "m=audio 9 RTP/AVP 0\r\n" * 40):
        with pytest.raises(WhepError, match=r"longer than|more than") as caught:
            sdp.parse_offer(text)
        assert caught.value.status == 400


LINES = CHROMIUM.splitlines()
TOKENS = sorted({token for line in LINES for token in line.replace(":", " ").replace("=", " ").split()})
scraps = st.one_of(st.text(max_size=20), st.sampled_from(TOKENS), st.integers().map(str))


@st.composite
def broken_offers(draw: st.DrawFn) -> str:
    """A browser's offer with some lines dropped, doubled, moved, or with a token exchanged."""
    lines = list(draw(st.sampled_from([LINES, SAFARI.splitlines()])))
    for _ in range(draw(st.integers(1, 5))):
        index = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 4)):
            case 0 if len(lines) > 1:
                del lines[index]
            case 1:
                lines.insert(draw(st.integers(0, len(lines))), lines[index])
            case 2:
                lines.insert(index, "a=" + draw(scraps) + draw(st.sampled_from(":= ")) + draw(scraps))
            case _:
                lines[index] = lines[index].replace(draw(st.sampled_from(TOKENS)), draw(scraps), 1)
    return draw(st.sampled_from(["\r\n", "\n"])).join(lines)


def answer_or_error(text: str) -> None:
    try:
        offer = sdp.parse_offer(text)
        entries = h264(offer, "640028")
    except WhepError as error:
        assert error.status == 400
        return
    if not entries:
        return
    written = answer(offer, [*entries, *offer.entries], LOCAL, next(iter(offer.audio_entries), None))
    SessionDescription.parse(written)
    assert written.count("\r\nm=") == len(offer.sections)
    assert written.isascii()


@given(st.text())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_answered_or_refused(text: str) -> None:
    answer_or_error(text)
    answer_or_error("v=0\r\n" + text)


@given(broken_offers())
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_any_broken_offer_is_answered_or_refused(text: str) -> None:
    answer_or_error(text)


@given(broken_offers())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_sender_takes_every_offer_that_was_not_refused(text: str) -> None:
    async def serve() -> None:
        server = LiveServer(max_sessions=1)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(server.run())
            await asyncio.sleep(0)
            try:
                made = await server.offer(LoopCamera(encode("high", 320, 240)), text, owner="an")
            except WhepError as error:
                assert error.status in (400, 422)
            else:
                SessionDescription.parse(made.sdp)
            running.cancel()
        assert server.sessions() == []

    asyncio.run(serve())
