"""Drones through the service: registry, orders and news of their operator, and who sees what."""

from __future__ import annotations

import json
import threading
import time
from importlib import resources
from typing import Any

import pytest
import sqlalchemy as sa

from dispatch.live import retention
from dispatch.live.errors import Conflict
from dispatch.live.service import Service
from dispatch.live.settings import RetentionSettings, Settings
from dispatch.live.store import schema
from dispatch.live.verify import verify

OPERATOR = "drone_operator"
FAR_S = 1200.0  # the ambulance is twenty minutes away
BASE = {"lat": 52.03, "lon": 1.0}


def trial_policy(name: str = "drones_beside_phased_7") -> str:
    """A shipped policy as somebody would sign for it in trial airspace."""
    text = (resources.files("dispatch") / "presets" / f"{name}.toml").read_text("utf-8")
    return text.replace('"simulation_only"', '"needs_sign_off"')


class Flying:
    """A service that uses drones, and its operator's system: fetches, answers, reports."""

    def __init__(self, bench: Any, drones: int = 1) -> None:
        self.bench = bench
        self.after = 0
        self.drones = [self.add(number) for number in range(drones)]

    def add(self, number: int) -> int:
        drone = {"external_id": f"D-{number}", "base": "Harbour", "location": BASE}
        drone_id: int = self.bench.post("/v1/drones", "registrar", drone)["drone_id"]
        self.fit(drone_id)
        return drone_id

    def fit(self, drone_id: int, *, fit: bool = True) -> None:
        path = f"/v1/drones/{drone_id}/service"
        self.bench.post(path, OPERATOR, {"in_service": fit, "reason": "" if fit else "battery"})

    def call(self, reference: str = "C-1", **facts: Any) -> str:
        """A call with an ambulance far away and two people there; returns the incident."""
        known = {"ambulance_due_at": self.bench.iso(FAR_S), "hands": 2, **facts}
        incident_id: str = self.bench.call(reference, **known)["incident_id"]
        self.bench.settle()
        return incident_id

    def orders(self) -> list[dict[str, Any]]:
        path = f"/v1/drone-operator/orders?after={self.after}"
        answer = self.bench.get(path, OPERATOR)
        self.after = answer["next_after"]
        orders: list[dict[str, Any]] = answer["orders"]
        return orders

    def kinds(self) -> list[str]:
        return [order["kind"] for order in self.orders()]

    def one(self, kind: str) -> dict[str, Any]:
        (order,) = [order for order in self.orders() if order["kind"] == kind]
        return order

    def answer(self, search: dict[str, Any], *etas: tuple[int, float], **more: Any) -> Any:
        path = f"/v1/drone-operator/searches/{search['incident_id']}/{search['search_id']}"
        options = [{"drone_id": drone_id, "eta_s": eta_s} for drone_id, eta_s in etas]
        return self.bench.post(path, OPERATOR, {"options": options, **more})

    def report(
        self, task: dict[str, Any], news: str, due_in_s: float | None = None, **more: Any
    ) -> Any:
        path = f"/v1/drone-operator/tasks/{task['incident_id']}/{task['task_id']}"
        due = {} if due_in_s is None else {"due_at": self.bench.iso(due_in_s)}
        found = self.bench.post(path, OPERATOR, {"news": news, **due, **more})
        self.bench.settle()
        return found

    def launched(self, reference: str = "C-1", **facts: Any) -> tuple[str, dict[str, Any]]:
        """A call to which the first drone flies; returns the incident and the order."""
        incident_id = self.call(reference, **facts)
        self.answer(self.one("find"), (self.drones[0], 200.0))
        order = self.one("launch")
        self.report(order, "ready")
        self.report(order, "launched", 150.0)
        return incident_id, order

    def side(self, incident_id: str) -> dict[str, Any]:
        side: dict[str, Any] = self.bench.incident(incident_id)["drones"]
        return side

    def statuses(self, incident_id: str) -> list[str]:
        return [task["status"] for task in self.side(incident_id)["tasks"]]

    def told(self, incident_id: str) -> list[tuple[str, dict[str, Any]]]:
        """(kind, data) of everything about drones that the stream has."""
        text = self.bench.ask("GET", "/v1/stream?after=0&until_idle=true", "control").text
        rows = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        return [
            (row["kind"], row["data"])
            for row in rows
            if row.get("incident_id") == incident_id
            and (row["kind"].startswith("drone.") or row["kind"] == "control.told")
        ]


@pytest.fixture
def flying(make_bench):
    return Flying(make_bench(content=trial_policy()))


# --- the registry -------------------------------------------------------------------------------


def test_a_drone_counts_only_while_its_operator_says_so(make_bench):
    bench = make_bench(content=trial_policy())
    body = {"external_id": "D-7", "base": "Harbour", "location": BASE, "aircraft": "m300"}
    added = bench.ask("POST", "/v1/drones", "registrar", body)
    assert (added.status_code, added.json()["status"]) == (201, "out_of_service")
    drone_id = added.json()["drone_id"]
    flying = Flying(bench, drones=0)
    incident = flying.call()
    assert flying.orders() == []
    assert flying.side(incident)["why_none"] == "the drone is out of service"

    flying.fit(drone_id)
    assert bench.get(f"/v1/drones/{drone_id}", "control")["status"] == "in_service"
    flying.call("C-2")
    assert flying.kinds() == ["find"]

    elsewhere = {**body, "location": {"lat": 52.1, "lon": 1.0}}
    moved = bench.ask("POST", "/v1/drones", "registrar", elsewhere)
    assert (moved.status_code, moved.json()["status"]) == (200, "out_of_service")
    assert bench.ask("POST", f"/v1/drones/{drone_id}/service", "registrar", {}).status_code == 403


def test_a_list_of_drones_is_taken_whole_or_not_at_all(bench):
    good = "external_id,base,lat,lon,aircraft\nA-1,Harbour,52.0,1.0,m300\nA-2,Harbour,52.0,1.0,\n"
    body = {"format": "csv", "content": good, "source": "trial"}
    counts = bench.post("/v1/drones/import", "registrar", body)
    assert counts == {"added": 2, "updated": 0, "unchanged": 0}
    assert bench.post("/v1/drones/import", "registrar", body)["unchanged"] == 2

    bad = good + "A-3,Harbour,97.0,1.0,\nA-1,,52.0,1.0,\n"
    refused = bench.ask("POST", "/v1/drones/import", "registrar", {**body, "content": bad})
    assert refused.status_code == 422
    faults = " ".join(row["fault"] for row in refused.json()["errors"])
    assert "line 4" in faults
    assert "lat" in faults
    assert "line 5" in faults
    assert "base" in faults
    assert len(bench.get("/v1/drones", "control")["drones"]) == 2


def test_a_list_of_drones_may_be_geojson(bench):
    point = {"type": "Point", "coordinates": [1.0, 52.0]}
    feature = {
        "type": "Feature",
        "geometry": point,
        "properties": {"external_id": "G-1", "base": "Hill"},
    }
    given = {"type": "FeatureCollection", "features": [feature]}
    body = {"format": "geojson", "content": json.dumps(given), "source": "trial"}
    assert bench.post("/v1/drones/import", "registrar", body)["added"] == 1
    (drone,) = bench.get("/v1/drones", "registrar")["drones"]
    assert (drone["external_id"], drone["base"]) == ("G-1", "Hill")
    assert drone["location"] == {"lat": 52.0, "lon": 1.0}
    body["content"] = json.dumps({**given, "features": [{**feature, "geometry": None}]})
    assert bench.ask("POST", "/v1/drones/import", "registrar", body).status_code == 422


def test_a_drone_that_is_sent_somewhere_stays_in_the_registry(flying):
    bench = flying.bench
    incident, _ = flying.launched()
    path = f"/v1/drones/{flying.drones[0]}"
    assert bench.get(path, "control")["busy"] is True
    refused = bench.ask("DELETE", path, "registrar")
    assert (refused.status_code, refused.json()["code"]) == (409, "drone_busy")
    bench.post(f"/v1/incidents/{incident}/close", "control")
    assert bench.ask("DELETE", path, "registrar").status_code == 204
    assert bench.ask("GET", path, "registrar").status_code == 404
    assert [task["base"] for task in flying.side(incident)["tasks"]] == [""]


# --- an emergency -------------------------------------------------------------------------------


def test_from_the_report_to_an_aed_in_a_volunteers_hands(flying):
    bench = flying.bench
    ann, bob = bench.volunteers(2)
    incident = flying.call(address="1 High Street")
    # People first, whatever drones do.
    assert bench.statuses(incident) == {ann: "asked", bob: "asked"}

    search = flying.one("find")
    assert search["location"] == {"lat": 52.0, "lon": 1.0}
    assert flying.side(incident)["searching"] is True
    assert flying.answer(search, (flying.drones[0], 200.0))["taken"] is True
    order = flying.one("launch")
    assert (order["drone_id"], order["external_id"]) == (flying.drones[0], "D-0")
    assert order["location"] == {"lat": 52.0, "lon": 1.0}
    assert flying.side(incident)["tasks"][0]["words"] == "told to go 08:00, being made ready"

    bench.answer(ann, "yes")
    bench.answer(bob, "yes")
    flying.report(order, "ready")
    bench.wait(40.0)
    flying.report(order, "launched", 160.0)
    assert flying.side(incident)["tasks"][0]["words"] == "in the air, AED expected 08:03"
    alert = bench.alert_of(ann)
    seen = bench.get(f"/v1/me/alerts/{alert}", ann)
    assert (seen["drone"]["status"], seen["drone"]["due_min"]) == ("in_flight", 3)
    assert seen["drone"]["fetch"] is False
    bench.post(f"/v1/me/alerts/{alert}/status", ann, {"status": "arrived"})

    flying.report(order, "eta_changed", 170.0)
    bench.wait(100.0)
    before = len(bench.messages())
    flying.report(order, "delivered")
    take = flying.one("take")
    assert take["by"] == "volunteer"
    seen = bench.get(f"/v1/me/alerts/{alert}", ann)
    assert seen["drone"]["fetch"] is True
    assert "Fetch it" in seen["drone"]["words"]
    assert bench.messages()[before:] == [(f"phone-{ann}", "update")]
    assert bench.get("/v1/me/alerts", bob)["alerts"][0]["drone"]["fetch"] is False

    bench.post(f"/v1/me/alerts/{alert}/status", ann, {"status": "drone_aed_taken"})
    (task,) = flying.side(incident)["tasks"]
    assert (task["status"], task["taken_by"]) == ("taken", 1)
    bench.post(f"/v1/incidents/{incident}/close", "control", {"reason": "handed over"})
    assert flying.statuses(incident) == ["completed"]
    assert flying.kinds() == ["end"]

    told = flying.told(incident)
    assert [kind for kind, _ in told if kind != "control.told"] == [
        "drone.claimed",
        "drone.ready",
        "drone.in_flight",
        "drone.eta_changed",
        "drone.to_be_taken",
        "drone.delivered",
        "drone.taken",
        "drone.completed",
    ]
    said = {data["code"]: data["attention"] for kind, data in told if kind == "control.told"}
    assert said["drone_launched"] is False
    assert said["drone_delivered"] is False
    story = bench.get(f"/v1/incidents/{incident}/explanation", "control")["lines"]
    text = " ".join(line["text"] for line in story)
    assert "The drone has taken off." in text
    assert "Somebody has the drone's AED." in text


def test_a_bystander_is_told_by_control(flying):
    incident, order = flying.launched()
    flying.report(order, "delivered")
    assert flying.one("take")["by"] == "bystander"
    view = flying.bench.incident(incident)
    assert view["attention"] == "tell_the_caller_to_fetch_the_aed"
    assert "somebody there is to fetch it" in view["drones"]["tasks"][0]["words"]
    flying.report(order, "aed_taken")
    assert flying.bench.incident(incident)["attention"] is None
    assert flying.statuses(incident) == ["taken"]


def test_suspected_readies_and_confirmed_launches(flying):
    bench = flying.bench
    incident = flying.call(code="NOT-LISTED")
    flying.answer(flying.one("find"), (flying.drones[0], 200.0))
    order = flying.one("ready")
    flying.report(order, "ready")
    assert flying.side(incident)["tasks"][0]["words"] == "ready since 08:00, waits for the word"
    assert bench.messages() == []
    bench.ask("PATCH", f"/v1/incidents/{incident}", "control", {"confirmed": True})
    assert flying.one("launch")["task_id"] == order["task_id"]
    assert flying.statuses(incident) == ["ready"]


def test_the_crew_on_scene_recalls_what_has_not_delivered(flying):
    bench = flying.bench
    incident, order = flying.launched()
    bench.post(f"/v1/incidents/{incident}/ambulance", "control", {"on_scene": True})
    recall, end = flying.orders()
    assert (recall["kind"], recall["reason"]) == ("recall", "crew_on_scene")
    assert (end["kind"], end["task_id"]) == ("end", order["task_id"])
    assert flying.side(incident)["tasks"][0]["words"] == "08:00 the ambulance is there"
    late = flying.report(order, "delivered")
    assert late == {"taken": False, "why_not": "the drone's task has ended"}
    assert bench.get(f"/v1/drones/{flying.drones[0]}", "control")["busy"] is False


@pytest.mark.parametrize(
    ("brake", "body"),
    [
        ("stop", {}),
        ("area", {"area": [[51.9, 0.9], [52.1, 0.9], [52.1, 1.1], [51.9, 1.1]]}),
    ],
)
def test_the_brake_holds_for_drones_too(flying, brake, body):
    bench = flying.bench
    incident, _ = flying.launched()
    given = {"reason": "major incident", "person": "Duty Lead", "expires_at": bench.iso(3600.0)}
    path = "/v1/alerting/stop" if brake == "stop" else "/v1/no-alert-areas"
    bench.post(path, "control", {**given, **body})
    assert flying.kinds() == ["recall", "end"]
    assert flying.statuses(incident) == ["recalled"]
    flying.call("C-2")
    assert flying.orders() == []


# --- what goes wrong ----------------------------------------------------------------------------


def test_an_operator_that_does_not_answer_delays_nobody(flying):
    bench = flying.bench
    people = bench.volunteers(3)
    incident = flying.call()
    assert bench.statuses(incident) == dict.fromkeys(people, "asked")
    search = flying.one("find")
    bench.wait(5.0)
    view = bench.incident(incident)
    assert view["attention"] == "no_answer_about_drones"
    assert view["drones"]["why_none"] == "no drone"
    late = flying.answer(search, (flying.drones[0], 200.0))
    assert late["taken"] is False
    assert flying.statuses(incident) == []
    flying.after = 0
    assert flying.orders() == []  # a search is not shown once its answer would be late


def test_silence_of_the_operator_is_said(flying):
    bench = flying.bench

    def notes() -> list[str]:
        bench.service.watch()
        found: list[str] = bench.get("/v1/status", "control")["notes"]
        return found

    flying.orders()
    assert not any("drones" in note for note in notes())
    bench.clock.advance(61.0)
    assert any("operator does not fetch its orders" in note for note in notes())
    flying.fit(flying.drones[0], fit=False)
    assert not any("drones" in note for note in notes())


def test_a_drone_of_which_nothing_is_heard_is_pointed_out_once(flying):
    bench = flying.bench

    def told() -> int:
        bench.service.watch()
        codes = [data.get("code") for _, data in flying.told(incident)]
        return codes.count("drone_overdue")

    incident, order = flying.launched()
    bench.clock.advance(209.0)
    assert told() == 0
    bench.clock.advance(2.0)
    assert (told(), told()) == (1, 1)
    view = bench.incident(incident)
    assert view["attention"] == "drone_overdue"
    assert view["drones"]["tasks"][0]["words"] == "no news since it was due, AED expected 08:02"
    flying.report(order, "eta_changed", 60.0)
    bench.clock.advance(121.0)
    assert told() == 2
    flying.report(order, "delivered")
    assert bench.incident(incident)["attention"] == "tell_the_caller_to_fetch_the_aed"
    bench.clock.advance(1000.0)
    assert told() == 2


def test_a_drone_that_was_told_to_go_and_stays_silent_is_pointed_out(flying):
    bench = flying.bench
    incident = flying.call()
    flying.answer(flying.one("find"), (flying.drones[0], 200.0))
    bench.clock.advance(261.0)
    bench.service.watch()
    assert bench.incident(incident)["attention"] == "drone_overdue"
    flying.report(flying.one("launch"), "ready")
    assert bench.incident(incident)["attention"] != "drone_overdue"


def test_an_operator_that_fails_says_why(flying):
    incident = flying.call()
    flying.answer(flying.one("find"), failed="weather_unknown")
    assert flying.bench.incident(incident)["attention"] == "no_answer_about_drones"


def test_why_no_drone_goes_is_said_in_plain_words(flying):
    incident = flying.call()
    passed = [{"drone_id": flying.drones[0], "reason": "rain"}]
    flying.answer(flying.one("find"), passed=passed)
    assert flying.side(incident)["why_none"] == "rain"


def test_a_lost_drone_is_seen_and_another_goes(make_bench):
    flying = Flying(make_bench(content=trial_policy()), drones=2)
    incident, order = flying.launched()
    flying.report(order, "lost", reason="delivery_failed")
    view = flying.bench.incident(incident)
    assert view["attention"] == "drone_lost"
    assert view["drones"]["tasks"][0]["words"].endswith("it could not put the AED down")
    search = next(o for o in flying.orders() if o["kind"] == "find")
    assert search["exclude"] == [flying.drones[0]]
    flying.answer(search, (flying.drones[0], 100.0), (flying.drones[1], 250.0))
    assert flying.one("launch")["drone_id"] == flying.drones[1]
    assert flying.statuses(incident) == ["lost", "claimed"]


def test_an_operator_may_refuse(make_bench):
    flying = Flying(make_bench(content=trial_policy()), drones=2)
    incident = flying.call()
    flying.answer(flying.one("find"), (flying.drones[0], 200.0))
    flying.report(flying.one("launch"), "refused", reason="permission_refused")
    assert flying.statuses(incident) == ["refused"]
    assert flying.kinds() == ["end", "find"]


def test_two_incidents_never_hold_the_same_drone(flying):
    """The first keeps an option that is not worth it; when it is, the drone is another's."""
    bench = flying.bench
    near = flying.call("C-1", ambulance_due_at=bench.iso(120.0))
    flying.answer(flying.one("find"), (flying.drones[0], 200.0))
    assert flying.side(near)["why_none"] == "others are about as soon"
    other, _ = flying.launched("C-2", location={"lat": 52.01, "lon": 1.0})
    bench.post(f"/v1/incidents/{near}/ambulance", "control", {"due_at": bench.iso(FAR_S)})
    bench.settle()
    assert flying.statuses(near) == ["refused"]
    assert flying.statuses(other) == ["in_flight"]
    claims = bench.inside(lambda tx: tx.rows(sa.select(schema.claim)))
    assert [(row["kind"], row["incident_id"]) for row in claims] == [("drone", other)]
    assert verify(bench.service.store).faults == ()


def test_a_drone_that_is_back_is_free_although_its_incident_goes_on(flying):
    bench = flying.bench
    first, order = flying.launched("C-1")
    flying.fit(flying.drones[0], fit=False)
    flying.fit(flying.drones[0])  # a word about its state does not take it from its task
    path = f"/v1/drones/{flying.drones[0]}"
    assert bench.get(path, "control")["busy"] is True
    flying.report(order, "delivered")
    assert bench.get(path, "control")["busy"] is True
    flying.fit(flying.drones[0])
    assert bench.get(path, "control")["busy"] is False
    second, _ = flying.launched("C-2", location={"lat": 52.01, "lon": 1.0})
    assert flying.statuses(first) == ["delivered"]
    assert verify(bench.service.store).faults == ()
    bench.post(f"/v1/incidents/{first}/close", "control")
    assert bench.get(path, "control")["busy"] is True  # the second's
    assert flying.statuses(second) == ["in_flight"]
    assert verify(bench.service.store).faults == ()


def test_options_that_are_no_drones_in_service_are_left_out(make_bench):
    flying = Flying(make_bench(content=trial_policy()), drones=2)
    incident = flying.call()
    flying.fit(flying.drones[0], fit=False)
    flying.answer(flying.one("find"), (999, 50.0), (flying.drones[0], 100.0))
    assert flying.statuses(incident) == []  # not even tried
    assert flying.side(incident)["why_none"] == "the drone is out of service"


def test_a_drone_that_went_out_of_service_in_the_meantime_is_not_sent(flying):
    bench = flying.bench
    incident = flying.call(ambulance_due_at=bench.iso(120.0))
    flying.answer(flying.one("find"), (flying.drones[0], 200.0))
    flying.fit(flying.drones[0], fit=False)
    later = {"due_at": bench.iso(FAR_S)}
    bench.post(f"/v1/incidents/{incident}/ambulance", "control", later)
    (task,) = flying.side(incident)["tasks"]
    assert (task["status"], task["end_reason"]) == ("refused", "not_in_service")
    assert flying.orders() == []


def test_whoever_waits_for_orders_hears_of_the_next_one_at_once(flying):
    bench = flying.bench
    incident = flying.call(ambulance_due_at=bench.iso(120.0))
    flying.answer(flying.one("find"), (flying.drones[0], 200.0))
    bench.wait(95.0)  # what was found is too old by now
    heard: list[str] = []
    path = f"/v1/drone-operator/orders?after={flying.after}&wait_s=20"

    def fetch() -> None:
        heard.extend(order["kind"] for order in bench.get(path, OPERATOR)["orders"])

    waiting = threading.Thread(target=fetch)
    waiting.start()
    while not bench.service.stream.listeners:
        time.sleep(0.01)
    time.sleep(0.2)  # it has found nothing and waits
    began_s = time.monotonic()
    later = {"due_at": bench.iso(FAR_S)}
    bench.post(f"/v1/incidents/{incident}/ambulance", "control", later)
    waiting.join(15.0)
    assert heard == ["find"]
    assert time.monotonic() - began_s < 5.0
    assert bench.service.stream.listeners == 0


def test_waiting_for_orders_ends_with_nothing(flying):
    began_s = time.monotonic()
    path = f"/v1/drone-operator/orders?after={flying.after}"
    assert flying.bench.get(f"{path}&wait_s=0.3", OPERATOR)["orders"] == []
    assert 0.3 <= time.monotonic() - began_s < 5.0
    refused = flying.bench.ask("GET", f"{path}&wait_s=31", OPERATOR)
    assert refused.status_code == 422


def test_an_option_that_another_incident_holds_is_no_option(flying):
    flying.launched("C-1")
    second = flying.call("C-2", location={"lat": 52.01, "lon": 1.0})
    flying.answer(flying.one("find"), (flying.drones[0], 200.0))
    assert flying.statuses(second) == []
    assert flying.side(second)["why_none"] == "every drone in reach is busy"


def test_many_answers_at_once_claim_a_drone_once(make_bench, database):
    flying = Flying(make_bench(content=trial_policy(), database=database))
    bench = flying.bench
    for number in range(8):
        flying.call(f"C-{number}", location={"lat": 52.0 + number * 0.01, "lon": 1.0})
    searches = [order for order in flying.orders() if order["kind"] == "find"]
    threads = [
        threading.Thread(target=flying.answer, args=(search, (flying.drones[0], 200.0)))
        for search in searches
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = [
        search["incident_id"]
        for search in searches
        if "claimed" in flying.statuses(search["incident_id"])
    ]
    assert len(searches) == 8
    assert len(held) == 1
    assert verify(bench.service.store).faults == ()


@pytest.mark.parametrize(
    "news", ["ready", "refused", "launched", "eta_changed", "delivered", "aed_taken", "lost"]
)
def test_news_may_come_late_twice_or_in_any_order(flying, news):
    bench = flying.bench
    incident = flying.call()
    flying.answer(flying.one("find"), (flying.drones[0], 200.0))
    order = flying.one("launch")
    for _ in range(2):
        for each in (news, "delivered", "ready", "launched", "lost", news):
            flying.report(order, each, 100.0 if each in ("launched", "eta_changed") else None)
    bench.post(f"/v1/incidents/{incident}/close", "control")
    due_in_s = 100.0 if news in ("launched", "eta_changed") else None
    assert flying.report(order, news, due_in_s)["why_not"] == "the incident has ended"
    assert verify(bench.service.store).faults == ()


def test_news_of_nothing_are_refused(flying):
    bench = flying.bench
    incident = flying.call()
    for path, body, status in [
        (f"tasks/{incident}/1", {"news": "ready"}, 404),
        (f"tasks/{incident}/0", {"news": "ready"}, 404),
        ("tasks/nothing/1", {"news": "ready"}, 404),
        (f"searches/{incident}/7", {"options": []}, 404),
        (f"tasks/{incident}/1", {"news": "launched"}, 422),  # when is it due?
        (f"tasks/{incident}/1", {"news": "lost", "reason": "at 1 High Street"}, 422),
        (f"searches/{incident}/1", {"options": [{"drone_id": 1, "eta_s": -5}]}, 422),
    ]:
        answer = bench.ask("POST", f"/v1/drone-operator/{path}", OPERATOR, body)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_same_key_reports_once(flying):
    incident = flying.call()
    flying.answer(flying.one("find"), (flying.drones[0], 200.0))
    order = flying.one("launch")
    path = f"/v1/drone-operator/tasks/{order['incident_id']}/{order['task_id']}"
    ask = flying.bench.ask
    first = ask("POST", path, OPERATOR, {"news": "ready"}, Idempotency_Key="n-1")
    again = ask("POST", path, OPERATOR, {"news": "ready"}, Idempotency_Key="n-1")
    assert first.json() == again.json() == {"taken": True, "why_not": None}
    assert again.headers["idempotent-replayed"] == "true"
    assert flying.report(order, "ready")["why_not"] == "ready already"
    assert flying.statuses(incident) == ["ready"]


# --- facts of the scene -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"age_years": 3}, "too young for what a drone brings"),
        ({"trauma": True}, "an injury, so no AED by air"),
        ({"no_delivery": True}, "no place to put an AED down"),
        ({"hands": 1}, "somebody is alone with the patient and must stay"),
    ],
)
def test_facts_rule_a_drone_out_at_the_report_and_later(flying, facts, words):
    bench = flying.bench
    known = flying.call("C-1", **facts)
    assert flying.orders() == []
    assert flying.side(known)["why_none"] == words
    learned, _ = flying.launched("C-2", location={"lat": 52.01, "lon": 1.0})
    view = bench.post(f"/v1/incidents/{learned}/scene", "control", facts)
    assert [task["end_reason"] for task in view["drones"]["tasks"]] != [""]
    assert flying.kinds() == ["recall", "end"]
    patched = flying.call("C-3", location={"lat": 52.02, "lon": 1.0})
    flying.orders()
    bench.ask("PATCH", f"/v1/incidents/{patched}", "control", facts)
    assert flying.side(patched)["why_none"] == words


def test_another_aed_on_the_patient_recalls_the_drone(flying):
    incident, _ = flying.launched()
    path = f"/v1/incidents/{incident}/scene"
    view = flying.bench.post(path, "control", {"aed_attached": True})
    assert view["drones"]["aed_attached"] is True
    assert flying.one("recall")["reason"] == "other_aed_first"


def test_a_volunteer_says_that_an_aed_is_on_the_patient(flying):
    bench = flying.bench
    (ann,) = bench.volunteers(1)
    incident, _ = flying.launched()
    path = f"/v1/me/alerts/{bench.alert_of(ann)}/status"
    early = bench.ask("POST", path, ann, {"status": "aed_attached"})
    assert (early.status_code, early.json()["code"]) == (409, "not_going")
    bench.answer(ann, "yes")
    none_there = bench.ask("POST", path, ann, {"status": "drone_aed_taken"})
    assert (none_there.status_code, none_there.json()["code"]) == (409, "no_drone_there")
    bench.post(path, ann, {"status": "aed_attached"})
    assert flying.statuses(incident) == ["recalled"]


def test_the_drones_own_aed_is_no_other_one(flying):
    bench = flying.bench
    (ann,) = bench.volunteers(1)
    incident, order = flying.launched()
    bench.answer(ann, "yes")
    path = f"/v1/me/alerts/{bench.alert_of(ann)}/status"
    bench.post(path, ann, {"status": "arrived"})
    flying.report(order, "delivered")
    bench.post(path, ann, {"status": "aed_attached"})
    side = flying.side(incident)
    assert (side["aed_attached"], side["tasks"][0]["status"]) == (False, "taken")


# --- kills, restarts, privacy -------------------------------------------------------------------


def test_a_restart_in_the_middle_goes_on(make_bench, database):
    flying = Flying(make_bench(content=trial_policy(), database=database))
    incident, order = flying.launched()
    flying.bench.close()
    after = make_bench(content=trial_policy(), database=database, clock=flying.bench.clock)
    flying.bench.close = lambda: None
    again = Flying(after, drones=0)
    open_tasks = after.get("/v1/drone-operator/tasks", OPERATOR)
    (task,) = open_tasks["tasks"]
    assert (task["status"], task["external_id"]) == ("in_flight", "D-0")
    assert task["location"] == {"lat": 52.0, "lon": 1.0}
    again.after = open_tasks["next_after"]
    assert again.orders() == []
    again.report(order, "delivered")
    assert again.statuses(incident) == ["delivered"]
    assert verify(after.service.store).faults == ()


def test_nothing_can_be_fetched_of_a_transaction_that_did_not_end(flying):
    bench = flying.bench
    woken = []
    bench.service.stream.listen(lambda: woken.append(1))
    incident = flying.call()
    search = flying.one("find")
    woken.clear()
    given = {"options": [{"drone_id": flying.drones[0], "eta_s": 200.0}]}

    def half(tx: Any) -> None:
        from dispatch.live.api import models  # noqa: PLC0415

        answer = models.DronesFoundIn.model_validate(given)
        bench.service.drone_desk.answer(tx, incident, search["search_id"], answer, "key:x")
        assert tx.value(sa.select(sa.func.count()).select_from(schema.claim)) == 1
        raise KeyError("killed before the commit")

    with pytest.raises(KeyError):
        bench.inside(half)
    assert (flying.orders(), woken) == ([], [])
    assert flying.statuses(incident) == []
    flying.answer(search, (flying.drones[0], 200.0))
    assert flying.kinds() == ["launch"]
    assert woken


def test_a_word_that_is_out_of_date_is_not_shown(flying):
    incident = flying.call()
    flying.answer(flying.one("find"), (flying.drones[0], 200.0))
    flying.bench.post(f"/v1/incidents/{incident}/cancel", "control")
    assert flying.kinds() == ["recall", "end"]  # and not the launch before them


def test_the_operator_learns_the_place_and_nothing_else(flying):
    bench = flying.bench
    bench.volunteers(1)
    said = {
        "address": "1 Canarystreet",
        "access_notes": "keycanary under the pot",
        "age_years": 77.25,
    }
    incident, order = flying.launched("CANARY-REF", **said)
    flying.report(order, "delivered")
    flying.after = 0
    seen = json.dumps(flying.orders())
    seen += bench.ask("GET", "/v1/drone-operator/tasks", OPERATOR).text
    seen += bench.ask("GET", "/v1/drones", OPERATOR).text
    for word in ("Canarystreet", "keycanary", "77.25", "CANARY-REF", "Ann", "X01A"):
        assert word not in seen
    assert '"lat": 52.0' in seen
    stream = bench.ask("GET", "/v1/stream?after=0&until_idle=true", "control").text
    assert "52.0" not in stream
    assert bench.ask("GET", f"/v1/incidents/{incident}", OPERATOR).status_code == 403


def test_places_in_orders_go_after_a_day(flying):
    incident = flying.call()
    flying.bench.post(f"/v1/incidents/{incident}/close", "control")
    newest = flying.bench.get("/v1/drone-operator/tasks", OPERATOR)["next_after"]

    def purge(tx: Any) -> list[Any]:
        retention.purge(tx, flying.bench.clock() + 86401.0, RetentionSettings())
        return tx.rows(sa.select(schema.drone_order))

    assert newest > 0
    assert flying.bench.inside(purge) == []
    flying.after = newest
    flying.call("C-2")
    assert flying.kinds() == ["find"]  # numbers do not begin again


def test_a_policy_with_drones_needs_a_signature_outside_test_mode(tmp_path):
    def serve(text: str) -> None:
        from dispatch.config import parse_policy  # noqa: PLC0415

        policy = parse_policy(text.encode(), name="trial", file="trial.toml")
        settings = Settings(database="sqlite://", region=tmp_path, policy="trial")
        Service(settings, policy=policy, content=text, threads=False)

    simulated = trial_policy().replace('"needs_sign_off"', '"simulation_only"')
    with pytest.raises(Conflict, match="simulation_only"):
        serve(simulated)
    with pytest.raises(Conflict, match="needs_sign_off"):
        serve(trial_policy())


def test_a_policy_without_drones_keeps_nothing_about_them(bench):
    bench.volunteers(1)
    drone = {"external_id": "D", "base": "Harbour", "location": BASE}
    drone_id = bench.post("/v1/drones", "registrar", drone)["drone_id"]
    bench.post(f"/v1/drones/{drone_id}/service", OPERATOR, {"in_service": True})
    view = bench.call(age_years=4, hands=1)
    assert view["drones"] is None
    path = f"/v1/incidents/{view['incident_id']}/scene"
    assert bench.ask("POST", path, "control", {"aed_attached": True}).status_code == 200
    assert bench.get("/v1/drone-operator/orders?after=0", OPERATOR)["orders"] == []
    assert bench.inside(lambda tx: tx.rows(sa.select(schema.drone_order))) == []
