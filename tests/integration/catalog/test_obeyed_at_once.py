"""What the catalog has acknowledged holds for the next request to enrollment (contract, section 3; decision 4)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.catalog.enrollment_client import EnrollmentClient
from services.enrollment.store import agreed_status
from tests.support.client import Client, new_organisation
from tests.support.eventually import eventually
from tests.support.lifecycle import catalog_counts, in_enrollment, line_up, statuses_of, transfer
from tests.support.obeyed import AGREED, CASES, Try, disobeyed
from tests.support.services_apart import catalog_without_enrollment
from tests.support.stack import Stack, running_stack
from tests.support.world import COURSES, SESSIONS, ask_to_enroll, enroll, new_course, new_employee, new_session

TRIES = 40
NOTIFIED = [case for case in CASES if case not in AGREED]
UNNOTIFIED = "enrollment could not be notified of a change"


@pytest.fixture(scope="module")
async def stack_without_events() -> AsyncIterator[Stack]:
    """The catalog publishes nothing: enrollment knows what it was asked for and notified of."""
    async with running_stack(roles={"catalog": "api"}) as stack:
        yield stack


@pytest.fixture
def alone(stack_without_events: Stack) -> Client:
    """An administrator where there are no events."""
    return stack_without_events.client(new_organisation())


async def not_asked(*_: Any, **__: Any) -> dict[int, int]:
    return {}


@pytest.mark.parametrize("case", CASES)
async def test_the_next_request_obeys(admin: Client, case: Try) -> None:
    assert await disobeyed(admin, case, TRIES) == []


@pytest.mark.parametrize("case", CASES)
async def test_the_next_request_obeys_before_any_event(alone: Client, case: Try) -> None:
    assert await disobeyed(alone, case, 1) == []


@pytest.mark.parametrize("case", AGREED)
async def test_what_closes_holds_without_a_notification(
    alone: Client, monkeypatch: pytest.MonkeyPatch, case: Try
) -> None:
    monkeypatch.setattr(EnrollmentClient, "notify", not_asked)
    assert await disobeyed(alone, case, 1) == []


@pytest.mark.parametrize("case", NOTIFIED)
async def test_control_without_the_notification_the_next_request_does_not_obey(
    alone: Client, monkeypatch: pytest.MonkeyPatch, case: Try
) -> None:
    monkeypatch.setattr(EnrollmentClient, "notify", not_asked)
    assert len(await disobeyed(alone, case, 1)) == 1


@pytest.mark.parametrize("case", AGREED)
async def test_control_without_the_agreement_what_closes_does_not_hold(
    alone: Client, monkeypatch: pytest.MonkeyPatch, case: Try
) -> None:
    monkeypatch.setattr(EnrollmentClient, "notify", not_asked)
    monkeypatch.setattr(EnrollmentClient, "agree_change", not_asked)
    assert len(await disobeyed(alone, case, 1)) == 1


async def test_who_is_enrolled_in_a_session_is_cancelled_with_it_before_any_event(alone: Client) -> None:
    session_id = await new_session(alone, await new_course(alone), max_participants=1)
    [seated] = await enroll(alone, session_id, await new_employee(alone))
    [waiting] = await line_up(alone, session_id, await new_employee(alone))
    assert (await alone.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"})).status == 200
    assert await statuses_of(alone, seated, waiting) == ["cancelled", "cancelled"]


async def test_who_is_cancelled_with_a_session_is_by_the_request_that_cancelled_it(alone: Client) -> None:
    session_id = await new_session(alone, await new_course(alone))
    [enrollment_id] = await enroll(alone, session_id, await new_employee(alone))
    answer = await alone.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"})
    entries = (await alone.get(f"/api/v1/training/enrollments/{enrollment_id}/audit")).data
    [entry] = [entry for entry in entries if entry["action"] == "enrollment.cancelled"]
    assert entry["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"max_participants": 1}])
async def test_a_session_is_closed_although_its_course_has_not_arrived(alone: Client, change: dict[str, Any]) -> None:
    session_id = await new_session(alone, await new_course(alone))
    assert (await alone.patch(f"{SESSIONS}/{session_id}", {"location": "Elsewhere"})).status == 200
    assert (await alone.patch(f"{SESSIONS}/{session_id}", change)).status == 200


async def test_a_repeated_change_is_notified_again(alone: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer may have been lost."""
    session_id = await new_session(alone, await new_course(alone), max_participants=1)
    await enroll(alone, session_id, await new_employee(alone))
    with monkeypatch.context() as patched:
        patched.setattr(EnrollmentClient, "notify", not_asked)
        await alone.patch(f"{SESSIONS}/{session_id}", {"max_participants": 2})
    assert (await ask_to_enroll(alone, session_id, person := await new_employee(alone))).status == 422
    await alone.patch(f"{SESSIONS}/{session_id}", {"max_participants": 2})
    assert (await ask_to_enroll(alone, session_id, person)).status == 201


@pytest.mark.parametrize("status", ["completed", "cancelled"])
async def test_nobody_enrolls_after_a_session_was_closed_however_many_try(alone: Client, status: str) -> None:
    session_id = await new_session(alone, await new_course(alone))
    assert (await alone.patch(f"{SESSIONS}/{session_id}", {"status": "in_progress"})).status == 200
    closed = asyncio.Event()

    async def close() -> None:
        assert (await alone.patch(f"{SESSIONS}/{session_id}", {"status": status})).status == 200
        closed.set()

    async def keep_enrolling(late: list[int]) -> None:
        while len(late) < 3:
            person, was_closed = await new_employee(alone), closed.is_set()
            answer = await ask_to_enroll(alone, session_id, person)
            if was_closed:
                late.append(answer.status)

    late: list[int] = []
    await asyncio.gather(close(), *(keep_enrolling(late) for _ in range(4)))
    assert set(late) == {422}


async def test_two_who_close_a_session_at_once_agree_on_one_of_them(alone: Client) -> None:
    for _ in range(4):
        session_id = await new_session(alone, await new_course(alone))
        await alone.patch(f"{SESSIONS}/{session_id}", {"status": "in_progress"})
        changes = [{"status": "completed"}, {"status": "cancelled"}, {"max_participants": 5}, {"location": "Elsewhere"}]
        answers = await asyncio.gather(*(alone.patch(f"{SESSIONS}/{session_id}", change) for change in changes))
        assert {answer.status for answer in answers} <= {200, 409}
        shown = (await alone.get(f"{SESSIONS}/{session_id}")).data
        enrolled = await ask_to_enroll(alone, session_id, await new_employee(alone))
        closed = shown["status"] in ("completed", "cancelled")
        assert enrolled.json.get("code") == ("session_closed" if closed else None), (shown, enrolled.text)


async def test_while_enrollment_is_unavailable_nothing_closes_and_the_rest_is_acknowledged(
    stack: Stack, admin: Client, organisation: int, caplog: pytest.LogCaptureFixture
) -> None:
    course_id = await new_course(admin, pass_score=50)
    session_id = await new_session(admin, course_id, max_participants=1)
    [enrollment_id] = await enroll(admin, session_id, await new_employee(admin))
    await catalog_counts(admin, session_id, 1)
    before = await admin.get(f"{SESSIONS}/{session_id}")
    async with catalog_without_enrollment(stack) as url:
        apart = stack.direct("catalog", organisation, url=url)
        closing = await apart.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"})
        assert (closing.status, closing.json["code"]) == (503, "upstream_unavailable")
        after = await admin.get(f"{SESSIONS}/{session_id}")
        assert (after.text, after.headers["ETag"]) == (before.text, before.headers["ETag"])
        assert UNNOTIFIED not in caplog.text
        answer = await apart.patch(f"{COURSES}/{course_id}", {"pass_score": 80})
        assert (answer.status, answer.data["pass_score"]) == (200, 80)
        assert sum(UNNOTIFIED in record.message for record in caplog.records) == 1

    async def the_event_does_it() -> bool:
        path = f"/api/v1/training/enrollments/{enrollment_id}/complete"
        return bool((await admin.patch(path, {"score": 60})).data["status"] == "failed")

    await eventually(the_event_does_it)


async def agreed_on_closing(stack: Stack, client: Client, organisation: int) -> int:
    """A session that enrollment has agreed to close, which the catalog has then not done."""
    session_id = await new_session(client, await new_course(client))
    [enrollment_id] = await enroll(client, session_id, await new_employee(client))
    wanted = {"max_participants": 20, "version": 2, "status": "cancelled"}
    catalog = stack.direct("enrollment", organisation, ["internal.seats"])
    assert (await catalog.post(f"/internal/sessions/{session_id}/capacity", wanted)).status == 200
    assert await statuses_of(client, enrollment_id) == ["enrolled"]
    return session_id


async def test_an_agreement_that_was_not_committed_ends_with_the_next_change(
    stack: Stack, admin: Client, organisation: int
) -> None:
    session_id = await agreed_on_closing(stack, admin, organisation)
    person = await new_employee(admin)
    assert (await ask_to_enroll(admin, session_id, person)).json["code"] == "session_closed"
    await admin.patch(f"{SESSIONS}/{session_id}", {"location": "Elsewhere"})
    assert (await ask_to_enroll(admin, session_id, person)).status == 201


async def test_the_catalog_is_asked_what_became_of_an_agreement_of_long_ago(
    stack: Stack, admin: Client, organisation: int
) -> None:
    session_id = await agreed_on_closing(stack, admin, organisation)
    person = await new_employee(admin)
    assert (await ask_to_enroll(admin, session_id, person)).json["code"] == "session_closed"
    await long_ago(stack, session_id)
    assert (await ask_to_enroll(admin, session_id, person)).status == 201


async def test_the_catalog_is_asked_before_a_transfer_as_well(stack: Stack, admin: Client, organisation: int) -> None:
    session_id = await agreed_on_closing(stack, admin, organisation)
    course_id = (await admin.get(f"{SESSIONS}/{session_id}")).data["course"]["id"]
    [enrollment_id] = await enroll(admin, await new_session(admin, course_id), await new_employee(admin))
    assert (await transfer(admin, enrollment_id, session_id)).json["code"] == "session_closed"
    await long_ago(stack, session_id)
    assert (await transfer(admin, enrollment_id, session_id)).status == 200


async def test_control_without_doubt_nobody_is_ever_enrolled_again(
    stack: Stack, admin: Client, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> None:
        pass

    monkeypatch.setattr(agreed_status, "forget_doubted", never)
    session_id = await agreed_on_closing(stack, admin, organisation)
    await long_ago(stack, session_id)
    assert (await ask_to_enroll(admin, session_id, await new_employee(admin))).status == 422


async def test_an_agreement_of_long_ago_that_was_committed_holds(
    stack_without_events: Stack, alone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await new_session(alone, await new_course(alone))
    monkeypatch.setattr(EnrollmentClient, "notify", not_asked)
    await alone.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"})
    await long_ago(stack_without_events, session_id)
    answer = await ask_to_enroll(alone, session_id, await new_employee(alone))
    assert answer.json["code"] == "session_closed"


async def long_ago(stack: Stack, session_id: int) -> None:
    """As if the agreement about the session was made a minute earlier."""
    earlier = "UPDATE sessions SET status_agreed_at = status_agreed_at - interval '1 minute' WHERE id = $1"
    await in_enrollment(stack, earlier, session_id)
