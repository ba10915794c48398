"""verify.html: the verifier as one file that any browser opens without a network. Put together from `verifier/`.

The modules become functions in one script, in the order of MODULES; what they import and export must stand as
`import {…} from`, `import * as … from` and `export` before a declaration, or `export {…}` at the end. Its content
security policy allows this one script and style, by their hashes, and no connection to anywhere.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from importlib.resources import files
from string import Template

VERIFIER = "verify.html"
MODULES = (
    "vendor/noble-ed25519.js",
    "bytes.js",
    "manifest.js",
    "coverage.js",
    "zip.js",
    "files.js",
    "verify.js",
    "words.js",
    "page.js",
)
_LICENCE = "vendor/noble-ed25519.LICENSE"
_IMPORT = re.compile(r'^import (?:\{([^}]*)\}|\* as (\w+)) from "\./([\w./-]+)";\n', re.MULTILINE)
_EXPORTS = re.compile(r"^export \{([^}]*)\};$", re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function|const) (\w+))", re.MULTILINE)


def verifier_page() -> bytes:
    """The page."""
    script = "\n".join(_as_function(name) for name in MODULES)
    style = _read("page.css")
    page = Template(_read("page.html")).substitute(
        licences=f"Village NVR: Apache-2.0. noble-ed25519:\n{_read(_LICENCE)}",
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
    )
    return page.encode()


def _as_function(name: str) -> str:
    text = _read(name)
    exports = [each.strip() for found in _EXPORTS.findall(text) for each in found.split(",") if each.strip()]
    exports += [found for _, found in _EXPORT.findall(text)]
    # `a as b` exports a under the name b.
    pairs = [re.sub(r"(\w+) as (\w+)", r"\2: \1", each) for each in exports]
    text = _EXPORT.sub(r"\1", _EXPORTS.sub("", _IMPORT.sub(_as_constant, text)))
    return f"const {_variable(name)} = (() => {{\n{text}\nreturn {{ {', '.join(pairs)} }};\n}})();"


def _as_constant(found: re.Match[str]) -> str:
    names = found[2] if found[1] is None else f"{{{found[1]}}}"
    return f"const {names} = {_variable(found[3])};\n"


def _variable(name: str) -> str:
    return "module_" + re.sub(r"\W", "_", name)


def _hash(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _read(name: str) -> str:
    return files(__package__).joinpath("verifier", name).read_text("utf-8")
