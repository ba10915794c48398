"""What `webrtc/stock.py` counts on in aiortc, aioice and pylibsrtp, and that it uses no private name of theirs."""

from __future__ import annotations

import ast
import asyncio
import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiortc.rtp
import av
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.codecs.h264 import H264Encoder
from aiortc.mediastreams import MediaStreamError
from live_peers import Viewer, encode

import webrtc.stock
from webrtc.answer import SENDER_FMTP

SOURCES = sorted(Path(webrtc.stock.__file__).parent.glob("*.py"))


def test_the_versions_are_the_pinned_ones() -> None:
    assert {name: version(name) for name in ("aiortc", "aioice", "pylibsrtp")} == {
        "aiortc": "1.16.0",
        "aioice": "0.13.0",
        "pylibsrtp": "1.0.0",
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_underscored_name_of_another_module_is_used(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            assert isinstance(node.value, ast.Name), f"{path.name}:{node.lineno}: {node.attr}"
            assert node.value.id == "self", f"{path.name}:{node.lineno}: {node.value.id}.{node.attr}"
        if isinstance(node, ast.ImportFrom):
            assert not any(alias.name.startswith("_") for alias in node.names), f"{path.name}:{node.lineno}"


async def test_a_client_s_low_payload_type_is_taken_over_and_its_entry_answered() -> None:
    assert isinstance(aiortc.rtp.DYNAMIC_PAYLOAD_TYPES, range)
    webrtc.stock.prepare_aiortc()
    viewer, connection = Viewer(), RTCPeerConnection(RTCConfiguration(iceServers=[]))
    offer = (await viewer.offer()).replace("profile-level-id=42001f", "profile-level-id=4d001f")
    number = next(line for line in offer.splitlines() if line.endswith(SENDER_FMTP))[7:].split(" ")[0]
    for old, new in ((f":{number} ", ":41 "), (f" {number} ", " 41 "), (f"apt={number}\r", "apt=41\r")):
        offer = offer.replace(old, new)
    connection.addTransceiver("video", direction="sendonly")
    await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    answer = (await connection.createAnswer()).sdp
    assert "a=rtpmap:41 H264/90000\r\n" in answer
    assert f"a=fmtp:41 {SENDER_FMTP}\r\n" in answer
    await connection.close()
    await viewer.pc.close()


def test_sdp_is_logged_below_warning_only() -> None:
    webrtc.stock.prepare_aiortc()
    for name in ("aiortc.rtcpeerconnection", "aioice.ice"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)


def test_a_packet_is_packetized_without_a_codec_and_keeps_its_time() -> None:
    frame = encode("high", 320, 240)[0]
    packet = av.Packet(frame.data)
    packet.pts, packet.time_base = 12_345, webrtc.stock.TIME_BASE
    encoder = H264Encoder()
    payloads, timestamp = encoder.pack(packet)
    assert encoder.codec is None
    assert timestamp == 12_345
    assert sum(map(len, payloads)) > 0.9 * len(frame.data)
    assert max(map(len, payloads)) <= 1300


def test_length_prefixed_data_would_be_sent_as_nothing() -> None:
    """The trap that `EncodedFrame` guards against."""
    packet = av.Packet(b"\x00\x00\x10\x00" + b"\x65" * 4096)
    packet.pts, packet.time_base = 0, webrtc.stock.TIME_BASE
    assert H264Encoder().pack(packet) == ([], 0)


async def test_a_track_whose_sending_ends_is_stopped() -> None:
    """The session notices the end of aiortc's own sending task by the track's event."""

    class Failing(MediaStreamTrack):
        kind = "video"

        async def recv(self) -> av.Packet[Any]:
            raise MediaStreamError

    ended = asyncio.Event()
    track, viewer, connection = Failing(), Viewer(), RTCPeerConnection(RTCConfiguration(iceServers=[]))
    track.on("ended", ended.set)
    connection.addTransceiver(track, direction="sendonly")
    await connection.setRemoteDescription(RTCSessionDescription(await viewer.offer(), "offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    await viewer.accept(connection.localDescription.sdp)
    async with asyncio.timeout(20):
        await ended.wait()
    await connection.close()
    await viewer.pc.close()


def test_the_codec_table_still_lacks_higher_profiles() -> None:
    """If this fails, `SENDER_FMTP` may no longer be needed."""
    codecs = RTCRtpSender.getCapabilities("video").codecs
    offered = {codec.parameters["profile-level-id"] for codec in codecs if codec.name == "H264"}
    assert offered == {"42001f", "42e01f"}
