"""Ids in paths: a positive 64-bit integer or nothing that exists (contract, section 1)."""

import pytest

from tests.support.client import Client
from tests.support.routes import PUBLIC, Declared
from tests.support.world import COURSES, ENROLLMENTS, SESSIONS

GETS_OF_A_ROW = [declared for declared in PUBLIC if declared.has_id and declared.route.method == "GET"]
HISTORIES = [declared for declared in GETS_OF_A_ROW if declared.service == "history"]
TRAINING = [declared for declared in GETS_OF_A_ROW if declared.service != "history"]


def path_with(declared: Declared, written: str) -> str:
    return declared.route.path.replace("{id}", written)


# The greatest id there can be is one that other tests give to an organisation, which stays.
@pytest.mark.parametrize("written", ["0", "01", str(2**63 - 2), str(2**63), "9" * 400])
@pytest.mark.parametrize("declared", GETS_OF_A_ROW, ids=str)
async def test_an_id_of_no_row_is_not_found(admin: Client, declared: Declared, written: str) -> None:
    answer = await admin.get(path_with(declared, written))
    assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("written", ["-1", "abc", "1.5", "1e3", "0x1", "1_0", "%2B1"])
@pytest.mark.parametrize("declared", TRAINING, ids=str)
async def test_a_malformed_id_is_not_found(admin: Client, declared: Declared, written: str) -> None:
    answer = await admin.request("GET", path_with(declared, written))
    assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("written", ["abc", "1x", "0x1", "EMP-042"])
@pytest.mark.parametrize("declared", HISTORIES, ids=str)
async def test_a_history_asks_for_a_numeric_id(admin: Client, declared: Declared, written: str) -> None:
    answer = await admin.get(path_with(declared, written))
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert list(answer.json["errors"]) == ["id"]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        (SESSIONS, "course_id"),
        (ENROLLMENTS, "employee_id"),
        (ENROLLMENTS, "session_id"),
        (ENROLLMENTS, "course_id"),
        ("/api/v1/employees", "company_id"),
        ("/api/v1/employees/1/training", "project_id"),
        ("/api/v1/employees/1/training", "label_id"),
        ("/api/v1/employees/1/training", "company_id"),
        ("/api/v1/staff/1/training", "project_id"),
    ],
)
@pytest.mark.parametrize("written", ["0", "-1", "abc", "1.0", "", " 1", "1_0", "٣", str(2**63)])
async def test_a_malformed_id_in_a_query_is_refused(admin: Client, path: str, parameter: str, written: str) -> None:
    answer = await admin.get(path, **{parameter: written})
    assert (answer.status, list(answer.json["errors"])) == (422, [parameter])


@pytest.mark.parametrize("written", ["0", "-1", "1.0", '"1"', "true", "null", "[1]", str(2**63), "1" * 32])
async def test_a_malformed_id_in_a_body_is_refused(admin: Client, written: str) -> None:
    answer = await admin.request(
        "POST",
        ENROLLMENTS,
        data=f'{{"session_id": {written}, "employee_ids": [1]}}',
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status, list(answer.json["errors"])) == (422, ["session_id"])


@pytest.mark.parametrize("path", [COURSES, SESSIONS, ENROLLMENTS])
async def test_the_largest_id_is_no_error(admin: Client, path: str) -> None:
    assert (await admin.get(f"{path}/{2**63 - 1}")).status == 404
