"""SOAP 1.2 envelopes: what a request asks and who signed it; answers and faults. Pure.

Sources: W3C SOAP 1.2 part 1, 5; OASIS WS-Security UsernameToken Profile 1.0, 3; ONVIF Core Specification, 5.8, 5.9.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from nvr.onvif.faults import SoapRefusal, invalid_argument
from nvr.onvif.xml import BadXml, Markup, build, child, child_text, parse, split_tag

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
PREFIXES = {
    "s": ENVELOPE,
    "tds": DEVICE,
    "trt": MEDIA,
    "tr2": MEDIA2,
    "tt": "http://www.onvif.org/ver10/schema",
    "ter": "http://www.onvif.org/ver10/error",
}
"""Of all that we write."""
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_DIGEST = "#PasswordDigest"
MAX_TEXT = 256


@dataclass(frozen=True, slots=True)
class UsernameToken:
    """What a WS-Security header says. `digest`: decoded; empty where it had none. `created`: as it was
    written, for it is part of what was signed."""

    username: str
    digest: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    created: str


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """One request: the operation's namespace and name, its arguments, and the signature where there is one."""

    namespace: str
    operation: str
    arguments: Element
    token: UsernameToken | None

    def text(self, name: str) -> str | None:
        """The argument `name`; None: it was not given. Raises SoapRefusal: it is too long."""
        text = child_text(self.arguments, name)
        if text is not None and len(text) > MAX_TEXT:
            raise invalid_argument(f"{name} is too long")
        return text


def parse_request(body: bytes) -> SoapRequest:
    """Raises SoapRefusal: no XML, no SOAP 1.2 envelope, or not one operation in it."""
    try:
        root = parse(body)
    except BadXml as error:
        raise SoapRefusal("WellFormed", reason=str(error)) from None
    namespace, name = split_tag(root.tag)
    if name != "Envelope" or namespace != ENVELOPE:
        raise SoapRefusal("WellFormed", reason="the root must be an Envelope of SOAP 1.2")
    operations = list(_child(root, "Body") or ())
    if len(operations) != 1:
        raise SoapRefusal("WellFormed", reason="the Body must have one operation")
    namespace, name = split_tag(operations[0].tag)
    return SoapRequest(namespace, name, operations[0], _token(_child(root, "Header")))


def envelope(*content: Markup, header: Markup | None = None) -> bytes:
    """An envelope around an answer or a request. `header`: what stands in its Header."""
    declared = {f"xmlns__{prefix}": uri for prefix, uri in PREFIXES.items()}
    head = build("s:Header", header) if header is not None else None
    markup = build("s:Envelope", head, build("s:Body", *content), **declared)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{markup}'.encode()


def fault(refusal: SoapRefusal) -> bytes:
    """An envelope around a fault."""
    subcode: Markup | None = None
    for code in reversed(refusal.subcodes):
        subcode = build("s:Subcode", build("s:Value", f"ter:{code}"), subcode)
    who = "s:Sender" if refusal.by_sender else "s:Receiver"
    return envelope(
        build(
            "s:Fault",
            build("s:Code", build("s:Value", who), subcode),
            build("s:Reason", build("s:Text", refusal.reason, xml__lang="en")),
        )
    )


def _child(parent: Element, name: str) -> Element | None:
    return parent.find(f"{{{ENVELOPE}}}{name}")


def _token(header: Element | None) -> UsernameToken | None:
    """The first UsernameToken; one that lacks a part has it empty, and will be refused."""
    security = header.find(f"{{{WSSE}}}Security") if header is not None else None
    token = security.find(f"{{{WSSE}}}UsernameToken") if security is not None else None
    if token is None:
        return None
    password = child(token, "Password")
    is_digest = password is not None and password.get("Type", "").endswith(_DIGEST)
    return UsernameToken(
        username=(child_text(token, "Username") or "")[:MAX_TEXT],
        digest=_decoded(child_text(token, "Password")) if is_digest else b"",
        nonce=_decoded(child_text(token, "Nonce")),
        created=(child_text(token, "Created") or "")[:MAX_TEXT],
    )


def _decoded(text: str | None) -> bytes:
    """Of base64; empty for what is none."""
    try:
        return base64.b64decode((text or "")[:MAX_TEXT], validate=True)
    except (binascii.Error, ValueError):
        return b""
