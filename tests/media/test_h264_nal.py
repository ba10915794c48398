"""NAL units and the SPS reader, against streams that libx264 makes and against any bytes."""

from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.media.access_unit import CodecConfig
from nvr.media.h264 import NAL_PPS, NAL_SPS, codec_config, nal_type
from nvr.media.nal import join_length_prefixed, split_annex_b, split_length_prefixed, to_annex_b

# A NAL unit: no start code inside, no zero byte at the end (7.4.1).
nal_units = st.binary(min_size=1, max_size=40).map(lambda b: b.replace(b"\x00\x00", b"\x00\x55") + b"\x80")


def x264(
    size: tuple[int, int], params: str = "", profile: str = "high", pix_fmt: str = "yuv420p"
) -> CodecConfig:
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height = size
    codec.pix_fmt = pix_fmt
    codec.time_base = Fraction(1, 25)
    codec.options = {"preset": "veryfast", "profile": profile, "x264-params": params}
    frame = av.VideoFrame(*size, pix_fmt)
    frame.pts = 0
    packets = [*codec.encode(frame), *codec.encode(None)]
    sets = {nal_type(nal): nal for packet in packets for nal in split_annex_b(bytes(packet))}
    return codec_config(sets[NAL_SPS], sets[NAL_PPS])


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 544), (640, 360), (322, 242), (96, 96)])
def test_size_after_cropping(size: tuple[int, int]) -> None:
    config = x264(size)
    assert (config.width, config.height) == size


@pytest.mark.parametrize(
    ("params", "profile", "pix_fmt"),
    [
        ("bframes=0", "baseline", "yuv420p"),
        ("bframes=0", "main", "yuv420p"),
        ("bframes=0:cqm=jvt:interlaced=1", "high", "yuv420p"),
        ("bframes=0", "high422", "yuv422p"),
        ("bframes=0", "high444", "yuv444p"),
    ],
)
def test_profiles_of_x264(params: str, profile: str, pix_fmt: str) -> None:
    config = x264((1280, 720), params, profile, pix_fmt)
    assert (config.width, config.height, config.reorders) == (1280, 720, False)
    assert config.rfc6381.startswith("avc1.") and len(config.rfc6381) == 11


class SpsWriter:
    """Writes an SPS bit by bit (7.3.2.1.1), independently of the reader."""

    def __init__(self, profile: int) -> None:
        self._head, self._bits = bytes([0x67, profile, 0, 31]), ""

    def u(self, count: int, value: int = 0) -> None:
        self._bits += format(value, f"0{count}b") if count else ""

    def ue(self, value: int) -> None:
        digits = format(value + 1, "b")
        self._bits += "0" * (len(digits) - 1) + digits

    def se(self, value: int) -> None:
        self.ue(2 * value - 1 if value > 0 else -2 * value)

    def nal(self) -> bytes:
        bits = self._bits + "1"
        bits += "0" * (-len(bits) % 8)
        escaped, zeros = bytearray(), 0
        for byte in int(bits, 2).to_bytes(len(bits) // 8, "big"):
            if zeros >= 2 and byte <= 3:
                escaped.append(3)
                zeros = 0
            escaped.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return self._head + bytes(escaped)


flags = st.integers(0, 1)


@given(
    profile=st.sampled_from([77, 88, 100, 110, 122, 244]),
    chroma=st.integers(0, 3),
    planes=flags,
    lists=st.lists(
        st.none() | st.lists(st.integers(-128, 127), min_size=64, max_size=64), min_size=12, max_size=12
    ),
    order=st.integers(0, 1),
    cycle=st.lists(st.integers(-1000, 1000), max_size=4),
    interlaced=flags,
    crop=st.tuples(*[st.integers(0, 3)] * 4),
    vui=st.lists(flags, min_size=9, max_size=9),
    hrd=st.lists(st.tuples(*[st.integers(0, 70_000)] * 2), min_size=1, max_size=4),
    aspect=st.sampled_from([1, 255]),
    reorder=st.integers(0, 4),
)
def test_every_field_of_the_sps_is_read(
    profile: int,
    chroma: int,
    planes: int,
    lists: list[list[int] | None],
    order: int,
    cycle: list[int],
    interlaced: int,
    crop: tuple[int, int, int, int],
    vui: list[int],
    hrd: list[tuple[int, int]],
    aspect: int,
    reorder: int,
) -> None:
    """The reorder count stands at the very end: it is only right if everything before was read right."""
    w = SpsWriter(profile)
    w.ue(0)
    if profile >= 100:
        w.ue(chroma)
        if chroma == 3:
            w.u(1, planes)
        w.ue(0), w.ue(0), w.u(1)
        w.u(1, 1)
        for index, deltas in enumerate(lists[: 12 if chroma == 3 else 8]):
            w.u(1, deltas is not None)
            last = following = 8
            for delta in (deltas or [])[: 16 if index < 6 else 64]:
                if following:
                    w.se(delta)
                    following = (last + delta + 256) % 256
                last = following or last
    else:
        chroma, planes = 1, 0
    w.ue(4)
    w.ue(order)
    if order == 0:
        w.ue(4)
    else:
        w.u(1), w.se(-5), w.se(5), w.ue(len(cycle))
        for offset in cycle:
            w.se(offset)
    w.ue(2), w.u(1)
    w.ue(39), w.ue(29), w.u(1, 1 - interlaced)
    if interlaced:
        w.u(1)
    w.u(1)
    w.u(1, 1)
    for edge in crop:
        w.ue(edge)
    w.u(1, 1)
    aspects, overscan, signal, colour, location, timing, nal_hrd, vcl_hrd, restricted = vui
    w.u(1, aspects)
    if aspects:
        w.u(8, aspect)
        w.u(32 if aspect == 255 else 0, 3)
    w.u(1, overscan), w.u(overscan)
    w.u(1, signal)
    if signal:
        w.u(4), w.u(1, colour), w.u(24 * colour)
    w.u(1, location)
    if location:
        w.ue(1), w.ue(2)
    w.u(1, timing), w.u(65 * timing, 1)
    for present in (nal_hrd, vcl_hrd):
        w.u(1, present)
        if present:
            w.ue(len(hrd) - 1), w.u(8)
            for bit_rate, size in hrd:
                w.ue(bit_rate), w.ue(size), w.u(1)
            w.u(20)
    if nal_hrd or vcl_hrd:
        w.u(1)
    w.u(1)
    w.u(1, restricted)
    if restricted:
        w.u(1), w.ue(2), w.ue(1), w.ue(10), w.ue(10), w.ue(reorder), w.ue(4)
    config = codec_config(w.nal(), b"\x68\x80")
    sampled = 0 if planes and chroma == 3 else chroma
    unit_x = 2 if sampled in (1, 2) else 1
    unit_y = (2 if sampled == 1 else 1) * (1 + interlaced)
    assert config.width == 640 - unit_x * (crop[0] + crop[1])
    assert config.height == 480 * (1 + interlaced) - unit_y * (crop[2] + crop[3])
    assert config.reorders == (not restricted or reorder > 0)


def test_reordering_is_seen() -> None:
    assert x264((640, 360), "bframes=2", "main").reorders


@given(st.lists(nal_units), st.sampled_from([b"\x00\x00\x01", b"\x00\x00\x00\x01"]), st.integers(0, 3))
def test_annex_b_is_split(nals: list[bytes], code: bytes, zeros: int) -> None:
    assert split_annex_b(b"".join(code + nal + bytes(zeros) for nal in nals)) == nals


def test_bytes_before_the_first_start_code_are_no_nal_unit() -> None:
    assert split_annex_b(b"\x67junk\x00\x00\x01\x65\x88") == [b"\x65\x88"]
    assert split_annex_b(b"no start code") == []


@given(st.lists(nal_units))
def test_length_prefixed_round_trip(nals: list[bytes]) -> None:
    assert [bytes(nal) for nal in split_length_prefixed(join_length_prefixed(nals))] == nals


@given(st.lists(nal_units, min_size=1), st.data())
def test_a_cut_access_unit_is_an_error(nals: list[bytes], data: st.DataObject) -> None:
    whole = join_length_prefixed(nals)
    ends = {len(join_length_prefixed(nals[:count])) for count in range(len(nals) + 1)}
    cut = data.draw(st.integers(1, len(whole)).filter(lambda n: n not in ends))
    with pytest.raises(ValueError, match="runs past the end"):
        list(split_length_prefixed(whole[:cut]))


@given(st.lists(nal_units), st.booleans())
def test_to_annex_b_is_the_inverse(nals: list[bytes], with_sets: bool) -> None:
    config = CodecConfig("h264", b"\x67\x42\x00\x1f", b"\x68\x80", 16, 16, False)
    stream = to_annex_b(join_length_prefixed(nals), config.parameter_sets if with_sets else ())
    assert split_annex_b(stream) == ([config.sps, config.pps] if with_sets else []) + nals


@given(st.binary(max_size=80), st.binary(max_size=8))
def test_any_parameter_sets_give_a_config_or_a_value_error(sps: bytes, pps: bytes) -> None:
    try:
        config = codec_config(b"\x67" + sps, b"\x68" + pps)
    except ValueError:
        return
    assert 16 <= config.width <= 16384 and 16 <= config.height <= 16384


def test_every_cut_sps_is_an_error() -> None:
    config = x264((640, 360), "bframes=2")
    for length in range(len(config.sps) - 1):
        with pytest.raises(ValueError, match="sequence parameter set"):
            codec_config(config.sps[:length], config.pps)
    with pytest.raises(ValueError, match="picture parameter set"):
        codec_config(config.sps, config.sps)
    with pytest.raises(ValueError, match="picture parameter set"):
        codec_config(config.sps, b"")
    with pytest.raises(ValueError, match="picture parameter set"):
        codec_config(config.sps, b"\x68" * 70_000)  # fits neither a file's header nor 16 bits


def test_an_unknown_picture_order_is_an_error() -> None:
    # Baseline; ue(0) SPS id, ue(0) frame number, ue(3): pic_order_cnt_type goes to 2 only (7.4.2.1.1).
    with pytest.raises(ValueError, match="picture order"):
        codec_config(b"\x67\x42\x00\x1f" + b"\xc9" + b"\xff" * 12, b"\x68\x80")
