from __future__ import annotations

import math
from pathlib import Path

import pytest

from geo.air_routes import ObstacleMap
from geo.aircraft import Delivery, Grounded, aircraft, read_aircraft, shipped_aircraft
from geo.errors import AircraftError, WeatherError
from geo.flight import (
    Kinematics,
    cruise_s,
    flight_times,
    ground_speed_mps,
    hover_w,
    level_flight_w,
    mission,
    rotor_efficiency,
    usable_j,
    wind_at_height_mps,
    wind_vector_mps,
)
from geo.weather import Conditions, read_weather_csv

CALM = Conditions(3.0, 270.0, 5.0, 0.0, 15.0, 20_000.0, 30.0)


def weather(**changes: float) -> Conditions:
    return Conditions(**{**CALM.__dict__, **changes})


# --- wind ---------------------------------------------------------------------------------------


def test_wind_grows_with_height_as_measured() -> None:
    assert wind_at_height_mps(10.0, 10.0) == 10.0
    assert wind_at_height_mps(10.0, 120.0) == pytest.approx(14.3, abs=0.05)
    assert wind_at_height_mps(10.0, 90.0) == pytest.approx(13.7, abs=0.05)


def test_a_westerly_moves_the_air_to_the_east() -> None:
    assert wind_vector_mps(8.0, 270.0) == pytest.approx((8.0, 0.0), abs=1e-12)
    assert wind_vector_mps(8.0, 0.0) == pytest.approx((0.0, -8.0), abs=1e-12)


@pytest.mark.parametrize(
    ("course", "wind", "speed"),
    [
        (90.0, (0.0, 0.0), 15.0),
        (90.0, (5.0, 0.0), 20.0),
        (270.0, (5.0, 0.0), 10.0),
        (0.0, (9.0, 0.0), 12.0),  # 9, 12, 15
        (0.0, (15.0, 0.0), None),
        (90.0, (-16.0, 0.0), None),
    ],
)
def test_ground_speed_follows_the_wind_triangle(
    course: float, wind: tuple[float, float], speed: float | None
) -> None:
    found = ground_speed_mps(15.0, course, wind)
    assert found == (None if speed is None else pytest.approx(speed, abs=1e-9))


def test_routes_and_the_wind_triangle_tell_the_same_time() -> None:
    wind = wind_vector_mps(6.0, 220.0)
    chart = ObstacleMap.build([])
    routes = chart.from_base(0.0, 0.0, wind_over_airspeed=(wind[0] / 15.0, wind[1] / 15.0))
    for course in range(0, 360, 30):
        x = 3000 * math.sin(math.radians(course))
        y = 3000 * math.cos(math.radians(course))
        speed = ground_speed_mps(15.0, course, wind)
        assert speed is not None
        assert routes.air_m(x, y) / 15.0 == pytest.approx(3000 / speed, rel=1e-6)
        back = ground_speed_mps(15.0, course + 180.0, wind)
        assert back is not None
        assert routes.route(x, y).back_air_m / 15.0 == pytest.approx(3000 / back, rel=1e-6)


# --- times --------------------------------------------------------------------------------------


def test_a_flight_climbs_speeds_up_cruises_brakes_and_sinks() -> None:
    times = flight_times(aircraft("m300"), 1500.0, cruise_height_m=90.0, delivery_height_m=30.0)
    assert times.climb_s == 15.0
    assert times.cruise_s == pytest.approx(1500 / 15 + 15 / 2.5)
    assert times.descent_s == 12.0
    assert times.total_s == pytest.approx(133.0)


def test_a_hop_too_short_for_the_cruising_speed_takes_its_own_time() -> None:
    assert cruise_s(40.0, 20.0, 10.0) == pytest.approx(2 * math.sqrt(4.0))
    assert cruise_s(40.0, 20.0, 10.0) == pytest.approx(cruise_s(40.0 + 1e-9, 20.0, 10.0))


def test_the_slip_of_the_paris_program_can_be_replicated() -> None:
    right = cruise_s(2000.0, 22.2, 4.0)
    paper = cruise_s(2000.0, 22.2, 4.0, Kinematics.PAPER)
    assert paper - right == pytest.approx(22.2 / 4.0)


# --- energy against what was published ----------------------------------------------------------


def test_hovering_endurance_with_a_load_is_that_of_the_sheet() -> None:
    """M300: 55 minutes empty; about 38 with two kilograms (derived from the actuator disc)."""
    m300 = aircraft("m300")
    assert usable_j(m300) / hover_w(m300) / 60 == pytest.approx(55.0)
    assert usable_j(m300) / hover_w(m300, 2.0) / 60 == pytest.approx(38.0, rel=0.06)
    assert rotor_efficiency(m300) == pytest.approx(0.57, abs=0.03)


def test_flight_energy_is_that_of_the_measured_quadcopter() -> None:
    """Rodrigues 2022: 0.08 MJ/km with 0.5 kg, 0.33 MJ a package, climbs up to 34 per cent."""
    m100 = aircraft("m100")
    per_km = level_flight_w(m100, 8.0, 0.5) / 8.0 / 1000
    assert per_km == pytest.approx(0.08, rel=0.2)
    round_trip = mission(
        m100,
        out_air_m=2000.0,
        back_air_m=2000.0,
        payload_kg=0.5,
        cruise_height_m=50.0,
        delivery=Delivery.LANDING,
        hover_s=5.0,
    )
    assert round_trip.energy_j / 1e6 == pytest.approx(0.33, rel=0.15)
    hop = mission(
        m100,
        out_air_m=300.0,
        back_air_m=0.0,
        payload_kg=0.5,
        cruise_height_m=50.0,
        delivery=Delivery.LANDING,
        hover_s=5.0,
    )
    assert 0.2 < hop.climb_share < 0.4


def test_power_has_its_least_at_a_moderate_speed() -> None:
    m300 = aircraft("m300")
    powers = [level_flight_w(m300, float(v)) for v in range(23)]
    least = powers.index(min(powers))
    assert powers[0] == pytest.approx(hover_w(m300))
    assert 5 <= least <= 12
    assert powers[22] > powers[0]


# --- refusals -----------------------------------------------------------------------------------


def fly(out_m: float, back_m: float, **changes: float) -> str:
    return mission(
        aircraft("m300"),
        out_air_m=out_m,
        back_air_m=back_m,
        payload_kg=changes.get("payload_kg", 1.6),
        cruise_height_m=90.0,
        delivery=Delivery.WINCH,
        reserve_share=changes.get("reserve_share", 0.25),
        temperature_c=changes.get("temperature_c", 20.0),
    ).refusal


def test_a_mission_without_reserve_for_coming_home_is_refused() -> None:
    assert fly(6_000, 6_000) == ""
    assert "above the reserve" in fly(16_000, 16_000)
    assert "above the reserve" in fly(6_000, 26_000)  # the wind on the way home
    assert fly(14_000, 14_000, reserve_share=0.0) == ""


def test_cold_takes_missions_away() -> None:
    assert fly(11_000, 11_000) == ""
    assert "above the reserve" in fly(11_000, 11_000, temperature_c=-15.0)
    m300 = aircraft("m300")
    shares = [usable_j(m300, t) / usable_j(m300) for t in (-30, -20, -15, 0, 10, 20, 35)]
    assert shares == pytest.approx([0.6, 0.6, 0.675, 0.85, 0.95, 1.0, 1.0])


def test_a_load_or_a_way_that_cannot_be_is_refused() -> None:
    assert "payload 3 kg" in fly(1_000, 1_000, payload_kg=3.0)
    assert "no way there and back" in fly(math.inf, math.inf)
    refused = mission(
        aircraft("m600"),
        out_air_m=100,
        back_air_m=100,
        payload_kg=1,
        cruise_height_m=60,
        delivery=Delivery.PARACHUTE,
    )
    assert refused.refusal == "the type does not deliver by parachute"


def test_a_fixed_wing_draws_its_drag() -> None:
    """Rees 2021: 92 km with six drops on one charge, 4.5 km in 2:50."""
    penguin = aircraft("penguin_b")
    tour = mission(
        penguin,
        out_air_m=46_000,
        back_air_m=46_000,
        payload_kg=2.0,
        cruise_height_m=90,
        delivery=Delivery.PARACHUTE,
    )
    assert tour.refusal == ""
    leg = flight_times(penguin, 4_500.0, cruise_height_m=90.0)
    assert leg.total_s == pytest.approx(170, abs=2)
    with pytest.raises(AircraftError, match="cannot hover"):
        hover_w(penguin)


# --- weather and aircraft -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"gust_mps": 12.1}, Grounded.GUST),
        ({"rain_mm_h": 3.0}, Grounded.RAIN),
        ({"rain_mm_h": 2.0}, None),
        ({"visibility_m": 1000.0}, Grounded.FOG),
        ({"temperature_c": -25.0}, Grounded.COLD),
        ({"temperature_c": 51.0}, Grounded.HEAT),
        ({"temperature_c": -1.0, "rain_mm_h": 0.2}, Grounded.ICE),
        ({"sun_deg": -30.0}, None),
    ],
)
def test_weather_keeps_an_aircraft_on_the_ground(
    changes: dict[str, float], reason: Grounded | None
) -> None:
    assert aircraft("m300").grounded(weather(**changes)) is reason


def test_without_night_flying_twilight_ends_the_day() -> None:
    m300 = aircraft("m300")
    assert m300.grounded(weather(sun_deg=-5.0), night_flying=False) is None
    assert m300.grounded(weather(sun_deg=-7.0), night_flying=False) is Grounded.DARK


def test_every_shipped_type_says_where_its_figures_come_from() -> None:
    for kind in shipped_aircraft().values():
        assert kind.source
        assert kind.standing("acceleration_mps2") in {"assumption", "unverified", "published"}
        if not kind.is_fixed_wing:
            assert 0.3 < rotor_efficiency(kind) < 0.8, kind.type_id
    assert aircraft("m300").standing("mass_kg") == "published"
    assert aircraft("m300").standing("radius_m") == "assumption"


def test_an_unknown_type_names_the_known_ones() -> None:
    with pytest.raises(AircraftError, match=r"expected one of .*m300"):
        aircraft("hoverboard")


def test_faults_of_an_aircraft_file_are_listed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "types.toml"
    path.write_text('[x]\nname = "X"\nmass_kg = -3\ndelivery = ["sling"]\nspeed = 3\n')
    with pytest.raises(AircraftError) as caught:
        read_aircraft(path)
    text = "\n".join(caught.value.faults)
    assert "types.toml: x: mass_kg: expected a number from 0.1 to 600, found -3" in text
    assert "x: delivery: expected some of winch, landing, parachute" in text
    assert "x: speed: is not a known figure" in text
    assert "x: cruise_mps: is missing" in text
    assert "x: source: is missing" in text


HEADER = "time,wind_mps,wind_from_deg,rain_mm_h,temperature_c"


def hours(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "weather.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_hours_of_weather_are_read(tmp_path: Path) -> None:
    path = hours(tmp_path, "2026-03-01T00:00,4,270,0,5", "2026-03-01T01:00,6,280,0.4,5.5")
    series = read_weather_csv(path, lat=57.0, lon=-5.0)
    assert len(series) == 2
    now = series.at(series.start_s + 5000.0)
    assert (now.wind_mps, now.gust_mps, now.rain_mm_h) == (6.0, 9.0, 0.4)
    assert now.visibility_m == 20_000.0
    assert now.sun_deg < -20
    with pytest.raises(WeatherError, match="no weather at 2026-03-01T02:00Z"):
        series.at(series.end_s)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("2026-03-01T00:00,4,270,0,5", "2026-03-01T03:00,4,270,0,5"), "2 hours are missing"),
        (("2026-03-01T01:00,4,270,0,5", "2026-03-01T00:00,4,270,0,5"), "is not after"),
        (("2026-03-01T00:00,4,270,0,5", "2026-03-01T00:30,4,270,0,5"), "expected an hour after"),
        (("noon,4,270,0,5",), "line 2: time: expected an hour"),
        (("2026-03-01T00:00,400,270,0,5",), "line 2: wind_mps: expected a number from 0 to 75"),
        (("2026-03-01T00:00,4,400,0,5",), "line 2: wind_from_deg"),
        (("2026-03-01T00:00,4,270,-1,5",), "line 2: rain_mm_h"),
        (("2026-03-01T00:00,4,270,0,278",), "line 2: temperature_c"),
        (("2026-03-01T00:00,4,270,0",), "line 2: temperature_c: expected a number"),
        ((), "at least one hour"),
    ],
)
def test_a_fault_in_weather_names_file_line_and_column(
    tmp_path: Path, rows: tuple[str, ...], expected: str
) -> None:
    with pytest.raises(WeatherError) as caught:
        read_weather_csv(hours(tmp_path, *rows), lat=57.0, lon=-5.0)
    assert caught.value.faults[0].startswith("weather.csv: ")
    assert expected in caught.value.faults[0]


def test_columns_that_are_missing_or_strange_are_all_named(tmp_path: Path) -> None:
    path = hours(tmp_path, "x", header="time,wind_kmh,rain_mm_h,temperature_c")
    with pytest.raises(WeatherError) as caught:
        read_weather_csv(path, lat=0.0, lon=0.0)
    assert "column wind_mps is missing" in str(caught.value)
    assert "column wind_from_deg is missing" in str(caught.value)
    assert "column wind_kmh is not known" in str(caught.value)


def test_gusts_below_the_mean_wind_point_to_a_wrong_unit(tmp_path: Path) -> None:
    path = hours(tmp_path, "2026-03-01T00:00,20,270,0,5,8", header=HEADER + ",gust_mps")
    with pytest.raises(WeatherError, match="gust_mps: 8 is below the mean wind of 20"):
        read_weather_csv(path, lat=0.0, lon=0.0)


def test_many_faults_are_cut_short(tmp_path: Path) -> None:
    rows = [f"2026-03-01T{h:02d}:00,x,270,0,5" for h in range(24)]
    with pytest.raises(WeatherError, match="and 4 more"):
        read_weather_csv(hours(tmp_path, *rows), lat=0.0, lon=0.0)
