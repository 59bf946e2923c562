"""What a field should have held, in plain words instead of a library's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PATTERNS = {
    r"^[^\x00]*$": "expected text without NUL characters",
    r"^[a-z][a-z0-9_]*$": "expected a code of small letters, digits and _",
    r"^https?://[^\s\x00]+$": "expected an address that begins with http:// or https://",
    r"^[A-Za-z-]*$": "expected a language such as en or en-GB",
}
_WORDS = {
    "missing": "expected: it is missing",
    "extra_forbidden": "no such field",
    "string_type": "expected text",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a number that is not infinite",
    "list_type": "expected a list",
    "dict_type": "expected an object",
    "model_type": "expected an object",
    "model_attributes_type": "expected an object",
    "json_invalid": "expected JSON",
    "timezone_aware": "expected a time with its offset, such as 2026-01-31T23:59:00Z",
}
_TIME = "expected a time such as 2026-01-31T23:59:00Z"
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "below"),
}
_LENGTHS = {
    "string_too_short": ("min_length", "at least", "characters"),
    "string_too_long": ("max_length", "at most", "characters"),
    "too_short": ("min_length", "at least", "entries"),
    "too_long": ("max_length", "at most", "entries"),
}


def expected(fault: Mapping[str, Any]) -> str:
    """Return the words for one fault as pydantic gives it; never what was sent."""
    kind, about = str(fault["type"]), fault.get("ctx") or {}
    if kind in _WORDS:
        return _WORDS[kind]
    if kind in _BOUNDS:
        name, word = _BOUNDS[kind]
        return f"expected {word} {_number(about[name])}"
    if kind in _LENGTHS:
        name, word, what = _LENGTHS[kind]
        count = about[name]
        return f"expected {word} {count} {what if count != 1 else _one(what)}"
    if kind in ("literal_error", "enum"):
        return f"expected {_plain(str(about['expected']))}"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(about["pattern"], "expected another form")
    if kind.startswith(("datetime_", "date_", "time_")):
        return _TIME
    return str(fault["msg"]).removeprefix("Value error, ")


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _one(what: str) -> str:
    return {"characters": "character", "entries": "entry"}[what]


def _plain(choices: str) -> str:
    """``'a', 'b' or 'c'`` without the quotes; ``True`` is ``true`` in JSON."""
    return choices.replace("'", "").replace("True", "true")
