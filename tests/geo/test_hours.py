"""Opening hours: what is plainly open, in local time, across clock changes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from geo.errors import RegionError
from geo.hours import HoursKind, hours_kind, open_edges

VADUZ = ZoneInfo("Europe/Vaduz")


def epoch(*when: int, zone: ZoneInfo = VADUZ) -> float:
    return datetime(*when, tzinfo=zone).timestamp()  # type: ignore[misc,arg-type]


def edges(
    text: str | None, start: float, end: float, timezone: str = "Europe/Vaduz"
) -> list[float]:
    return open_edges(text, timezone=timezone, lat=47.1, lon=9.5, start_s=start, end_s=end).tolist()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (None, HoursKind.UNKNOWN),
        ("", HoursKind.UNKNOWN),
        ("unknown", HoursKind.UNKNOWN),
        ('"ask at the bar"', HoursKind.UNKNOWN),
        ("24/7", HoursKind.KNOWN),
        ("closed", HoursKind.KNOWN),
        ("Mo-Fr 08:00-12:00 || unknown", HoursKind.KNOWN),
        ("Mo-Fr 8-22h", HoursKind.INVALID),
        ("weekdays", HoursKind.INVALID),
        ("2024-13-45 26:99", HoursKind.INVALID),
    ],
)
def test_what_is_known(text: str | None, kind: HoursKind) -> None:
    assert hours_kind(text) is kind


def test_office_hours_in_local_time() -> None:
    monday, tuesday = epoch(2026, 3, 9), epoch(2026, 3, 10)
    assert edges("Mo-Fr 08:00-12:00, 13:30-17:00", monday, tuesday) == [
        epoch(2026, 3, 9, 8),
        epoch(2026, 3, 9, 12),
        epoch(2026, 3, 9, 13, 30),
        epoch(2026, 3, 9, 17),
    ]
    assert edges("Mo-Fr 08:00-12:00", epoch(2026, 3, 7), epoch(2026, 3, 9)) == []


def test_around_the_clock_is_one_interval_even_over_a_clock_change() -> None:
    start, end = epoch(2026, 3, 28, 7, 11), epoch(2026, 3, 31)
    assert edges("24/7", start, end) == [start, end]
    assert edges("Mo-Su 00:00-24:00", start, end) == [start, end]


def test_the_hour_that_spring_takes_and_autumn_gives() -> None:
    spring = edges("22:00-06:00", epoch(2026, 3, 28, 12), epoch(2026, 3, 29, 12))
    autumn = edges("22:00-06:00", epoch(2026, 10, 24, 12), epoch(2026, 10, 25, 12))
    assert spring == [epoch(2026, 3, 28, 22), epoch(2026, 3, 29, 6)]
    assert (spring[1] - spring[0], autumn[1] - autumn[0]) == (7 * 3600, 9 * 3600)
    opens = edges("02:30-04:00", epoch(2026, 3, 29), epoch(2026, 3, 30))
    assert len(opens) == 2
    assert opens[0] < opens[1] == datetime(2026, 3, 29, 2, tzinfo=UTC).timestamp()


def test_a_span_that_starts_at_night_sees_the_evening_before() -> None:
    start, end = epoch(2026, 3, 10, 1), epoch(2026, 3, 10, 12)
    assert edges("22:00-06:00", start, end) == [start, epoch(2026, 3, 10, 6)]


def test_unknown_is_not_open() -> None:
    start, end = epoch(2026, 3, 9), epoch(2026, 3, 10)
    assert edges("Mo-Fr 08:00-12:00 || unknown", start, end) == [
        epoch(2026, 3, 9, 8),
        epoch(2026, 3, 9, 12),
    ]
    assert edges('24/7 "on request"', start, end) == []
    assert edges("Mo-Fr 8-22h", start, end) == []
    assert edges(None, start, end) == []


def test_public_holidays_of_the_place_count() -> None:
    assumption = epoch(2025, 8, 15), epoch(2025, 8, 16)  # a Friday; of Liechtenstein, not Zurich
    assert edges("Mo-Fr 08:00-12:00", *assumption) != []
    assert edges("Mo-Fr 08:00-12:00; PH off", *assumption) == []
    assert edges("Mo-Fr 08:00-12:00; PH off", *assumption, "Europe/Zurich") != []


def test_intervals_are_sorted_and_apart_over_a_year() -> None:
    for text in ("Mo-Fr 08:00-12:00, 13:30-17:00", "sunrise-sunset", "22:00-03:00", "24/7"):
        found = edges(text, epoch(2026, 1, 1), epoch(2027, 1, 1))
        assert found == sorted(found)
        assert len(set(found)) == len(found)
        assert len(found) % 2 == 0


def test_the_time_zone_matters_and_must_exist() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
    london = edges("Mo 09:00-10:00", start, start + 86_400, "Europe/London")
    vaduz = edges("Mo 09:00-10:00", start, start + 86_400)
    assert london[0] - vaduz[0] == 3600
    with pytest.raises(RegionError, match="Mars/Olympus"):
        edges("24/7", start, start + 1, "Mars/Olympus")


def test_an_empty_span_holds_nothing() -> None:
    assert edges("24/7", 5.0, 5.0) == []
