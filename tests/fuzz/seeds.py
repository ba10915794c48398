"""Where fuzzing begins: what real peers send, from the tests."""

from __future__ import annotations

import aiortc.rtp as peer
from test_stun import VECTORS
from test_trickle import EXAMPLE
from test_webrtc_sdp import CHROMIUM, SAFARI

from nvr.camera.rtp import pack_header, sender_report
from peers.onvif_client import PROBE, envelope, token

REPORT = peer.RtcpReceiverInfo(7, 128, 3, 70_000, 45, 0, 0)
FEEDBACK = b"".join(
    bytes(packet)
    for packet in (
        peer.RtcpRrPacket(ssrc=1, reports=[REPORT]),
        peer.RtcpSdesPacket(chunks=[peer.RtcpSourceInfo(ssrc=1, items=[(1, b"name")])]),
        peer.RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=7, lost=[1, 2, 60]),
        peer.RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=7),
        peer.RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=peer.pack_remb_fci(3_000_000, [7])),
    )
)
DESCRIPTION = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n"
    b"a=rtpmap:96 H264/90000\r\na=control:track1\r\na=fmtp:96 packetization-mode=1;profile-level-id=64001F;"
    b"sprop-parameter-sets=Z2QAH6zZQFAFuhAAAAMAEAAAAwPI8YMZYA==,aOvjyyLA\r\nm=audio 0 RTP/AVP 8\r\n"
)
STREAM = (
    '<StreamSetup><Stream xmlns="http://www.onvif.org/ver10/schema">RTP-Unicast</Stream><Transport><Protocol>RTSP'
    "</Protocol></Transport></StreamSetup><ProfileToken>gate_main</ProfileToken>"
)
ONVIF_CAMERA = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:t="http://www.onvif.org/ver10/schema"><s:Body>'
    "{}</s:Body></s:Envelope>"
)
ONVIF_ANSWERS = (
    "<a><Capabilities><t:Media><t:XAddr>http://10.0.0.9/onvif/media</t:XAddr></t:Media></Capabilities></a>",
    '<a><Profiles token="main"/><MediaUri><t:Uri>rtsp://10.0.0.9/b?c=d</t:Uri></MediaUri></a>',
    "<s:Fault><s:Reason><s:Text>no</s:Text></s:Reason></s:Fault>",
)
SEEDS: dict[str, list[bytes]] = {
    "stun_check": VECTORS,
    "rtcp_compound": [FEEDBACK],
    "whep_offer": [CHROMIUM.encode(), SAFARI.encode()],
    "whep_fragment": [EXAMPLE.encode()],
    "camera_rtp": [
        pack_header(marker=True, payload_type=96, sequence=1, timestamp=2, ssrc=3) + bytes(20),
        sender_report(ssrc=5, wall_s=1.8e9, timestamp=7, packets=3, payload_bytes=99, cname="nvr"),
    ],
    "camera_description": [DESCRIPTION],
    "onvif_request": [
        envelope("device", "GetCapabilities", "<Category>Media</Category>"),
        envelope("media", "GetStreamUri", STREAM, token("xa", "secret", 1.8e9)),
    ],
    "onvif_probe": [PROBE.format(id="uuid:1", types="dn:NetworkVideoTransmitter", scopes="").encode()],
    "camera_onvif": [ONVIF_CAMERA.format(inside).encode() for inside in ONVIF_ANSWERS],
    "onvif_authorization": [
        b'Digest username="xa", realm="NVR", nonce="01a3185c5000' + bytes(32) + b'", uri="/onvif/snapshot/a",'
        b' response="0123456789abcdef0123456789abcdef", algorithm=MD5, cnonce="a", nc=00000001, qop=auth'
    ],
}
