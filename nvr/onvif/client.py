"""What we ask a camera by ONVIF, so that it sends a keyframe: requests out, answers in. Pure; what a camera sends is as
hostile as what a stranger does.

Sources: ONVIF Media Service Specification, 5.2.1 (GetProfiles), 5.15.1 (GetStreamUri), 5.17 (SetSynchronizationPoint);
Core Specification, 8.3.2 (GetSystemDateAndTime), 8.1.2.3 (GetCapabilities); OASIS UsernameToken Profile 1.0, 3.1.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit, urlunsplit
from xml.etree.ElementTree import Element

from nvr.onvif.soap import ENVELOPE, WSSE, envelope
from nvr.onvif.xml import BadXml, Limits, Markup, build, child, child_text, parse, split_tag

LIMITS = Limits(max_bytes=512 << 10, max_elements=10_000)
"""Of an answer: cameras describe each profile with hundreds of elements."""
MAX_PROFILES = 16
MAX_REASON = 100
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_ENCODING = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"


class CameraRefusal(Exception):
    """The camera answered with a fault, or with what is no answer; the message says which, printable and short."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What signs a request. `nonce`: fresh random bytes; `at_s`: wall time by the camera's clock."""

    username: str
    password: str = field(repr=False)
    nonce: bytes
    at_s: float

    def header(self) -> Markup:
        created = datetime.fromtimestamp(self.at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        signed = self.nonce + created.encode() + self.password.encode()
        digest = hashlib.sha1(signed, usedforsecurity=False).digest()
        return build(
            "wsse:Security",
            build(
                "wsse:UsernameToken",
                build("wsse:Username", self.username),
                build("wsse:Password", base64.b64encode(digest).decode(), Type=_DIGEST),
                build("wsse:Nonce", base64.b64encode(self.nonce).decode(), EncodingType=_ENCODING),
                build("wsu:Created", created),
            ),
            xmlns__wsse=WSSE,
            xmlns__wsu=_WSU,
        )


def request(content: Markup, signature: Signature | None) -> bytes:
    """An envelope around one of the operations below."""
    return envelope(content, header=signature.header() if signature is not None else None)


def ask_time() -> Markup:
    return build("tds:GetSystemDateAndTime")


def ask_media_service() -> Markup:
    return build("tds:GetCapabilities", build("tds:Category", "Media"))


def ask_profiles() -> Markup:
    return build("trt:GetProfiles")


def ask_stream_uri(profile: str) -> Markup:
    transport = build("tt:Transport", build("tt:Protocol", "RTSP"))
    setup = build("trt:StreamSetup", build("tt:Stream", "RTP-Unicast"), transport)
    return build("trt:GetStreamUri", setup, build("trt:ProfileToken", profile))


def ask_keyframe(profile: str) -> Markup:
    """SetSynchronizationPoint: a keyframe as soon as the camera can."""
    return build("trt:SetSynchronizationPoint", build("trt:ProfileToken", profile))


def answered(body: bytes) -> Element:
    """What stands in the Body of an answer. Raises CameraRefusal."""
    try:
        root = parse(body, LIMITS)
    except BadXml as error:
        raise CameraRefusal(f"no SOAP: {error}") from None
    inside = child(root, "Body") if split_tag(root.tag)[1] == "Envelope" else None
    if inside is None or not len(inside):
        raise CameraRefusal("no SOAP: no body")
    if split_tag(inside[0].tag) == (ENVELOPE, "Fault"):
        text = child_text(child(inside[0], "Reason"), "Text") or "a fault without a reason"
        raise CameraRefusal("".join(c for c in text[:MAX_REASON] if c.isprintable()))
    return inside[0]


def camera_time_s(answer: Element) -> float | None:
    """Wall time by the camera's clock, of `ask_time`'s answer; None: it does not say."""
    utc = child(child(answer, "SystemDateAndTime"), "UTCDateTime")
    date, time = child(utc, "Date"), child(utc, "Time")
    texts = [child_text(date, n) for n in ("Year", "Month", "Day")]
    texts += [child_text(time, n) for n in ("Hour", "Minute", "Second")]
    numbers = [int(text) for text in texts if text and text.isascii() and text.isdigit() and len(text) <= 4]
    try:
        year, month, day, hour, minute, second = numbers
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC).timestamp()
    except ValueError:
        return None


def media_service(answer: Element, device_url: str) -> str:
    """URL of the Media service, of `ask_media_service`'s answer. Only its path is believed, and its port where it names
    the host that we know: what signs for the camera goes nowhere else. Raises CameraRefusal."""
    told = child_text(child(child(answer, "Capabilities"), "Media"), "XAddr")
    if not told:
        raise CameraRefusal("it has no Media service")
    known = urlsplit(device_url)
    try:
        parts = urlsplit(told)
        is_same = parts.hostname == known.hostname and parts.scheme == known.scheme
        port = parts.port if is_same else known.port
    except ValueError:
        raise CameraRefusal("the address of its Media service is none") from None
    host = f"[{known.hostname}]" if ":" in (known.hostname or "") else known.hostname
    return urlunsplit((known.scheme, f"{host}:{port}" if port else str(host), parts.path, parts.query, ""))


def profile_tokens(answer: Element) -> list[str]:
    """Of `ask_profiles`' answer, in the camera's order, which has the main stream first."""
    tokens = [profile.get("token", "") for profile in answer if split_tag(profile.tag)[1] == "Profiles"]
    return [token for token in tokens if 0 < len(token) <= 64][:MAX_PROFILES]


def stream_uri(answer: Element) -> str:
    """Of `ask_stream_uri`'s answer; "" if it has none."""
    return child_text(child(answer, "MediaUri"), "Uri") or ""


def profile_of(address: str, uris: Sequence[tuple[str, str]], index: int) -> str | None:
    """The token of the profile that sends the stream at `address`, as nvr.toml has it, of (token, URI) pairs: the one
    with the same path and at least the same query; if none has, the one at `index`. None: there is none."""
    wanted = urlsplit(address)
    for token, uri in uris:
        try:
            told = urlsplit(uri)
        except ValueError:
            continue
        query = set(parse_qsl(wanted.query, keep_blank_values=True))
        same_query = query <= set(parse_qsl(told.query, keep_blank_values=True))
        if told.path.rstrip("/") == wanted.path.rstrip("/") and same_query:
            return token
    return uris[index][0] if index < len(uris) else None
