"""The published flights that the drone's times are fitted on and checked against.

One set of three numbers, ``Fit``, is solved from two trials: preparation (word to take-off),
settling (what a flight takes beyond climb, way, acceleration and descent) and the effective
cruising speed of the type flown in both, a multicopter of the M300's size. With it two other trials
are predicted; of them only distance, cruising speed and delivery are told, and none of their times.

===== ====================== ============================================================
trial  source                 what is published
===== ====================== ============================================================
S2    Claesson 2017, JAMA     median 5:21 from dispatch to arrival at 3.2 km; landing; the
                              octocopter's maximum cruising speed 75 km/h
S3    Greifswald 2023         alert to release 3:48 at 0.91 km and 11:20 at 6.96 km; landing
                              64 s by night, 69 s by day
S4    Cheskes 2020            8.1 min (sd 0.1) from call to arrival, 6.6 to 8.8 km; the speed is
                              the maker's 80 km/h, read at second hand
S5    Smith 2025              call to take-off 2:18, flight 2:19 over 1.17 km, 4:43 in all;
                              winch; arrival to shock 4:35
===== ====================== ============================================================

S3 and S5 do not tell preparation from settling by themselves: the split rests on S5's flight time
and on S3's landing time. What carries over to other trials is their sum. The heights flown are not
published: 90 m and release from 30 m are assumptions and go into the settling time.
"""

from __future__ import annotations

from msgspec import Struct

from geo.aircraft import Delivery, aircraft
from geo.flight import cruise_s
from sim.drone_parameters import LOWERING, HandOverParameters

CRUISE_HEIGHT_M = 90.0
RELEASE_HEIGHT_M = 30.0
LANDING_S = 66.5  # middle of 64 s by night and 69 s by day

S3_NEAR = (910.0, 228.0)
S3_FAR = (6960.0, 680.0)
S5_DISTANCE_M = 1170.0
S5_CALL_TO_TAKE_OFF_S = 138.0
S5_FLIGHT_S = 139.0


class Fit(Struct, frozen=True):
    """The three numbers that S3 and S5 give."""

    preparation_s: float
    settle_s: float
    cruise_mps: float


class Line(Struct, frozen=True):
    """One number of one trial beside the model's. ``role``: fitted, predicted or illustration."""

    trial: str
    what: str
    role: str
    inputs: str
    published_s: float
    model_s: float
    tolerance_s: float

    @property
    def holds(self) -> bool:
        """Whether the model lies within the tolerance."""
        return abs(self.model_s - self.published_s) <= self.tolerance_s


def fit() -> Fit:
    """Solve preparation, settling and speed from S3's two ends and S5's flight: 3 and 3."""
    cruise_mps = (S3_FAR[0] - S3_NEAR[0]) / (S3_FAR[1] - S3_NEAR[1])
    settle_s = S5_FLIGHT_S - _in_the_air_s(S5_DISTANCE_M, "m300", cruise_mps)
    in_all_s = S3_NEAR[1] - _in_the_air_s(S3_NEAR[0], "m300", cruise_mps) - LANDING_S
    return Fit(in_all_s - settle_s, settle_s, cruise_mps)


def _in_the_air_s(distance_m: float, kind: str, cruise_mps: float) -> float:
    """Climb, way with acceleration, descent to the release height; no settling."""
    flown = aircraft(kind)
    climb_s = CRUISE_HEIGHT_M / flown.climb_mps
    descent_s = (CRUISE_HEIGHT_M - RELEASE_HEIGHT_M) / flown.descent_mps
    return climb_s + cruise_s(distance_m, cruise_mps, flown.acceleration_mps2) + descent_s


def alert_to_release_s(
    fitted: Fit, distance_m: float, kind: str, cruise_mps: float, delivery: Delivery
) -> float:
    """Word to the AED on the ground, by the medians."""
    lowering_s = LANDING_S if delivery is Delivery.LANDING else LOWERING[delivery].time.median_s
    flight_s = _in_the_air_s(distance_m, kind, cruise_mps) + fitted.settle_s
    return fitted.preparation_s + flight_s + lowering_s


def lines() -> list[Line]:
    """All trials beside the model: S3 and S5 fitted, S2 and S4 predicted."""
    fitted = fit()
    found = []
    for distance_m, published_s in (S3_NEAR, S3_FAR):
        model_s = alert_to_release_s(
            fitted, distance_m, "m300", fitted.cruise_mps, Delivery.LANDING
        )
        told = "distance, landing 66.5 s; heights assumed"
        what = f"alert to release at {distance_m / 1000:g} km"
        found.append(Line("S3", what, "fitted", told, published_s, model_s, 20.0))
    flight_s = _in_the_air_s(S5_DISTANCE_M, "m300", fitted.cruise_mps) + fitted.settle_s
    told = "distance, call to take-off 2:18; heights assumed"
    found.append(
        Line("S5", "call to arrival", "fitted", told, 283.0, S5_CALL_TO_TAKE_OFF_S + flight_s, 20.0)
    )
    hands = HandOverParameters()
    shock_s = LOWERING[Delivery.WINCH].time.median_s + hands.lay_attach.median_s + hands.shock_s
    told = "winch and analysis assumed; the rest fitted"
    found.append(Line("S5", "arrival to shock", "fitted", told, 275.0, shock_s, 20.0))
    octo, sparrow = aircraft("claesson_octo"), aircraft("sparrow")
    found.append(
        Line(
            "S2",
            "dispatch to arrival at 3.2 km",
            "predicted",
            "distance, published cruising speed 75 km/h; climb and descent assumed",
            321.0,
            alert_to_release_s(fitted, 3200.0, octo.type_id, octo.cruise_mps, Delivery.LANDING),
            30.0,
        )
    )
    found.append(
        Line(
            "S4",
            "call to arrival at 7.7 km, middle of 6.6 to 8.8",
            "predicted",
            "distance, speed 80 km/h at second hand; climb and descent assumed",
            486.0,
            alert_to_release_s(
                fitted, 7700.0, sparrow.type_id, sparrow.cruise_mps, Delivery.LANDING
            ),
            30.0,
        )
    )
    return found


class Share(Struct, frozen=True):
    """One count of a published funnel beside the model's; an illustration, not a test of it.

    The chances that the model uses here were taken from these very counts, or chosen so that they
    come out: they show how the stages work together, and prove nothing.
    """

    trial: str
    what: str
    published: float
    model: float


def illustrations() -> list[Share]:
    """S6 and S7, labelled as what they are."""
    return [*_gothenburg(), *_western_sweden(), *_paris()]


def _gothenburg() -> list[Share]:
    """Schierbeck 2022: 14 eligible, 12 flown, 11 delivered."""
    flown = 14 * (12 / 14)
    return [
        Share("S7", "flights of 14 eligible alerts (Schierbeck 2022)", 12, flown),
        Share("S7", "deliveries of those", 11, flown * (1 - LOWERING[Delivery.WINCH].failed_share)),
    ]


def _western_sweden() -> list[Share]:
    """Schierbeck 2023: 211 suspected, 72 flown, 58 delivered; counts read at second hand.

    Of those not delivered, what the winch's own failures leave was called off on the way.
    """
    flown = 211 * (72 / 211)
    failed = LOWERING[Delivery.WINCH].failed_share
    called_off = 1 - (58 / 72) / (1 - failed)
    return [
        Share("S7", "flights of 211 suspected arrests (Schierbeck 2023)", 72, flown),
        Share("S7", "deliveries of those", 58, flown * (1 - called_off) * (1 - failed)),
    ]


PARIS_HOME_SHARE = 0.75  # chosen
PARIS_LONE_AT_HOME = 0.56  # the program's own: no flight to somebody alone at home
PARIS_PUBLIC_SHARE = 0.464  # chosen: of arrests in public, detected and with somebody to help
PARIS_DAYLIGHT_SHARE = 1 / 1.6  # flying by night would bring 60 per cent more
PARIS_FIRST_SHARE = 0.925  # of flights; published: 190 s earlier in 93 per cent


def _paris() -> list[Share]:
    """Derkenne 2021: 72.2 % no flight, 25.8 % drone first, 2.1 % ambulance first."""
    at_home = PARIS_HOME_SHARE * (1 - PARIS_LONE_AT_HOME)
    in_public = (1 - PARIS_HOME_SHARE) * PARIS_PUBLIC_SHARE
    flown = (at_home + in_public) * PARIS_DAYLIGHT_SHARE
    return [
        Share("S6", "no flight, per cent", 72.2, 100 * (1 - flown)),
        Share("S6", "drone first, per cent", 25.8, 100 * flown * PARIS_FIRST_SHARE),
        Share("S6", "ambulance first, per cent", 2.1, 100 * flown * (1 - PARIS_FIRST_SHARE)),
    ]
