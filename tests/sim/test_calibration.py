"""Published schemes, reproduced: one set of parameters per country, density does the rest.

What is asserted here is what ``docs/validation.md`` shows. The quick tests play one replication,
the slow ones enough of them for intervals.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from schemes import (
    EAST_MIDLANDS,
    HEARTRUNNER_OLDER,
    LONDON,
    Counted,
    counted,
    counting_only,
    evenly_spread,
    shipped,
    square_of_denmark,
    with_arrests,
)

from dispatch.config import load_policy
from geo.region import Region
from scenarios.metrics.intervals import Estimate, mean_estimate
from sim.parameters import WorldParameters
from sim.replication import run_replication
from sim.setting import setting_from_region

# Registered volunteers per km² around an arrest at which the shipped ``uk_thin`` set gives the
# published shares; one in five of them is on duty in that set.
LONDON_PER_KM2, EAST_MIDLANDS_PER_KM2 = 0.66, 1.11
# Exact binomial 95 % intervals of the published counts: 53 of 4,196, 51 of 1,001 (printed: 5.4 %).
LONDON_SHARE, EAST_MIDLANDS_SHARE = (0.0095, 0.0165), (0.0381, 0.0665)

UK = with_arrests(counting_only(shipped("uk_thin")), 5000.0)
DENMARK = with_arrests(shipped("denmark"), 700.0)


def accepted(per_km2: float, rule: str, replications: int) -> Estimate:
    """Share of the true arrests with at least one yes."""
    setting = evenly_spread(per_km2)
    return _ratio(
        [counted(setting, UK, rule, replication=r) for r in range(replications)],
        lambda one: (one.accepted, one.arrests),
    )


def _ratio(found: list[Counted], parts: Callable[[Counted], tuple[int, int]]) -> Estimate:
    total, count = np.array([parts(one) for one in found], float).T
    return mean_estimate(total, count)


def test_density_alone_separates_the_two_english_services() -> None:
    london = accepted(LONDON_PER_KM2, LONDON, 1).value or 0.0
    midlands = accepted(EAST_MIDLANDS_PER_KM2, EAST_MIDLANDS, 1).value or 0.0
    assert LONDON_SHARE[0] < london < LONDON_SHARE[1]
    assert EAST_MIDLANDS_SHARE[0] < midlands < EAST_MIDLANDS_SHARE[1]


def test_the_set_is_one_and_thin() -> None:
    """Nothing but the number of volunteers differs between the two services."""
    people = shipped("uk_thin").people
    assert people.per_100k == 42.0
    assert people.on_duty_share.day == people.on_duty_share.night == 0.2
    defaults = msgspec.structs.replace(
        type(people)(), per_100k=people.per_100k, on_duty_share=people.on_duty_share
    )
    assert people == defaults


def test_one_replication_of_denmark() -> None:
    one = counted(square_of_denmark(), DENMARK, "heartrunner_denmark", replication=0)
    assert 5.4 < one.yes / one.alerted < 6.6
    assert 16.0 < one.asked / one.alerted < 19.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "per_km2", "published", "bounds"),
    [
        (LONDON, LONDON_PER_KM2, 0.013, LONDON_SHARE),
        (EAST_MIDLANDS, EAST_MIDLANDS_PER_KM2, 0.054, EAST_MIDLANDS_SHARE),
        # The same rule for both: density alone, and four times of it.
        (EAST_MIDLANDS, EAST_MIDLANDS_PER_KM2 / 4.3, 0.013, LONDON_SHARE),
    ],
)
def test_accepted_per_arrest(
    rule: str, per_km2: float, published: float, bounds: tuple[float, float]
) -> None:
    found = accepted(per_km2, rule, 8)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    print(f"{rule} at {per_km2:.2f} per km2: {found.value:.4f} [{found.low:.4f}, {found.high:.4f}]")
    assert found.value == pytest.approx(published, rel=0.1)
    assert bounds[0] < found.low < found.high < bounds[1]
    assert found.high - found.low < 0.25 * published


@pytest.mark.slow
def test_denmark() -> None:
    """Kragh 2023: 16.4 asked and 5.8 yes per alert (35.3 %); Nielsen 2022: a yes in 91.9 %."""
    setting = square_of_denmark()
    for rule in ("heartrunner_denmark", str(HEARTRUNNER_OLDER)):
        policy = load_policy(rule)
        found = [counted(setting, DENMARK, policy, replication=r) for r in range(6)]
        asked = _ratio(found, lambda one: (one.asked, one.alerted))
        yes = _ratio(found, lambda one: (one.yes, one.alerted))
        any_yes = _ratio(found, lambda one: (one.with_yes, one.alerted))
        each = _ratio(found, lambda one: (one.yes, one.asked))
        print(policy.name, "asked", asked, "yes", yes, "any", any_yes, "each", each)
        assert yes.value == pytest.approx(5.8, rel=0.1)
        assert any_yes.value == pytest.approx(0.919, abs=0.03)
        assert each.value == pytest.approx(0.353, abs=0.03)
        # What does not fit: a tenth too many are asked.
        assert asked.value == pytest.approx(16.4, rel=0.12)


@pytest.mark.slow
@pytest.mark.xdist_group("town")
def test_the_town_as_today_is_what_england_reports() -> None:
    """Survival 7-10 %, four in five at home, CPR by bystanders in 70 %, a public AED in under 10 %.

    The built-in town with every default: the comparator of each study, nobody asked by an app.
    """
    from scenarios.demo import town_folder  # noqa: PLC0415

    setting = setting_from_region(Region.open(town_folder()))
    found = []
    for replication in range(30):
        records = run_replication(
            setting, WorldParameters(), [load_policy("as_today")], seed=1, replication=replication
        )
        table = records.incidents
        true = np.array(table.column("true_arrest"))
        moments = {
            name: np.array([np.nan if v is None else v for v in table.column(name)], float)[true]
            for name in ("survival_joint", "t_bystander_cpr_s", "t_ambulance_s")
        }
        source = np.array(table.column("first_aed_source"))[true]
        sums = {
            "survival": moments["survival_joint"].sum(),
            "at home": (np.array(table.column("place_kind"))[true] == "home").sum(),
            "bystander CPR": np.isfinite(moments["t_bystander_cpr_s"]).sum(),
            "public AED first": (source == "public").sum(),
            "shockable": np.array([bool(v) for v in table.column("shockable")])[true].sum(),
        }
        found.append((sums, true.sum()))
    arrests = np.array([n for _, n in found], float)
    for name, low, high in (
        ("survival", 0.07, 0.10),
        ("at home", 0.78, 0.82),
        ("bystander CPR", 0.67, 0.73),
        ("public AED first", 0.01, 0.10),
        ("shockable", 0.20, 0.30),  # England 20.6 %, Scotland 26-30 %
    ):
        estimate = mean_estimate(np.array([sums[name] for sums, _ in found], float), arrests)
        print(name, estimate)
        assert estimate.value is not None
        assert low < estimate.value < high, name
