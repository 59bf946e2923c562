"""What volunteers and those who run the service read: plain, true, and no codes."""

from __future__ import annotations

import io
import re

import pytest
from msgspec.structs import replace

from dispatch.explain import words
from dispatch.live import wording
from dispatch.live.channels import build
from dispatch.live.clock import HandClock
from dispatch.live.logs import set_up
from dispatch.live.outbox import why_undelivered
from dispatch.live.settings import Settings
from dispatch.live.store import schema
from dispatch.model import AlertStatus, Role
from notifications import reasons
from notifications.channel import AddressKind, Receipt, ReceiptState
from notifications.errors import TemporaryFailure
from notifications.fallback import NO_RECEIPT, Rules, advance, plan, record, resume
from notifications.memory import MemoryChannel
from notifications.messages import Purpose, compose, words_for
from notifications.sms_http import SmsHttpChannel, text_of
from notifications.webpush import WebPushChannel, new_key, payload_of

RAW_CODE = re.compile(r"\b[a-z]+_[a-z_]+\b")


def message(purpose: Purpose, **given):
    return compose(
        purpose, message_id="m1", collapse_key="k1", created_at_s=0.0, expires_at_s=60.0, **given
    )


# --- alerts -------------------------------------------------------------------------------------


def test_every_end_of_an_alert_has_words_without_a_code():
    for status in AlertStatus:
        for reason in ("hold:unsafe_scene", "hold:do_not_alert", "no_receipt", "channel_down"):
            for role in Role:
                text = wording.of_alert(status, role, 3, said_yes=True, end_reason=reason)
                assert not RAW_CODE.search(text), text
            assert not RAW_CODE.search(wording.of_end(reason)), reason
    assert words("no_receipt") != "no_receipt"


def test_do_not_alert_tells_a_volunteer_nothing_about_the_patient(bench):
    (person,) = bench.volunteers(1)
    incident = bench.call()["incident_id"]
    bench.settle()
    key = bench.alert_of(person)
    bench.answer(person, "yes")
    bench.post(f"/v1/incidents/{incident}/scene", "control", {"do_not_alert": True, "reason": "x"})
    view = bench.get(f"/v1/me/alerts/{key}", person)
    assert view["end_words"] == "control has stopped this call to volunteers"
    assert view["words"] == wording.THANKS


def test_an_unsafe_scene_says_stop_and_keep_away_on_the_phone_and_in_the_app(bench):
    first, second = bench.volunteers(2)
    incident = bench.call()["incident_id"]
    bench.settle()
    keys = {person: bench.alert_of(person) for person in (first, second)}
    bench.answer(first, "yes")
    change = {"scene": "unsafe", "reason": "somebody with a knife"}
    bench.post(f"/v1/incidents/{incident}/scene", "control", change)
    bench.settle()
    last = {kept.device.address: kept.message for kept in bench.memory.after(0)}
    told = last[f"phone-{first}"]
    assert (told.purpose, told.urgent) == (Purpose.KEEP_AWAY, True)
    assert (told.words.title, told.words.body) == (
        "Stop now and keep away",
        "Your safety comes first.",
    )
    assert last[f"phone-{second}"].words.title == "This call is over"  # they know no place
    view = bench.get(f"/v1/me/alerts/{keys[first]}", first)
    assert view["words"] == "Stop now and keep away. Your safety comes first."
    assert "knife" not in str(view)


def test_the_words_of_an_alert_go_with_what_the_person_does(bench):
    (person,) = bench.volunteers(1)
    bench.call()
    bench.settle()
    key = bench.alert_of(person)
    assert bench.answer(person, "yes").json()["words"].startswith("Go straight to the patient")
    path = f"/v1/me/alerts/{key}/status"
    said = [
        bench.post(path, person, {"status": status})["words"]
        for status in ("moving", "arrived", "with_patient")
    ]
    assert said[1].startswith("You are at the place.")
    assert said[2].startswith("You are with the patient.")


def test_the_way_by_a_defibrillator_is_said():
    asked = wording.of_alert(AlertStatus.SEEN, Role.AED, 4, said_yes=False, end_reason="")
    assert "about 4 min walk, fetching a defibrillator (AED) on the way" in asked
    going = wording.of_alert(AlertStatus.MOVING, Role.AED, 4, said_yes=True, end_reason="")
    assert going.startswith("Fetch the defibrillator (AED) first")


def test_only_those_who_said_yes_are_thanked_for_it(bench):
    yes, no, silent = bench.volunteers(3)
    incident = bench.call()["incident_id"]
    bench.settle()
    keys = {person: bench.alert_of(person) for person in (yes, no, silent)}
    bench.answer(yes, "yes")
    bench.answer(no, "no")
    bench.post(f"/v1/incidents/{incident}/close", "control")
    bench.settle()
    said = {i: bench.get(f"/v1/me/alerts/{keys[i]}", i)["words"] for i in keys}
    assert said == {
        yes: wording.THANKS,
        no: wording.THANKS_FOR_ANSWERING,
        silent: wording.OVER,
    }
    last = {kept.device.address: kept.message.words.title for kept in bench.memory.after(0)}
    assert last[f"phone-{yes}"] == "Thank you. You can stop now."
    assert last[f"phone-{silent}"] == "This call is over"


def test_control_reads_no_codes(bench):
    bench.volunteers(2)
    incident = bench.call()["incident_id"]
    bench.wait(10.0)
    bench.post(f"/v1/incidents/{incident}/scene", "control", {"do_not_alert": True, "reason": "x"})
    bench.post(f"/v1/incidents/{incident}/scene", "control", {"do_not_alert": False})
    bench.settle()
    story = bench.get(f"/v1/incidents/{incident}/explanation", "control")["lines"]
    texts = [line["text"] for line in story]
    assert "No longer held: nobody is to be asked to this patient." in texts
    assert not any(RAW_CODE.search(text) for text in texts), texts
    assert "was told" not in " ".join(t for t in texts if not t.startswith("Control"))


# --- AEDs ---------------------------------------------------------------------------------------


@pytest.fixture
def fetching(bench):
    """Somebody who is going, and an AED in the register; (bench, person, status path, AED)."""
    (person,) = bench.volunteers(1)
    aed = {"external_id": "A-1", "location": {"lat": 52.001, "lon": 1.0}}
    aed_id = bench.post("/v1/aeds", "registrar", aed)["aed_id"]
    bench.post(f"/v1/aeds/{aed_id}/check", "registrar", {"in_service": True})
    incident = bench.call()["incident_id"]
    bench.settle()
    key = bench.alert_of(person)
    bench.answer(person, "yes")
    return bench, person, f"/v1/me/alerts/{key}/status", aed_id, incident


def test_an_aed_that_was_not_to_be_had_shows_in_the_register(fetching):
    bench, person, path, aed_id, incident = fetching
    bench.post(path, person, {"status": "aed_locked", "aed_id": aed_id})
    (row,) = bench.get("/v1/aeds", "registrar")["aeds"]
    assert row["status"] == "in_service"  # taking it out is a person's decision
    assert row["status_reason"] == "reported locked on 2027-01-15 at 08:00: somebody must look"
    story = bench.get(f"/v1/incidents/{incident}/explanation", "control")["lines"]
    assert f"{person} cannot get AED {aed_id}: it is locked." in [line["text"] for line in story]
    bench.post(f"/v1/aeds/{aed_id}/check", "registrar", {"in_service": True})
    assert bench.get("/v1/aeds", "registrar")["aeds"][0]["status_reason"] == ""


@pytest.mark.parametrize("status", ["aed_obtained", "aed_not_there"])
def test_an_aed_that_is_in_no_register_is_refused(fetching, status):
    bench, person, path, aed_id, incident = fetching
    answer = bench.ask("POST", path, person, {"status": status, "aed_id": aed_id + 500})
    assert answer.status_code == 422
    assert bench.incident(incident)["alerts"][0]["aed_id"] is None


# --- links --------------------------------------------------------------------------------------


def test_a_text_message_has_a_link_and_no_link_tells_anything():
    text = text_of(message(Purpose.ALERT), "https://h.example/open")
    assert text == ("Heartreach: Urgent call near you. Open now. https://h.example/open#alert/k1")
    assert len(text_of(message(Purpose.TEST), "https://heartreach.example.org/open")) <= 160
    assert text_of(message(Purpose.AFTER_CARE)) == (
        "Heartreach: How are you? Open when it suits you."
    )
    assert "http" not in text_of(message(Purpose.KEEP_AWAY), "https://h.example/open")


def test_links_lead_to_the_service_s_own_address_unless_told_otherwise():
    push = {"private_key": new_key()[0], "contact": "mailto:a@b.example"}
    given = {
        "test": False,
        "region": "somewhere",
        "policy": "nearest_3",
        "public_url": "https://h.example/",
        "sms_http": {"url": "http://127.0.0.1:9/send"},
    }
    for app_url, expected in (
        (None, "https://h.example/open"),
        ("https://app.example/", "https://app.example/"),
    ):
        settings = Settings(**given, webpush={**push, "app_url": app_url})
        web, sms = build(settings, lambda: 0.0)
        assert isinstance(web, WebPushChannel)
        assert isinstance(sms, SmsHttpChannel)
        assert web._app_url == expected
        assert sms._app_url == "https://h.example/open"
        for channel in (web, sms):
            channel.close()
    assert '"navigate":"https://h.example/open#alert/k1"' in payload_of(
        message(Purpose.ALERT), "https://h.example/open"
    )


@pytest.mark.parametrize("path", ["/enrol", "/open"])
def test_a_link_in_a_browser_says_to_open_the_app(bench, path):
    page = bench.ask("GET", path, None)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "Open" in page.text
    assert "<script" not in page.text


# --- why people are not asked, and phones that cannot be reached ---------------------------------


def test_why_i_am_not_asked_says_which_of_my_wishes_it_is(bench):
    (person,) = bench.volunteers(1)

    def why_not(**wishes) -> str:
        return bench.ask("PUT", "/v1/me/availability", person, wishes).json()["why_not"]

    assert why_not(on_duty=False) == "you are off duty"
    assert why_not(not_before=bench.iso(7200.0)) == "not until 15 January, 10:00, as you asked"
    hours = [{"start": "18:00", "end": "22:00"}]
    assert why_not(available=hours) == "outside the hours that you chose"


def test_who_was_only_invited_is_not_counted_as_suspended(bench):
    bench.person()
    bench.post(f"/v1/responders/{bench.volunteer()}/suspend", "registrar", {"reason": "x"})
    bench.ask("DELETE", f"/v1/responders/{bench.volunteer()}", "registrar")
    why_not = bench.get("/v1/coverage", "control")["unavailable_by_reason"]
    assert why_not == {"invited, has not enrolled yet": 1, "suspended": 1, "has left": 1}


class Other(MemoryChannel):
    """A second way to reach people, for numbers."""

    name = "sms_http"
    kinds = frozenset({AddressKind.SMS})


def test_a_healthy_channel_that_reaches_hardly_anybody_hides_no_silence(make_bench):
    clock = HandClock(1_800_000_000.0)
    bench = make_bench(clock=clock, channels_given=[MemoryChannel(clock), Other(clock)])
    people = bench.volunteers(3)
    bench.phone(people[0], "sms", "+447700900123")
    bench.memory.fail_with(TemporaryFailure("memory_503"))
    bench.call()
    bench.wait(7.0)
    bench.service.watch()
    warning = bench.service.health.warning() or ""
    assert "only 1 of 3 available volunteers can be reached" in warning
    assert "the provider is out of order (503)" in warning
    for person in people[1:]:
        bench.phone(person, "sms", f"+44770090012{person}")
    bench.service.watch()
    assert bench.service.health.warning() is None


def test_an_address_that_cannot_be_is_explained():
    for code in ("webpush_bad_subscription", "webpush_not_https", "webpush_unknown_host"):
        assert not RAW_CODE.search(reasons.of_address(code))


def test_receipts_are_waited_for_anew_after_the_service_was_down():
    rules = Rules()
    delivery, _ = advance(plan("m", 1000.0, [("phone", "fcm")]), 100.0, rules)
    delivery = record(delivery, "phone", Receipt("fcm", ReceiptState.HANDED_OVER), 100.1, rules)
    assert advance(delivery, 160.0, rules)[0].undelivered == NO_RECEIPT
    again = resume(delivery, 160.0, rules)  # down from 101 to 160
    assert advance(again, 167.9, rules)[0].undelivered is None
    assert advance(again, 168.0, rules)[0].undelivered == NO_RECEIPT


def test_a_stand_down_thanks_nobody_in_any_language_who_did_not_say_yes():
    assert words_for(Purpose.STAND_DOWN, "xx", said_yes=False).title == "This call is over"
    assert words_for(Purpose.STAND_DOWN, "xx").title == "Thank you. You can stop now."


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("fcm_503", "provider_failed"),
        ("fcm_unregistered", "device_gone"),
        ("unknown_outcome", "no_receipt"),
        ("channel_down", "channel_down"),
    ],
)
def test_what_a_provider_said_reaches_control_as_words(said, code):
    delivery = replace(plan("m", 1000.0, [("phone", "fcm")]), undelivered=said)
    assert why_undelivered(delivery) == code
    assert not RAW_CODE.search(words(code))


def test_the_log_says_when_alerting_stops_and_goes_on_and_names_nobody(bench):
    bench.volunteers(1)
    text = io.StringIO()
    set_up("info", text)
    stop = {"reason": "secret", "person": "Ann Officer", "expires_at": bench.iso(600.0)}
    bench.post("/v1/alerting/stop", "control", stop)
    bench.service.watch()
    assert "volunteers_are_not_being_alerted" in text.getvalue()
    bench.wait(601.0)
    bench.service.watch()
    assert "alerting_again" in text.getvalue()
    assert "Ann Officer" not in text.getvalue()
    assert "secret" not in text.getvalue()


def test_links_that_no_phone_can_open_are_warned_of():
    text = io.StringIO()
    set_up("info", text)
    given = {"test": False, "region": "somewhere", "policy": "nearest_3"}
    sms = {"url": "http://127.0.0.1:9/send"}
    for channel in build(Settings(**given, sms_http=sms), lambda: 0.0):
        channel.close()
    assert "links_in_messages_lead_to_this_machine" in text.getvalue()
    text.truncate(0)
    for channel in build(
        Settings(**given, public_url="https://h.example", sms_http=sms), lambda: 0.0
    ):
        channel.close()
    assert text.getvalue().strip("\0") == ""


def test_a_long_reason_fits_where_it_is_kept(bench):
    (person,) = bench.volunteers(1)
    incident = bench.call()["incident_id"]
    bench.settle()
    key = bench.alert_of(person)
    bench.answer(person, "yes")
    given = {"answer": "cannot_continue", "reason": "x" * 80}
    answer = bench.ask("POST", f"/v1/me/alerts/{key}/answer", person, given)
    assert answer.status_code == 200
    kept = bench.incident(incident)["alerts"][0]["end_reason"]
    assert len(kept) <= schema.alert.c.end_reason.type.length
