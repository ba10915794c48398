"""What pydantic finds wrong in nvr.toml, in words for who wrote the file: key, problem, value, what is allowed."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from nvr.errors import ConfigError

MAX_PROBLEMS = 50
_PRIVATE_KEYS = frozenset({"main", "sub", "username", "password", "url", "secret"})
_BOUNDS = {
    "less_than_equal": ("too large", "at most", "le"),
    "greater_than_equal": ("too small", "at least", "ge"),
    "greater_than": ("too small", "more than", "gt"),
    "too_short": ("too few", "at least", "min_length"),
    "too_long": ("too many", "at most", "max_length"),
    "string_too_short": ("too short", "characters, at least", "min_length"),
    "string_too_long": ("too long", "characters, at most", "max_length"),
}
"""pydantic's kind of error: (what is wrong, what is allowed, which number of its context that is)."""
_TYPES = {
    "int_type": "must be a whole number (an integer)",
    "int_parsing": "must be a whole number (an integer)",
    "int_from_float": "must be a whole number (an integer)",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be text in quotes",
    "path_type": "must be a path in quotes",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
}


def as_config_error(file: str, tree: dict[str, Any], error: ValidationError) -> ConfigError:
    """What is wrong in `file`, which holds `tree`: the first problem, with the rest as its `others`."""
    problems = error.errors(include_url=False, include_input=True, include_context=True)
    first, *others = (
        ConfigError(file, _dotted(tree, p["loc"]), *_in_words(p)) for p in problems[:MAX_PROBLEMS]
    )
    first.others = tuple(others)
    return first


def _dotted(tree: object, location: tuple[int | str, ...]) -> str:
    """`camera.0.zone.1.response` as `camera "gate" zone "yard" response`: what a person finds in the file."""
    words: list[str] = []
    node: object = tree
    for step in location:
        if isinstance(step, int):
            node = node[step] if isinstance(node, list) and step < len(node) else None
            name = (node.get("id") or node.get("name")) if isinstance(node, dict) else None
            words.append(f'"{name}"' if isinstance(name, str) else f"number {step + 1}")
        else:
            node = node.get(step) if isinstance(node, dict) else None
            words.append(step)
    return " ".join(words) or "the file as a whole"


def _in_words(problem: Any) -> tuple[str, str]:
    """(what is wrong, what is allowed) for one pydantic error."""
    what, allowed = _described(problem)
    return what + _written(problem), allowed


def _written(problem: Any) -> str:
    """The value as it stands in the file, where that is short and can be no secret."""
    value, key = (
        problem["input"],
        next((step for step in reversed(problem["loc"]) if isinstance(step, str)), ""),
    )
    # Under an unknown key may stand anything, and addresses of cameras often hold a password.
    is_open = problem["type"] not in ("extra_forbidden", "missing") and key not in _PRIVATE_KEYS
    if not is_open or not isinstance(value, str | int | float):
        return ""
    return f" (here: {json.dumps(value, ensure_ascii=False)[:60]})"


def _described(problem: Any) -> tuple[str, str]:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown key", "only the keys described in README.md; check the spelling"
    if kind == "missing":
        return "this key is missing", ""
    if kind in ("literal_error", "enum"):
        return "not an allowed value", str(context.get("expected", ""))
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        key = str(context.get("discriminator")).strip("'")
        return f"no known `{key}`", str(context.get("expected_tags", "see README.md"))
    if kind == "string_pattern_mismatch":
        return "not an allowed value", "small letters, digits and hyphens, at most 32"
    if kind in _BOUNDS:
        what, allowed, bound = _BOUNDS[kind]
        return what, f"{allowed} {context.get(bound)}"
    if kind in _TYPES:
        return _TYPES[kind], ""
    if kind == "value_error":
        return str(context.get("error", problem["msg"])), ""
    return problem["msg"][:1].lower() + problem["msg"][1:], ""
