"""Every example of the API's documents, asked through the gateway, comes back as it is written there."""

import pytest

from documents.examples import EXAMPLES
from tests.support.client import Answer
from tests.support.demonstration import ORGANISATION
from tests.support.examples import differences, exactly, fields
from tests.support.stack import Stack
from tests.support.world import COURSES, ENROLLMENTS, SESSIONS

HISTORY_RECORD = exactly(EXAMPLES["history of a worker"].answer)["data"][0]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_comes_back_as_documented(answers: dict[str, Answer], name: str) -> None:
    example, answer = EXAMPLES[name], answers[name]
    assert answer.status == example.status, answer.text
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    found = differences(
        exactly(answer.text), exactly(example.answer), shape_only=example.shape_only, beginning=example.beginning
    )
    assert list(found) == []


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ('{"cost": 200.0}', '{"cost": 200.00}'),
        ('{"cost": "200.00"}', '{"cost": 200.00}'),
        ('{"score": 82.0}', '{"score": 82}'),
        ('{"score": null}', '{"score": 82}'),
        ('{"passed": 1}', '{"passed": true}'),
        ('{"at": "2026-05-15T09:00:00Z"}', '{"at": "2026-05-15T09:00:00.000000Z"}'),
        ('{"at": "2026-05-15"}', '{"at": "2026-05-15T09:00:00.000000Z"}'),
        ('{"id": 1, "extra": 2}', '{"id": 1}'),
        ("{}", '{"id": 1}'),
        ("[1, 2]", "[1]"),
        ("[]", "[1]"),
    ],
)
def test_the_comparison_notices_what_is_not_as_documented(text: str, example: str) -> None:
    assert list(differences(exactly(text), exactly(example), shape_only=("cost", "at", "score", "passed")))


@pytest.mark.parametrize(
    ("path", "at"),
    [
        (COURSES, "data"),
        (SESSIONS, "data"),
        (ENROLLMENTS, "data"),
        ("/api/v1/employees/456/training", "data"),
        ("/api/v1/employees", "data"),
        ("/api/v1/staff", "data"),
    ],
)
async def test_all_items_of_a_list_have_the_same_fields(documented_stack: Stack, path: str, at: str) -> None:
    items = (await documented_stack.client(ORGANISATION).get(path, per_page=100)).json[at]
    assert {frozenset(item) for item in items} == {frozenset(items[0])}


async def test_every_record_of_a_history_has_the_documented_fields(answers: dict[str, Answer]) -> None:
    records = exactly(answers["history of a worker"].text)["data"]
    assert len(records) == 8
    for record in records:
        assert fields(record) == fields(HISTORY_RECORD)
        assert fields(record["person"]) == fields(HISTORY_RECORD["person"])
        assert fields(record["session"]) == fields(HISTORY_RECORD["session"])


async def test_a_person_is_answered_as_documented(documented_stack: Stack) -> None:
    answer = await documented_stack.client(ORGANISATION).get("/api/v1/employees/456")
    expected = exactly(
        """{"success": true, "data": {
            "id": 456, "type": "employee", "employee_id": "EMP-456", "full_name": "John Doe",
            "company": {"id": 77, "name": "ABC Contractors Pty Ltd"}, "created_at": "2025-01-02T00:00:00.000000Z"}}"""
    )
    assert list(differences(exactly(answer.text), expected)) == []


async def test_a_staff_member_has_no_company(documented_stack: Stack) -> None:
    answer = await documented_stack.client(ORGANISATION).get("/api/v1/staff/10")
    expected = exactly(
        """{"success": true, "data": {
            "id": 10, "type": "staff", "employee_id": "EMP-010", "full_name": "Sarah Williams", "company": null,
            "created_at": "2025-01-02T00:00:00.000000Z"}}"""
    )
    assert list(differences(exactly(answer.text), expected)) == []
