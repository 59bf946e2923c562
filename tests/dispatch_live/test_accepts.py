"""Two hundred people say yes at the same moment, for one place and for several."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

PEOPLE = 200
POLICY = """
title = "Everybody at once"
citation = "test"
live_use = "allowed"
radius_m = 20000.0
bound_s = 20000.0

[[waves]]
after_s = 0.0
ask = 1000

[enough]
yes = {places}
places = {places}

[people]
alerts_per_day = 1000
alerts_per_30_days = 1000
night_alerts_per_30_days = 1000
"""


async def say_yes_together(bench, keys: dict[int, str]) -> list[httpx.Response]:
    transport = httpx.ASGITransport(app=bench.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await asyncio.gather(
            *(
                client.post(
                    f"/v1/me/alerts/{key}/answer",
                    json={"answer": "yes"},
                    headers=bench.bearer(responder_id),
                )
                for responder_id, key in keys.items()
            )
        )


def keys_of(bench, people: list[int]) -> dict[int, str]:
    def work(tx):
        return {
            i: view.alerts[0].alert_id
            for i in people
            if (view := bench.service.responding.alerts(tx, i)).alerts
        }

    return bench.inside(work)


def one_round(bench, people: list[int], places: int, number: int) -> None:
    incident = bench.call(f"C-{number}")["incident_id"]
    bench.settle()
    keys = keys_of(bench, people)
    assert len(keys) == PEOPLE

    answers = asyncio.run(say_yes_together(bench, keys))

    codes = Counter(answer.status_code for answer in answers)
    assert codes == {200: places, 409: PEOPLE - places}
    reasons = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert reasons <= {"places_taken", "enough_coming"}
    assert all(answer.json()["detail"] for answer in answers if answer.status_code == 409)
    statuses = Counter(bench.statuses(incident).values())
    assert statuses["accepted"] == places
    assert statuses["accepted"] + statuses["withdrawn"] + statuses["stood_down"] == PEOPLE
    bench.post(f"/v1/incidents/{incident}/close", "control")
    bench.settle()


def rounds(make_bench, database: str, places: int, count: int) -> None:
    bench = make_bench(content=POLICY.format(places=places), database=database)
    people = bench.volunteers(PEOPLE)
    for number in range(count):
        one_round(bench, people, places, number)
        bench.clock.advance(60.0)


@pytest.mark.parametrize("places", [1, pytest.param(7, marks=pytest.mark.slow)])
def test_exactly_as_many_win_as_there_are_places(make_bench, database, places):
    rounds(make_bench, database, places, 1)


@pytest.mark.release
@pytest.mark.parametrize("places", [1, 7])
def test_two_hundred_rounds(make_bench, database, places):
    rounds(make_bench, database, places, 100)
