"""What checking a package can find, as plain data. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal[
    "missing", "added", "changed", "unreadable", "manifest", "signature", "signer", "container", "undeclared"
]


class Finding(NamedTuple):
    """One thing that is wrong with a package.

    `kind`: "missing", "added", "changed": a file; "unreadable": a file that cannot be read or understood; "manifest": a
    statement of the manifest is not the one that was signed; "signature": it is not by the key that it names;
    "signer": signed by another key than the one that was expected; "container": the ZIP around the files was changed;
    "undeclared": footage of the span is missing and no gap says so, or a gap lies where footage is.
    `name`: the file or statement, as it stands in the package: by strangers. `detail`: in words.
    """

    kind: Kind
    name: str
    detail: str
