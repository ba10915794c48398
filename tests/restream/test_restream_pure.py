"""The pure parts under generated input: the dialogue, the common log, times, packets, viewings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quiet_stage import SESSION, UDP_VISIT, URL, VIDEO, VISIT, QuietStage, dialogue, request

from nvr.camera.audio_rtp import AudioDepacketizer, AuHeaders
from nvr.camera.rtp import parse_header
from nvr.errors import CameraError
from nvr.events import Role, StreamKey
from nvr.media.access_unit import AccessUnit
from nvr.media.audio import AudioConfig, AudioUnit, aac_config, aac_lc_specific, g711_config
from nvr.restream.dialogue import (
    GRACE_S,
    LOGIN_ATTEMPTS,
    LOGIN_S,
    MAX_HEADER_BYTES,
    PIECES_BURST,
    SESSION_TIMEOUT_S,
)
from nvr.restream.gop_log import MAX_BYTES, Cursor, GopLog, Piece
from nvr.restream.media_time import MediaTime
from nvr.restream.packets import AUDIO_TYPE, MAX_PAYLOAD_BYTES, AudioTrack, Start, video_packets, video_track
from nvr.restream.viewings import BEGAN, LINGER_S, MAX_TOLD, OVER, Viewing, Viewings

KEY = StreamKey("gate", Role.MAIN)


def chopped(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_a_visit_goes_the_same_way_however_it_is_chopped(cuts: list[int]) -> None:
    stage = QuietStage()
    talk = dialogue(stage)
    for number, part in enumerate(chopped(b"".join(VISIT), cuts)):
        talk.feed(part, number / 100)
    assert [answer.status for answer in stage.answers()] == [200] * (len(VISIT) - 1)
    assert stage.deeds == ["join", "flow", "hold", "join", "flow", "leave", "close"]
    assert stage.answers()[4].headers.get("RTP-Info") == f"url={URL}/video;seq=7;rtptime=9"
    assert stage.answers()[3].headers.get("Transport") == "RTP/AVP/TCP;unicast;interleaved=2-3"


PIECES = st.one_of(
    st.sampled_from(VISIT + UDP_VISIT),
    st.sampled_from(
        [
            b"OPTIONS * RTSP/1.0\r\n\r\n",
            b"\r\n",
            b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
            b"DESCRIBE " + URL.encode() + b" RTSP/1.0\r\nCSeq: 2\r\n\r\n",
            request("SETUP", f"{URL}/video", Transport="RTP/AVP;unicast;client_port=1-2"),
            request("SETUP", f"{URL}/audio", Transport="RTP/AVP/TCP;interleaved=0-1"),
            request("SETUP", "rtsp://x/gate/sub/video", Transport="RTP/AVP/TCP"),
            request("PLAY", "rtsp://x/%ff/../..", Session=SESSION),
            request("DESCRIBE", Require="x"),
        ]
    ),
    st.binary(max_size=60),
)


@given(st.lists(st.tuples(PIECES, st.integers(0, 400), st.integers(0, 255)), max_size=30))
def test_nothing_that_comes_breaks_the_dialogue(pieces: list[tuple[bytes, int, int]]) -> None:
    """`QuietStage` asserts that nobody learns or gets anything without the password, and so on."""
    stage = QuietStage()
    talk = dialogue(stage)
    with suppress(CameraError):
        for number, (piece, at, value) in enumerate(pieces):
            changed = bytearray(piece)
            if number % 3 == 0 and at < len(changed):
                changed[at] = value
            talk.feed(bytes(changed), number / 10)
            if "close" in stage.deeds:
                break
    assert all(answer.status for answer in stage.answers())
    assert not talk.is_playing or stage.deeds[-1] in ("flow", "close")


def test_a_session_is_one_stream_one_way_and_its_own() -> None:
    stage = QuietStage()
    talk = dialogue(stage)
    tcp, udp = "RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP;unicast;client_port=5000-5001"
    steps = (
        (request("PLAY", Session=SESSION), 454),
        (request("SETUP", f"{URL}/audio", Transport=f"RTP/AVP;multicast,{udp}"), 200),
        (request("SETUP", f"{URL}/video", Transport=tcp, Session=SESSION), 461),
        (request("SETUP", f"{URL}/video", Transport=f"{tcp},{udp}", Session="other"), 454),
        (request("SETUP", f"{URL}/video", Transport=f"{tcp},{udp}", Session=SESSION), 200),
        (request("PLAY", Session="other"), 454),
        (request("PLAY", Session=SESSION), 200),
        (request("SETUP", f"{URL}/video", Transport=udp, Session=SESSION), 455),
        (request("SET_PARAMETER", Session=SESSION), 200),
        (request("RECORD", Session=SESSION), 405),
        (request("DESCRIBE", "rtsp://10.0.0.9:8554/gate/sub"), 404),
        (request("DESCRIBE", "rtsp://[x"), 400),
    )
    for number, (data, status) in enumerate(steps):
        talk.feed(data, float(number))
        assert stage.answers()[-1].status == status, steps[number]


def test_who_is_silent_or_too_loud_must_go() -> None:
    stranger = dialogue(QuietStage())
    stranger.feed(b"OPTIONS * RTSP/1.0\r\n\r\n", LOGIN_S)
    assert not stranger.overdue(LOGIN_S) and stranger.overdue(LOGIN_S + 0.1) == "no log-in"
    end_s = SESSION_TIMEOUT_S + GRACE_S
    udp = dialogue(QuietStage())
    for data in UDP_VISIT[:2]:
        udp.feed(data, 1.0)
    assert not udp.overdue(end_s) and udp.overdue(end_s + 1.1)
    udp.heard(50.0)
    assert not udp.overdue(end_s + 49.0) and udp.overdue(end_s + 50.1)
    tcp = dialogue(QuietStage())
    for data in VISIT[:5]:
        tcp.feed(data, 1.0)
    assert not tcp.overdue(1e6), "it reads what it is sent; that is sign enough"
    stage = QuietStage()
    with pytest.raises(CameraError):
        dialogue(stage).feed(b"OPTIONS * RTSP/1.0\r\nX: " + bytes(MAX_HEADER_BYTES), 0.0)
    loud = dialogue(stage)
    loud.feed(b"OPTIONS * RTSP/1.0\r\n\r\n" * 1000, 0.0)
    assert stage.deeds == ["close"] and len(stage.answers()) <= PIECES_BURST


def test_wrong_answers_end_it() -> None:
    stage = QuietStage()
    talk = dialogue(stage)
    wrong = request("DESCRIBE").replace(b"DESCRIBE", b"OPTIONSX")
    for _ in range(LOGIN_ATTEMPTS):
        assert "close" not in stage.deeds
        talk.feed(wrong, 0.0)
    assert stage.deeds == ["close"] and stage.asked == []


@given(st.lists(st.tuples(st.sampled_from("kps"), st.integers(0, 4)), max_size=80), st.booleans())
def test_a_slow_receiver_goes_on_with_a_keyframe_and_misses_nothing_else(
    events: list[tuple[str, int]], starts_at_key: bool
) -> None:
    """k: a keyframe, p: a picture, s: the log is full without a keyframe; each followed by so many reads."""
    log = GopLog(is_whole=False)
    cursor, number, got = Cursor(log), 0, []
    names: list[str] = []
    for kind, reads in [("k", 0), *events] if starts_at_key else events:
        if kind != "p":
            log = GopLog(is_whole=kind == "k")
            cursor.turn(log)
        if kind != "s":
            log.add(Piece(kind, [str(number).encode()]))
            names.append(kind)
            number += 1
        for _ in range(reads):
            piece = cursor.peek()
            if piece is None:
                break
            cursor.step()
            got.append(int(piece.packets[0]))
    for before, after in zip([-1, *got], got, strict=False):
        assert after > before
        assert after == before + 1 or names[after] == "k"
    assert not got or names[got[0]] == "k"


def test_a_log_is_bounded() -> None:
    log = GopLog(is_whole=True)
    while not log.is_full:
        log.add(Piece("video", [bytes(1 << 20)]))
    assert sum(len(piece.packets[0]) for piece in log.pieces) <= MAX_BYTES + (1 << 20)


SLICE = b"\x00\x00\x00\x02\x41\x9a"


def unit(pts_90k: int, arrived_s: float, data: bytes = SLICE, *, is_key: bool = False) -> AccessUnit:
    return AccessUnit(KEY, VIDEO, data, pts_90k, is_key, arrived_s)


@given(st.lists(st.tuples(st.integers(1, 9000), st.floats(0, 3), st.booleans()), min_size=2, max_size=50))
def test_media_time_goes_on_whatever_the_camera_does(steps: list[tuple[int, float, bool]]) -> None:
    time, pts_90k, now_s, last = MediaTime(), 0, 1000.0, -1
    for step, wait_s, is_new in steps:
        now_s += wait_s
        pts_90k = 0 if is_new else pts_90k + step
        if is_new:
            time.interrupt()
            assert time.of_sound(0) is None
        found = time.of_picture(unit(pts_90k, now_s))
        assert found >= last
        assert time.of_sound(pts_90k) == found
        assert time.sampled_mono_s(found) <= now_s + 1e-6, "nothing is sampled after it came"
        last = found


@given(
    st.lists(st.binary(min_size=1, max_size=4000), min_size=1, max_size=6),
    st.sampled_from(
        [g711_config("alaw"), g711_config("ulaw"), aac_config(aac_lc_specific(16_000, 1), 16_000)]
    ),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF_FFFF),
)
def test_sound_comes_back_as_it_was(
    frames: list[bytes], config: AudioConfig, sequence: int, timestamp: int
) -> None:
    got: list[bytes] = []
    times: list[int] = []

    def place(timestamp: int, _following: int, _at_s: float) -> int:
        times.append(timestamp)
        return 0

    track = AudioTrack(config, Start(1, sequence, timestamp))
    headers = AuHeaders() if config.codec == "aac" else None
    back = AudioDepacketizer(
        track.rtp.payload_type, config, place, lambda _c, data, *_: got.append(data), headers=headers
    )
    samples, expected = 0, []
    for data in frames:
        expected.append(timestamp + samples & 0xFFFF_FFFF)
        sound = AudioUnit(KEY, config, data, 0, 0, 0.0)
        for packet in track.packets(sound, -(-samples * 90_000 // config.rate_hz)):
            assert len(packet) <= MAX_PAYLOAD_BYTES + 12
            back.push(packet, 0, len(packet), 0.0)
        samples += config.samples_of(data)
    assert b"".join(got) == b"".join(frames)
    if config.codec == "aac":
        assert (got, times) == (frames, expected)


def test_a_frame_too_large_for_its_field_is_left_out() -> None:
    track = AudioTrack(aac_config(aac_lc_specific(16_000, 1), 16_000), Start(1, 2, 3))
    assert track.rtp.payload_type == AUDIO_TYPE
    assert track.packets(AudioUnit(KEY, track.config, bytes(8192), 0, 0, 0.0), 0) == []
    assert len(track.packets(AudioUnit(KEY, track.config, bytes(8191), 0, 0, 0.0), 0)) == 6


def test_pictures_are_counted_in_the_report() -> None:
    track = video_track(Start(0xABCD, 65_535, 90))
    data = (4001).to_bytes(4, "big") + b"\x65" + bytes(4000)
    packets = video_packets(track, unit(0, 0.0, data, is_key=True), track.timestamp(0))
    heads = [parse_header(packet, 0, len(packet)) for packet in packets]
    assert [head.sequence for head in heads] == [65_535, 0, 1, 2, 3]
    assert [head.marker for head in heads] == [False] * 4 + [True]
    assert {(head.timestamp, head.ssrc, head.payload_type) for head in heads} == {(90, 0xABCD, 96)}
    assert [packet[12] & 0x1F for packet in packets] == [7, 8, 28, 28, 28]
    report = track.report(track.timestamp(90_000), 0.0)
    assert int.from_bytes(report[8:12], "big") == 2_208_988_800, "1970 as NTP counts"
    assert int.from_bytes(report[16:20], "big") == 90_090
    assert int.from_bytes(report[20:24], "big") == 5


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.floats(0, 2 * LINGER_S)), max_size=60))
def test_each_viewing_is_told_once_and_ended_once(events: list[tuple[int, bool, float]]) -> None:
    viewings, now_s, rows = Viewings(), 0.0, []
    running: dict[int, int] = {}
    for number, begins, wait_s in events:
        now_s += wait_s
        rows += viewings.due(now_s)
        viewing = Viewing("tinh", f"cam{number}/main", "10.0.0.1", "tcp")
        if begins:
            rows += viewings.begin(viewing, now_s)
            running[number] = running.get(number, 0) + 1
        elif running.get(number):
            viewings.end(viewing, now_s)
            running[number] -= 1
        assert {v.place for v in viewings.running} == {
            f"cam{n}/main" for n, count in running.items() if count
        }
    rows += viewings.finish(now_s)
    for number in range(4):
        actions = [row.action for row in rows if row.viewing.place == f"cam{number}/main"]
        assert actions == [BEGAN, OVER] * (len(actions) // 2)
    assert all(row.seconds is not None and row.seconds <= now_s for row in rows if row.action == OVER)
    assert viewings.finish(now_s) == []


def test_viewings_are_bounded() -> None:
    viewings, rows = Viewings(), 0
    for number in range(2 * MAX_TOLD):
        viewing = Viewing("tinh", "gate/main", f"10.0.{number // 256}.{number % 256}", "tcp")
        rows += len(viewings.begin(viewing, 0.0))
        viewings.end(viewing, 0.0)
    assert rows == 3 * MAX_TOLD and len(viewings.finish(0.0)) == MAX_TOLD


def test_another_size_is_told_in_band() -> None:
    track = video_track(Start(1, 0, 0))
    other = replace(VIDEO, sps=VIDEO.sps + b"\x01")
    packets = video_packets(track, replace(unit(0, 0.0, is_key=True), config=other), 0)
    assert packets[0][12:] == other.sps
