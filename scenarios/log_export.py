"""The alerts of a study as the log of a dispatch platform: to lay beside a service's own log.

Columns and states are those of GoodSAM's alert log as far as they are published (Smith 2022 and the
services' question-and-answer pages; there is no published schema), times are UTC. ``Not Answered``
is ours: the four published states have no word for somebody who saw the alert and let it be.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scenarios.errors import Fault, InputFaults, OutputRefused

FUZZ_DEG = 0.005
"""Positions are given to the middle of a cell of some 500 m: who reads a log needs no address."""

COLUMNS = (
    "alertId", "incidentId", "responderId", "policy", "replication", "responderCallStatus",
    "fuzzedLatitude", "fuzzedLongitude", "meterDistanceFromTheIncident", "notificationTime",
    "acceptanceTime", "rejectionTime", "droppedTime", "onSceneTime", "withPatientTime",
    "defibObtainedTime", "firstUnitArrivedTime", "simulated",
)  # fmt: skip
_ALERT_FIELDS = (
    "policy", "replication", "incident_id", "alert_id", "responder_id", "asked_t_s", "outcome",
    "accepted", "seen_t_s", "answered_t_s", "aed_t_s", "arrived_t_s", "with_patient_t_s",
    "ended_t_s", "distance_m",
)  # fmt: skip
_INCIDENT_FIELDS = ("policy", "replication", "incident_id", "t_s", "lat", "lon", "t_ambulance_s")


def export_log(results: Path, out: Path, *, policy: str | None = None, force: bool = False) -> int:
    """Write the log of a results folder as CSV; returns the number of alerts.

    Raises:
        InputFaults: no results there, results of an older version, or no such policy.
        OutputRefused: the file is there already, or cannot be written.
    """
    if out.exists() and not force:
        raise OutputRefused(f"--out {out}: a new file expected (--force replaces it)")
    incidents = {
        (row["policy"], row["replication"], row["incident_id"]): row
        for row in _rows(results / "incidents.parquet", _INCIDENT_FIELDS)
    }
    known = sorted({key[0] for key in incidents})
    if policy is not None and policy not in known:
        raise _fault("--policy", f"expected one of {', '.join(known)}", policy)
    alerts = _rows(results / "alerts.parquet", _ALERT_FIELDS)
    part = out.with_name(f".{out.name}.partial")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            n = 0
            for alert in alerts:
                if policy in (None, alert["policy"]):
                    key = alert["policy"], alert["replication"], alert["incident_id"]
                    writer.writerow(_line(alert, incidents[key]))
                    n += 1
        part.replace(out)
    except OSError as error:
        raise OutputRefused(f"--out {out}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return n


def _rows(file: Path, fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    from pyarrow import ArrowInvalid, parquet  # noqa: PLC0415 - heavy

    if not file.is_file():
        raise _fault(file, "expected the results folder of a study", "no such file")
    try:
        source = parquet.ParquetFile(file)
    except ArrowInvalid as error:
        raise _fault(file, "expected a table of a study", str(error)) from error
    missing = [name for name in fields if name not in source.schema_arrow.names]
    if missing:
        raise _fault(file, f"expected a column {missing[0]}: run the study again", "none")
    for batch in source.iter_batches(columns=list(fields)):
        yield from batch.to_pylist()


def _fault(file: Path | str, expected: str, found: str) -> InputFaults:
    return InputFaults([Fault(str(file), "", expected, found)])


def _line(alert: dict[str, Any], incident: dict[str, Any]) -> dict[str, Any]:
    """One alert in the words of the log."""
    call_s = incident["t_s"]
    status = _status(alert)

    def moment(after_s: float | None) -> str:
        if after_s is None:
            return ""
        at = datetime.fromtimestamp(call_s + after_s, UTC)
        return at.isoformat(timespec="seconds").replace("+00:00", "Z")

    distance_m = alert["distance_m"]
    return {
        "alertId": f"{alert['incident_id']}-{alert['alert_id']}",
        "incidentId": alert["incident_id"],
        "responderId": alert["responder_id"],
        "policy": alert["policy"],
        "replication": alert["replication"],
        "responderCallStatus": status,
        "fuzzedLatitude": _fuzzed(incident["lat"]),
        "fuzzedLongitude": _fuzzed(incident["lon"]),
        "meterDistanceFromTheIncident": "" if distance_m is None else round(distance_m),
        "notificationTime": moment(alert["asked_t_s"]),
        "acceptanceTime": moment(alert["answered_t_s"] if alert["accepted"] else None),
        "rejectionTime": moment(alert["answered_t_s"] if status == "Rejected" else None),
        "droppedTime": moment(
            alert["ended_t_s"] if status == "Accepted But Dropped Later" else None
        ),
        "onSceneTime": moment(alert["arrived_t_s"]),
        "withPatientTime": moment(alert["with_patient_t_s"]),
        "defibObtainedTime": moment(alert["aed_t_s"]),
        "firstUnitArrivedTime": moment(incident["t_ambulance_s"]),
        "simulated": "true",
    }


def _status(alert: dict[str, Any]) -> str:
    if alert["accepted"]:
        dropped = alert["outcome"] in ("dropped", "lapsed")
        return "Accepted But Dropped Later" if dropped else "Accepted"
    if alert["outcome"] == "declined":
        return "Rejected"
    return "Not Seen" if alert["seen_t_s"] is None else "Not Answered"


def _fuzzed(degrees: float) -> float:
    return round((math.floor(degrees / FUZZ_DEG) + 0.5) * FUZZ_DEG, 4)
