"""XML in and out: hostile documents are read within bounds, answers are built escaped. Pure.

Sources: XML 1.0 (fifth edition), 2.2 (characters) and 2.11; W3C SOAP 1.2 part 1, 5 (a SOAP message has no DTD).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.sax.saxutils import escape, quoteattr

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

MAX_DEPTH = 24
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BadXml(Exception):
    """Not well-formed, not UTF-8, with a DTD, or beyond a bound; the message says which."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a document may be."""

    max_bytes: int = 64 << 10
    max_elements: int = 1000


REQUEST = Limits()


class _Bounded:
    """A parser's target: builds the tree until it is too deep or too large."""

    def __init__(self, max_elements: int) -> None:
        self._max_elements = max_elements
        self._builder = TreeBuilder()
        self._depth = self._elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            raise BadXml(f"elements within each other deeper than {MAX_DEPTH}")
        if self._elements > self._max_elements:
            raise BadXml(f"more than {self._max_elements} elements")
        self._builder.start(tag, attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._builder.end(tag)

    def data(self, text: str) -> None:
        self._builder.data(text)

    def close(self) -> Element:
        return self._builder.close()


def parse(document: bytes, limits: Limits = REQUEST) -> Element:
    """The root of a document; tags are `{namespace}name`. Raises BadXml."""
    if len(document) > limits.max_bytes:
        raise BadXml(f"more than {limits.max_bytes} bytes")
    try:
        # As text: what the document says of its own encoding is not followed.
        parser = DefusedXMLParser(target=_Bounded(limits.max_elements), forbid_dtd=True)
        parser.feed(document.decode("utf-8-sig"))
        root = parser.close()
    except UnicodeDecodeError:
        raise BadXml("not UTF-8") from None
    except DefusedXmlException:
        raise BadXml("a document type declaration is not allowed") from None
    except (ParseError, ValueError) as error:
        raise BadXml(f"not well-formed: {str(error)[:80]}") from None
    if not isinstance(root, Element):
        raise BadXml("no element")
    return root


def split_tag(tag: str) -> tuple[str, str]:
    """(namespace, local name) of an element's tag; "" where it has no namespace."""
    namespace, _, name = tag.rpartition("}")
    return namespace.removeprefix("{"), name


def child(parent: Element | None, name: str) -> Element | None:
    """The first child with that local name, of any namespace: older recorders mix them up."""
    if parent is None:
        return None
    return next((c for c in parent if split_tag(c.tag)[1] == name), None)


def child_text(parent: Element | None, name: str) -> str | None:
    """The stripped text of such a child; None: there is none."""
    found = child(parent, name)
    return None if found is None else (found.text or "").strip()


class Markup(str):
    """Finished XML: `build` puts it in as it is, and escapes every other text."""

    __slots__ = ()


def build(name: str, *content: object, **attributes: object) -> Markup:
    """One element. `name` with its prefix; `content`: Markup, None (nothing), or values as XML Schema writes them;
    in names of attributes a double underscore stands for the colon."""
    opened = name + "".join(
        f" {key.replace('__', ':')}={quoteattr(_written(value))}" for key, value in attributes.items()
    )
    inside = "".join(
        part if isinstance(part, Markup) else escape(_written(part)) for part in content if part is not None
    )
    return Markup(f"<{opened}>{inside}</{name}>" if inside else f"<{opened}/>")


def joined(*parts: Markup) -> Markup:
    """Several elements one after the other."""
    return Markup("".join(parts))


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    # XML has no way to write these characters, not even escaped.
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))
