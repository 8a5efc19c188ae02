"""Calendars as text: what other readers of RFC 5545 make of it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrollment.calendars import Calendar, Occurrence
from services.enrollment.icalendar_text import calendar_text, folded, text
from tests.support.calendars import Shown, shown_in

CALENDAR = Calendar(7, "person", 42, None, "acme.test")
OCCURRENCE = Occurrence(
    organisation_id=7,
    session_id=8,
    meeting_id=None,
    version=3,
    saved_at=datetime(2026, 5, 1, 7, 30, 15, 999999, tzinfo=UTC),
    title="Leadership Essentials",
    session_name="May Cohort",
    start_date=datetime(2026, 5, 15, 11, tzinfo=timezone(timedelta(hours=2))),
    end_date=datetime(2026, 5, 15, 17, tzinfo=UTC),
    location="Training Room A",
    cancelled=False,
    tentative=False,
    standing=False,
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def event_of(occurrence: Occurrence) -> Shown:
    [event] = shown_in(calendar_text(CALENDAR, [occurrence]))
    return event


def unescaped(value: str) -> str:
    """RFC 5545, section 3.3.11, from the left to the right."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "N": "\n"}.get(found[1], found[1]), value)


def test_a_session_is_an_event_with_its_times_in_utc() -> None:
    assert event_of(OCCURRENCE) == Shown(
        uid="session-7-8@acme.test",
        sequence=3,
        summary="Leadership Essentials: May Cohort",
        start=datetime(2026, 5, 15, 9, tzinfo=UTC),
        end=datetime(2026, 5, 15, 17, tzinfo=UTC),
        stamp=datetime(2026, 5, 1, 7, 30, 15, tzinfo=UTC),
        location="Training Room A",
        status="CONFIRMED",
        transparency="OPAQUE",
    )
    assert "\r\nDTSTART:20260515T090000Z\r\n" in calendar_text(CALENDAR, [OCCURRENCE])


def test_a_meeting_has_a_uid_of_its_own() -> None:
    assert event_of(replace(OCCURRENCE, meeting_id=5)).uid == "session-7-8-5@acme.test"


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"cancelled": True}, ("CANCELLED", "TRANSPARENT")),
        ({"cancelled": True, "tentative": True}, ("CANCELLED", "TRANSPARENT")),
        ({"tentative": True}, ("TENTATIVE", "TRANSPARENT")),
        ({"standing": True}, ("CONFIRMED", "TRANSPARENT")),
    ],
)
def test_what_takes_no_time_says_so(changes: dict[str, Any], shown: tuple[str, str]) -> None:
    event = event_of(replace(OCCURRENCE, **changes))
    assert (event.status, event.transparency) == shown


@pytest.mark.parametrize(
    ("title", "session_name", "summary"),
    [("A", "A", "A"), ("A", None, "A"), (None, "B", "B"), (None, None, "Training"), ("A", "B", "A: B")],
)
def test_a_name_is_not_said_twice(title: str | None, session_name: str | None, summary: str) -> None:
    assert event_of(replace(OCCURRENCE, title=title, session_name=session_name)).summary == summary


def test_no_location_is_no_property() -> None:
    assert event_of(replace(OCCURRENCE, location=None)).location is None


@pytest.mark.parametrize(("of_name", "name"), [(None, "Training"), ("Room A; left, ü", "Room A; left, ü")])
def test_a_calendar_of_people_is_called_by_no_name_of_theirs(of_name: str | None, name: str) -> None:
    written = calendar_text(replace(CALENDAR, of_name=of_name), [])
    read: Any = icalendar.Calendar.from_ical(written)
    # It knows neither as a text, and leaves them escaped.
    assert [unescaped(str(read[each])) for each in ("NAME", "X-WR-CALNAME")] == [name, name]
    assert shown_in(written) == []


def test_a_calendar_is_the_same_text_while_nothing_changes() -> None:
    assert calendar_text(CALENDAR, [OCCURRENCE]) == calendar_text(CALENDAR, [OCCURRENCE])


@given(TEXTS)
def test_a_text_is_read_as_it_was(value: str) -> None:
    escaped = text(value)
    plain = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", value.replace("\r\n", "\n").replace("\r", "\n"))
    assert unescaped(escaped) == plain
    assert re.search(r"[\x00-\x08\x0a-\x1f\x7f]", escaped) is None


@given(TEXTS.map(text))
def test_lines_are_folded_between_characters(line: str) -> None:
    parts = folded(line).split("\r\n")
    assert all(len(part.encode()) <= 75 for part in parts)
    assert parts[0] + "".join(part[1:] for part in parts[1:]) == line
    assert all(part.startswith(" ") and len(part) > 1 for part in parts[1:])


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\\"), min_size=1, max_size=255))
def test_another_reader_finds_the_texts(value: str) -> None:
    event = event_of(replace(OCCURRENCE, title=value, session_name=None, location=value))
    assert (event.summary, event.location) == (value, value)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_nothing_that_somebody_wrote_becomes_a_line(value: str) -> None:
    written = calendar_text(CALENDAR, [replace(OCCURRENCE, title=f"{value}\nEND:VEVENT", location=f"{value}\r\nX:1")])
    names = [re.split("[:;]", line)[0] for line in written.replace("\r\n ", "").split("\r\n")]
    assert names.count("END") == 2
    assert "X" not in names
