"""A recorder's half of ONVIF: requests, and what signs them."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from nvr.onvif.soap import DEVICE, ENVELOPE, MEDIA
from nvr.onvif.xml import child, parse, split_tag

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
NAMESPACES = {"device": DEVICE, "media": MEDIA}

PROBE = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/'
    'addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header><w:MessageID>{id}</w:MessageID>'
    "</s:Header><s:Body><d:Probe><d:Types>{types}</d:Types><d:Scopes>{scopes}</d:Scopes></d:Probe></s:Body></s:Envelope>"
)
"""Of WS-Discovery."""


def token(user: str, password: str, at_s: float, nonce: bytes = b"0123456789abcdef") -> str:
    """A Security header, signed."""
    created = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    digest = hashlib.sha1(nonce + created.encode() + password.encode()).digest()
    return (
        f'<Security xmlns="{WSSE}"><UsernameToken><Username>{user}</Username>'
        f'<Password Type="x#PasswordDigest">{base64.b64encode(digest).decode()}</Password>'
        f"<Nonce>{base64.b64encode(nonce).decode()}</Nonce>"
        f'<Created xmlns="{WSU}">{created}</Created></UsernameToken></Security>'
    )


def envelope(service: str, operation: str, arguments: str = "", header: str = "") -> bytes:
    body = f'<{operation} xmlns="{NAMESPACES[service]}">{arguments}</{operation}>'
    head = f"<e:Header>{header}</e:Header>" if header else ""
    return f'<e:Envelope xmlns:e="{ENVELOPE}">{head}<e:Body>{body}</e:Body></e:Envelope>'.encode()


def answered(body: bytes) -> Element:
    """What stands in the Body."""
    found = child(parse(body), "Body")
    assert found is not None
    return found[0]


def fault_codes(body: bytes) -> list[str]:
    """The fault's values, from the general to the special: ["s:Sender", "ter:NotAuthorized"]."""
    fault = answered(body)
    assert split_tag(fault.tag) == (ENVELOPE, "Fault")
    return [e.text or "" for e in fault.iter(f"{{{ENVELOPE}}}Value")]


def reason(body: bytes) -> str:
    return "".join(e.text or "" for e in answered(body).iter(f"{{{ENVELOPE}}}Text"))


def texts(body: bytes, name: str) -> list[str]:
    """Of all elements with that local name."""
    return [e.text or "" for e in answered(body).iter() if split_tag(e.tag)[1] == name]
