"""Packets of a container to access units, and back from a distrusted process. Pure.

Sources: ISO/IEC 14496-15, 5.3.3.1 (avcC) and 8.3.3.1 (hvcC).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nvr.camera.av_messages import ParameterSets, Unit
from nvr.camera.timeline import Timeline
from nvr.errors import ProtocolViolation
from nvr.events import StreamKey
from nvr.media import h264, h265
from nvr.media.access_unit import AccessUnit, Codec, CodecConfig, Discontinuity, MediaItem
from nvr.media.nal import exp_golomb_id, join_length_prefixed, split_annex_b, split_length_prefixed

_SETS = {"h264": (h264.NAL_SPS, h264.NAL_PPS), "h265": (h265.NAL_VPS, h265.NAL_SPS, h265.NAL_PPS)}
_HEADER_BYTES = {"h264": 1, "h265": h265.HEADER_BYTES}


def _kind(codec: Codec, nal: bytes | memoryview) -> int:
    return h264.nal_type(nal) if codec == "h264" else h265.nal_type(nal)


class UnitMaker:
    """Makes `AccessUnit.data` of the packets of one track. `sets`: the parameter sets as they are now, None while some
    are missing; a new object whenever they changed."""

    def __init__(self, codec: Codec, extradata: bytes):
        """`extradata`: libav's; an avcC or hvcC record, annex B, or nothing. Raises ValueError: malformed."""
        self.sets: ParameterSets | None = None
        self._codec: Codec = codec
        self._length_bytes = 0
        self._known: dict[int, bytes] = {}
        self._further: tuple[bytes, ...] = ()
        if extradata[:1] == b"\x01":
            reader = _read_avcc if codec == "h264" else _read_hvcc
            self._length_bytes, nals = reader(extradata)
        else:
            nals = split_annex_b(extradata)
        self._further = tuple(nal for nal in nals if self._remains(nal) and _is_pps(codec, nal))
        self._note_sets()

    def take(self, packet: bytes) -> bytes:
        """The data of a packet's access unit, b"" if there is no picture in it. Raises ValueError: a length runs past
        the end."""
        split = _split(packet, self._length_bytes) if self._length_bytes else iter(split_annex_b(packet))
        nals = [nal for nal in split if self._remains(nal)]
        self._note_sets()
        kinds = [_kind(self._codec, nal) for nal in nals]
        if not any(_is_slice(self._codec, kind) for kind in kinds):
            return b""
        if self._further and any(_is_keyframe(self._codec, kind) for kind in kinds):
            nals = [*self._further, *nals]
        return join_length_prefixed(nals)

    def _remains(self, nal: bytes) -> bool:
        """Whether the NAL unit stays in the data; keeps it if it is a parameter set."""
        header = _HEADER_BYTES[self._codec]
        if len(nal) <= header:
            return False
        kind = _kind(self._codec, nal)
        if self._codec == "h264":
            if kind in (0, h264.NAL_AUD) or kind >= 24:
                return False
        elif kind == h265.NAL_AUD or kind >= 48 or (nal[0] & 1) << 5 | nal[1] >> 3:
            return False
        if kind not in _SETS[self._codec]:
            return True
        nal, known = nal.rstrip(b"\x00"), self._known.get(kind, b"")
        if (
            known
            and _is_pps(self._codec, nal)
            and exp_golomb_id(nal[header:]) != exp_golomb_id(known[header:])
        ):
            return True
        if nal != known:
            self._known[kind] = nal
            self.sets = None
        return False

    def _note_sets(self) -> None:
        if self.sets is None and len(self._known) == len(_SETS[self._codec]):
            vps = self._known.get(h265.NAL_VPS, b"") if self._codec == "h265" else b""
            sps, pps = (self._known[kind] for kind in _SETS[self._codec][-2:])
            self.sets = ParameterSets(self._codec, vps, sps, pps)


def has_keyframe(codec: Codec, data: bytes) -> bool:
    """Whether an access unit (`data` as in `AccessUnit.data`) is one that decoding can begin with. Raises ValueError:
    it is malformed."""
    return any(_is_keyframe(codec, _kind(codec, nal)) for nal in split_length_prefixed(data) if nal)


def _is_slice(codec: Codec, kind: int) -> bool:
    if codec == "h264":
        return h264.NAL_SLICE <= kind <= h264.NAL_IDR
    return kind <= h265.NAL_LAST_SLICE


def _is_keyframe(codec: Codec, kind: int) -> bool:
    return kind == h264.NAL_IDR if codec == "h264" else h265.is_keyframe_type(kind)


def _is_pps(codec: Codec, nal: bytes) -> bool:
    return _kind(codec, nal) == _SETS[codec][-1]


def _split(data: bytes, length_bytes: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        start = at + length_bytes
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data):
            raise ValueError("a NAL unit runs past the end of its packet")
        yield data[start:at]


def _take(data: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    nals = []
    for _ in range(count):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data):
            raise ValueError("a parameter set runs past the end of the codec's record")
        nals.append(data[start:at])
    return nals, at


def _read_avcc(record: bytes) -> tuple[int, list[bytes]]:
    if len(record) < 7:
        raise ValueError("the codec's record is too short")
    sps, at = _take(record, 6, record[5] & 0x1F)
    pps, _ = _take(record, at + 1, int.from_bytes(record[at : at + 1], "big"))
    return (record[4] & 3) + 1, sps + pps


def _read_hvcc(record: bytes) -> tuple[int, list[bytes]]:
    if len(record) < 23:
        raise ValueError("the codec's record is too short")
    nals: list[bytes] = []
    at = 23
    for _ in range(record[22]):
        more, at = _take(record, at + 3, int.from_bytes(record[at + 1 : at + 3], "big"))
        nals += more
    return (record[21] & 3) + 1, nals


class UnitIntake:
    """Checks what the child says of pictures and publishes it: from a keyframe on, with time placed as of RTP streams.

    `units`: how many were published. Raises ProtocolViolation from its methods.
    """

    def __init__(self, key: StreamKey, publish: Callable[[MediaItem], None]):
        self.units = 0
        self._key, self._publish = key, publish
        self._config: CodecConfig | None = None
        self._timeline = Timeline()
        self._wait_for_key = True
        self._skip_rasl = True

    def take_sets(self, sets: ParameterSets) -> None:
        """New parameter sets."""
        try:
            if sets.codec == "h264":
                config = h264.codec_config(sets.sps, sets.pps)
            else:
                config = h265.codec_config(sets.vps, sets.sps, sets.pps)
        except ValueError as error:
            raise ProtocolViolation(f"{sets.codec} parameter sets: {error}") from None
        if config != self._config:
            self._config = config
            self._wait_for_key = True

    def take(self, unit: Unit, at_s: float) -> None:
        """A picture, which arrived at `at_s`."""
        config = self._config
        if config is None:
            raise ProtocolViolation("a picture before its parameter sets")
        try:
            nals = list(split_length_prefixed(unit.data))
        except ValueError as error:
            raise ProtocolViolation(str(error)) from None
        if any(len(nal) <= _HEADER_BYTES[config.codec] for nal in nals):
            raise ProtocolViolation("an empty NAL unit")
        kinds = [_kind(config.codec, nal) for nal in nals]
        slices = [kind for kind in kinds if _is_slice(config.codec, kind)]
        if not slices:
            raise ProtocolViolation("an access unit without a picture")
        if unit.lost and not self._wait_for_key:
            self._wait_for_key = True
            self._publish(Discontinuity(self._key, "loss", at_s))
        is_key = any(_is_keyframe(config.codec, kind) for kind in slices)
        if self._wait_for_key and not is_key:
            return
        if config.codec == "h265" and self._is_undecodable(slices[0], is_key):
            return
        self._wait_for_key = False
        pts_90k, jumped = self._timeline.place(unit.pts_90k & 0xFFFF_FFFF, at_s)
        if jumped:
            self._publish(Discontinuity(self._key, "timestamp", at_s))
        self.units += 1
        self._publish(AccessUnit(self._key, config, unit.data, pts_90k, is_key, at_s))

    def _is_undecodable(self, kind: int, is_key: bool) -> bool:
        """Whether it is a leading picture that refers to what was before the random access point."""
        if is_key:
            continues = kind == h265.NAL_CRA and not self._wait_for_key
            self._skip_rasl = kind <= h265.NAL_BLA_N_LP or (kind == h265.NAL_CRA and not continues)
        return self._skip_rasl and kind in (h265.NAL_RASL_N, h265.NAL_RASL_R)
