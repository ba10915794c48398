"""H.265: NAL unit types, and the few facts a recorder needs from the SPS. Pure.

Sources: ITU-T H.265 (08/2021) = ISO/IEC 23008-2: 7.3.1.2 NAL unit header, table 7-1 types, 7.3.2.2 SPS, 7.3.3
profile, tier and level.
"""

from __future__ import annotations

from typing import NamedTuple

from nvr.media.access_unit import CodecConfig
from nvr.media.nal import MAX_PARAMETER_SET_BYTES, Bits, unescaped

NAL_RADL_N, NAL_RASL_N, NAL_RASL_R = 6, 8, 9
NAL_BLA_W_LP, NAL_BLA_N_LP, NAL_IDR_W_RADL, NAL_IDR_N_LP, NAL_CRA = 16, 18, 19, 20, 21
NAL_LAST_IRAP, NAL_LAST_SLICE = 23, 31
NAL_VPS, NAL_SPS, NAL_PPS, NAL_AUD, NAL_PREFIX_SEI, NAL_SUFFIX_SEI = 32, 33, 34, 35, 39, 40
HEADER_BYTES = 2
_PROFILE_BITS, _LEVEL_BITS = 88, 8


def nal_type(nal: bytes | bytearray | memoryview) -> int:
    """nal_unit_type of a non-empty NAL unit."""
    return nal[0] >> 1 & 0x3F


def is_keyframe_type(kind: int) -> bool:
    """Whether a slice of this type belongs to a random access point (IDR, BLA or CRA)."""
    return NAL_BLA_W_LP <= kind <= NAL_LAST_IRAP


class Sps(NamedTuple):
    """What an SPS says. `profile_tier_level`: the 12 bytes from general_profile_space to general_level_idc. `width`,
    `height`: pixels after cropping. `reorders`: whether pictures may be shown in another order than sent."""

    sub_layers: int
    temporal_nesting: bool
    profile_tier_level: bytes
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    height: int
    reorders: bool


def codec_config(vps: bytes, sps: bytes, pps: bytes) -> CodecConfig:
    """What the parameter sets say. Raises ValueError: one is missing, malformed, truncated or absurd in size."""
    for nal, kind, name in ((vps, NAL_VPS, "video"), (pps, NAL_PPS, "picture")):
        if not HEADER_BYTES < len(nal) <= MAX_PARAMETER_SET_BYTES or nal_type(nal) != kind:
            raise ValueError(f"no {name} parameter set")
    facts = read_sps(sps)
    return CodecConfig(
        "h265", bytes(sps), bytes(pps), facts.width, facts.height, facts.reorders, vps=bytes(vps)
    )


def read_sps(sps: bytes) -> Sps:
    """The facts in an SPS NAL unit. Raises ValueError: malformed, truncated or absurd in size."""
    if not HEADER_BYTES < len(sps) <= MAX_PARAMETER_SET_BYTES or nal_type(sps) != NAL_SPS:
        raise ValueError("no sequence parameter set")
    rbsp = unescaped(sps[HEADER_BYTES:])
    bits = Bits(rbsp)
    bits.u(4)  # sps_video_parameter_set_id
    sub_layers = bits.u(3) + 1
    temporal_nesting = bool(bits.u(1))
    bits.u(_PROFILE_BITS + _LEVEL_BITS)
    _skip_sub_layers(bits, sub_layers)
    bits.ue()  # sps_seq_parameter_set_id
    chroma_format = bits.ue()
    if chroma_format > 3:
        raise ValueError("sequence parameter set has an unknown chroma format")
    if chroma_format == 3:
        bits.u(1)  # separate_colour_plane_flag
    width, height = bits.ue(), bits.ue()
    if bits.u(1):  # conformance_window_flag
        unit_x, unit_y = 2 if chroma_format in (1, 2) else 1, 2 if chroma_format == 1 else 1
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    if not (16 <= width <= 16384 and 16 <= height <= 16384):
        raise ValueError(f"sequence parameter set gives an absurd size, {width}x{height}")
    bit_depth_luma, bit_depth_chroma = 8 + bits.ue(), 8 + bits.ue()
    if max(bit_depth_luma, bit_depth_chroma) > 16:
        raise ValueError("sequence parameter set has an unknown bit depth")
    bits.ue()  # log2_max_pic_order_cnt_lsb_minus4
    reorder_pictures = 0
    for _ in range(sub_layers if bits.u(1) else 1):  # the last are those of the whole stream
        bits.ue()  # sps_max_dec_pic_buffering_minus1
        reorder_pictures = bits.ue()
        bits.ue()  # sps_max_latency_increase_plus1
    return Sps(
        sub_layers,
        temporal_nesting,
        rbsp[1:13],
        chroma_format,
        bit_depth_luma,
        bit_depth_chroma,
        width,
        height,
        reorder_pictures > 0,
    )


def _skip_sub_layers(bits: Bits, sub_layers: int) -> None:
    """The part of profile_tier_level() behind general_level_idc."""
    present = [(bits.u(1), bits.u(1)) for _ in range(sub_layers - 1)]
    if present:
        bits.u(2 * (8 - len(present)))  # reserved_zero_2bits
    for profile, level in present:
        bits.u(_PROFILE_BITS * profile + _LEVEL_BITS * level)
