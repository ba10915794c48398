"""H.264: NAL unit types, and the few facts a recorder needs from the SPS. Pure.

Sources: ITU-T H.264 (08/2021) = ISO/IEC 14496-10: 7.3.1 NAL unit syntax, 7.3.2.1 SPS, annex E VUI.
"""

from __future__ import annotations

from nvr.media.access_unit import CodecConfig
from nvr.media.nal import MAX_PARAMETER_SET_BYTES, Bits, unescaped

NAL_SLICE, NAL_IDR, NAL_SEI, NAL_SPS, NAL_PPS, NAL_AUD = 1, 5, 6, 7, 8, 9
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


def nal_type(nal: bytes | bytearray | memoryview) -> int:
    """nal_unit_type of a non-empty NAL unit (7.3.1)."""
    return nal[0] & 0x1F


def codec_config(sps: bytes, pps: bytes) -> CodecConfig:
    """What the parameter sets say. Raises ValueError: SPS or PPS malformed, truncated or absurd in size."""
    if not 2 <= len(pps) <= MAX_PARAMETER_SET_BYTES or nal_type(pps) != NAL_PPS:
        raise ValueError("no picture parameter set")
    width, height, reorders = _read_sps(sps)
    return CodecConfig("h264", bytes(sps), bytes(pps), width, height, reorders)


def _read_sps(sps: bytes) -> tuple[int, int, bool]:
    """(width, height, whether pictures may be reordered) of an SPS NAL unit."""
    if not 4 <= len(sps) <= MAX_PARAMETER_SET_BYTES or nal_type(sps) != NAL_SPS:
        raise ValueError("no sequence parameter set")
    profile, constraints = sps[1], sps[2]
    bits = Bits(unescaped(sps[4:]))
    bits.ue()  # seq_parameter_set_id
    chroma_format = 1
    separate_planes = 0
    if profile in _HIGH_PROFILES:
        chroma_format = bits.ue()
        if chroma_format > 3:
            raise ValueError("sequence parameter set has an unknown chroma format")
        if chroma_format == 3:
            separate_planes = bits.u(1)
        bits.ue()  # bit_depth_luma_minus8
        bits.ue()  # bit_depth_chroma_minus8
        bits.u(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.u(1):
            _skip_scaling_matrix(bits, 12 if chroma_format == 3 else 8)
    bits.ue()  # log2_max_frame_num_minus4
    order_type = bits.ue()
    if order_type > 2:
        raise ValueError("sequence parameter set has an unknown picture order type")
    if order_type == 0:
        bits.ue()
    elif order_type == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    reference_frames = bits.ue()
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag
    width = 16 * (bits.ue() + 1)
    map_units = bits.ue() + 1
    frames_only = bits.u(1)
    height = 16 * map_units * (2 - frames_only)
    if not frames_only:
        bits.u(1)
    bits.u(1)  # direct_8x8_inference_flag
    if bits.u(1):
        array_type = 0 if separate_planes else chroma_format
        unit_x = 2 if array_type in (1, 2) else 1
        unit_y = (2 if array_type == 1 else 1) * (2 - frames_only)
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    if not (16 <= width <= 16384 and 16 <= height <= 16384):
        raise ValueError(f"sequence parameter set gives an absurd size, {width}x{height}")
    may_reorder = order_type != 2 and profile != 66 and reference_frames > 0
    if may_reorder and profile in (44, 86, 100, 110, 122, 244) and constraints & 0x10:
        may_reorder = False  # constraint_set3_flag: intra profiles never reorder (A.2)
    if may_reorder and bits.u(1):
        declared = _declared_reorder_frames(bits)
        may_reorder = declared is None or declared > 0
    return width, height, may_reorder


def _skip_scaling_matrix(bits: Bits, lists: int) -> None:
    """seq_scaling_list (7.3.2.1.1.1)."""
    for index in range(lists):
        if not bits.u(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.se()) % 256
            last = following or last


def _declared_reorder_frames(bits: Bits) -> int | None:
    """max_num_reorder_frames of the VUI (E.1.1), None where it is not given."""
    if bits.u(1) and bits.u(8) == 255:  # aspect_ratio_idc, Extended_SAR
        bits.u(32)
    if bits.u(1):  # overscan
        bits.u(1)
    if bits.u(1):  # video_signal_type
        bits.u(4)
        if bits.u(1):
            bits.u(24)
    if bits.u(1):  # chroma_loc
        bits.ue()
        bits.ue()
    if bits.u(1):  # timing
        bits.u(65)
    hrd = False
    for _ in range(2):
        if bits.u(1):
            hrd = True
            count = bits.ue() + 1
            bits.u(8)
            for _ in range(min(count, 32)):
                bits.ue()
                bits.ue()
                bits.u(1)
            bits.u(20)
    if hrd:
        bits.u(1)
    bits.u(1)  # pic_struct_present_flag
    if not bits.u(1):  # bitstream_restriction_flag
        return None
    bits.u(1)
    for _ in range(4):
        bits.ue()
    return bits.ue()
