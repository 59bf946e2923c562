"""Load on the live service: positions and incidents together, from report to provider.

``python -m benchmarks.live --json FILE [--seconds 300] [--responders 50000]``

Starts the real command with the built-in town, a file database and a local FCM server, each a
process of its own. Measured from outside: from sending a report until the first "asked" on the
control stream (which follows the commit of the outbox), and until the first push reaches the
provider. Peers: none measured, no volunteer system publishes such figures.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import platform
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from dispatch.live.auth import Doorkeeper, Role
from dispatch.live.ids import hashed, random_id
from dispatch.live.store import schema
from dispatch.live.store.engine import Tx, opened
from dispatch.live.wishes import Wishes, encode
from geo.region import Region
from scenarios.demo import town_folder

POSITIONS_PER_S = 500
INCIDENTS_PER_S = 1.0
CLOSE_AFTER_S = 20.0
SENDERS = 5000  # phones that report; each has a token
CONNECTIONS = 64
SETTLE_S = 5.0


def main() -> None:
    """Run and write the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--responders", type=int, default=50_000)
    parser.add_argument("--positions", type=int, default=POSITIONS_PER_S)
    parser.add_argument("--doc", type=Path, help="Also write the result as a page.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), arguments.seconds, arguments.responders, arguments.positions)
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    if arguments.doc is not None:
        arguments.doc.write_text(page(result), "utf-8")
    print(json.dumps(result, indent=2))


def run(folder: Path, seconds: float, responders: int, positions: int) -> list[dict[str, Any]]:
    """Return the rows of the benchmark."""
    region = town_folder()
    database = f"sqlite:///{folder / 'load.sqlite'}"
    control, tokens = fill(database, Region.open(region), responders)
    fcm = start([sys.executable, "-m", "notifications.stub_fcm", "--port", "0"])
    fcm_url = str(fcm.stdout.readline()).split(" on ")[1].split(" ")[0]  # type: ignore[union-attr]
    config = folder / "service.toml"
    config.write_text(
        f'database = "{database}"\nport = 0\nlog_level = "warning"\nrate_burst = 100000\n'
        f'rate_per_s = 10000.0\ntrust_mapped_aeds = true\n[fcm]\nendpoint = "{fcm_url}"\n'
    )
    serve = start(
        [
            *(sys.executable, "-m", "heartreach", "serve", "--config", str(config)),
            *("--region", str(region), "--policy", "phased_7"),
        ]
    )
    try:
        base = json.loads(serve.stdout.readline())["listening"]  # type: ignore[union-attr]
        load = Load(base, fcm_url, control, tokens, Region.open(region), seconds, positions)
        load.service_pid = serve.pid
        asyncio.run(load.run())
    finally:
        for process in (serve, fcm):
            process.send_signal(signal.SIGINT)
            process.wait(20)
    return rows(load, responders)


def start(command: list[str]) -> subprocess.Popen[str]:
    """Start a process whose first line of output matters."""
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def cpu_of(pid: int) -> float:
    """CPU seconds that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- the people --------------------------------------------------------------------------------


def fill(database: str, region: Region, count: int) -> tuple[str, list[str]]:
    """Write people, training, phones and positions; returns control's key and phones' tokens."""
    random = np.random.default_rng(1)
    weight = region.demand.weight / region.demand.weight.sum()
    at = random.choice(len(weight), size=count, p=weight)
    lat = region.demand.lat[at] + random.normal(0, 3e-4, count)
    lon = region.demand.lon[at] + random.normal(0, 3e-4, count)
    now_s = time.time()
    tokens = [f"load-{number}-{random_id()}" for number in range(min(SENDERS, count))]

    def work(tx: Tx) -> str:
        for first in range(0, count, 2000):
            some = range(first, min(first + 2000, count))
            tx.put(schema.responder, *(person(i + 1, lat[i], lon[i], now_s) for i in some))
            tx.put(schema.credential, *(training(i + 1, now_s) for i in some))
            tx.put(schema.device, *(phone(i + 1, now_s) for i in some))
            tx.put(schema.position, *(place(i + 1, lat[i], lon[i], now_s) for i in some))
        for first in range(0, len(tokens), 2000):
            some = range(first, min(first + 2000, len(tokens)))
            tx.put(schema.token, *(token(i + 1, tokens[i], now_s) for i in some))
        doors = Doorkeeper(store)
        return doors.create_key(tx, Role.CONTROL, "load", by="load", now_s=now_s)

    with opened(database) as store:
        return store.transact(work), tokens


def person(number: int, lat: float, lon: float, now_s: float) -> dict[str, Any]:
    return {
        "responder_id": number,
        "name": f"Load {number}",
        "initials": "L",
        "contact": "",
        "organisation": "load",
        "status": "active",
        "suspended_reason": "",
        "language": "en",
        "mode": "foot",
        "speed_factor": 1.0,
        "home_lat": float(lat),
        "home_lon": float(lon),
        "work_lat": None,
        "work_lon": None,
        "on_duty": True,
        "not_before_s": None,
        "wishes": encode(Wishes()),
        "created_at_s": now_s,
        "updated_at_s": now_s,
    }


def training(number: int, now_s: float) -> dict[str, Any]:
    return {
        "credential_id": f"c{number}",
        "responder_id": number,
        "kind": "BLS",
        "evidence": "load",
        "valid_from_s": now_s - 86400.0,
        "valid_until_s": now_s + 3e7,
        "added_by": "load",
        "added_at_s": now_s,
        "verified_by": "load",
        "verified_at_s": now_s,
        "revoked_at_s": None,
        "revoked_reason": "",
        "reminded_at_s": now_s,
    }


def phone(number: int, now_s: float) -> dict[str, Any]:
    return {
        "device_id": f"d{number}",
        "responder_id": number,
        "kind": "fcm_fid",
        "address": f"fid-{number}",
        "platform": "load",
        "language": "en",
        "created_at_s": now_s,
        "last_seen_s": now_s,
        "dead_at_s": None,
        "dead_reason": "",
        "may_break_silence": True,
        "test_message_id": None,
        "test_sent_at_s": None,
        "test_shown_at_s": None,
        "test_sounded": None,
    }


def place(number: int, lat: float, lon: float, now_s: float) -> dict[str, Any]:
    return {
        "responder_id": number,
        "lat": float(lat),
        "lon": float(lon),
        "accuracy_m": 20.0,
        "at_s": now_s,
        "received_at_s": now_s,
    }


def token(number: int, secret: str, now_s: float) -> dict[str, Any]:
    return {
        "token_hash": hashed(secret),
        "kind": "access",
        "family": f"f{number}",
        "responder_id": number,
        "created_at_s": now_s,
        "expires_at_s": now_s + 1e6,
        "rotated_at_s": None,
        "revoked_at_s": None,
    }


# --- the load ----------------------------------------------------------------------------------


class Load:
    """Phones that report, calls that come in, and the two clocks that are read."""

    def __init__(
        self,
        base: str,
        fcm: str,
        control: str,
        tokens: list[str],
        region: Region,
        seconds: float,
        positions: int,
    ) -> None:
        self.base, self.fcm = base, fcm
        self.control = {"Authorization": f"Bearer {control}"}
        self.tokens = tokens
        self.region = region
        self.seconds = seconds
        self.positions = positions
        self.random = np.random.default_rng(2)
        self.sent_at: dict[str, float] = {}  # incident id -> when the report left
        self.asked_after_s: dict[str, float] = {}
        self.report_took_s: list[float] = []
        self.alert_of: dict[str, str] = {}
        self.taken = 0
        self.refused = 0
        self.statuses: Counter[int] = Counter()
        self.late_s = 0.0
        self.service_pid = 0
        self.cpu_s = 0.0
        self.began = 0.0

    async def run(self) -> None:
        limits = httpx.Limits(max_connections=40)
        async with httpx.AsyncClient(base_url=self.base, limits=limits, timeout=30.0) as client:
            self.client = client
            listening = asyncio.create_task(self.listen())
            await asyncio.sleep(1.0)
            await self.report("warm-up")
            await asyncio.sleep(SETTLE_S)
            self.sent_at.clear()
            self.asked_after_s.clear()
            self.report_took_s.clear()
            self.began = time.time()
            before_s = cpu_of(self.service_pid)
            await asyncio.gather(
                self.calls(), *(self.walkers(number) for number in range(CONNECTIONS))
            )
            self.cpu_s = cpu_of(self.service_pid) - before_s
            await asyncio.sleep(SETTLE_S)
            listening.cancel()
            pushes = await client.get(f"{self.fcm}/stub/messages")
            self.pushes = pushes.json()

    async def calls(self) -> None:
        """One call after the other at an even pace; each is closed after a while."""
        started = time.monotonic()
        number = 0
        tasks = set()
        while time.monotonic() - started < self.seconds:
            number += 1
            tasks.add(asyncio.create_task(self.report(f"L-{number}")))
            due = started + number / INCIDENTS_PER_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.gather(*tasks)

    async def report(self, reference: str) -> None:
        row = int(self.random.integers(len(self.region.demand.lat)))
        call = {
            "reference": reference,
            "location": {
                "lat": float(self.region.demand.lat[row]),
                "lon": float(self.region.demand.lon[row]),
            },
            "code": "X01A",
            "scene": "safe",
        }
        sent = time.time()
        answer = await self.client.post("/v1/incidents", json=call, headers=self.control)
        self.report_took_s.append(time.time() - sent)
        incident_id = answer.json()["incident_id"]
        self.sent_at[incident_id] = sent
        if reference != "warm-up":
            await asyncio.sleep(CLOSE_AFTER_S)
        path = f"/v1/incidents/{incident_id}/close"
        await self.client.post(path, json={}, headers=self.control)

    async def listen(self) -> None:
        """Note when the first person was asked, as control sees it."""
        headers = self.control
        async with self.client.stream("GET", "/v1/stream", headers=headers, timeout=None) as feed:
            async for line in feed.aiter_lines():
                if line.startswith("data: ") and '"alert.asked"' in line:
                    now = time.time()
                    incident_id = json.loads(line[6:])["incident_id"]
                    self.asked_after_s.setdefault(incident_id, now)

    async def walkers(self, number: int) -> None:
        """One connection's share of the phones, at an even pace, by hand-made requests."""
        host, port = self.base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        started = time.monotonic()
        gap_s = CONNECTIONS / self.positions
        count = 0
        async for body, secret in self.fixes(number):
            due = started + count * gap_s
            wait_s = due - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            else:
                self.late_s = max(self.late_s, -wait_s)
            if time.monotonic() - started > self.seconds:
                break
            head = (
                f"POST /v1/me/positions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {secret}"
                f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
            status = await read_answer(reader)
            self.taken += status == 202
            self.refused += status != 202
            self.statuses[status] += 1
            count += 1
        writer.close()

    async def fixes(self, number: int) -> AsyncIterator[tuple[bytes, str]]:
        mine = range(number, len(self.tokens), CONNECTIONS)
        while True:
            for i in mine:
                row = i % len(self.region.demand.lat)
                fix = {
                    "lat": float(self.region.demand.lat[row]),
                    "lon": float(self.region.demand.lon[row]),
                    "accuracy_m": 15.0,
                    "at": dt.datetime.now(dt.UTC).isoformat(),
                }
                yield json.dumps(fix).encode(), self.tokens[i]


async def read_answer(reader: asyncio.StreamReader) -> int:
    """Read one answer; returns its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line[15:]))
    return int(head.split(b" ", 2)[1])


# --- the result --------------------------------------------------------------------------------


def rows(load: Load, responders: int) -> list[dict[str, Any]]:
    """Return what was measured; times in s."""
    asked = [
        load.asked_after_s[i] - sent for i, sent in load.sent_at.items() if i in load.asked_after_s
    ]
    pushed: dict[str, float] = defaultdict(lambda: float("inf"))
    for push in load.pushes:
        key = push["message"]["data"]["alert"]
        pushed[key] = min(pushed[key], push["at_s"])
    handed = first_pushes(load)
    result = [
        bar("the answer, which follows the commit of the outbox", load.report_took_s),
        bar("the first 'asked' on the control stream", asked),
        bar("the first push at the provider", handed),
    ]
    result.append(
        {
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "versions": {
                "python": platform.python_version(),
                "sqlite": sqlite3.sqlite_version,
                **{name: version(name) for name in ("fastapi", "uvicorn", "sqlalchemy")},
            },
            "responders": responders,
            "seconds": load.seconds,
            "positions_taken_per_s": round(load.taken / load.seconds, 1),
            "positions_refused": load.refused,
            "position_answers": dict(load.statuses),
            "incidents": len(load.sent_at),
            "pushes": len(load.pushes),
            "load_average": [round(value, 1) for value in os.getloadavg()],
            "service_cpu_share": round(load.cpu_s / load.seconds, 3),
            "worst_lag_of_load_generator_s": round(load.late_s, 3),
        }
    )
    return result


def first_pushes(load: Load) -> list[float]:
    """From each report to the first push after it: pushes and reports in the order of time."""
    times = sorted(
        push["at_s"] for push in load.pushes if push["message"]["data"]["kind"] == "alert"
    )
    found = []
    for sent in sorted(load.sent_at.values()):
        after = np.searchsorted(times, sent)
        if after < len(times):
            found.append(times[after] - sent)
    return found


def bar(name: str, values: list[float]) -> dict[str, Any]:
    """One figure with its percentiles."""
    if not values:
        return {"bar": name, "peer": "none", "n": 0}
    p50, p90, p99 = np.percentile(values, [50, 90, 99])
    return {
        "bar": name,
        "peer": "none",
        "n": len(values),
        "ours_s": round(float(p50), 4),
        "p90_s": round(float(p90), 4),
        "p99_s": round(float(p99), 4),
        "worst_s": round(float(max(values)), 4),
        "peer_s": None,
        "ratio": None,
    }


def page(result: list[dict[str, Any]]) -> str:
    """Return the result as a page of the manual."""
    facts = result[-1]
    lines = [
        "# Performance of the live service",
        "",
        (
            f"{facts['responders']} responders, {facts['positions_taken_per_s']} positions a second"
            f" and one incident a second for {facts['seconds']:g} s; service, provider stub and"
            f" load generator on the same machine ({facts['machine']}), {facts['date']}."
        ),
        "",
        "| from the report until | n | p50 ms | p90 ms | p99 ms | worst ms |",
        "|---|---|---|---|---|---|",
    ]
    for row in result[:-1]:
        numbers = [row.get(name, 0.0) * 1000 for name in ("ours_s", "p90_s", "p99_s", "worst_s")]
        shown = " | ".join(f"{number:.0f}" for number in numbers)
        lines.append(f"| {row['bar']} | {row['n']} | {shown} |")
    lines += [
        "",
        (
            f"CPU of the service: {facts['service_cpu_share']:.2f} cores. Positions refused:"
            f" {facts['positions_refused']}. Pushes: {facts['pushes']}. The load generator ran at"
            f" most {facts['worst_lag_of_load_generator_s']} s behind its plan. Load average of the"
            f" machine at the end, with whatever else ran on it: {facts['load_average'][1]}."
        ),
        "",
        "Versions: " + ", ".join(f"{k} {v}" for k, v in facts["versions"].items()) + ".",
        "",
        "Run it: `python -m benchmarks.live --json live.json --doc live.md`.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
