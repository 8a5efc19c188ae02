"""Rows as lines of a file: each field has its column, and each cell what the API shows (contract, section 1)."""

import csv
import io
import json
from typing import Any

import pytest
from pydantic import BaseModel

from services.catalog.representations import CourseItem
from services.enrollment.representations import ComplianceItem, EnrollmentItem
from services.history.representations import TrainingRecord
from shared.errors import Unavailable
from shared.exports.columns import columns_of
from shared.exports.formats import ROWS_AT_ONCE, Csv, Ndjson
from shared.http.representation import AuditItem
from tests.support.services import ROUTES

COURSE = (
    '{"id" : 9007199254740993, "title" : "=1+1", "category" : "safety", "delivery_mode" : "online",'
    ' "duration_hours" : 7.5, "cost_per_participant" : 200.00, "provider" : "external", "provider_name" : null,'
    ' "pass_score" : -5, "total_sessions" : 3, "total_enrollments" : 24, "external_id" : null,'
    ' "created_at" : "2026-01-10T00:00:00.000000Z"}'
)
RECORD: dict[str, Any] = {
    "id": 7,
    "type": "offline",
    "training_name": 'Forklift, "Refresher"\nPart 2',
    "training_type": "session",
    "completed_at": None,
    "status": "confirmed",
    "result": None,
    "valid_until": None,
    "person": {"id": 456, "type": "employee", "name": "John Doe", "company": None},
    "projects": ["Metro | West", "-2"],
    "labels": [],
    "session": {
        "id": 789,
        "name": "Refresher",
        "venue": "B",
        "checked_in_at": None,
        "check_in_method": None,
        "attendance": [
            {"meeting_id": 1, "start_date": "a", "end_date": "b", "venue": None, "checked_in_at": "c"},
            {"meeting_id": 2, "start_date": "d", "end_date": "e", "venue": "Hall", "checked_in_at": None},
        ],
    },
}


def cells(item: type[BaseModel], *lines: str) -> list[dict[str, str]]:
    """As Python's own reader of CSV sees them."""
    form = Csv(item)
    text = (form.begin() + b"".join(form.rows("\n".join(lines)))).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_nested_fields_have_dotted_names() -> None:
    assert [column.name for column in columns_of(ComplianceItem)] == [
        "employee.id",
        "employee.type",
        "employee.employee_id",
        "employee.full_name",
        "employee.company.id",
        "employee.company.name",
        "status",
        "course_id",
        "enrollment_id",
        "record_id",
        "completed_at",
        "valid_until",
    ]
    assert "session.course.title" in [column.name for column in columns_of(EnrollmentItem)]


@pytest.mark.parametrize("route", [each for each in ROUTES if each.exports], ids=lambda route: route.path)
def test_the_columns_of_a_list_have_names_of_their_own(route: Any) -> None:
    names = [column.name for column in columns_of(route.exports["application/x-ndjson"].args[0].item)]
    assert names
    assert len(set(names)) == len(names)


def test_numbers_keep_their_digits_and_texts_are_no_formulas() -> None:
    [row] = cells(CourseItem, COURSE)
    assert row["id"] == "9007199254740993"
    assert row["cost_per_participant"] == "200.00"
    assert row["duration_hours"] == "7.5"
    assert (row["pass_score"], row["provider_name"]) == ("-5", "")
    assert row["title"] == "'=1+1"


def test_lists_and_what_is_in_lists_share_a_cell() -> None:
    [row] = cells(TrainingRecord, json.dumps(RECORD))
    assert row["training_name"] == RECORD["training_name"]
    assert (row["person.id"], row["person.company"]) == ("456", "")
    assert (row["projects"], row["labels"]) == (r"Metro \| West|-2", "")
    assert row["session.attendance.meeting_id"] == "1|2"
    assert row["session.attendance.venue"] == "|Hall"
    without = {name: value for name, value in RECORD["session"].items() if name != "attendance"}
    [row] = cells(TrainingRecord, json.dumps({**RECORD, "session": without}))
    assert row["session.attendance.meeting_id"] == ""


def test_an_object_of_any_members_is_json() -> None:
    changes = {"score": {"from": None, "to": 82.5}, "title": {"from": "é", "to": "="}}
    entry = {"version": 2, "action": "x", "changed_by": {"subject": "s", "name": "n"}, "changes": changes}
    [row] = cells(AuditItem, json.dumps(entry))
    assert json.loads(row["changes"]) == changes
    assert row["changed_by.subject"] == "s"


def test_every_row_is_there_whatever_is_made_at_once() -> None:
    lines = [json.dumps({"version": number}) for number in range(2 * ROWS_AT_ONCE + 1)]
    assert [row["version"] for row in cells(AuditItem, *lines)] == [str(number) for number in range(len(lines))]
    assert [line for part in Ndjson().rows("\n".join(lines)) for line in part.decode().splitlines()] == lines


def test_of_nothing_there_is_the_header_alone() -> None:
    assert cells(CourseItem) == []
    assert b"".join(Ndjson().rows("")) == b""
    assert Ndjson().begin() == b""


def test_an_error_is_a_line_that_is_no_row() -> None:
    assert Csv(CourseItem).error(Unavailable()).startswith(b"#error,upstream_unavailable,")
    told = json.loads(Ndjson().error(Unavailable()))
    assert (list(told), told["error"]["code"]) == (["error"], "upstream_unavailable")
