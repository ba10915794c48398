"""The Device service, as far as a platform needs it to add a recorder. Pure.

Source: ONVIF Core Specification, 8 (device management), with devicemgmt.wsdl and onvif.xsd, which say in which order
elements stand.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from nvr.onvif import media
from nvr.onvif.faults import no_such_service
from nvr.onvif.model import MANUFACTURER, MODEL, Appliance, Visit
from nvr.onvif.operations import Operation, Operations
from nvr.onvif.soap import DEVICE, MEDIA, SoapRequest
from nvr.onvif.xml import Markup, build, joined

PATH = "/onvif/device_service"
SCOPES = "onvif://www.onvif.org"
VERSION = (2, 60)


def get_system_date_and_time(visit: Visit, _request: SoapRequest) -> Markup:
    here = datetime.fromtimestamp(visit.now_s, visit.appliance.zone)
    return build(
        "tds:SystemDateAndTime",
        build("tt:DateTimeType", "NTP" if visit.has_set_time else "Manual"),
        build("tt:DaylightSavings", bool(here.dst())),
        build("tt:TimeZone", build("tt:TZ", posix_zone(visit.appliance.zone, visit.now_s))),
        build("tt:UTCDateTime", *_moment(here.astimezone(UTC))),
        build("tt:LocalDateTime", *_moment(here)),
    )


def get_device_information(visit: Visit, _request: SoapRequest) -> Markup:
    appliance = visit.appliance
    return joined(
        build("tds:Manufacturer", MANUFACTURER),
        build("tds:Model", MODEL),
        build("tds:FirmwareVersion", appliance.version),
        build("tds:SerialNumber", appliance.serial),
        build("tds:HardwareId", MODEL),
    )


def get_capabilities(visit: Visit, request: SoapRequest) -> Markup:
    asked = request.text("Category") or "All"
    device = build("tt:Device", build("tt:XAddr", visit.base + PATH))
    found = {"Device": device, "Media": media.legacy_capabilities(visit)}
    if asked != "All" and asked not in found:
        raise no_such_service()
    return build("tds:Capabilities", *(c for name, c in found.items() if asked in ("All", name)))


def get_services(visit: Visit, request: SoapRequest) -> Markup:
    wants_capabilities = request.text("IncludeCapability") in ("true", "1")
    return joined(
        *(
            build(
                "tds:Service",
                build("tds:Namespace", namespace),
                build("tds:XAddr", visit.base + path),
                build("tds:Capabilities", capabilities) if wants_capabilities else None,
                build("tds:Version", build("tt:Major", version[0]), build("tt:Minor", version[1])),
            )
            for namespace, path, capabilities, version in (
                (DEVICE, PATH, _capabilities(), VERSION),
                (MEDIA, media.PATH, media.capabilities(visit), media.VERSION),
            )
        )
    )


def get_service_capabilities(_visit: Visit, _request: SoapRequest) -> Markup:
    return _capabilities()


def get_scopes(visit: Visit, _request: SoapRequest) -> Markup:
    return joined(
        *(
            build("tds:Scopes", build("tt:ScopeDef", "Fixed"), build("tt:ScopeItem", scope))
            for scope in scopes(visit.appliance)
        )
    )


def scopes(appliance: Appliance) -> list[str]:
    """What the appliance is, as URIs; its site's name last. WS-Discovery tells them to anybody on the network, as the
    plain-HTTP page tells the name."""
    words = ("type/video_encoder", "Profile/Streaming", f"hardware/{quote(MODEL, safe='')}")
    return [f"{SCOPES}/{word}" for word in (*words, f"name/{quote(appliance.site, safe='')}")]


def get_hostname(visit: Visit, _request: SoapRequest) -> Markup:
    name = build("tt:Name", visit.appliance.hostname)
    return build("tds:HostnameInformation", build("tt:FromDHCP", False), name)


def get_network_interfaces(visit: Visit, _request: SoapRequest) -> Markup:
    """The one interface by which the client came; a route by a tunnel has none that we know."""
    found = visit.interface
    if found is None:
        return Markup()
    manual = joined(build("tt:Address", found.address), build("tt:PrefixLength", found.prefix_bits))
    if ipaddress.ip_address(found.address).version == 4:
        config = build("tt:Config", build("tt:Manual", manual), build("tt:DHCP", False))
        family = build("tt:IPv4", build("tt:Enabled", True), config)
    else:
        config = build("tt:Config", build("tt:DHCP", "Off"), build("tt:Manual", manual))
        family = build("tt:IPv6", build("tt:Enabled", True), config)
    return build("tds:NetworkInterfaces", build("tt:Enabled", True), family, token=found.name)


def posix_zone(zone: ZoneInfo, now_s: float) -> str:
    """The time zone as POSIX 1003.1, 8.3 writes it ("UTC-7:00:00" is seven hours east); it holds now, without rules of
    daylight saving."""
    offset = datetime.fromtimestamp(now_s, zone).utcoffset()
    seconds = int(offset.total_seconds()) if offset else 0
    hours, rest = divmod(abs(seconds), 3600)
    return f"UTC{'-' if seconds >= 0 else ''}{hours}:{rest // 60:02}:00"


def _moment(at: datetime) -> tuple[Markup, Markup]:
    time = (build("tt:Hour", at.hour), build("tt:Minute", at.minute), build("tt:Second", at.second))
    date = (build("tt:Year", at.year), build("tt:Month", at.month), build("tt:Day", at.day))
    return build("tt:Time", *time), build("tt:Date", *date)


def _capabilities() -> Markup:
    return build(
        "tds:Capabilities",
        build("tds:Network", IPFilter=False, ZeroConfiguration=False, IPVersion6=True, DynDNS=False),
        build(
            "tds:Security", UsernameToken=True, HttpDigest=True, MaxUserNameLength=32, MaxPasswordLength=16
        ),
        build("tds:System", DiscoveryResolve=False, DiscoveryBye=False, FirmwareUpgrade=False),
    )


OPERATIONS: Operations = {
    # Open to anybody, as the Core Specification's default access policy (5.9.4.3, PRE_AUTH) has it.
    "GetSystemDateAndTime": Operation(get_system_date_and_time, is_public=True),
    "GetCapabilities": Operation(get_capabilities, is_public=True),
    "GetServices": Operation(get_services, is_public=True),
    "GetServiceCapabilities": Operation(get_service_capabilities, is_public=True),
    "GetHostname": Operation(get_hostname, is_public=True),
    "GetDeviceInformation": Operation(get_device_information, is_public=False),
    "GetScopes": Operation(get_scopes, is_public=False),
    "GetNetworkInterfaces": Operation(get_network_interfaces, is_public=False),
}
