"""What happens without any volunteer: shares hold, times are ordered, nothing depends on others."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from worlds import at, plain

from sim.ambulance import Ambulances, draw_ambulances
from sim.arrivals import Arrivals, draw_arrivals
from sim.clock import calendar
from sim.parameters import (
    AmbulanceParameters,
    ArrivalParameters,
    ClockParameters,
    FleetParameters,
    PatientParameters,
    SceneParameters,
    Station,
    WorldParameters,
)
from sim.patient import Patients, draw_patients
from sim.randomness import Draws

DRAWS = Draws(5, 0)


SETTING = plain(8000.0, points=500, population=4_000_000.0)
DAYS = calendar(ClockParameters(years=3.0), "UTC")


def calls(trace: ArrivalParameters | None = None) -> Arrivals:
    return draw_arrivals(SETTING, DAYS, trace or ArrivalParameters(), PatientParameters(), DRAWS)


def ambulances_of(arrivals: Arrivals, inputs: AmbulanceParameters, **more: object) -> Ambulances:
    world = WorldParameters(ambulance=inputs, **more)
    return draw_ambulances(SETTING, DAYS, arrivals, world, DRAWS)


ARRIVALS = calls()
TRUE = ARRIVALS.true_arrest


def patients(**changes: object) -> Patients:
    inputs = msgspec.structs.replace(PatientParameters(), **changes)
    return draw_patients(ARRIVALS, inputs, SceneParameters(), DRAWS)


def close(values: np.ndarray, share: float) -> bool:  # type: ignore[type-arg]
    return bool(abs(values.mean() - share) < 4 * 0.5 / np.sqrt(len(values)))


def test_shares() -> None:
    found = patients()
    assert close(found.at_home, 0.80)
    assert close(found.witnessed, 0.53)
    assert close(~np.isnan(found.recognised_s[TRUE]), 0.80)
    assert close(~np.isnan(found.cpr_s[TRUE]), 0.70)
    assert close(found.cpr_by_telephone[TRUE], 0.70 * 0.30)
    assert close(~np.isnan(found.called_off_s[~TRUE]), 0.5)


@pytest.mark.parametrize(
    ("bystander", "telephone", "recognised"),
    [(0.9, 0.8, 0.8), (0.5, 1.0, 0.5), (1.0, 0.0, 0.3), (0.0, 0.5, 0.8), (0.7, 0.3, 1.0)],
)
def test_bystander_cpr_keeps_its_share_at_the_edges(
    bystander: float, telephone: float, recognised: float
) -> None:
    found = patients(
        bystander_cpr_share=bystander,
        telephone_cpr_share=telephone,
        recognised_share=recognised,
    )
    assert close(~np.isnan(found.cpr_s[TRUE]), bystander)
    assert close(found.cpr_by_telephone[TRUE], bystander * telephone)


def test_nobody_guides_before_they_know() -> None:
    found = patients()
    guided = found.cpr_by_telephone
    assert (found.cpr_s[guided] >= found.recognised_s[guided] + 30.0 - 1e-9).all()
    assert np.median(found.cpr_s[guided]) == pytest.approx(176.0, rel=0.1)


def test_false_alarms_have_no_patient() -> None:
    found = patients()
    assert np.isnan(found.cpr_s[~TRUE]).all()
    assert np.isnan(found.collapse_to_call_s[~TRUE]).all()
    assert not found.fetches_aed[~TRUE].any()
    assert not np.isnan(found.recognised_s[~TRUE]).any()  # they raise an alert, or are no calls
    called_off = ~np.isnan(found.called_off_s)
    assert (found.called_off_s > found.recognised_s)[called_off].all()
    assert not called_off[TRUE].any()


def test_an_unseen_collapse_lies_longer_back() -> None:
    found = patients()
    seen, unseen = (
        found.collapse_to_call_s[TRUE & which] for which in (found.witnessed, ~found.witnessed)
    )
    assert np.median(seen) == pytest.approx(60.0, rel=0.05)
    assert np.median(unseen) == pytest.approx(480.0, rel=0.1)
    assert (unseen > 0).all()


def test_a_trace_keeps_what_was_seen() -> None:
    trace = ArrivalParameters(
        trace=(
            at(0, 0, 10.0, home=True, witnessed=False, ambulance_s=333.0),
            at(0, 0, 20.0, home=False, witnessed=True),
            at(0, 0, 30.0),
        )
    )
    arrivals = calls(trace)
    found = draw_patients(arrivals, PatientParameters(), SceneParameters(), DRAWS)
    assert found.at_home[:2].tolist() == [True, False]
    assert found.witnessed[:2].tolist() == [False, True]
    ambulances = ambulances_of(arrivals, AmbulanceParameters())
    assert ambulances.arrival_s[0] == 333.0
    assert ambulances.arrival_s[1] not in (333.0, 420.0)


def test_ambulances_have_the_stated_quantiles() -> None:
    found = ambulances_of(ARRIVALS, AmbulanceParameters())
    assert np.median(found.arrival_s) == pytest.approx(420.0, rel=0.03)
    assert np.quantile(found.arrival_s, 0.9) == pytest.approx(840.0, rel=0.04)
    ratio = np.log(found.expected_s / found.arrival_s)
    assert ratio.std() == pytest.approx(0.2, rel=0.05)


def test_observed_ambulance_times_are_drawn_again() -> None:
    inputs = AmbulanceParameters(model="trace", trace_s=(300.0, 600.0, 900.0))
    found = ambulances_of(ARRIVALS, inputs)
    values, counts = np.unique(found.arrival_s, return_counts=True)
    assert values.tolist() == [300.0, 600.0, 900.0]
    assert (abs(counts / len(ARRIVALS) - 1 / 3) < 0.04).all()


def test_a_fleet_gives_the_times_and_its_co_responders() -> None:
    """One crew and one co-responder in the middle of 8 km; a few calls, nothing else to do."""
    trace = ArrivalParameters(trace=(at(0, 0, 10.0), at(3000, 0, 90_000.0), at(0, 0, 180_000.0)))
    arrivals = calls(trace)
    fleet = FleetParameters(
        stations=(Station("Crew", 0.0, 0.0), Station("Fire", 0.0, 0.0, 0, 1)),
        calls_per_1000_year=0.0,
    )
    found = ambulances_of(arrivals, AmbulanceParameters(model="fleet"), fleet=fleet)
    drive_s = 3000 * 1.3 / 16.0
    assert found.arrival_s[1] - found.arrival_s[0] > 0.5 * drive_s
    assert (found.arrival_s > 20.0).all()
    assert found.co_arrival_s == pytest.approx(found.arrival_s)  # same place, same turnout
    assert np.isinf(ambulances_of(arrivals, AmbulanceParameters()).co_arrival_s).all()
