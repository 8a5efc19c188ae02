"""Every field of every body with the extremes of its type: never a 500, and nothing is changed silently.

What an answer shows afterwards is what was sent, in its documented normal form; or the request was refused, and what
was there is as it was (contract, section 1).
"""

import json
from functools import partial
from typing import Any

import pytest

from services.accounts.schemas import Credentials, PasswordChange
from services.enrollment.schemas_records import RecordFields
from shared.validation import fields as field_types
from tests.support.eventually import eventually
from tests.support.extreme_search import NAMES_OF_ROWS, copied, only, search
from tests.support.extremes import fields_of
from tests.support.routes import ALL, Declared
from tests.support.stack import Stack
from tests.support.world import ENROLLMENTS, SESSIONS, STAFF

GUESSES = (Credentials, PasswordChange)
"""Few are answered: test_sign_in.py and tests/integration/accounts/test_own_account.py send their extremes."""
WITH_BODY = [declared for declared in ALL if declared.route.body not in (None, *GUESSES) and not declared.route.form]


@pytest.mark.parametrize("declared", WITH_BODY, ids=str)
async def test_a_body_s_extremes_are_shown_as_they_were_sent_or_refused(
    stack: Stack, organisation: int, declared: Declared
) -> None:
    searched = await search(stack, organisation, declared)
    good = await searched.ask(json.dumps(searched.example))
    assert good.status in (200, 201, 428), good.text  # what can be done once is never done here
    every = list(fields_of(declared.route.body))
    for at in every:
        await searched.of_field(at)
    assert searched.faults == []
    of_rows = NAMES_OF_ROWS | ({"employee_id"} if declared.route.body is RecordFields else set())
    assert {str(at) for at in every if at.place[0] not in of_rows} - searched.accepted == set()
    if declared.is_public:
        await eventually(partial(copied, stack, organisation))


@pytest.mark.parametrize(
    ("guard", "without", "declared", "noticed"),
    [
        ("_check_year", lambda _: None, only("PATCH", ENROLLMENTS + "/{id}/check-in"), 'checked_in_at = "0001'),
        ("_check_year", lambda _: None, only("POST", SESSIONS), 'end_date = "9999'),
        ("normal_text", str, only("PUT", STAFF + "/{id}"), 'full_name = " a "'),
        ("normal_text", str.strip, only("PUT", STAFF + "/{id}"), 'full_name = "e\\u0301"'),
    ],
)
async def test_control_without_a_guard_the_search_notices(
    stack: Stack,
    organisation: int,
    monkeypatch: pytest.MonkeyPatch,
    guard: str,
    without: Any,
    declared: Declared,
    noticed: str,
) -> None:
    searched = await search(stack, organisation, declared)
    monkeypatch.setattr(field_types, guard, without)
    [at] = [each for each in fields_of(declared.route.body) if str(each) == noticed.partition(" ")[0]]
    await searched.of_field(at)
    assert any(fault.startswith(noticed) for fault in searched.faults), searched.faults
