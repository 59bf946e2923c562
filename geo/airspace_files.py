"""Readers of no-fly volumes: GeoJSON, ED-269 and ED-318 (JSON) and YAIXM (YAML).

``read_airspace`` knows the format by the content. A file is taken whole or not at all: every fault
is named with file, feature and field, and all of them at once.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from geo.airspace import GROUND, Airspace, Height, Period, Permission, Reference, Rule, Volume
from geo.airspace_ed import ed269_volumes, ed318_volumes
from geo.airspace_source import LOWEST_M, UNLIMITED, Entry, Source
from geo.airspace_yaixm import yaixm_volumes
from geo.errors import AirspaceError
from geo.zones import Bounds

LARGEST_BUFFER_M = 20_000.0


def read_airspace(path: Path, *, region_bounds: Bounds | None = None) -> Airspace:
    """Read one file, compressed with gzip or not.

    ``region_bounds``: south, west, north, east of the region of interest; volumes elsewhere are
    dropped, and coordinates in the wrong order can be told by it.

    Raises:
        AirspaceError: the file is missing, in no known format, or has faults, which it lists.
    """
    source = Source(path.name, region_bounds)
    document = _load(path, source)
    volumes: list[Volume] = []
    kind = "nothing known"
    if document is not None:
        kind, features, read = _format(document, source)
        for name, feature in features:
            volumes += read(Entry(source, name), feature)
        if kind == "YAIXM":
            volumes = _told_apart(volumes)
        _check_ids(source, volumes)
    source.check_region(volumes)
    if source.faults:
        raise AirspaceError(source.faults)
    airspace = Airspace(tuple(volumes), (f"{path.name}: {len(volumes)} volumes, {kind}",))
    return airspace if region_bounds is None else airspace.within(*region_bounds)


def _load(path: Path, source: Source) -> Any:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except OSError as error:
        source.fault("", "", f"cannot be read: {error.strerror or error}")
        return None
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        source.fault("", "", f"expected text in UTF-8: {error}")
        return None
    if text.lstrip()[:1] in {"{", "["}:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            source.fault("", f"line {error.lineno}", f"expected JSON: {error.msg}")
            return None
    return _load_yaml(text, source)


def _load_yaml(text: str, source: Source) -> Any:
    try:
        import yaml  # noqa: PLC0415
    except ImportError:
        source.fault("", "", "reading YAML needs the package pyyaml, which is not installed")
        return None
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else ""
        source.fault("", line, f"expected YAML: {getattr(error, 'problem', error)}")
        return None


def _format(document: Any, source: Source) -> tuple[str, list[tuple[str, Any]], Any]:
    nothing: tuple[str, list[tuple[str, Any]], Any] = ("nothing known", [], _geojson_volumes)
    if isinstance(document, Mapping) and isinstance(document.get("airspace"), list):
        return "YAIXM", _labelled(document["airspace"], "id", "name"), yaixm_volumes
    features = document if isinstance(document, list) else None
    if isinstance(document, Mapping):
        features = document.get("features", document.get("UASZoneList"))
        if not _is_wgs84(document.get("crs")):
            source.fault("", "crs", f"expected WGS84 (EPSG:4326), found {document['crs']}")
            return nothing
    if not isinstance(features, list):
        source.fault("", "", "expected GeoJSON, ED-269, ED-318 or YAIXM")
        return nothing
    if isinstance(document, Mapping) and document.get("type") == "FeatureCollection":
        labelled = _labelled([_flattened(f) for f in features], "id", "identifier")
        if any(_is_ed318(feature) for _, feature in labelled):
            return "ED-318", labelled, ed318_volumes
        return "GeoJSON", labelled, _geojson_volumes
    return "ED-269", _labelled(features, "identifier", "name"), ed269_volumes


def _flattened(feature: Any) -> Any:
    """A GeoJSON feature's properties with its geometry among them."""
    if not isinstance(feature, Mapping):
        return feature
    properties = feature.get("properties")
    own = dict(properties) if isinstance(properties, Mapping) else {}
    if "id" in feature and "id" not in own:
        own["id"] = feature["id"]
    return {**own, "geometry": feature.get("geometry")}


def _is_ed318(feature: Any) -> bool:
    return isinstance(feature, Mapping) and ("zoneAuthority" in feature or "variant" in feature)


def _is_wgs84(crs: Any) -> bool:
    if crs is None:
        return True
    name = crs.get("properties", {}).get("name", "") if isinstance(crs, Mapping) else str(crs)
    return bool(re.search(r"(CRS:?84|EPSG:{1,2}(\d*:)?4326|WGS ?84)$", str(name), re.IGNORECASE))


def _labelled(features: Sequence[Any], *keys: str) -> list[tuple[str, Any]]:
    labelled = []
    for k, feature in enumerate(features):
        names = [feature.get(key) for key in keys] if isinstance(feature, Mapping) else []
        name = next((str(n) for n in names if isinstance(n, str | int) and str(n)), str(k + 1))
        labelled.append((name, feature))
    return labelled


def _told_apart(volumes: Sequence[Volume]) -> list[Volume]:
    """YAIXM does not promise unique names: the second of a name gets a number."""
    seen: Counter[str] = Counter()
    told = []
    for volume in volumes:
        seen[volume.volume_id] += 1
        again = seen[volume.volume_id]
        told.append(
            replace(volume, volume_id=f"{volume.volume_id}#{again}") if again > 1 else volume
        )
    return told


def _check_ids(source: Source, volumes: Sequence[Volume]) -> None:
    seen: set[str] = set()
    for volume in volumes:
        if volume.volume_id in seen:
            source.fault(f"feature {volume.volume_id}", "id", "is used twice: expected unique ids")
        seen.add(volume.volume_id)


# --- this program's own GeoJSON ---------------------------------------------------------------

_GEOJSON_FIELDS = frozenset(
    {
        "id", "name", "rule", "kind", "floor_m", "floor_reference", "ceiling_m",
        "ceiling_reference", "buffer_m", "by_notice", "periods", "source", "granted_share",
        "wait_median_s", "wait_sigma", "permission_source", "radius_m", "geometry",
    }
)  # fmt: skip


def _geojson_volumes(entry: Entry, feature: Any) -> Iterator[Volume]:
    if not isinstance(feature, Mapping):
        entry.fault("", "expected an object")
        return
    for name in feature:
        if re.match(r"(floor|ceiling|buffer|radius|wait)", name) and name not in _GEOJSON_FIELDS:
            entry.fault(name, "is not known: heights and distances are in metres, as floor_m")
    rule = entry.choice("rule", feature.get("rule"), {rule.value: rule for rule in Rule})
    outline = entry.outline("geometry", feature.get("geometry"), feature.get("radius_m"))
    floor = _height(entry, "floor", feature)
    ceiling = _height(entry, "ceiling", feature)
    buffer_m = entry.number("buffer_m", feature.get("buffer_m", 0), 0, LARGEST_BUFFER_M)
    periods = _own_periods(entry, feature.get("periods") or ())
    permission = _own_permission(entry, feature)
    entry.check_limits(floor, ceiling)
    if rule is None or outline is None or buffer_m is None:
        return
    yield Volume(
        volume_id=entry.name,
        name=str(feature.get("name") or entry.name),
        rule=rule,
        kind=str(feature.get("kind") or ""),
        outline=outline,
        floor=floor or GROUND,
        ceiling=ceiling,
        periods=periods,
        by_notice=bool(feature.get("by_notice", False)),
        buffer_m=buffer_m,
        permission=permission,
        source=str(feature.get("source") or entry.file),
    )


def _height(entry: Entry, end: str, feature: Mapping[str, Any]) -> Height | None:
    value = feature.get(f"{end}_m")
    if value is None or value == UNLIMITED:
        return None
    word = feature.get(f"{end}_reference") or Reference.AGL.value
    reference = entry.choice(f"{end}_reference", word, {r.value: r for r in Reference})
    return entry.limit(f"{end}_m", entry.number(f"{end}_m", value, LOWEST_M, None), reference)


def _own_permission(entry: Entry, feature: Mapping[str, Any]) -> Permission | None:
    if "granted_share" not in feature:
        return None
    general = Permission()
    share = entry.number("granted_share", feature["granted_share"], 0, 1)
    given = {
        name: feature.get(name, getattr(general, name)) for name in ("wait_median_s", "wait_sigma")
    }
    median = entry.number("wait_median_s", given["wait_median_s"], 0, 86_400)
    sigma = entry.number("wait_sigma", given["wait_sigma"], 0, 5)
    if share is None or median is None or sigma is None:
        return None
    return Permission(share, median, sigma, str(feature.get("permission_source") or entry.file))


def _own_periods(entry: Entry, entries: Any) -> tuple[Period, ...]:
    if not isinstance(entries, list | tuple):
        entry.fault("periods", f"expected a list, found {entries!r}")
        return ()
    periods = []
    for k, given in enumerate(entries):
        at = f"periods {k + 1}"
        if not isinstance(given, Mapping):
            entry.fault(at, f"expected an object, found {given!r}")
            continue
        start = entry.moment(f"{at}: start", given.get("start"), -np.inf)
        end = entry.moment(f"{at}: end", given.get("end"), np.inf)
        periods.append(Period(start, end, _own_weekly(entry, at, given.get("weekly_s") or ())))
    return entry.checked_periods("periods", periods)


def _own_weekly(entry: Entry, at: str, stretches: Any) -> tuple[tuple[float, float], ...]:
    try:
        return tuple(sorted((float(start), float(end)) for start, end in stretches))
    except (TypeError, ValueError):
        entry.fault(f"{at}: weekly_s", "expected pairs of seconds from Monday 00:00 UTC")
        return ()
