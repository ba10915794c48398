"""H.265 to a client that offers it: choice of the entry, and real pictures through a real connection."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from aiortc import RTCRtpReceiver
from aiortc.rtp import RtpPacket
from live_peers import LoopCamera, Viewer, encode, encode_h265, until

import x265
from nvr.camera.h265_rtp import H265Depacketizer
from nvr.media.access_unit import AccessUnit, MediaItem
from webrtc.entries import choose, video_entries
from webrtc.h265 import MAIN, MAIN_10, H265Level, nearest
from webrtc.session import LiveServer, WhepError

Serve = Callable[..., Awaitable[LiveServer]]
H265_FMTP = "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST"


def test_a_stream_s_level_is_read_from_its_sps() -> None:
    config = x265.encode(frames=2)[0].config
    level = H265Level.from_sps(config.sps)
    assert level is not None
    tier = "H" if level.tier else "L"
    assert (
        config.rfc6381.startswith(f"hvc1.{level.profile_idc}.")
        and f".{tier}{level.level_idc}." in config.rfc6381
    )
    assert all(H265Level.from_sps(config.sps[:size]) is None for size in range(15))
    ten_bits = H265Level.from_sps(x265.encode(frames=2, pix_fmt="yuv420p10le")[0].config.sps)
    assert ten_bits is not None and ten_bits.profile_idc == MAIN_10


@pytest.mark.parametrize(
    ("stream", "offered", "chosen"),
    [
        ((MAIN, 0, 93), [(MAIN, 0, 180), (MAIN, 0, 120), (MAIN, 0, 90)], 1),
        ((MAIN, 0, 123), [(MAIN, 0, 93), (MAIN, 0, 120)], 1),
        ((MAIN, 0, 93), [(MAIN_10, 0, 93), (MAIN, 0, 153)], 1),
        ((MAIN, 0, 93), [(MAIN_10, 0, 93)], 0),
        ((MAIN, 1, 93), [(MAIN, 0, 93), (MAIN, 1, 153)], 1),
        ((MAIN_10, 0, 93), [(MAIN, 0, 93)], None),
        ((4, 0, 93), [(MAIN, 0, 93), (4, 0, 93)], None),
    ],
)
def test_the_nearest_entry(
    stream: tuple[int, int, int], offered: list[tuple[int, int, int]], chosen: int | None
) -> None:
    assert nearest(H265Level(*stream), [H265Level(*entry) for entry in offered]) == chosen


@pytest.mark.parametrize(
    ("fmtp", "answered"),
    [
        (
            "level-id=180;profile-id=2;tier-flag=0;tx-mode=SRST",
            "level-id=180;profile-id=2;tier-flag=0;tx-mode=SRST",
        ),
        ("", H265_FMTP),
        ("tx-mode=MRST", None),
        ("profile-space=1", None),
        ("level-id=-1", None),
        ("level-id=٣", None),
        ("level-id=1234", None),
    ],
)
def test_an_offered_entry(fmtp: str, answered: str | None) -> None:
    attributes = {"rtpmap": ["98 H265/90000"], "fmtp": [f"98 {fmtp}"], "rtcp-fb": ["98 nack"]}
    entries = video_entries(("98",), attributes)
    assert [entry.fmtp for entry in entries] == ([answered] if answered else [])
    assert choose(entries, "h265", b"\x42\x01") is None, "an SPS cut off"


def with_h265(offer: str) -> str:
    """The offer of a client that takes H.265 and nothing else."""
    offer = offer.replace("H264/90000", "H265/90000")
    return re.sub(r"(a=fmtp:\d+ ).*profile-level-id=.*", rf"\g<1>{H265_FMTP}", offer)


async def test_pictures_arrive_and_decode(
    serve: Serve, viewer: Callable[[], Viewer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiortc's client does the connection, and is told that it is H.264; its packets are read here."""
    packets: list[RtpPacket] = []

    async def handle(_: RTCRtpReceiver, packet: RtpPacket, arrival_time_ms: int) -> None:
        packets.append(packet)

    monkeypatch.setattr(RTCRtpReceiver, "_handle_rtp_packet", handle)
    camera, server, watching = LoopCamera(encode_h265(320, 240)), await serve(), viewer()
    offer = await watching.offer()
    answer = (await server.offer(camera, with_h265(offer), owner="an")).sdp
    assert f" {H265_FMTP}\r\n" in answer
    (number,) = re.findall(r"a=rtpmap:(\d+) H265/90000", answer)
    (fmtp,) = re.findall(rf"a=fmtp:{number} .*", offer)
    await watching.accept(re.sub(rf"a=fmtp:{number} .*", fmtp, answer).replace("H265/", "H264/"))
    await until(lambda: sum(packet.marker for packet in packets) >= 40)
    items: list[MediaItem] = []
    depacketizer = H265Depacketizer(x265.GATE, int(number), items.append)
    for packet in packets:
        data = packet.serialize()
        depacketizer.push(data, 0, len(data), 0.0)
    units = [item for item in items if isinstance(item, AccessUnit)]
    assert len(units) == len(items) >= 39
    assert len(x265.decode(units)) == len(units)


async def test_who_offers_it_not_is_told_so(serve: Serve, viewer: Callable[[], Viewer]) -> None:
    server, offer = await serve(), await viewer().offer()
    with pytest.raises(WhepError, match="no H265") as caught:
        await server.offer(LoopCamera(encode_h265(320, 240)), offer, owner="an")
    assert caught.value.status == 422
    with pytest.raises(WhepError, match="no H264") as caught:
        await server.offer(LoopCamera(encode("main", 320, 240)), with_h265(offer), owner="an")
    assert caught.value.status == 422
    assert server.sessions() == []
