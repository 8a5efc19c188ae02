"""What services write to the security log: permissions that were missing, tokens not of the gateway's, settings."""

import pytest

from shared.security_log import SecurityEvent
from tests.support.client import ADMIN_PERMISSIONS, Client, client_token
from tests.support.routes import ALL, NO_ROWS, Declared
from tests.support.security_lines import SecurityLines
from tests.support.stack import CLIENT_SECRET, Stack
from tests.support.world import COURSES, EMPLOYEES, ENROLLMENTS, new_employee

SETTINGS = "/api/v1/training/settings"
REQUEST = {"X-Request-Id": "request-0001"}


async def test_a_missing_permission_is_told_with_the_request_that_lacked_it(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    trainer = stack.client(organisation, sub="trainer-7", permissions=["api.access", "training.view"])
    answer = await trainer.request("DELETE", f"{COURSES}/1", headers=REQUEST)
    assert answer.status == 403
    line = security_lines.one(SecurityEvent.PERMISSION_DENIED)
    assert (line["subject"], line["organisation_id"]) == ("trainer-7", organisation)
    assert (line["request_id"], line["permission"]) == ("request-0001", "training.manage")
    assert line["route"] == "DELETE /api/v1/training/courses/{id}"


async def test_a_rule_that_forbids_is_told_too(
    stack: Stack, admin: Client, organisation: int, security_lines: SecurityLines
) -> None:
    """May enroll themselves, and asks for somebody else."""
    employee = stack.client(
        organisation, sub="9", employee_id=9, permissions=["api.access", "training.view", "training.enroll.self"]
    )
    body = {"session_id": 1, "employee_ids": [await new_employee(admin)]}
    assert (await employee.post(ENROLLMENTS, body)).status == 403
    security_lines.one(SecurityEvent.PERMISSION_DENIED, subject="9", permission="training.enroll")


async def test_a_history_that_is_for_staff_alone(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    contractor = stack.client(organisation, sub="c-1", user_type="contractor")
    assert (await contractor.get(f"{EMPLOYEES}/1/training")).status == 403
    security_lines.one(SecurityEvent.PERMISSION_DENIED, subject="c-1", permission="User is Staff")


@pytest.mark.parametrize("declared", [each for each in ALL if each.route.method == "GET"][:3], ids=str)
async def test_a_service_tells_of_tokens_that_are_not_the_gateways(
    stack: Stack, organisation: int, declared: Declared, security_lines: SecurityLines
) -> None:
    for token in (None, client_token(CLIENT_SECRET, organisation)):
        client = Client(stack.http, stack.url_of(declared.service), token)
        assert (await declared.ask(client, NO_ROWS, headers=REQUEST)).status == 401
    reasons = [line["reason"] for line in security_lines.of(SecurityEvent.INTERNAL_TOKEN_REFUSED)]
    assert len(reasons) == 2
    assert reasons[0] == "missing"
    assert reasons[1] != "missing"


async def test_settings_are_told_when_they_change(
    stack: Stack, admin: Client, organisation: int, security_lines: SecurityLines
) -> None:
    clerk = stack.client(organisation, sub="clerk-7")
    for _ in range(2):  # the second time nothing changes
        await clerk.request("PUT", SETTINGS, json={"time_zone": "Europe/Berlin"}, headers=REQUEST)
    line = security_lines.one(SecurityEvent.SETTINGS_CHANGED, subject="clerk-7", organisation_id=organisation)
    assert line["request_id"] == "request-0001"
    assert line["changes"] == {"time_zone": {"from": "UTC", "to": "Europe/Berlin"}}


async def test_a_good_request_writes_nothing(stack: Stack, organisation: int, security_lines: SecurityLines) -> None:
    client = stack.client(organisation, permissions=list(ADMIN_PERMISSIONS))
    assert (await client.get(COURSES)).status == 200
    assert (await client.get(f"{COURSES}/{2**62}")).status == 404
    assert security_lines.all == []
