"""The manual page of scenario files, made from the schema so that it cannot be out of date."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scenarios.schema import Scenario
from scenarios.sheet import shown

_HEAD = """\
# Every key of a scenario file

Made from `scenarios/schema.py` by `python -m scenarios.manual > docs/scenario-keys.md`.

Only `title` and `[region] source` are required; everything else has a default. Each default has
its source or is marked as an assumption, and the report repeats the list with what a scenario
changed. Units stand in the names: `_s` seconds, `_m` metres, `_mps` metres per second; shares go
from 0 to 1. A duration `{ median_s = 40.0, sigma = 0.6 }` is lognormal; `sigma = 0` makes it
constant. File names are relative to the scenario file.
"""


def scenario_keys() -> str:
    """The page, in Markdown."""
    lines = [_HEAD, "| key | meaning |", "|---|---|"]
    for name, field in Scenario.model_fields.items():
        if not _is_table(field):
            lines.append(f"| `{name}` | {field.description or 'what the report is called'} |")
    for name, field in Scenario.model_fields.items():
        if _is_table(field):
            lines += ["", *_table(name, field.annotation)]
        elif (row := _row_table(field)) is not None:
            lines += ["", *_table(name, row, rows=True)]
    return "\n".join(lines) + "\n"


def _table(name: str, model: Any, *, rows: bool = False) -> Iterator[str]:
    yield f"## `[[{name}]]`" if rows else f"## `[{name}]`"
    yield ""
    summary = (model.__doc__ or "").strip().splitlines()[0].rpartition("``: ")[2]
    yield summary[:1].upper() + summary[1:]
    yield ""
    yield "| key | default | unit | meaning | source of the default |"
    yield "|---|---|---|---|---|"
    inner = []
    for key, field in model.model_fields.items():
        if _is_table(field) and not field.json_schema_extra:
            inner.append((f"{name}.{key}", field.annotation, False))
            continue
        yield _row(key, field)
        if (row := _row_table(field)) is not None:
            inner.append((f"{name}.{key}", row, True))
    for path, table, many in inner:
        yield ""
        yield from _table(path, table, rows=many)


def _row(key: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    meaning = field.description or ""
    choices = _choices(field.annotation)
    if choices:
        meaning = f"{meaning}; {' or '.join(choices)}" if meaning else " or ".join(choices)
    if field.is_required():
        default = "required"
    elif field.default is None or field.default == {}:
        default = "–"
    else:
        default = shown(field.default)
    cells = (f"`{key}`", default, str(extra.get("unit", "")), meaning, str(extra.get("source", "")))
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [f"`{choice}`" for choice in get_args(annotation)]
    if get_origin(annotation) in (tuple, Union):
        return _choices(get_args(annotation)[0])
    return []


def _row_table(field: FieldInfo) -> type[BaseModel] | None:
    """The table of which a list is made, where a field is such a list."""
    if get_origin(field.annotation) is not tuple:
        return None
    kind = get_args(field.annotation)[0]
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _is_table(field: FieldInfo) -> bool:
    kind = field.annotation
    return isinstance(kind, type) and issubclass(kind, BaseModel)


if __name__ == "__main__":
    print(scenario_keys(), end="")
