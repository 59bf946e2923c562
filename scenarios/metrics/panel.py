"""The tables of a study as aligned numpy arrays: every policy's incidents in one order.

Null stays ``nan`` here and becomes ``inf`` ("not before the end") only where a time is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scenarios.metrics.errors import MetricsError
from scenarios.metrics.facts import StudyFacts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CLOCKS = ("cpr_any", "trained_hands", "aed_attached", "shock", "ambulance")
AED_SOURCES = ("responder", "co_responder", "public", "drone", "ambulance", "none")

REQUIRED = (
    "policy", "replication", "incident_id", "t_s", "lat", "lon", "zone", "true_arrest", "witnessed",
    "place_kind", "n_asked", "n_yes", "n_arrived_before_ambulance", "t_first_alert_s",
    "t_cpr_any_s", "t_trained_hands_s", "t_aed_attached_s", "t_shock_s", "t_ambulance_s",
    "first_aed_source",
)  # fmt: skip
REQUIRED_ALERTS = (
    "policy", "replication", "incident_id", "responder_id", "asked_t_s", "outcome", "arrived_t_s",
)  # fmt: skip
NEVER_REACHED_A_PHONE = ("undelivered", "refused")


class Tables(NamedTuple):
    """The three pyarrow tables of a study (columns: the results section of the contracts)."""

    incidents: Any
    alerts: Any
    events: Any = None


class Alerts(NamedTuple):
    """The alerts of one policy. ``row``: index of the incident in the panel, per alert."""

    row: Ints
    responder: Ints
    night: Bools
    reached: Bools  # the phone got it
    arrived_s: Floats  # seconds from the call; nan: did not arrive
    outcome: NDArray[np.str_]


class Panel:
    """All incidents of a study, aligned over policies: row i is the same incident in each.

    ``replication`` is 0..R-1 per row; ``arrest`` marks true arrests. Raises ``MetricsError`` when a
    column is missing or the policies did not meet the same incidents.
    """

    def __init__(self, tables: Tables, facts: StudyFacts) -> None:
        _need(tables.incidents, REQUIRED, "incidents")
        _need(tables.alerts, REQUIRED_ALERTS, "alerts")
        self.facts = facts
        self._tables = {
            policy.id: _sorted(_of_policy(tables.incidents, policy.id)) for policy in facts.policies
        }
        first = self._tables[facts.baseline.id]
        for policy, table in self._tables.items():
            _same_incidents(first, table, facts.baseline.id, policy)
        self._alert_table = tables.alerts
        self._floats: dict[tuple[str, str], Floats] = {}
        self._texts: dict[tuple[str, str], NDArray[np.str_]] = {}
        self._keys = _keys(first)
        self.rows = len(first)
        numbers = first["replication"].to_numpy()
        known, index = np.unique(numbers, return_inverse=True)
        if len(known) > facts.replications:
            raise MetricsError(
                f"incidents: {len(known)} replications, but the study says {facts.replications}"
            )
        self.replication: Ints = index.astype(np.int64)
        self.replications = facts.replications
        self.arrest: Bools = _bools(first["true_arrest"])
        for option in facts.policies:
            for model in facts.outcomes:
                self._scored(option.id, f"survival_{model.name}")

    def floats(self, policy: str, column: str) -> Floats:
        """One column of one policy as f64[rows]; null is ``nan``."""
        key = (policy, column)
        if key not in self._floats:
            self._floats[key] = _floats(self._column(policy, column))
        return self._floats[key]

    def texts(self, policy: str, column: str) -> NDArray[np.str_]:
        """One column of one policy as text; null is the empty string."""
        key = (policy, column)
        if key not in self._texts:
            filled = pc.fill_null(self._column(policy, column).cast(pa.string()), "")
            self._texts[key] = np.asarray(filled.to_pylist(), dtype=str)
        return self._texts[key]

    def bools(self, policy: str, column: str) -> Bools:
        """One column of one policy as bool; null is False."""
        return _bools(self._column(policy, column))

    def clock(self, policy: str, clock: str) -> Floats:
        """Seconds from the call, ``inf`` where it did not happen before the end of the record."""
        return _never(self.floats(policy, f"t_{clock}_s"))

    def has(self, column: str) -> bool:
        """Whether the incidents have a column beyond the required ones."""
        return column in self._tables[self.facts.baseline.id].column_names

    def _scored(self, policy: str, column: str) -> None:
        missing = int(np.isnan(self.floats(policy, column)[self.arrest]).sum())
        if missing:
            raise MetricsError(f"incidents: {column} is null for {missing} arrests of {policy!r}")

    def _column(self, policy: str, column: str) -> Any:
        table = self._tables[policy]
        if column not in table.column_names:
            raise MetricsError(f"incidents: column {column!r} is missing")
        return table[column].combine_chunks()

    @cached_property
    def hour(self) -> Ints:
        """Local hour of each incident, 0..23."""
        table = self._tables[self.facts.baseline.id]
        if "local_hour" in table.column_names:
            return np.asarray(table["local_hour"].to_numpy(), dtype=np.int64)
        return local_hours(_floats(table["t_s"].combine_chunks()), self.facts.timezone)

    @cached_property
    def night(self) -> Bools:
        """Whether the incident fell into the night hours of the study."""
        if self.has("night"):
            return self.bools(self.facts.baseline.id, "night")
        return is_night(self.hour, self.facts.night_hours)

    def sums(self, values: Floats | Bools, where: Bools | None = None) -> Floats:
        """Sum per replication of f64[rows], f64[R]."""
        weights = np.asarray(values, dtype=np.float64)
        index = self.replication
        if where is not None:
            weights, index = weights[where], index[where]
        return np.bincount(index, weights, minlength=self.replications).astype(np.float64)

    def grouped(self, values: Floats, group: Ints, groups: int, where: Bools) -> Floats:
        """Sum per replication and group, f64[R, groups]; ``group`` -1 belongs to none."""
        inside = where & (group >= 0)
        flat = self.replication[inside] * groups + group[inside]
        size = self.replications * groups
        sums = np.bincount(flat, values[inside], minlength=size).astype(np.float64)
        return sums.reshape(self.replications, groups)

    def _alert_night(self, table: Any, row: Ints) -> Bools:
        if "night" in table.column_names:
            return _bools(table["night"].combine_chunks())
        if "local_hour" in table.column_names:
            hour = np.asarray(table["local_hour"].to_numpy(), dtype=np.int64)
            return is_night(hour, self.facts.night_hours)
        return self.night[row]

    def alerts(self, policy: str) -> Alerts:
        """The alerts of one policy, with the panel's row of each."""
        table = _of_policy(self._alert_table, policy)
        found = pc.index_in(_keys(table), value_set=self._keys)
        if found.null_count:
            raise MetricsError(f"alerts: {found.null_count} rows of {policy!r} have no incident")
        row = np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)
        outcome = np.asarray(table["outcome"].cast(pa.string()).to_pylist(), dtype=str)
        return Alerts(
            row=row,
            responder=np.asarray(table["responder_id"].to_numpy(), dtype=np.int64),
            night=self._alert_night(table, row),
            reached=~np.isin(outcome, NEVER_REACHED_A_PHONE) & _delivered(table),
            arrived_s=_floats(table["arrived_t_s"].combine_chunks()),
            outcome=outcome,
        )


def _delivered(table: Any) -> Bools:
    """The phone had it: an alert can be withdrawn before. Tables without the column say nothing."""
    if "delivered_t_s" not in table.column_names:
        return np.ones(len(table), dtype=np.bool_)
    return np.isfinite(_floats(table["delivered_t_s"].combine_chunks()))


def is_night(hour: Ints, night_hours: tuple[int, int]) -> Bools:
    """Whether local hours lie in ``[from, until)``, over midnight when from is the later one."""
    start, end = night_hours
    if start <= end:
        return (hour >= start) & (hour < end)
    return (hour >= start) | (hour < end)


def local_hours(epoch_s: Floats, timezone: str) -> Ints:
    """Local hour 0..23 of UTC epoch seconds; zones change on full hours of UTC (or quarters)."""
    zone = ZoneInfo(timezone)
    quarters, inverse = np.unique(
        np.floor_divide(epoch_s, 900).astype(np.int64), return_inverse=True
    )
    hours = [datetime.fromtimestamp(int(q) * 900, UTC).astimezone(zone).hour for q in quarters]
    return np.asarray(hours, dtype=np.int64)[inverse]


def _never(times: Floats) -> Floats:
    return np.where(np.isnan(times), np.inf, times)


def _need(table: Any, columns: Sequence[str], name: str) -> None:
    missing = [column for column in columns if column not in table.column_names]
    if missing:
        raise MetricsError(f"{name}: columns missing: {', '.join(missing)}")


def _of_policy(table: Any, policy: str) -> Any:
    return table.filter(pc.equal(table["policy"].cast(pa.string()), policy))


def _sorted(table: Any) -> Any:
    order = pc.sort_indices(
        table, sort_keys=[("replication", "ascending"), ("incident_id", "ascending")]
    )
    return table.take(order)


def _same_incidents(first: Any, other: Any, baseline: str, policy: str) -> None:
    if len(first) != len(other) or not _keys(first).equals(_keys(other)):
        raise MetricsError(
            f"incidents: {baseline!r} and {policy!r} did not meet the same incidents "
            f"({len(first)} and {len(other)} rows)"
        )


def _keys(table: Any) -> Any:
    number = table["replication"].cast(pa.string())
    keys = pc.binary_join_element_wise(number, table["incident_id"].cast(pa.string()), "|")
    return keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys


def _floats(column: Any) -> Floats:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _bools(column: Any) -> Bools:
    filled = pc.fill_null(column, False)
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.bool_)
