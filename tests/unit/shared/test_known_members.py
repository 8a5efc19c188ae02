"""What a body's members are held against, and how much work a body can make."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from services.catalog.schemas import CourseFields, CoursePatch, CourseQuery, SessionFields, SessionPatch
from services.enrollment.schemas import CatalogChanges, EmployeeFields, EnrollmentRequest
from shared.errors import MAX_ERRORS, ValidationFailed
from shared.http.input import QueryReader, body_of
from shared.http.responses import failure
from shared.validation.known_members import Unknown, known_members
from tests.support import events
from tests.support.routes import example_body
from tests.support.seen import seen_by_models

MANY = {f"m{number}": number for number in range(9_000)}
COURSE = example_body(CourseFields)
NESTED: list[tuple[type[BaseModel], dict[str, Any], str]] = [
    (CourseFields, COURSE | MANY, ""),
    (CourseFields, COURSE | {"labels": [{"id": 1, "name": "x"} | MANY]}, "labels.0."),
    (SessionFields, example_body(SessionFields) | {"facilitator": {"id": 1, "full_name": "x"} | MANY}, "facilitator."),
    (SessionFields, example_body(SessionFields) | {"projects": [{"id": 1, "name": "x"} | MANY]}, "projects.0."),
    (EmployeeFields, example_body(EmployeeFields) | {"company": {"id": 1, "name": "x"} | MANY}, "company."),
    (EnrollmentRequest, example_body(EnrollmentRequest) | MANY, ""),
    (CoursePatch, MANY, ""),
    (CoursePatch, {"labels": [{"id": 1, "name": "x"} | MANY]}, "labels.0."),
    (SessionPatch, {"facilitator": MANY}, "facilitator."),
]


@pytest.mark.parametrize(("model", "body", "place"), NESTED)
def test_no_model_sees_a_member_that_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch, model: type[BaseModel], body: dict[str, Any], place: str
) -> None:
    seen = seen_by_models(monkeypatch)
    with pytest.raises(ValidationFailed) as raised:
        body_of(model, body)
    assert seen.values < 20
    details = raised.value.details
    assert details["errors"] == {f"{place}m{number}": ["Unknown field."] for number in range(MAX_ERRORS)}
    assert details["errors_omitted"] == len(MANY) - MAX_ERRORS


def test_control_without_the_comparison_the_model_sees_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = seen_by_models(monkeypatch)
    monkeypatch.setattr("shared.http.input.known_members", lambda _, members, __: members)
    with pytest.raises(ValidationFailed):
        body_of(CourseFields, COURSE | MANY)
    assert seen.values >= len(MANY)


def test_known_members_stay_as_they_are() -> None:
    unknown = Unknown()
    body = COURSE | {"labels": [{"id": 1, "name": "x"}, 7], "prerequisites": [{"a": 1}], "description": {"b": 1}}
    assert known_members(CourseFields, body, unknown) == body
    assert unknown.count == 0


def test_a_model_that_ignores_other_members_is_given_them() -> None:
    """A later version's state may have more."""
    labels = [{"id": 1, "name": "x", "colour": "red"}]
    course = {**json.loads(events.course(1, 2).data.model_dump_json()), "labels": labels, "language": "en"}
    changes = body_of(CatalogChanges, {"courses": [course]})
    assert changes.courses[0].labels[0].name == "x"
    with pytest.raises(ValidationFailed):
        body_of(CatalogChanges, {"courses": [], "people": []})


def test_what_is_wrong_is_told_before_what_is_not_known() -> None:
    with pytest.raises(ValidationFailed) as raised:
        body_of(EnrollmentRequest, {"employee_ids": ["x"], "sesion_id": 1})
    assert raised.value.details == {
        "errors": {
            "session_id": ["This field is required."],
            "employee_ids.0": ["Must be a whole number."],
            "sesion_id": ["Unknown field."],
        }
    }


def test_a_patch_may_remove_what_it_knows_alone() -> None:
    assert body_of(CoursePatch, {"description": None}).members == {"description": None}
    with pytest.raises(ValidationFailed) as raised:
        body_of(CoursePatch, {"descripton": None})
    assert list(raised.value.details["errors"]) == ["descripton"]


@pytest.mark.parametrize(("more", "told"), [(1, "1 more error is not listed."), (2, "2 more errors are not listed.")])
def test_errors_that_are_not_told_are_counted(more: int, told: str) -> None:
    error = ValidationFailed(
        {f"employee_ids.{number}": ["No.", "Never."] for number in range(10)} | {"x": ["No."] * more}
    )
    assert sum(map(len, error.details["errors"].values())) == MAX_ERRORS
    assert error.details["errors_omitted"] == more
    assert error.message == f"The given data was invalid. {told}"


def test_twenty_errors_are_all_told() -> None:
    error = ValidationFailed({"x": ["No."] * MAX_ERRORS})
    assert error.message == "The given data was invalid."
    assert "errors_omitted" not in error.details


@pytest.mark.parametrize("character", ["n", "\0", "\U0001f6a7", "\u2028", '"'])
def test_no_refusal_is_over_64_kb_whatever_the_names_and_reasons(character: str) -> None:
    long = character * 10_000
    error = ValidationFailed({f"{number}{long}": [long] for number in range(100)})
    assert len(failure(error).text.encode()) < 65_536


def test_a_query_of_many_parameters_is_refused_with_the_first() -> None:
    reader = QueryReader(CourseQuery)
    for query in (
        "&".join(f"a{number}=1" for number in range(900)),
        "&".join(f"a{number // 2}=" for number in range(1800)),
    ):
        with pytest.raises(ValidationFailed) as raised:
            reader.read(query)
        assert (len(raised.value.details["errors"]), raised.value.details["errors_omitted"]) == (20, 880)
