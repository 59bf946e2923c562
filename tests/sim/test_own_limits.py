"""What a responders file says of each person holds in the simulated roster."""

from __future__ import annotations

from worlds import as_dicts, ask, at, people_at, plain, sure_parameters

from sim.records import Records
from sim.replication import run_replication

HOUR_S = 3_600.0
DAY_S = 86_400.0
# 2025-01-01 is a Wednesday: noon and 20 h on that day, noon a week later.
NOON, EVENING, NEXT_WEEK = 12 * HOUR_S, 20 * HOUR_S, 7 * DAY_S + 12 * HOUR_S


def asked(times: tuple[float, ...], **limits: object) -> list[list[int]]:
    """Per incident, who of the two people beside the patient was asked."""
    people = people_at((50.0, 0.0), (0.0, 60.0), **limits)
    trace = tuple(at(0.0, 0.0, t_s) for t_s in times)
    records: Records = run_replication(
        plain(4_000.0, points=50),
        sure_parameters(trace, people=people),
        [ask(2)],
        seed=1,
        replication=0,
    )
    alerts = as_dicts(records.alerts)
    names = [row["incident_id"] for row in as_dicts(records.incidents)]
    return [
        sorted(row["responder_id"] for row in alerts if row["incident_id"] == name)
        for name in names
    ]


def test_everybody_is_asked_where_nothing_is_said() -> None:
    assert asked((NOON, EVENING)) == [[0, 1], [0, 1]]


def test_duty_hours_are_local_and_weekly() -> None:
    hours = ("Mo-Fr 18:00-23:00", None)
    assert asked((NOON, EVENING), on_duty_hours=hours) == [[1], [0, 1]]


def test_training_that_lapses_ends_the_asking() -> None:
    start_s = 1_735_689_600.0  # 2025-01-01 00:00 UTC
    until = (start_s + 3 * DAY_S, None)
    assert asked((NOON, NEXT_WEEK), verified_until_s=until) == [[0, 1], [1]]


def test_a_persons_own_cap_counts_thirty_days() -> None:
    later = 40 * DAY_S
    found = asked((NOON, NEXT_WEEK, later), alerts_per_30_days=(1, None))
    assert found == [[0, 1], [1], [0, 1]]
