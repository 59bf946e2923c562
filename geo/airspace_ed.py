"""UAS geographical zones as published in Europe: EUROCAE ED-269 and ED-318, both JSON.

PROHIBITED forbids; REQ_AUTHORISATION (some feeds spell it with a Z) and CONDITIONAL ask for
permission; NO_RESTRICTION and USPACE inform. A limit of 99999 or more means that there is none.
ED-318 times that hang on the sun (``startEvent``) are taken as the whole day: never too short.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from geo.airspace import GROUND, METRES_PER_FOOT, WEEK_S, Height, Period, Reference, Rule, Volume
from geo.airspace_source import LOWEST_M, UNLIMITED, Entry, number_or_none

RULES_OF_ED = {
    "PROHIBITED": Rule.FORBID,
    "REQ_AUTHORISATION": Rule.PERMISSION,
    "REQ_AUTHORIZATION": Rule.PERMISSION,
    "CONDITIONAL": Rule.PERMISSION,
    "NO_RESTRICTION": Rule.FREE,
    "USPACE": Rule.FREE,
}
_UNITS = {"M": 1.0, "m": 1.0, "FT": METRES_PER_FOOT, "ft": METRES_PER_FOOT}
_REFERENCES = {"AGL": Reference.AGL, "AMSL": Reference.AMSL, "WGS84": Reference.WGS84}
_DAYS = {name: k for k, name in enumerate(("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"))}
_DAY_S = 86_400.0
_CLOCK = re.compile(r"^([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?(Z|\+00:?00)?$")


@dataclass(frozen=True)
class _Part:
    """One volume of a feature: its horizontal shape and its vertical limits, as published."""

    at: str
    shape: Any
    radius: Any
    radius_in_unit: bool  # ED-269 gives it in the volume's unit, ED-318 in metres
    unit: Any
    lower: Any
    lower_reference: Any
    upper: Any
    upper_reference: Any


def ed269_volumes(entry: Entry, feature: Any) -> Iterator[Volume]:
    """Volumes of one ED-269 feature; faults are noted and their volumes left out."""
    if not isinstance(feature, Mapping):
        entry.fault("", "expected an object")
        return
    rule = entry.choice("restriction", feature.get("restriction"), RULES_OF_ED)
    periods = _periods(entry, "applicability", feature.get("applicability"))
    parts = feature.get("geometry")
    if not isinstance(parts, list) or not parts:
        entry.fault("geometry", "expected a list of one or more volumes")
        return
    yield from _volumes(
        entry, feature, rule, periods, [_part269(k, p) for k, p in enumerate(parts)]
    )


def ed318_volumes(entry: Entry, feature: Any) -> Iterator[Volume]:
    """Volumes of one ED-318 feature (properties and geometry side by side)."""
    if not isinstance(feature, Mapping):
        entry.fault("", "expected an object")
        return
    rule = entry.choice("type", feature.get("type"), RULES_OF_ED)
    periods = _periods(entry, "limitedApplicability", feature.get("limitedApplicability"))
    geometry = feature.get("geometry")
    parts = [geometry]
    if isinstance(geometry, Mapping) and geometry.get("type") == "GeometryCollection":
        parts = list(geometry.get("geometries") or ())
        if not parts:
            entry.fault("geometry: geometries", "expected one or more")
    yield from _volumes(
        entry, feature, rule, periods, [_part318(k, p) for k, p in enumerate(parts)]
    )


def _part269(k: int, part: Any) -> _Part:
    at, part = f"geometry {k + 1}", part if isinstance(part, Mapping) else {}
    shape = part.get("horizontalProjection")
    return _Part(
        at=at,
        shape=shape,
        radius=shape.get("radius") if isinstance(shape, Mapping) else None,
        radius_in_unit=True,
        unit=part.get("uomDimensions"),
        lower=part.get("lowerLimit"),
        lower_reference=part.get("lowerVerticalReference"),
        upper=part.get("upperLimit"),
        upper_reference=part.get("upperVerticalReference"),
    )


def _part318(k: int, part: Any) -> _Part:
    at, part = f"geometry {k + 1}", part if isinstance(part, Mapping) else {}
    layer, extent = (
        part[n] if isinstance(part.get(n), Mapping) else {} for n in ("layer", "extent")
    )
    return _Part(
        at=at,
        shape=part,
        radius=extent.get("radius"),
        radius_in_unit=False,
        unit=layer.get("uom", "m"),
        lower=layer.get("lower"),
        lower_reference=layer.get("lowerReference"),
        upper=layer.get("upper"),
        upper_reference=layer.get("upperReference"),
    )


def _volumes(
    entry: Entry,
    feature: Mapping[str, Any],
    rule: Rule | None,
    periods: tuple[Period, ...],
    parts: list[_Part],
) -> Iterator[Volume]:
    for k, part in enumerate(parts):
        unit = entry.choice(f"{part.at}: unit", part.unit, _UNITS)
        in_metres = number_or_none(part.radius)
        if in_metres is not None and part.radius_in_unit:
            in_metres *= unit or 1.0
        outline = entry.outline(part.at, part.shape, in_metres)
        floor = _limit(entry, f"{part.at}: lower", part.lower, part.lower_reference, unit)
        ceiling = _limit(entry, f"{part.at}: upper", part.upper, part.upper_reference, unit)
        entry.check_limits(floor, ceiling, part.at)
        if rule is None or outline is None:
            continue
        reasons = feature.get("reason")
        yield Volume(
            volume_id=entry.name if len(parts) == 1 else f"{entry.name}/{k + 1}",
            name=_text(feature.get("name")) or entry.name,
            rule=rule,
            kind=", ".join(map(str, reasons)) if isinstance(reasons, list) else str(reasons or ""),
            outline=outline,
            floor=floor or GROUND,
            ceiling=ceiling,
            periods=periods,
            source=entry.file,
        )


def _text(value: Any) -> str:
    """Plain text, or the first of ED-318's texts by language."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return str(value[0].get("text") or "")
    return value if isinstance(value, str) else ""


def _limit(entry: Entry, at: str, value: Any, reference: Any, unit: float | None) -> Height | None:
    if value is None:
        return None
    number = entry.number(at, value, LOWEST_M / METRES_PER_FOOT, None)
    if number is None or unit is None or number >= UNLIMITED:
        return None
    return entry.limit(at, number * unit, entry.choice(f"{at} reference", reference, _REFERENCES))


def _periods(entry: Entry, at: str, entries: Any) -> tuple[Period, ...]:
    if entries is None:
        return ()
    if not isinstance(entries, list):
        entry.fault(at, f"expected a list, found {entries!r}")
        return ()
    periods = []
    for k, given in enumerate(entries):
        here = f"{at} {k + 1}"
        if not isinstance(given, Mapping):
            entry.fault(here, f"expected an object, found {given!r}")
            continue
        start, end = -np.inf, np.inf
        if str(given.get("permanent") or "").upper() != "YES":
            start = entry.moment(f"{here}: startDateTime", given.get("startDateTime"), start)
            end = entry.moment(f"{here}: endDateTime", given.get("endDateTime"), end)
        weekly = _schedule(entry, f"{here}: schedule", given.get("schedule"))
        periods.append(Period(start, end, weekly))
    if periods == [Period()]:
        return ()
    return entry.checked_periods(at, periods)


def _schedule(entry: Entry, at: str, lines: Any) -> tuple[tuple[float, float], ...]:
    stretches: list[tuple[float, float]] = []
    for line in lines or ():
        if not isinstance(line, Mapping):
            entry.fault(at, f"expected an object, found {line!r}")
            continue
        days = line.get("day") or ["ANY"]
        start = _clock(
            entry, f"{at}: startTime", line.get("startTime"), line.get("startEvent"), 0.0
        )
        end = _clock(entry, f"{at}: endTime", line.get("endTime"), line.get("endEvent"), _DAY_S)
        for name in [days] if isinstance(days, str) else days:
            upper = str(name).upper()
            if upper not in _DAYS and upper != "ANY":
                entry.fault(f"{at}: day", f"expected MON to SUN or ANY, found {name!r}")
                continue
            for day in _DAYS.values() if upper == "ANY" else (_DAYS[upper],):
                stretches += _in_week(day * _DAY_S + start, day * _DAY_S + end)
    return tuple(sorted(stretches))


def _in_week(start: float, end: float) -> list[tuple[float, float]]:
    """One stretch of the week; past midnight where the end comes first, round Sunday's end."""
    if end <= start:
        end += _DAY_S
    if end <= WEEK_S:
        return [(start, end)]
    return [(start, float(WEEK_S)), (0.0, end - WEEK_S)]


def _clock(entry: Entry, at: str, value: Any, event: Any, missing: float) -> float:
    if value is None or event:
        return missing
    match = _CLOCK.match(str(value))
    if not match:
        entry.fault(at, f"expected a time of day in UTC as 08:00:00Z, found {value!r}")
        return missing
    return min(int(match[1]) * 3600.0 + int(match[2]) * 60.0 + int(match[3] or 0), _DAY_S)
