"""The page's files, read once at start; nothing outside of the listed files can be asked for."""

from __future__ import annotations

import gzip
import hashlib
import json
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

PACKAGE = Path(__file__).parent
_TYPES = {
    ".js": "text/javascript",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
}
_TEXT = ("text/", "application/json", "application/manifest+json", "image/svg+xml")
_HIDDEN = {"jsconfig.json", "http.html"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent. `packed`: gzip, where that is smaller."""

    content: bytes
    packed: bytes | None
    content_type: str
    etag: str

    def answer(self, request: web.Request) -> web.Response:
        """The file, or 304 where the browser has it already."""
        # no-cache: asked for again each time (a 304 is small), so that an update shows at once.
        headers = {"Cache-Control": "no-cache", "ETag": f'"{self.etag}"', "Vary": "Accept-Encoding"}
        if any(etag.value == self.etag for etag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        body = self.content
        if self.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = self.packed
            headers["Content-Encoding"] = "gzip"
        charset = "utf-8" if self.content_type.startswith("text/") else None
        return web.Response(body=body, headers=headers, content_type=self.content_type, charset=charset)


class StaticFiles:
    """The files of `package`: `static/` (but the plain-HTTP page) and `locales/`, by their path in an address."""

    def __init__(self, package: Path = PACKAGE):
        """Blocks: construct it in a thread."""
        self._files: dict[str, StaticFile] = {}
        for folder in ("static", "locales"):
            for file in sorted((package / folder).rglob("*")):
                if file.is_file() and file.name not in _HIDDEN:
                    self._files[file.relative_to(package).as_posix()] = _read(file)
        http_page = package / "static" / "http.html"
        self.http_page = http_page.read_text("utf-8") if http_page.is_file() else ""

    def get(self, path: str) -> StaticFile | None:
        """The file of `path`, for example "static/app.js"; None where there is none."""
        return self._files.get(path)


def locale_words(language: str) -> dict[str, str]:
    """The page's words in a language. Blocks."""
    words: dict[str, str] = json.loads((PACKAGE / "locales" / f"{language}.json").read_text("utf-8"))
    return words


def _read(file: Path) -> StaticFile:
    content = file.read_bytes()
    guessed = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    packed = gzip.compress(content, mtime=0) if guessed.startswith(_TEXT) else content
    etag = hashlib.sha256(content).hexdigest()[:24]
    return StaticFile(content, packed if len(packed) < len(content) else None, guessed, etag)
