"""The reader of H.265 parameter sets, against a writer, streams that libx265 makes, and any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import x265
from nvr.media.access_unit import CodecConfig
from nvr.media.h265 import codec_config, is_keyframe_type, nal_type, read_sps
from nvr.media.nal import split_annex_b, split_length_prefixed, to_annex_b

VPS, PPS = b"\x40\x01\x0c\x01", b"\x44\x01\xc0"


@pytest.mark.parametrize("size", [(1920, 1080), (640, 360), (322, 242), (96, 96)])
def test_size_after_cropping(size: tuple[int, int]) -> None:
    config = x265.encode(frames=1, size=size)[0].config
    assert (config.width, config.height) == size


@pytest.mark.parametrize(
    ("pix_fmt", "more", "codec"),
    [
        ("yuv420p", "", "hvc1.1.6.L30.90"),
        ("yuv420p", ":level-idc=4:high-tier=0", "hvc1.1.6.L120.90"),
        ("yuv420p", ":level-idc=5:high-tier=1:vbv-maxrate=30000:vbv-bufsize=30000", "hvc1.1.6.H150.90"),
        ("yuv420p10le", "", "hvc1.2.4.L30.90"),
        ("yuv422p10le", "", "hvc1.4.10.L30.9D.8"),
        ("yuv444p", "", "hvc1.4.10.L30.9E.8"),
    ],
)
def test_profiles_of_x265(pix_fmt: str, more: str, codec: str) -> None:
    config = x265.encode(frames=2, pix_fmt=pix_fmt, more=more)[0].config
    assert config.rfc6381 == codec
    facts = read_sps(config.sps)
    assert facts.bit_depth_luma == facts.bit_depth_chroma == (10 if "10" in pix_fmt else 8)
    assert facts.chroma_format == {"0": 1, "2": 2, "4": 3}[pix_fmt[5]]


@pytest.mark.parametrize("b_frames", [0, 2])
def test_reordering_is_seen(b_frames: int) -> None:
    units = x265.encode(frames=12, b_frames=b_frames)
    assert units[0].config.reorders == bool(b_frames)
    times = [unit.pts_90k for unit in units]
    assert (times != sorted(times)) == bool(b_frames)


def test_keyframes_of_closed_and_open_gops() -> None:
    for open_gop in (False, True):
        for unit in x265.encode(frames=20, gop=5, b_frames=2, open_gop=open_gop):
            kinds = {nal_type(nal) for nal in split_length_prefixed(unit.data)}
            assert any(map(is_keyframe_type, kinds)) == unit.is_key


class Writer:
    """Writes an SPS bit by bit (7.3.2.2.1), independently of the reader."""

    def __init__(self) -> None:
        self._bits = ""

    def u(self, count: int, value: int = 0) -> None:
        self._bits += format(value, f"0{count}b") if count else ""

    def ue(self, value: int) -> None:
        digits = format(value + 1, "b")
        self._bits += "0" * (len(digits) - 1) + digits

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
        return b"\x42\x01" + bytes(escaped)


flags = st.integers(0, 1)


@given(
    layers=st.lists(st.tuples(flags, flags), max_size=6),
    profile=st.binary(min_size=12, max_size=12),
    chroma=st.integers(0, 3),
    crop=st.none() | st.tuples(*[st.integers(0, 3)] * 4),
    depths=st.tuples(st.integers(0, 8), st.integers(0, 8)),
    ordering=flags,
    reorder=st.integers(0, 4),
)
def test_every_field_of_the_sps_is_read(
    layers: list[tuple[int, int]],
    profile: bytes,
    chroma: int,
    crop: tuple[int, int, int, int] | None,
    depths: tuple[int, int],
    ordering: int,
    reorder: int,
) -> None:
    """The reorder count stands last: it is only right if everything before was read right."""
    w = Writer()
    w.u(4, 3), w.u(3, len(layers)), w.u(1, 1)
    w.u(96, int.from_bytes(profile, "big"))
    for present in layers:
        w.u(1, present[0]), w.u(1, present[1])
    if layers:
        w.u(2 * (8 - len(layers)))
    for has_profile, has_level in layers:
        w.u(88 * has_profile, 1), w.u(8 * has_level, 1)
    w.ue(0), w.ue(chroma)
    w.u(int(chroma == 3))
    w.ue(640), w.ue(480)
    w.u(1, crop is not None)
    for edge in crop or ():
        w.ue(edge)
    w.ue(depths[0]), w.ue(depths[1]), w.ue(4)
    w.u(1, ordering)
    for layer in range(len(layers) + 1 if ordering else 1):
        last = not ordering or layer == len(layers)
        w.ue(4), w.ue(reorder if last else 1 - min(reorder, 1)), w.ue(9)
    facts = read_sps(w.nal())
    unit_x, unit_y = 2 if chroma in (1, 2) else 1, 2 if chroma == 1 else 1
    left, right, top, bottom = crop or (0, 0, 0, 0)
    assert (facts.width, facts.height) == (640 - unit_x * (left + right), 480 - unit_y * (top + bottom))
    assert (facts.chroma_format, facts.bit_depth_luma, facts.bit_depth_chroma) == (
        chroma,
        8 + depths[0],
        8 + depths[1],
    )
    assert (facts.sub_layers, facts.temporal_nesting) == (len(layers) + 1, True)
    assert facts.profile_tier_level == profile
    assert facts.reorders == (reorder > 0)
    parts = codec_config(VPS, w.nal(), PPS).rfc6381.split(".")
    space, idc = parts[1].rstrip("0123456789"), int(parts[1].lstrip("ABC"))
    assert (" ABC".index(space or " ") << 6 | (parts[3][0] == "H") << 5 | idc) == profile[0]
    assert format(int(parts[2], 16), "032b")[::-1] == format(int.from_bytes(profile[1:5], "big"), "032b")
    assert bytes(int(part, 16) for part in parts[4:]).ljust(6, b"\0") == profile[5:11]
    assert int(parts[3][1:]) == profile[11]


def test_to_annex_b_puts_all_sets_in_front() -> None:
    unit = x265.encode(frames=1)[0]
    nals = split_annex_b(to_annex_b(unit.data, unit.config.parameter_sets))
    assert nals[:3] == [unit.config.vps, unit.config.sps, unit.config.pps]


@given(st.binary(max_size=10), st.binary(max_size=80), st.binary(max_size=8))
def test_any_parameter_sets_give_a_config_or_a_value_error(vps: bytes, sps: bytes, pps: bytes) -> None:
    try:
        config: CodecConfig = codec_config(b"\x40\x01" + vps, b"\x42\x01" + sps, b"\x44\x01" + pps)
    except ValueError:
        return
    assert 16 <= config.width <= 16384 and 16 <= config.height <= 16384


def test_cut_and_missing_sets_are_errors() -> None:
    config = x265.encode(frames=1)[0].config
    for length in range(20):
        with pytest.raises(ValueError, match="sequence parameter set"):
            codec_config(config.vps, config.sps[:length], config.pps)
    for vps, pps in ((b"", config.pps), (config.vps, b""), (config.pps, config.vps)):
        with pytest.raises(ValueError, match=r"no (video|picture) parameter set"):
            codec_config(vps, config.sps, pps)
