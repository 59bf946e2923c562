from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.air_chart import AirChart
from geo.air_routes import Reach
from geo.airspace import (
    Airspace,
    Band,
    Height,
    Period,
    Reference,
    Rule,
    Volume,
    circle,
    in_plane,
    period_faults,
)
from geo.airspace_osm import AirFeature, Derivation, derive
from geo.errors import AirspaceError
from geo.osm_airspace import read_air_features
from geo.points import LocalProjection, haversine_m
from geo.sun import solar_elevation_deg

LOW = Band(0.0, 120.0, 50.0, 200.0)
HERE = LocalProjection(57.0, -5.0)


def box(x: float, y: float, width: float, height: float) -> shapely.Polygon:
    """A rectangle in metres east and north of 57 N, 5 W, on the map."""
    lat, lon = HERE.to_lat_lon([x, x + width, x + width, x], [y, y, y + height, y + height])
    return shapely.Polygon(np.column_stack((lon, lat)))


def volume(
    name: str, rule: Rule = Rule.FORBID, outline: shapely.Polygon | None = None, **more: object
) -> Volume:
    return Volume(name, name, rule, "test", outline or box(0, 0, 1000, 1000), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("floor", "ceiling", "meets"),
    [
        (Height(0), Height(100), True),
        (Height(120), None, False),
        (Height(119), None, True),
        (Height(300, Reference.AMSL), None, True),  # over ground at 200 m it begins at 100 m
        (Height(320, Reference.AMSL), None, False),
        (Height(0), Height(50, Reference.AMSL), False),  # the lowest ground stands at 50 m
        (Height(0), Height(51, Reference.AMSL), True),
        (Height(400, Reference.WGS84), None, True),  # the geoid may lie 110 m below
        (Height(800, Reference.LEVEL), None, True),  # low pressure may bring it down 550 m
        (Height(900, Reference.LEVEL), None, False),
    ],
)
def test_a_volume_matters_where_it_may_reach_into_the_band(
    floor: Height, ceiling: Height | None, meets: bool
) -> None:
    assert volume("v", floor=floor, ceiling=ceiling).meets(LOW) is meets


def test_only_what_forbids_or_asks_now_and_here_constrains() -> None:
    later = (Period(start_s=1000.0),)
    space = Airspace(
        (
            volume("now"),
            volume("info", Rule.FREE),
            volume("later", periods=later),
            volume("high", floor=Height(500)),
            volume("notice", by_notice=True),
        )
    )
    assert [v.name for v in space.constraining(0.0, LOW)] == ["now", "notice"]
    assert [v.name for v in space.constraining(0.0, LOW, by_notice=False)] == ["now"]
    assert [v.name for v in space.constraining(1000.0, LOW)] == ["now", "later", "notice"]


def test_a_weekly_period_holds_on_its_day_only() -> None:
    monday_morning = Period(weekly=((8 * 3600.0, 12 * 3600.0),))
    first_monday = 4 * 86_400  # the epoch began on a Thursday
    assert monday_morning.holds(first_monday + 9 * 3600)
    assert not monday_morning.holds(first_monday + 12 * 3600)
    assert not monday_morning.holds(first_monday + 33 * 3600)
    assert monday_morning.holds(first_monday + 7 * 86_400 + 9 * 3600)


def test_periods_that_overlap_are_told() -> None:
    apart = [Period(0, 10), Period(10, 20)]
    assert period_faults(apart) == []
    assert period_faults([Period(0, 11), Period(10, 20)]) == ["periods 1 and 2 overlap"]
    days = [Period(weekly=((0, 86_400),)), Period(weekly=((86_400, 90_000),))]
    assert period_faults(days) == []


def test_a_circle_encloses_the_true_circle() -> None:
    outline = circle(57.0, -5.0, 3704.0)
    lon, lat = shapely.get_coordinates(outline).T
    middles = (lat[1:] + lat[:-1]) / 2, (lon[1:] + lon[:-1]) / 2
    assert haversine_m(57.0, -5.0, *middles).min() == pytest.approx(3704.0, rel=2e-4)
    with pytest.raises(AirspaceError, match="radius"):
        circle(57.0, -5.0, -1.0)


def test_a_buffer_is_kept_in_full() -> None:
    shape = in_plane(volume("prison", buffer_m=400.0), HERE)
    corner = shapely.Point(-400 / np.sqrt(2) + 1, -400 / np.sqrt(2) + 1)
    assert shapely.contains_properly(shape, corner)
    assert shapely.contains_properly(shape, shapely.Point(500, 1399.9))
    assert not shapely.intersects(shape, shapely.Point(500, 1404))


def test_the_way_without_asking_goes_round_and_the_way_with_permission_through() -> None:
    zone = volume("tower", Rule.PERMISSION, box(1000, -2500, 500, 4500))
    wall = volume("prison", outline=box(2000, -500, 100, 600))
    chart = AirChart.build([zone, wall], HERE)
    flights = chart.from_base(57.0, -5.0)
    lat, lon = (float(v) for v in HERE.to_lat_lon(3000.0, 0.0))
    around, through = flights.route(lat, lon), flights.route_if_allowed(lat, lon)
    assert around.is_open
    assert around.asks == ()
    assert through.asks == ("tower",)
    assert through.length_m < around.length_m
    assert through.length_m == pytest.approx(
        np.hypot(2000, 100) + 100 + np.hypot(900, 100), abs=0.5
    )
    assert around.lat.max() == pytest.approx(float(HERE.to_lat_lon(0, 2000)[0]), abs=1e-6)
    assert flights.air_m(np.array([lat]), np.array([lon]))[0] == around.air_m
    assert flights.air_m_if_allowed(np.array([lat]), np.array([lon]))[0] == through.air_m


def test_a_target_within_a_zone_needs_permission_and_within_a_prison_none_helps() -> None:
    zone = volume("tower", Rule.PERMISSION, box(1000, -2000, 4000, 4000))
    prison = volume("prison", outline=box(2000, -500, 1000, 1000))
    chart = AirChart.build([zone, prison], HERE)
    flights = chart.from_base(57.0, -5.0)
    lat, lon = (float(v) for v in HERE.to_lat_lon(4000.0, 0.0))
    assert flights.route(lat, lon).reach is Reach.TARGET_INSIDE
    assert flights.route_if_allowed(lat, lon).asks == ("tower",)
    assert chart.volumes_at(lat, lon) == ("tower",)
    lat, lon = (float(v) for v in HERE.to_lat_lon(2500.0, 0.0))
    assert flights.route_if_allowed(lat, lon).reach is Reach.TARGET_INSIDE


def test_a_standing_agreement_opens_the_zone_of_the_base() -> None:
    zone = volume("tower", Rule.PERMISSION, box(-500, -500, 1000, 1000))
    lat, lon = (float(v) for v in HERE.to_lat_lon(3000.0, 0.0))
    asked = AirChart.build([zone], HERE).from_base(57.0, -5.0)
    assert asked.route(lat, lon).reach is Reach.BASE_INSIDE
    agreed = AirChart.build([zone], HERE, agreed={"tower"}).from_base(57.0, -5.0)
    assert agreed.route(lat, lon).is_open


def test_flying_along_the_border_of_a_zone_asks_for_nothing() -> None:
    zone = volume("tower", Rule.PERMISSION, box(0, 0, 1000, 1000))
    flights = AirChart.build([zone], HERE).from_base(*map(float, HERE.to_lat_lon(-500.0, 0.0)))
    route = flights.route_if_allowed(*map(float, HERE.to_lat_lon(1500.0, 0.0)))
    assert route.length_m == pytest.approx(2000, abs=0.01)
    assert route.asks == ()


def feature(osm_id: str, shape: shapely.Geometry, **tags: str) -> AirFeature:
    return AirFeature(osm_id, tags, shape)


def test_an_aerodrome_gets_a_circle_and_a_box_at_each_runway_end() -> None:
    ends = np.column_stack(HERE.to_lat_lon([-1000.0, 1000.0], [0.0, 0.0])[::-1])
    field = feature("way/1", box(-1200, -300, 2400, 600), aeroway="aerodrome", name="Strip")
    runway = feature("way/2", shapely.LineString(ends), aeroway="runway")
    volumes = derive([field, runway]).volumes
    assert [v.volume_id for v in volumes] == [
        "way/1/circle",
        "way/1/runway 1 end 1",
        "way/1/runway 1 end 2",
    ]
    assert all(v.rule is Rule.PERMISSION for v in volumes)
    disc, west, east = (in_plane(v, HERE) for v in volumes)
    assert disc.area == pytest.approx(np.pi * 4630.0**2, rel=0.01)  # the runway is over 1,850 m
    assert west.bounds == pytest.approx((-6000, -500, -1000, 500), abs=1)
    assert east.bounds == pytest.approx((1000, -500, 6000, 500), abs=1)


def test_a_short_runway_alone_makes_the_small_circle() -> None:
    ends = np.column_stack(HERE.to_lat_lon([-300.0, 300.0], [0.0, 0.0])[::-1])
    volumes = derive([feature("way/2", shapely.LineString(ends), aeroway="runway")]).volumes
    assert in_plane(volumes[0], HERE).area == pytest.approx(np.pi * 3704.0**2, rel=0.01)


def test_heliports_prisons_and_military_land_get_their_zones() -> None:
    spot = shapely.Point(-5.0, 57.0)
    space = derive(
        [
            feature("node/1", spot, aeroway="helipad"),
            feature("way/2", box(5000, 0, 200, 200), amenity="prison"),
            feature("way/3", box(9000, 0, 500, 500), landuse="military"),
            feature("node/4", spot, power="plant", **{"plant:source": "nuclear"}),
            feature("node/5", spot, amenity="cafe"),
        ],
        Derivation(helipad_radius_m=150.0),
    )
    by_id = {v.volume_id: v for v in space.volumes}
    assert set(by_id) == {"node/1", "way/2", "way/3", "node/4"}
    assert by_id["node/1"].rule is Rule.PERMISSION
    assert in_plane(by_id["node/1"], HERE).area == pytest.approx(np.pi * 150.0**2, rel=0.01)
    assert by_id["way/2"].buffer_m == 400.0
    assert {by_id[k].rule for k in ("way/2", "way/3", "node/4")} == {Rule.FORBID}
    assert "1 helipad, 1 military, 1 nuclear, 1 prison" in space.notes[0]


def test_a_real_city_has_its_heliports_and_its_prison(shared_data: Path) -> None:
    space = derive(read_air_features(shared_data / "osm" / "dk-copenhagen.osm.pbf"))
    kinds = [v.kind for v in space.volumes]
    assert (kinds.count("helipad"), kinds.count("prison"), kinds.count("military")) == (2, 1, 5)
    assert any(v.name == "Vestre Fængsel" for v in space.volumes)


def test_the_sun_stands_where_the_almanac_has_it() -> None:
    """Solar noon at Greenwich on the June solstice and midnight at the December one, 2026."""
    noon, midnight = 1_782_043_200 + 105.0, 1_797_897_600 - 105.0
    assert float(solar_elevation_deg(51.48, 0.0, noon)) == pytest.approx(61.95, abs=0.05)
    assert float(solar_elevation_deg(51.48, 0.0, midnight)) == pytest.approx(-61.95, abs=0.1)
    assert float(solar_elevation_deg(0.0, 90.0, noon)) < 1.0
