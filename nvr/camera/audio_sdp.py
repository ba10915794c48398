"""The audio track of a session description. Pure.

Sources: RFC 3640, 4.1 (AAC), RFC 3551, 6 (static payload types), ONVIF Streaming Specification, 5.3 (backchannel).
"""

from __future__ import annotations

from dataclasses import dataclass

from nvr.camera.audio_rtp import AuHeaders
from nvr.camera.sdp import MediaDescription, SessionDescription, shown
from nvr.media.audio import MAX_SPECIFIC_BYTES, AudioConfig, aac_config, aac_lc_specific, g711_config

_G711 = {"PCMA": "alaw", "PCMU": "ulaw"}
_MODES = {"aac-hbr": AuHeaders(13, 3, 3), "aac-lbr": AuHeaders(6, 2, 2)}
_UNSUPPORTED_FIELDS = (
    "ctsdeltalength",
    "dtsdeltalength",
    "randomaccessindication",
    "streamstateindication",
    "auxiliarydatasizelength",
)


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The audio to set up. `clock_hz`: of its timestamps; `headers`: of AAC."""

    control: str
    payload_type: int
    config: AudioConfig
    headers: AuHeaders | None = None

    @property
    def clock_hz(self) -> int:
        return self.config.rate_hz


@dataclass(frozen=True, slots=True)
class NoAudio:
    """Why there is no track that can be recorded; `codec`: what the camera sends instead, empty if it sends none."""

    codec: str = ""


def audio_track(session: SessionDescription) -> AudioTrack | NoAudio:
    """The first audio from the camera, in AAC or G.711. Raises nothing."""
    video = next((media.direction for media in session.media if media.kind == "video"), "")
    # ONVIF names directions as the client sees them, RFC 8866 as the camera does.
    to_camera = "recvonly" if video == "sendonly" else "sendonly"
    others: list[str] = []
    for media in session.media:
        if media.kind != "audio" or media.direction in (to_camera, "inactive"):
            continue
        for payload_type in media.payload_types:
            try:
                return _track(media, payload_type)
            except ValueError as error:
                others.append(str(error))
    return NoAudio(", ".join(dict.fromkeys(others[:4])))


def _track(media: MediaDescription, payload_type: int) -> AudioTrack:
    """Raises ValueError with the name of what cannot be taken."""
    name, clock_hz = media.codecs.get(payload_type, ("unknown codec", 0))
    if not media.protocol.startswith("RTP/AVP"):
        raise ValueError(shown(media.protocol))
    channels = media.channels.get(payload_type, 1)
    if name in _G711:
        if clock_hz not in (0, 8000):
            raise ValueError(f"{name} {clock_hz} Hz")
        return AudioTrack(
            media.control, payload_type, g711_config("alaw" if name == "PCMA" else "ulaw", channels)
        )
    if name != "MPEG4-GENERIC":
        raise ValueError(shown(name))
    parameters = media.parameters.get(payload_type, {})
    try:
        headers = _headers(parameters)
        text = parameters.get("config", "").strip('"')
        if len(text) > 2 * MAX_SPECIFIC_BYTES:
            raise ValueError("config is too long")
        specific = bytes.fromhex(text) if text else aac_lc_specific(clock_hz, channels)
        config = aac_config(specific, clock_hz)
    except ValueError as error:
        raise ValueError(f"AAC ({shown(str(error))})") from None
    return AudioTrack(media.control, payload_type, config, headers)


def _headers(parameters: dict[str, str]) -> AuHeaders:
    """Raises ValueError."""
    usual = _MODES.get(parameters.get("mode", "AAC-hbr").lower())
    if usual is None:
        raise ValueError("mode")

    def number(key: str, default: int) -> int:
        text = parameters.get(key, str(default))
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else -1

    if any(number(key, 0) for key in _UNSUPPORTED_FIELDS):
        raise ValueError("AU headers")
    headers = AuHeaders(
        number("sizelength", usual.size),
        number("indexlength", usual.index),
        number("indexdeltalength", usual.index_delta),
    )
    if not 1 <= headers.size <= 16 or not (0 <= headers.index <= 8 and 0 <= headers.index_delta <= 8):
        raise ValueError("AU headers")
    return headers
