"""The Media service (version 10): each camera a video source, each of its streams a profile. Pure.

It knows H.264 alone of our codecs: the schema has no H.265, so that an H.265 stream's profile has no encoder
configuration here; what it is stands in the RTSP server's description.

Source: ONVIF Media Service Specification, 5, with media.wsdl and onvif.xsd, which say in which order elements stand.
"""

from __future__ import annotations

from collections.abc import Iterable

from nvr.onvif.faults import invalid_argument, no_configuration, no_profile
from nvr.onvif.model import Profile, VideoSource, Visit
from nvr.onvif.operations import Operation, Operations
from nvr.onvif.soap import SoapRequest
from nvr.onvif.xml import Markup, build, child, child_text, joined

PATH = "/onvif/media_service"
SNAPSHOT_PATH = "/onvif/snapshot"
VERSION = (2, 60)
QUALITY = 5
"""Nobody can change it; the schema wants a number."""
_STILL = "PT0S"


def get_service_capabilities(visit: Visit, _request: SoapRequest) -> Markup:
    return capabilities(visit)


def get_video_sources(visit: Visit, _request: SoapRequest) -> Markup:
    return joined(
        *(
            build(
                "trt:VideoSources",
                build("tt:Framerate", f"{source.fps:.6g}"),
                _size("tt:Resolution", *source.size),
                token=source.token,
            )
            for source in visit.sources
        )
    )


def get_profiles(visit: Visit, _request: SoapRequest) -> Markup:
    return joined(*(_profile("trt:Profiles", *found) for found in visit.profiles()))


def get_profile(visit: Visit, request: SoapRequest) -> Markup:
    return _profile("trt:Profile", *find_profile(visit, request.text("ProfileToken")))


def get_video_source_configurations(visit: Visit, _request: SoapRequest) -> Markup:
    return joined(*(_source_configuration("trt:Configurations", source) for source in visit.sources))


def get_video_source_configuration(visit: Visit, request: SoapRequest) -> Markup:
    token = request.text("ConfigurationToken")
    for source in visit.sources:
        if source.token == token:
            return _source_configuration("trt:Configuration", source)
    raise no_configuration()


def get_video_encoder_configurations(visit: Visit, _request: SoapRequest) -> Markup:
    found = (_encoder_configuration("trt:Configurations", profile) for _, profile in visit.profiles())
    return joined(*(configuration for configuration in found if configuration is not None))


def get_video_encoder_configuration(visit: Visit, request: SoapRequest) -> Markup:
    token = request.text("ConfigurationToken")
    for _, profile in visit.profiles():
        if profile.token == token:
            found = _encoder_configuration("trt:Configuration", profile)
            if found is not None:
                return found
    raise no_configuration()


def get_video_encoder_configuration_options(visit: Visit, request: SoapRequest) -> Markup:
    """What is, and nothing else: the cameras are set up at the cameras."""
    asked = request.text("ConfigurationToken") or request.text("ProfileToken")
    profiles = [p for _, p in visit.profiles() if asked in (None, "", p.token) and _is_h264(p)]
    if asked and not profiles:
        raise no_configuration()
    return build(
        "trt:Options",
        _range("tt:QualityRange", QUALITY, QUALITY),
        _h264_options(profiles) if profiles else None,
    )


def get_stream_uri(visit: Visit, request: SoapRequest) -> Markup:
    """Of unicast by RTSP only; over TCP or UDP is agreed there."""
    setup = child(request.arguments, "StreamSetup")
    protocol = child_text(child(setup, "Transport"), "Protocol")
    if child_text(setup, "Stream") == "RTP-Multicast" or protocol == "HTTP":
        raise invalid_argument("streams are unicast, by RTSP", "InvalidStreamSetup")
    _, profile = find_profile(visit, request.text("ProfileToken"))
    return _media_uri(f"{visit.rtsp_base}/{profile.key.camera}/{profile.key.role}")


def get_snapshot_uri(visit: Visit, request: SoapRequest) -> Markup:
    _, profile = find_profile(visit, request.text("ProfileToken"))
    return _media_uri(f"{visit.base}{SNAPSHOT_PATH}/{profile.token}")


def find_profile(visit: Visit, token: str | None) -> tuple[VideoSource, Profile]:
    """The profile with this token among those the account may see. Raises SoapRefusal."""
    for source, profile in visit.profiles():
        if profile.token == token:
            return source, profile
    raise no_profile()


def capabilities(visit: Visit) -> Markup:
    """For GetServices and GetServiceCapabilities. Before an account is known, the number of profiles is 0."""
    return build(
        "trt:Capabilities",
        build("trt:ProfileCapabilities", MaximumNumberOfProfiles=sum(1 for _ in visit.profiles())),
        build("trt:StreamingCapabilities", RTPMulticast=False, RTP_TCP=False, RTP_RTSP_TCP=True),
        SnapshotUri=True,
        Rotation=False,
        VideoSourceMode=False,
        OSD=False,
    )


def legacy_capabilities(visit: Visit) -> Markup:
    """For GetCapabilities."""
    streaming = (
        build("tt:RTPMulticast", False),
        build("tt:RTP_TCP", False),
        build("tt:RTP_RTSP_TCP", True),
    )
    address = build("tt:XAddr", visit.base + PATH)
    return build("tt:Media", address, build("tt:StreamingCapabilities", *streaming))


def _profile(element: str, source: VideoSource, profile: Profile) -> Markup:
    return build(
        element,
        build("tt:Name", profile.name),
        _source_configuration("tt:VideoSourceConfiguration", source),
        _encoder_configuration("tt:VideoEncoderConfiguration", profile),
        token=profile.token,
        fixed=True,
    )


def _source_configuration(element: str, source: VideoSource) -> Markup:
    width, height = source.size
    return build(
        element,
        build("tt:Name", source.name),
        build("tt:UseCount", len(source.profiles)),
        build("tt:SourceToken", source.token),
        build("tt:Bounds", x=0, y=0, width=width, height=height),
        token=source.token,
    )


def _encoder_configuration(element: str, profile: Profile) -> Markup | None:
    """None: nothing is known yet, or H.265."""
    if profile.config is None or not _is_h264(profile):
        return None
    rate = profile.rate
    address = joined(build("tt:Type", "IPv4"), build("tt:IPv4Address", "0.0.0.0"))
    return build(
        element,
        build("tt:Name", profile.name),
        build("tt:UseCount", 1),
        build("tt:Encoding", "H264"),
        _size("tt:Resolution", profile.config.width, profile.config.height),
        build("tt:Quality", QUALITY),
        rate
        and build(
            "tt:RateControl",
            build("tt:FrameRateLimit", _at_least_1(rate.fps)),
            build("tt:EncodingInterval", 1),
            build("tt:BitrateLimit", _at_least_1(rate.kbit_s)),
        ),
        rate
        and build("tt:H264", build("tt:GovLength", rate.gop), build("tt:H264Profile", profile.h264_profile)),
        build(
            "tt:Multicast",
            build("tt:Address", address),
            build("tt:Port", 0),
            build("tt:TTL", 0),
            build("tt:AutoStart", False),
        ),
        build("tt:SessionTimeout", "PT60S"),
        token=profile.token,
    )


def _h264_options(profiles: Iterable[Profile]) -> Markup:
    found = list(profiles)
    sizes = sorted({(p.config.width, p.config.height) for p in found if p.config}, reverse=True)
    rates = [p.rate for p in found if p.rate]
    fps = [_at_least_1(rate.fps) for rate in rates] or [1]
    gops = [rate.gop for rate in rates] or [1]
    return build(
        "tt:H264",
        *(_size("tt:ResolutionsAvailable", *size) for size in sizes),
        _range("tt:GovLengthRange", min(gops), max(gops)),
        _range("tt:FrameRateRange", min(fps), max(fps)),
        _range("tt:EncodingIntervalRange", 1, 1),
        *(build("tt:H264ProfilesSupported", name) for name in sorted({p.h264_profile for p in found})),
    )


def _media_uri(uri: str) -> Markup:
    return build(
        "trt:MediaUri",
        build("tt:Uri", uri),
        build("tt:InvalidAfterConnect", False),
        build("tt:InvalidAfterReboot", False),
        build("tt:Timeout", _STILL),
    )


def _is_h264(profile: Profile) -> bool:
    return profile.config is not None and profile.config.codec == "h264"


def _size(element: str, width: int, height: int) -> Markup:
    return build(element, build("tt:Width", width), build("tt:Height", height))


def _range(element: str, least: int, most: int) -> Markup:
    return build(element, build("tt:Min", least), build("tt:Max", most))


def _at_least_1(number: float) -> int:
    return max(1, round(number))


OPERATIONS: Operations = {
    "GetServiceCapabilities": Operation(get_service_capabilities, is_public=True),
    "GetVideoSources": Operation(get_video_sources, is_public=False),
    "GetProfiles": Operation(get_profiles, is_public=False),
    "GetProfile": Operation(get_profile, is_public=False),
    "GetVideoSourceConfigurations": Operation(get_video_source_configurations, is_public=False),
    "GetVideoSourceConfiguration": Operation(get_video_source_configuration, is_public=False),
    "GetVideoEncoderConfigurations": Operation(get_video_encoder_configurations, is_public=False),
    "GetVideoEncoderConfiguration": Operation(get_video_encoder_configuration, is_public=False),
    "GetVideoEncoderConfigurationOptions": Operation(
        get_video_encoder_configuration_options, is_public=False
    ),
    "GetStreamUri": Operation(get_stream_uri, is_public=False),
    "GetSnapshotUri": Operation(get_snapshot_uri, is_public=False),
}
