"""A person is erased: what says who they are becomes blank, and what happened stays."""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import asyncpg
import pytest

from services.enrollment.store import erasing as store
from services.enrollment.use_cases import erasing as use_case
from shared.auth.internal_token import VIEW_SELF
from shared.http.conditional import Document
from tests.support.client import Client, new_organisation
from tests.support.copies import everything_is_followed, verify
from tests.support.erasing import NAME, NUMBER, WORDS, erase, somebody_trained
from tests.support.eventually import eventually
from tests.support.external_records import accepted, decide, submitted
from tests.support.lifecycle import changed, full_session_with_line, in_enrollment, shown
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    CALENDARS,
    EMPLOYEES,
    ENROLLMENTS,
    RECORDS,
    SESSIONS,
    STAFF,
    ask_to_enroll,
    enroll,
    new_course,
    new_employee,
    new_session,
    new_staff,
)

EVENTS = "/api/v1/events"
OWNED = ("people", "enrollments", "external_records", "certifications", "audit", "audit_trail", "calendars")
"""Tables of enrollment with rows about people; what is kept for a day to send or to answer again is not among them."""


async def rows(url: str, tables: Sequence[str], organisation: int) -> str:
    """Of an organisation, as text."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        found = [
            await connection.fetch(
                f"SELECT to_jsonb(t)::text AS row FROM {table} t WHERE organisation_id = $1", organisation
            )
            for table in tables
        ]
    finally:
        await connection.close()
    return "\n".join(row["row"] for each in found for row in each)


def words_in(text: str) -> list[str]:
    return [word for word in WORDS if word.lower() in text.lower()]


async def trained(admin: Client, **session: Any) -> int:
    return await somebody_trained(admin, await new_session(admin, await new_course(admin), **session))


async def test_nothing_says_who_it_was(stack: Stack, admin: Client, organisation: int) -> None:
    person = await trained(admin)
    await admin.put(f"{EMPLOYEES}/{person}", {"employee_id": NUMBER, "full_name": "Zebulon Quarterstaff Jr"})
    themselves = stack.client(organisation, permissions=["api.access", VIEW_SELF], employee_id=person, name=NAME)
    assert (await themselves.post(CALENDARS, {"kind": "person", "id": person})).status == 201
    url = stack.enrollment_database_url
    assert words_in(await rows(url, OWNED, organisation)) == list(WORDS)
    answer = await erase(admin, person)
    assert answer.status == 200, answer.text
    assert (answer.data["id"], answer.data["type"]) == (person, "employee")
    assert words_in(await rows(url, OWNED, organisation)) == []


async def test_control_without_the_audit_trail_it_is_noticed(
    stack: Stack, admin: Client, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> None:
        """What is written stays."""

    monkeypatch.setattr(store, "blank_trails", nothing)
    assert (await erase(admin, await trained(admin))).status == 200
    assert words_in(await rows(stack.enrollment_database_url, OWNED, organisation)) != []


async def test_figures_and_records_stay(stack: Stack, admin: Client, organisation: int) -> None:
    course = await new_course(admin, pass_score=50)
    session = await new_session(admin, course)
    person = await new_employee(admin, full_name=NAME)
    [enrollment] = await enroll(admin, session, person)
    await changed(admin, enrollment, "complete", {"score": 80, "feedback": f"{NAME} was good"})
    before = await shown(admin, enrollment)
    taken = (await admin.get(f"{SESSIONS}/{session}")).data["enrolled_count"]
    assert (await erase(admin, person)).status == 200
    after = await shown(admin, enrollment)
    blank = {"employee": {"id": person, "employee_id": "", "full_name": ""}, "feedback": None}
    assert after == {**before, **blank}
    assert (await admin.get(f"{SESSIONS}/{session}")).data["enrolled_count"] == taken

    async def records() -> list[dict[str, Any]]:
        found = (await admin.get(RECORDS)).json["data"]
        assert [each["person"]["name"] for each in found] == [""]
        return list(found)

    [record] = await eventually(records)
    assert (record["id"], record["result"]) == (enrollment, "passed")


async def test_where_nothing_has_to_be_kept_a_valid_certificate_is_no_obstacle(admin: Client) -> None:
    session = await new_session(admin, await new_course(admin, validity_months=120))
    person = await new_employee(admin, full_name=NAME)
    [enrollment] = await enroll(admin, session, person)
    await changed(admin, enrollment, "complete", {})
    assert (await erase(admin, person)).status == 200


async def test_erasing_twice_changes_nothing(stack: Stack, admin: Client, organisation: int) -> None:
    person = await trained(admin)
    first = await erase(admin, person)
    before = await rows(stack.enrollment_database_url, [*OWNED, "outbox"], organisation)
    again = await erase(admin, person)
    assert (again.status, again.json) == (200, first.json)
    after = await rows(stack.enrollment_database_url, [*OWNED, "outbox"], organisation)
    assert _without_publishing(after) == _without_publishing(before)


def _without_publishing(text: str) -> list[dict[str, Any]]:
    rows_ = map(json.loads, text.splitlines())
    kept = [{name: each[name] for name in each if name not in ("published_at", "retry_at")} for each in rows_]
    return sorted(kept, key=json.dumps)


async def test_what_was_written_at_that_moment_is_noticed_and_goes_with_another_erasure(
    stack: Stack, admin: Client, organisation: int
) -> None:
    """A correction that was under way does not see that its person was erased."""
    person = await trained(admin)
    assert (await erase(admin, person)).status == 200
    late = "UPDATE enrollments SET feedback = $2 WHERE employee_id = $1"
    await in_enrollment(stack, late, person, f"{NAME} was good")
    found = await verify(stack, "enrollment")
    assert f"enrollments of organisation {organisation}, id " in found.output
    assert "has something left of somebody who was erased" in found.output
    assert (await erase(admin, person)).status == 200
    assert words_in(await rows(stack.enrollment_database_url, OWNED, organisation)) == []
    assert f"organisation {organisation}," not in (await verify(stack, "enrollment")).output


async def test_who_was_removed_before_is_erased_too(stack: Stack, admin: Client, organisation: int) -> None:
    person = await trained(admin)
    assert (await admin.delete(f"{EMPLOYEES}/{person}")).status == 200
    assert (await erase(admin, person)).status == 200
    assert words_in(await rows(stack.enrollment_database_url, OWNED, organisation)) == []


async def test_what_has_not_begun_is_cancelled_and_its_seat_passed_on(admin: Client) -> None:
    _, seated, [first, *_] = await full_session_with_line(admin)
    person = (await shown(admin, seated))["employee"]["id"]
    assert (await erase(admin, person)).status == 200
    assert [(await shown(admin, each))["status"] for each in (seated, first)] == ["cancelled", "enrolled"]


async def test_nobody_is_erased_while_their_training_is_under_way(admin: Client) -> None:
    session = await new_session(admin, await new_course(admin), **BEGUN)
    person = await new_employee(admin, full_name=NAME)
    [enrollment] = await enroll(admin, session, person)
    refused = await erase(admin, person)
    assert (refused.status, refused.json["code"], refused.json["enrollments"]) == (409, "training_under_way", 1)
    assert (await admin.get(f"{EMPLOYEES}/{person}")).data["full_name"] == NAME
    await changed(admin, enrollment, "absent")
    assert (await erase(admin, person)).status == 200


async def test_the_trail_keeps_the_reason_without_the_name(admin: Client) -> None:
    person = await trained(admin)
    assert (await erase(admin, person, reason=f"{NAME} ({NUMBER}) asked: quarterstaff!")).status == 200
    last = (await admin.get(f"{EMPLOYEES}/{person}/audit")).json["data"][-1]
    assert (last["action"], last["changes"]) == ("employee.erased", {"reason": {"from": None, "to": "… (…) asked: …!"}})
    assert last["changed_by"]["name"] == "Test Admin"


async def test_nobody_comes_back_under_that_id(admin: Client) -> None:
    person = await trained(admin)
    assert (await erase(admin, person)).status == 200
    for path in (EMPLOYEES, STAFF):
        answer = await admin.put(f"{path}/{person}", {"employee_id": "E-1", "full_name": "Comes Back"})
        assert (answer.status, answer.json["code"]) == (409, "person_erased")
    assert (await admin.get(f"{EMPLOYEES}/{person}")).status == 404
    assert (await ask_to_enroll(admin, await new_session(admin, await new_course(admin)), person)).status == 422


async def test_nothing_new_is_written_about_them(stack: Stack, admin: Client, organisation: int) -> None:
    session = await new_session(admin, await new_course(admin))
    person = await somebody_trained(admin, session)
    [enrollment] = [each["id"] for each in (await admin.get(ENROLLMENTS, employee_id=person)).json["data"]]
    record = await submitted(admin, person)
    assert (await erase(admin, person)).status == 200
    told = [
        await admin.patch(f"{ENROLLMENTS}/{enrollment}/complete", {"feedback": NAME}),
        await admin.patch(f"{ENROLLMENTS}/{enrollment}/reopen", {"reason": NAME}),
        await decide(admin, record, "reject"),
    ]
    assert [(each.status, each.json["code"]) for each in told] == [(409, "person_erased")] * 3
    body = {"attendance": [{"enrollment_id": enrollment, "outcome": "completed", "feedback": NAME}]}
    [result] = (await admin.post(f"{SESSIONS}/{session}/attendance", body)).data["results"]
    assert (result["result"], result["code"]) == ("refused", "person_erased")
    assert words_in(await rows(stack.enrollment_database_url, OWNED, organisation)) == []


async def test_who_was_merged_into_them_is_erased_with_them(stack: Stack, admin: Client, organisation: int) -> None:
    one, other = await trained(admin), await new_staff(admin)
    merged = await admin.request("POST", f"{EMPLOYEES}/{one}/merge", json={"into": other}, headers={"If-Match": "*"})
    assert merged.status == 200, merged.text
    refused = await erase(admin, one)
    assert (refused.status, refused.json["merged_into"]) == (404, other)
    assert (await erase(admin, other, STAFF)).status == 200
    assert words_in(await rows(stack.enrollment_database_url, OWNED, organisation)) == []


async def test_another_organisation_erases_nobody_here(stack: Stack, admin: Client) -> None:
    person = await new_employee(admin, full_name=NAME)
    stranger = stack.client(new_organisation())
    assert (await erase(stranger, person)).status == 404
    assert (await admin.get(f"{EMPLOYEES}/{person}")).data["full_name"] == NAME


@pytest.fixture
def ten_years(monkeypatch: pytest.MonkeyPatch) -> None:
    """For so long records have to be kept."""
    erase_kept = use_case.erase

    async def kept(*arguments: Any, **named: Any) -> Document:
        return await erase_kept(*arguments, **{**named, "keep_years": 10})

    monkeypatch.setattr(use_case, "erase", kept)


@pytest.mark.usefixtures("ten_years")
@pytest.mark.parametrize(
    ("completed_at", "valid_until", "possible_from"),
    [
        ("2025-03-03T08:00:00Z", "2030-03-03T08:00:00Z", "2040-03-03T08:00:00.000000Z"),
        ("2024-02-29T08:00:00Z", None, "2034-02-28T08:00:00.000000Z"),
        ("2001-03-03T08:00:00Z", None, None),
    ],
)
async def test_whose_records_have_to_be_kept_stays(
    stack: Stack,
    admin: Client,
    organisation: int,
    completed_at: str,
    valid_until: str | None,
    possible_from: str | None,
) -> None:
    person = await new_employee(admin, full_name=NAME)
    dates = {"completed_at": completed_at, **({"valid_until": valid_until} if valid_until else {})}
    await accepted(admin, stack.client(organisation), person, **dates)
    answer = await erase(admin, person)
    if possible_from is None:
        assert answer.status == 200, answer.text
    else:
        refused = (answer.status, answer.json["code"], answer.json["possible_from"])
        assert refused == (409, "records_must_be_kept", possible_from)
        assert (await admin.get(f"{EMPLOYEES}/{person}")).data["full_name"] == NAME


@pytest.mark.usefixtures("ten_years")
async def test_who_has_no_records_is_erased_at_once(admin: Client) -> None:
    assert (await erase(admin, await new_employee(admin, full_name=NAME))).status == 200


async def test_history_has_no_name_and_verify_agrees(stack: Stack, admin: Client, organisation: int) -> None:
    person = await trained(admin)
    assert (await erase(admin, person)).status == 200
    await everything_is_followed(stack)

    async def is_blank() -> bool:
        return words_in(await rows(stack.history_database_url, ("people", "records"), organisation)) == []

    await eventually(is_blank)
    for service in ("history", "enrollment"):
        outcome = await verify(stack, service)
        assert str(organisation) not in outcome.output, outcome.output


async def test_the_feed_says_nothing_either(stack: Stack, admin: Client) -> None:
    person = await trained(admin)

    async def feed(last: str) -> str:
        """All of it, once an event of this type about the person is there."""
        answer = await admin.get(EVENTS, limit=1000)
        found = [each["type"] for each in answer.json["data"] if each["data"].get("id") == person]
        assert f"training.employee.{last}.v1" in found
        return answer.text

    assert words_in(await eventually(partial(feed, "saved"))) != []
    assert (await erase(admin, person)).status == 200

    async def is_blank() -> bool:
        return words_in(await feed("erased")) == []

    await eventually(is_blank, deadline=40)


async def test_of_two_at_once_one_erases(stack: Stack, admin: Client, organisation: int) -> None:
    person = await trained(admin)
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(erase(admin, person) for _ in range(4)))
    assert [each.status for each in answers] == [200] * 4
    trail = (await admin.get(f"{EMPLOYEES}/{person}/audit")).json["data"]
    assert [each["action"] for each in trail].count("employee.erased") == 1
