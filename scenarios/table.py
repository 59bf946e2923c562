"""What all tables of a scenario file share: frozen, exact keys, a source for every default."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

ASSUMPTION = "assumption"
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Latitude = Annotated[float, Field(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0)]
Hour = Annotated[float, Field(ge=0.0, le=24.0)]


class Table(BaseModel):
    """One table of the scenario file: frozen, exact about its keys, finite numbers only."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True
    )


class DayNightShare(Table):
    """A share by day and by night (``[responders] night_hours``)."""

    day: Share
    night: Share


class Duration(Table):
    """A lognormal duration: ``median_s * exp(sigma * N(0, 1))``; ``sigma = 0`` is a constant."""

    median_s: float = Field(ge=0.0, le=86_400.0)
    sigma: float = Field(ge=0.0, le=3.0)


def stated(default: Any, says: str, *, unit: str = "", source: str = "", **limits: Any) -> Any:
    """A field with its meaning, unit and the source of its default."""
    extra: dict[str, JsonValue] = {"unit": unit, "source": source}
    return Field(default, description=says, json_schema_extra=extra, **limits)


def failed(field: str, expected: str, found: object) -> ValueError:
    """A fault of several values together; ``scenarios.loading`` takes it apart again."""
    return ValueError(f"{field}|{expected}|{found}")


def refuse_unknown(field: str, named: tuple[str, ...], known: list[str]) -> None:
    """Names of a choice that are not there, or stand there twice. Raises ``ValueError``."""
    wrong = [name for name in named if name not in known]
    if wrong:
        raise failed(field, f"ids among {', '.join(known) or 'none'}", ", ".join(wrong))
    if len(set(named)) < len(named):
        raise failed(field, "each id once", ", ".join(named))
