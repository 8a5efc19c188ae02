"""What an operation says beside its schemas: headers, permissions, refusals, and what can follow."""

from typing import Any

import pytest

from documents.operations import operation_id
from documents.sections import section_of
from documents.writing import DocumentError
from tests.support.openapi import DOCUMENT

PATHS = DOCUMENT["paths"]
COURSES, COURSE = PATHS["/api/v1/training/courses"], PATHS["/api/v1/training/courses/{id}"]
OPERATIONS = [(f"{method} {path}", each) for path, methods in PATHS.items() for method, each in methods.items()]


def headers_of(operation: Any) -> set[str]:
    return {each["$ref"].rpartition("/")[2] for each in operation["parameters"] if "$ref" in each}


def codes_of(operation: Any, status: str) -> set[str]:
    answer = operation["responses"][status]
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    schema = answer["content"]["application/json"]["schema"]
    names = [each["$ref"].rpartition("/")[2] for each in schema.get("oneOf", [schema])]
    schemas = [DOCUMENT["components"]["schemas"][name]["properties"] for name in names]
    return {(each.get("code") or each["error"])["const"] for each in schemas}


def test_an_operation_is_called_by_its_summary() -> None:
    assert operation_id("Get audit trail of course") == "getAuditTrailOfCourse"
    assert operation_id("Check in enrollment") == "checkInEnrollment"


def test_every_path_is_in_a_section() -> None:
    assert section_of("/api/v1/training/sessions/{id}/attendance") == "Enrollments"
    assert section_of("/api/v1/employees/{id}/training") == "Training histories"
    assert section_of("/api/v1/employees/{id}/audit") == "People"
    with pytest.raises(DocumentError, match="/api/v1/elsewhere is in no section"):
        section_of("/api/v1/elsewhere")


def test_every_section_has_operations() -> None:
    assert {tag for _, each in OPERATIONS for tag in each["tags"]} == {tag["name"] for tag in DOCUMENT["tags"]}


def test_a_row_has_a_tag_and_conditions() -> None:
    assert "ETag" in COURSE["get"]["responses"]["200"]["headers"]
    assert "304" in COURSE["get"]["responses"]
    assert "If-None-Match" in headers_of(COURSE["get"])
    assert "If-Match" in headers_of(COURSE["patch"])
    assert "If-Match" in headers_of(COURSE["delete"])
    assert "304" not in COURSES["get"]["responses"]
    assert "ETag" not in COURSES["get"]["responses"]["200"]["headers"]


def test_a_new_row_has_an_address_and_is_made_once_for_a_key() -> None:
    assert {"ETag", "Location", "Idempotency-Replayed"} <= COURSES["post"]["responses"]["201"]["headers"].keys()
    assert "Idempotency-Key" in headers_of(COURSES["post"])
    assert "Idempotency-Key" not in headers_of(COURSE["patch"])


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_limits_and_tokens_are_those_of_operations_that_need_a_token(name: str, operation: Any) -> None:
    needs_token = bool(operation["security"])
    good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    assert ("RateLimit" in good["headers"]) == needs_token
    assert ("x-permissions" in operation) == needs_token
    assert ("403" in operation["responses"]) == needs_token


def test_any_of_the_permissions_is_enough() -> None:
    assert COURSE["get"]["x-permissions"] == ["training.view", "training.view.self", "training.view.company"]
    assert COURSE["get"]["security"] == [
        {"bearer": []},
        {"client": ["api.access", "training.view"]},
        {"client": ["api.access", "training.view.self"]},
        {"client": ["api.access", "training.view.company"]},
    ]
    assert "`training.view`, `training.view.self` or `training.view.company`." in COURSE["get"]["description"]


def test_an_operation_has_the_codes_of_its_route() -> None:
    enroll = PATHS["/api/v1/training/enrollments"]["post"]
    assert {"session_full", "already_enrolled", "validation_failed"} <= codes_of(enroll, "422")
    assert "session_full" not in codes_of(COURSES["post"], "422")
    assert codes_of(COURSES["get"], "401") == {"token_missing", "token_invalid", "token_expired"}
    assert codes_of(PATHS["/oauth/token"]["post"], "401") == {"invalid_client"}


def test_oauth_has_errors_of_its_own_form_alone() -> None:
    refused = PATHS["/oauth/token"]["post"]["responses"]["401"]["content"]
    assert refused.keys() == {"application/json"}
    assert PATHS["/oauth/token"]["post"]["requestBody"]["content"].keys() == {"application/x-www-form-urlencoded"}


def test_a_patch_has_both_media_types() -> None:
    assert COURSE["patch"]["requestBody"]["content"].keys() == {"application/merge-patch+json", "application/json"}


@pytest.mark.parametrize(
    ("first", "status", "second", "row"),
    [
        (COURSES["post"], "201", "getCourse", "$response.body#/data/id"),
        (COURSES["get"], "200", "getCourse", "$response.body#/data/0/id"),
        (PATHS["/api/v1/training/sessions"]["post"], "201", "recordAttendance", "$response.body#/data/id"),
        (
            PATHS["/api/v1/training/enrollments"]["post"],
            "201",
            "completeEnrollment",
            "$response.body#/data/enrollments/0/id",
        ),
        (PATHS["/api/v1/employees/{id}"]["put"], "201", "mergeEmployee", "$request.path.id"),
    ],
)
def test_what_can_follow_is_linked(first: Any, status: str, second: str, row: str) -> None:
    assert first["responses"][status]["links"][second]["parameters"]["path.id"] == row


def test_what_needs_a_tag_gets_it() -> None:
    merge = PATHS["/api/v1/employees/{id}"]["put"]["responses"]["201"]["links"]["mergeEmployee"]
    assert merge["parameters"]["header.If-Match"] == "$response.header.ETag"


def test_a_list_leads_to_reading_alone() -> None:
    assert COURSES["get"]["responses"]["200"]["links"].keys() == {"getCourse", "getAuditTrailOfCourse"}


def test_what_was_made_is_named_in_the_body_that_follows() -> None:
    assert COURSES["post"]["responses"]["201"]["links"]["createSession"]["requestBody"] == {
        "course_id": "$response.body#/data/id"
    }


def test_rules_of_a_query_are_those_of_its_operation() -> None:
    assert PATHS["/api/v1/training/compliance"]["get"]["x-rules"] == ["Exactly one of course_id and label_id is given."]
