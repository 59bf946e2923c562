"""The whole simulated incident against the textbook way.

Ours: one replication of the built-in town, ten people asked per incident, with the two searches,
the decision core, the roster and the records. The textbook way: networkx Dijkstra from the patient
(with and without a cutoff) and a plain SimPy process per person, no core, no roster, no records.
Both are given the same calls, people and answers; the first arrivals are compared before the clock
starts. A third contestant is the product itself with scipy's Dijkstra in place of its own routing:
what the routing core is worth to the simulator. Its records must be the same, row for row.

    python -m benchmarks.simulation [--json FILE] [--years Y] [--rounds N]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np
import simpy

from benchmarks.harness import Row, arguments, medians, report, turns
from benchmarks.scipy_travel import ScipyTravel
from dispatch.config import Enough, Lease, LiveUse, Policy, Replacement, Wave
from dispatch.config import People as PeopleRules
from scenarios.loading import check_scenario
from scenarios.regions import open_region, prepare_region
from sim.backdrop import Backdrop
from sim.parameters import ClockParameters, Lognormal, PeopleParameters, WorldParameters
from sim.randomness import Draws
from sim.records import Records
from sim.replication import run_replication
from sim.setting import Setting, setting_from_region

ASKED = 10
BOUND_S = 600.0  # as in the preset phased_7
AIM_PER_CPU_S = 1500.0
COMPARED = 60  # incidents of the textbook way per turn
SEED, REPLICATION = 1, 0

TEN = Policy(
    title="Ten at once",
    citation="Made for this comparison",
    live_use=LiveUse.SIMULATION_ONLY,
    waves=(Wave(0.0, ASKED),),
    bound_s=BOUND_S,
    enough=Enough(yes=ASKED, places=ASKED),
    replacement=Replacement(
        on_no=False, on_silence=False, on_undelivered=False, on_drop=False, on_aed_lost=False
    ),
    people=PeopleRules(alerts_per_day=1000, alerts_per_30_days=1000, night_alerts_per_30_days=1000),
    lease=Lease(day_s=3600.0, night_s=3600.0),
    name="ten",
    policy_id="ten",
)


def town() -> tuple[Setting, Setting, nx.DiGraph]:
    """The built-in town with everybody on a junction, the same on scipy's routes, its streets."""
    scenario = check_scenario({"title": "town", "region": {"source": "town"}}, file="benchmark")
    region = open_region(scenario, prepare_region(scenario))
    network = region.networks["foot"]
    largest = network.component == 0
    setting = setting_from_region(region)
    spots = setting.travel.spots(network.node_lat[largest], network.node_lon[largest])
    graph = nx.DiGraph()
    for node in range(network.n_nodes):
        for arc in range(network.first_out[node], network.first_out[node + 1]):
            head, seconds = int(network.head[arc]), network.arc_ds[arc] / 10.0
            known = graph.get_edge_data(node, head)
            if known is None or seconds < known["s"]:
                graph.add_edge(node, head, s=float(seconds))
    graph.graph["node_of"] = np.flatnonzero(largest)
    on_junctions = replace(
        setting,
        demand=spots,
        demand_weight=np.ones(len(spots)),
        demand_zone=np.full(len(spots), -1),
    )
    return on_junctions, replace(on_junctions, travel=ScipyTravel(network)), graph.reverse()


def inputs(years: float) -> WorldParameters:
    """Enough volunteers that ten are found, and reported positions that are the true ones."""
    people = PeopleParameters(
        per_100k=600.0,
        position_error_m=0.0,
        position_age=Lognormal(60.0, 0.0),
        cannot_continue_share=0.0,
        speed_sigma=0.0,
    )
    return WorldParameters(clock=ClockParameters(years=years), people=people)


def ours(setting: Setting, parameters: WorldParameters) -> Records:
    return run_replication(
        setting, parameters, [TEN], seed=SEED, replication=REPLICATION, events="none"
    )


class Textbook:
    """The same incidents, told the plain way."""

    def __init__(self, setting: Setting, graph: nx.DiGraph, backdrop: Backdrop) -> None:
        self.graph = graph
        self.backdrop = backdrop
        self.node_of = graph.graph["node_of"].tolist()
        self.point_of = self._points(setting, backdrop)

    def _points(self, setting: Setting, backdrop: Backdrop) -> list[int]:
        """Demand point of every true place of a person (homes, then work places)."""
        index = {
            place: i
            for i, place in enumerate(
                zip(setting.demand_lat.tolist(), setting.demand_lon.tolist(), strict=True)
            )
        }
        spots = backdrop.people.spots
        both = 2 * backdrop.people.n
        places = zip(spots.lat[:both].tolist(), spots.lon[:both].tolist(), strict=True)
        return [index[place] for place in places]

    def first_arrivals(self, incidents: list[int], cutoff_s: float | None) -> list[float]:
        """Seconds from the call to the first volunteer, inf for none before the ambulance."""
        env = simpy.Environment()
        first: dict[int, float] = {}
        for incident in incidents:
            env.process(self._incident(env, incident, first, cutoff_s))
        env.run()
        return [first.get(incident, math.inf) for incident in incidents]

    def _incident(
        self, env: simpy.Environment, incident: int, first: dict[int, float], cutoff_s: float | None
    ) -> Iterator[Any]:
        backdrop = self.backdrop
        recognised_s = float(backdrop.patients.recognised_s[incident])
        ambulance_s = float(backdrop.ambulances.arrival_s[incident])
        if not recognised_s < ambulance_s:
            return
        yield env.timeout(recognised_s)
        patient = self.node_of[int(backdrop.arrivals.point[incident])]
        times = nx.single_source_dijkstra_path_length(
            self.graph, patient, cutoff=cutoff_s, weight="s"
        )
        there = backdrop.present(incident)
        ranked = sorted(
            (times.get(self.node_of[self.point_of[spot]], math.inf), person)
            for person, spot in zip(there.person.tolist(), there.true_spot.tolist(), strict=True)
        )
        within = [(way_s, person) for way_s, person in ranked if way_s <= BOUND_S][:ASKED]
        until_s = min(ambulance_s, _or_inf(backdrop.patients.called_off_s[incident]))
        for way_s, person in within:
            env.process(self._person(env, incident, person, way_s, until_s, first))

    def _person(
        self,
        env: simpy.Environment,
        incident: int,
        person: int,
        way_s: float,
        until_s: float,
        first: dict[int, float],
    ) -> Iterator[Any]:
        answer = self.backdrop.answer(incident, person, [])
        yield env.timeout(answer.delivery_s)
        if not (answer.delivered and answer.seen):
            return
        yield env.timeout(answer.reply_s - answer.delivery_s)
        if not answer.accepts or env.now >= until_s:
            return
        yield env.timeout(answer.turnout_s)
        yield env.timeout(way_s)
        if env.now < until_s:
            first[incident] = min(first.get(incident, math.inf), env.now)


def _or_inf(value: float) -> float:
    return math.inf if math.isnan(value) else float(value)


def check_answers(records: Records, textbook: Textbook, incidents: list[int]) -> None:
    """Both find the same first arrivals, to a second (positions are snapped to deciseconds)."""
    called = [name for name, _ in records.incidents.columns].index("t_first_volunteer_s")
    mine = [records.incidents.rows[i][called] for i in incidents]
    theirs = textbook.first_arrivals(incidents, BOUND_S)
    full = textbook.first_arrivals(incidents[:10], None)
    if full != theirs[:10]:
        raise SystemExit("the textbook way depends on its cutoff")
    came = 0
    for incident, a, b in zip(incidents, mine, theirs, strict=True):
        found = math.inf if a is None else a
        came += math.isfinite(b)
        if found != b and not abs(found - b) < 1.0:
            raise SystemExit(f"incident {incident}: first arrival {found} s, textbook {b} s")
    if came < len(incidents) // 8:
        raise SystemExit("hardly anybody arrived: nothing was compared")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--years", type=float, default=8.0, help="years of the town per turn")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()

    setting, on_scipy, graph = town()
    parameters = inputs(asked.years)
    records = ours(setting, parameters)
    if ours(on_scipy, parameters).incidents.rows != records.incidents.rows:
        raise SystemExit("with scipy's routes the incidents are not the same")
    backdrop = Backdrop(setting, parameters, Draws(SEED, REPLICATION), bound_s=BOUND_S)
    textbook = Textbook(setting, graph, backdrop)
    column = [name for name, _ in records.incidents.columns].index("n_asked")
    alerted = [i for i, row in enumerate(records.incidents.rows) if row[column] == ASKED]
    check_answers(records, textbook, alerted[:COMPARED])

    contestants: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(setting, parameters),
        "on scipy": lambda: ours(on_scipy, parameters),
        "cutoff": lambda: textbook.first_arrivals(alerted[:COMPARED], BOUND_S),
        "no cutoff": lambda: textbook.first_arrivals(alerted[: COMPARED // 6], None),
    }
    found = medians(turns(contestants, rounds=asked.rounds))
    # Incidents in which nobody or fewer than ten were asked count by the people asked.
    total = sum(row[column] for row in records.incidents.rows)
    each_s = found["ours"] / (total / ASKED)
    bar = "an incident, ten people asked, whole model"
    rows = [
        Row(
            bar, "networkx Dijkstra, SimPy processes", each_s, found["no cutoff"] / (COMPARED // 6)
        ),
        Row(bar, "networkx with cutoff, SimPy processes", each_s, found["cutoff"] / COMPARED),
        Row(bar, "the product on scipy's Dijkstra", each_s, found["on scipy"] / (total / ASKED)),
        Row(bar, f"the aim: {AIM_PER_CPU_S:g} per CPU-second", each_s, 1.0 / AIM_PER_CPU_S),
    ]
    report(rows, ("numpy", "numba", "simpy", "networkx", "msgspec"), asked.json)


if __name__ == "__main__":
    main()
