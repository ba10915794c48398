"""Audio in RTP: AAC and G.711 packets to frames, whatever is lost, doubled, or hostile."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nvr.camera.audio_rtp import AudioDepacketizer, AuHeaders
from nvr.camera.reorder import ReorderBuffer
from nvr.camera.rtp import pack_header
from nvr.media.audio import AudioConfig, aac_config, aac_lc_specific, g711_config

AAC = aac_config(aac_lc_specific(16_000, 1), 16_000)
HBR, LBR = AuHeaders(13, 3, 3), AuHeaders(6, 2, 2)


class Heard:
    """What a depacketizer publishes; time is the RTP timestamp."""

    def __init__(self, config: AudioConfig = AAC, headers: AuHeaders | None = HBR):
        self.frames: list[tuple[int, bytes]] = []
        self.depacketizer = AudioDepacketizer(97, config, lambda ts, *_: ts, self._take, headers=headers)

    def _take(self, config: AudioConfig, data: bytes, pts: int, samples: int, at_s: float) -> None:
        assert samples == config.samples_of(data)
        self.frames.append((pts, data))

    def push(self, packet: bytes) -> None:
        self.depacketizer.push(packet, 0, len(packet), 0.0)


def rtp(sequence: int, timestamp: int, payload: bytes, *, payload_type: int = 97) -> bytes:
    head = pack_header(marker=True, payload_type=payload_type, sequence=sequence, timestamp=timestamp, ssrc=9)
    return head + payload


def aac_payload(sizes: list[int], data: bytes, headers: AuHeaders = HBR) -> bytes:
    """RFC 3640, 3.2.1: length of the headers in bits, headers, data."""
    bits = ""
    for number, size in enumerate(sizes):
        bits += format(size, f"0{headers.size}b") + "0" * (headers.index_delta if number else headers.index)
    padded = bits + "0" * (-len(bits) % 8)
    section = int(padded, 2).to_bytes(len(padded) // 8, "big")
    return len(bits).to_bytes(2, "big") + section + data


def aac_packets(frames: list[bytes], plan: list[int], headers: AuHeaders = HBR) -> list[bytes]:
    """Packets of frames: `plan` says of each packet how many frames it has; 0: the next frame in two packets."""
    packets, at, sequence = [], 0, 65_530
    for count in plan:
        timestamp = at * 1024
        chosen = frames[at : at + max(count, 1)]
        if not chosen:
            break
        if count == 0 and len(chosen[0]) > 1:
            half = len(chosen[0]) // 2
            parts = [chosen[0][:half], chosen[0][half:]]
            payloads = [aac_payload([len(chosen[0])], part, headers) for part in parts]
        else:
            payloads = [aac_payload([len(f) for f in chosen], b"".join(chosen), headers)]
        for payload in payloads:
            packets.append(rtp(sequence & 0xFFFF, timestamp, payload))
            sequence += 1
        at += len(chosen)
    return packets


frame_lists = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=30)
plans = st.lists(st.integers(0, 4), min_size=40, max_size=40)


@settings(max_examples=100, deadline=None)
@given(frame_lists, plans, st.sampled_from([HBR, LBR]))
def test_every_frame_comes_out_with_its_time(
    frames: list[bytes], plan: list[int], headers: AuHeaders
) -> None:
    heard = Heard(headers=headers)
    for packet in aac_packets(frames, plan, headers):
        heard.push(packet)
    assert heard.frames == [(n * 1024, frame) for n, frame in enumerate(frames)]
    assert heard.depacketizer.dropped == 0


@settings(max_examples=150, deadline=None)
@given(frame_lists, plans, st.data())
def test_loss_costs_the_frames_in_it_and_nothing_else(
    frames: list[bytes], plan: list[int], data: st.DataObject
) -> None:
    packets = aac_packets(frames, plan)
    kept = [p for p in packets if data.draw(st.integers(0, 3))]
    heard = Heard()
    for packet in kept:
        heard.push(packet)
        if data.draw(st.booleans()):
            heard.push(packet)  # doubled
    alone = Heard()
    for packet in packets:
        alone.push(packet)
    assert set(heard.frames) <= set(alone.frames)
    assert heard.frames == sorted(set(heard.frames))
    if len(kept) == len(packets):
        assert heard.frames == alone.frames


@settings(max_examples=60, deadline=None)
@given(frame_lists, plans, st.randoms(use_true_random=False))
def test_udp_puts_packets_in_order(frames: list[bytes], plan: list[int], random: object) -> None:
    packets = aac_packets(frames, plan)
    shuffled: list[bytes] = packets[:1]
    for start in range(1, len(packets), 4):  # neighbours overtake one another
        part = packets[start : start + 4]
        random.shuffle(part)  # type: ignore[attr-defined]
        shuffled += part
    heard = Heard()
    buffer = ReorderBuffer(heard.depacketizer.push)
    for packet in shuffled:
        buffer.push(packet, int.from_bytes(packet[2:4], "big"), 0.0)
    assert heard.frames == [(n * 1024, frame) for n, frame in enumerate(frames)]


@given(st.lists(st.binary(max_size=80), max_size=20), st.sampled_from([HBR, LBR, None]))
def test_hostile_packets_cost_nothing_but_themselves(
    payloads: list[bytes], headers: AuHeaders | None
) -> None:
    heard = Heard(AAC if headers else g711_config("alaw"), headers)
    for sequence, payload in enumerate(payloads):
        heard.push(rtp(sequence, 0, payload))
        heard.push(payload)
    good = aac_payload([3], b"abc", headers) if headers else b"abc"
    heard.push(rtp(len(payloads), 77_777, good))
    assert heard.frames[-1] == (77_777, b"abc")


def test_g711_packets_are_units() -> None:
    heard = Heard(g711_config("ulaw", 2), None)
    heard.push(rtp(1, 0, b"\xff" * 321))
    heard.push(rtp(2, 160, b"\xfe" * 320, payload_type=8))  # another type
    heard.push(rtp(5, 480, b"\xfd" * 320))
    assert heard.frames == [(0, b"\xff" * 320), (480, b"\xfd" * 320)]


def test_interleaved_aus_are_no_frames() -> None:
    heard = Heard()
    bits = format(3, "013b") + "000" + format(3, "013b") + "010"
    heard.push(rtp(1, 0, (32).to_bytes(2, "big") + int(bits, 2).to_bytes(4, "big") + b"abcdef"))
    assert heard.frames == [] and heard.depacketizer.dropped == 1
