"""Everything that can go wrong with maps, said in one line each.

GeoError
├── ExtractError(ValueError)      an OpenStreetMap file that cannot be used
├── RegionError(ValueError)       a region folder that is damaged, outdated or not one
├── NetworkError(ValueError)      arrays that do not form a road network
├── PlaceError(ValueError)        a latitude or longitude that cannot be one, or lies elsewhere
├── ZonesError(ValueError)        a file of population zones that cannot be used
├── FaultyFileError(ValueError)   a file whose faults are all listed
│   ├── AirspaceError             no-fly volumes
│   ├── AircraftError             figures of aircraft
│   └── WeatherError              hours of weather
└── AirRouteError(ValueError)     a flight question without meaning: wind, place or volumes
"""

from __future__ import annotations

from collections.abc import Sequence


class GeoError(Exception):
    """Base of every error of this package; ``str(error)`` is one line for a person."""


class ExtractError(GeoError, ValueError):
    """An OpenStreetMap extract is missing, damaged or holds nothing to travel on."""


class RegionError(GeoError, ValueError):
    """A region folder is damaged, outdated or not a region folder."""


class NetworkError(GeoError, ValueError):
    """Arrays do not form a road network."""


class PlaceError(GeoError, ValueError):
    """A latitude or longitude is not one, or lies outside the region."""


class ZonesError(GeoError, ValueError):
    """A file of population zones cannot be used."""


class FaultyFileError(GeoError, ValueError):
    """Base of errors that list everything wrong with a file; ``faults``: one line for each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class AirspaceError(FaultyFileError):
    """A file of no-fly volumes cannot be used."""


class AircraftError(FaultyFileError):
    """Figures of an aircraft cannot be used."""


class WeatherError(FaultyFileError):
    """A file of weather cannot be used, or does not reach far enough."""


class AirRouteError(GeoError, ValueError):
    """A flight question has no meaning: the wind, the place or the volumes are impossible."""
