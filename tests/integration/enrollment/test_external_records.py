"""Training done elsewhere: one submits it, another accepts or rejects it, and only then does it count."""

from typing import Any

import pytest

from shared.auth.internal_token import API_ACCESS, ENROLL_COMPANY, ENROLL_SELF, VIEW
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.external_records import AT, accepted, ask_to_submit, decide, decided, known_course, submitted
from tests.support.history_client import Attendee
from tests.support.stack import Stack
from tests.support.world import COURSES, EMPLOYEES, RECORDS, SUBMISSIONS, new_employee

COMPANY = {"id": 77, "name": "ABC Contractors Pty Ltd"}


@pytest.fixture
def judge(stack: Stack, organisation: int) -> Client:
    """Somebody else than `admin`, who submits."""
    return stack.client(organisation, sub="judge-1", name="Judy Judge")


async def shown(client: Client, record_id: int) -> dict[str, Any]:
    answer = await client.get(f"{RECORDS}/{record_id}")
    assert answer.status == 200, answer.text
    return dict(answer.data)


def refusal(answer: Answer) -> tuple[int, str, Any]:
    return answer.status, answer.json["code"], answer.json.get("errors")


async def test_what_was_submitted_and_accepted_stands_in_the_history(admin: Client, judge: Client) -> None:
    attendee = Attendee(admin, await new_employee(admin, full_name="John Doe", company=COMPANY))
    record_id = await submitted(admin, attendee.id, valid_until="2028-03-03T08:00:00Z", evidence="Card 4711")
    pending = await attendee.record(record_id, status="proposed")
    assert (pending["result"], pending["completed_at"], pending["valid_until"]) == (None, None, None)
    record = await decided(judge, record_id)
    assert (record["status"], record["decided_by"]) == ("accepted", {"subject": "judge-1", "name": "Judy Judge"})
    assert await attendee.record(record_id, status="completed") == {
        "id": record_id,
        "type": "offline",
        "training_name": "First Aid",
        "training_type": "external",
        "completed_at": "2025-03-03T08:00:00+00:00",
        "status": "completed",
        "result": "attended",
        "valid_until": "2028-03-03T08:00:00+00:00",
        "person": {"id": attendee.id, "type": "employee", "name": "John Doe", "company": COMPANY["name"]},
        "projects": [],
        "labels": [],
        "provider": "Red Cross",
        "session": None,
    }


async def test_a_record_is_shown_as_it_was_submitted(admin: Client) -> None:
    person, course = await new_employee(admin, employee_id="E-1", full_name="John Doe"), await known_course(admin)
    answer = await ask_to_submit(
        admin, person, course_id=course, score=82.5, certificate_url="https://x.example/1", evidence="Card\n4711"
    )
    assert (answer.status, answer.json["message"]) == (201, "Record submitted")
    record_id = answer.data["id"]
    assert answer.headers["Location"].endswith(f"{RECORDS}/{record_id}")
    assert answer.data["submitted_by"]["name"] == "Test Admin"
    told = {name: value for name, value in answer.data.items() if not name.startswith("submitted_")}
    assert told == {
        "id": record_id,
        "source": "external",
        "key": None,
        "employee": {"id": person, "employee_id": "E-1", "full_name": "John Doe"},
        "course": {"id": course, "title": "Leadership Essentials"},
        "training_name": "Leadership Essentials",
        "provider": "Red Cross",
        "status": "pending",
        "completed_at": "2025-03-03T08:00:00.000000Z",
        "valid_until": None,
        "score": 82.5,
        "passed": None,
        "certificate_url": "https://x.example/1",
        "evidence": "Card\n4711",
        "decided_at": None,
        "decided_by": None,
        "reason": None,
    }
    assert await shown(admin, record_id) == answer.data


async def test_the_list_shows_what_waits_with_the_newest_first(admin: Client, judge: Client) -> None:
    one, other, course = await new_employee(admin), await new_employee(admin), await known_course(admin)
    first, second, third = [await submitted(admin, one), await submitted(admin, other), await submitted(admin, one)]
    of_course = await submitted(admin, one, course_id=course)
    await decided(judge, second)
    await decided(judge, third, "reject")

    async def found(**query: Any) -> list[int]:
        return [item["id"] for item in (await admin.get(SUBMISSIONS, **query)).data]

    assert await found() == [of_course, third, second, first]
    assert await found(status="pending") == [of_course, first]
    assert await found(status="accepted") == [second]
    assert await found(status="rejected", employee_id=one) == [third]
    assert await found(course_id=course) == [of_course]


UNKNOWN_PERSON = {"employee_id": ["The selected employee does not exist."]}
UNKNOWN_COURSE = {"course_id": ["The selected course does not exist."]}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "both": ({"course_id": 1, "training_name": "First Aid"}, "body"),
    "neither": ({"training_name": None}, "body"),
    "blank provider": ({"provider": " "}, "provider"),
    "ends before": ({"valid_until": "2025-03-03T08:00:00Z"}, "valid_until"),
    "no link": ({"certificate_url": "javascript:alert(1)"}, "certificate_url"),
    "score": ({"score": 100.01}, "score"),
    "ahead": ({"completed_at": "2200-01-01T00:00:00Z"}, "completed_at"),
    "course": ({"course_id": 2**60}, "course_id"),
    "unknown field": ({"status": "accepted"}, "status"),
}


@pytest.mark.parametrize("what", BAD)
async def test_bad_input_is_refused_and_leaves_nothing(admin: Client, what: str) -> None:
    fields, field = BAD[what]
    answer = await ask_to_submit(admin, await new_employee(admin), **fields)
    assert answer.status == 422, answer.text
    assert list(answer.json["errors"]) == [field]
    assert (await admin.get(SUBMISSIONS)).json["meta"]["total"] == 0


async def test_a_person_who_is_not_there_has_no_records(admin: Client) -> None:
    person = await new_employee(admin)
    await admin.delete(f"{EMPLOYEES}/{person}")
    for nobody in (person, person + 1):
        assert refusal(await ask_to_submit(admin, nobody)) == (422, "validation_failed", UNKNOWN_PERSON)


async def test_a_course_that_was_deleted_cannot_be_named(admin: Client) -> None:
    person, course = await new_employee(admin), await known_course(admin)
    assert (await admin.delete(f"{COURSES}/{course}")).status == 200

    async def unknown() -> bool:
        answer = await ask_to_submit(admin, person, course_id=course)
        return answer.status == 422 and refusal(answer) == (422, "validation_failed", UNKNOWN_COURSE)

    await eventually(unknown)


async def test_whoever_submitted_it_cannot_accept_it(admin: Client, judge: Client) -> None:
    record_id = await submitted(admin, await new_employee(admin))
    for _ in range(2):
        answer = await decide(admin, record_id, "accept")
        assert refusal(answer)[:2] == (409, "own_record")
    assert (await shown(admin, record_id))["status"] == "pending"
    await decided(judge, record_id)
    assert refusal(await decide(admin, record_id, "accept"))[:2] == (409, "own_record")


async def test_nobody_accepts_what_is_about_them(stack: Stack, admin: Client, organisation: int) -> None:
    person = await new_employee(admin)
    trained = stack.client(organisation, employee_id=person)
    record_id = await submitted(admin, person)
    assert refusal(await decide(trained, record_id, "accept"))[:2] == (409, "own_record")


async def test_whoever_submitted_it_may_reject_it(admin: Client) -> None:
    record_id = await submitted(admin, await new_employee(admin))
    assert (await decided(admin, record_id, "reject"))["status"] == "rejected"


async def test_a_rejected_record_is_cancelled_in_the_history_and_says_why(admin: Client, judge: Client) -> None:
    attendee = Attendee(admin, await new_employee(admin))
    record_id = await submitted(admin, attendee.id, valid_until="2190-01-01T00:00:00Z")
    record = await decided(judge, record_id, "reject")
    assert (record["status"], record["reason"]) == ("rejected", "The card is of somebody else")
    told = await attendee.record(record_id, status="cancelled")
    assert (told["result"], told["completed_at"], told["valid_until"]) == (None, None, None)
    assert refusal(await decide(judge, record_id, "accept"))[:2] == (409, "conflict")


@pytest.mark.parametrize("decision", ["accept", "reject"])
async def test_a_decision_again_changes_nothing(admin: Client, judge: Client, decision: str) -> None:
    record_id = await submitted(admin, await new_employee(admin))
    answers = [await decide(judge, record_id, decision) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]
    assert len((await admin.get(f"{RECORDS}/{record_id}/audit")).data) == 2


async def test_a_decision_about_an_older_version_is_refused(admin: Client, judge: Client) -> None:
    record_id = await submitted(admin, await new_employee(admin))
    tag = (await admin.get(f"{RECORDS}/{record_id}")).headers["ETag"]
    assert (await decide(judge, record_id, "accept", **{"If-Match": tag})).status == 200
    assert (await decide(judge, record_id, "reject", **{"If-Match": tag})).status == 412
    assert (await shown(admin, record_id))["status"] == "accepted"


async def test_a_record_of_somebody_who_left_is_kept_and_not_accepted(admin: Client, judge: Client) -> None:
    person = await new_employee(admin)
    kept, waiting = await accepted(admin, judge, person), await submitted(admin, person)
    await admin.delete(f"{EMPLOYEES}/{person}")
    assert refusal(await decide(judge, waiting, "accept"))[:2] == (409, "conflict")
    assert [(await shown(admin, each))["status"] for each in (kept, waiting)] == ["accepted", "pending"]
    assert (await decided(judge, waiting, "reject"))["status"] == "rejected"


async def test_the_audit_trail_says_who_did_what(admin: Client, judge: Client) -> None:
    record_id = await submitted(admin, await new_employee(admin))
    await decided(judge, record_id)
    await decided(judge, record_id, "reject")
    entries = (await admin.get(f"{RECORDS}/{record_id}/audit")).data
    assert [(entry["version"], entry["action"]) for entry in entries] == [
        (1, "record.submitted"),
        (2, "record.accepted"),
        (3, "record.rejected"),
    ]
    assert [entry["changed_by"]["name"] for entry in entries] == ["Test Admin", "Judy Judge", "Judy Judge"]
    assert entries[2]["changes"]["reason"] == {"from": None, "to": "The card is of somebody else"}
    assert entries[2]["changes"]["status"] == {"from": "accepted", "to": "rejected"}


async def test_a_closed_record_shows_what_was_true_when_it_closed(admin: Client, judge: Client) -> None:
    attendee = Attendee(admin, await new_employee(admin, company=COMPANY))
    course = await known_course(admin, title="Old", labels=[{"id": 3, "name": "old"}], delivery_mode="online")
    closed = await accepted(admin, judge, attendee.id, course_id=course)
    pending = await submitted(admin, attendee.id, course_id=course)
    await admin.patch(f"{COURSES}/{course}", {"title": "New", "labels": [{"id": 4, "name": "new"}]})
    await admin.put(f"{EMPLOYEES}/{attendee.id}", {"employee_id": "E", "full_name": "Jane Roe"})
    person = {"id": attendee.id, "type": "employee", "name": "Jane Roe"}
    offline = {"type": "offline", "training_type": "external"}
    now = {"training_name": "New", "labels": ["new"], "person": {**person, "company": None}}
    then = {"training_name": "Old", "labels": ["old"], "person": {**person, "company": COMPANY["name"]}}
    await attendee.record(pending, **now, **offline)
    await attendee.record(closed, **then, **offline)
    assert await attendee.found(label_id=3, company_id=77) == [closed]
    assert [(await shown(admin, each))["training_name"] for each in (closed, pending)] == ["Old", "New"]


async def test_histories_find_it_by_its_day_and_its_status(admin: Client, judge: Client) -> None:
    attendee = Attendee(admin, await new_employee(admin))
    closed, pending = await accepted(admin, judge, attendee.id), await submitted(admin, attendee.id)
    await attendee.record(closed, status="completed")
    await attendee.record(pending, status="proposed")
    assert await attendee.found(date_from="2025-03-03", date_to="2025-03-03", status="completed") == [closed]
    assert await attendee.found(date_from="2025-03-04") == []
    assert await attendee.found(status="proposed", type="offline") == [pending]
    assert await attendee.found(status="upcoming") == []
    assert await attendee.found(type="online") == []


async def test_an_employee_submits_their_own_training_alone(stack: Stack, admin: Client, organisation: int) -> None:
    person, other = await new_employee(admin), await new_employee(admin)
    employee = stack.client(organisation, permissions=[API_ACCESS, ENROLL_SELF], employee_id=person)
    assert (await ask_to_submit(employee, person)).status == 201
    assert refusal(await ask_to_submit(employee, other))[:2] == (403, "permission_denied")
    viewer = stack.client(organisation, permissions=[API_ACCESS, VIEW], employee_id=person)
    assert refusal(await ask_to_submit(viewer, person))[:2] == (403, "permission_denied")


async def test_a_coordinator_submits_training_of_their_companies_people(
    stack: Stack, admin: Client, organisation: int
) -> None:
    theirs, other = await new_employee(admin, company=COMPANY), await new_employee(admin)
    coordinator = stack.client(organisation, permissions=[API_ACCESS, ENROLL_COMPANY], company_ids=[COMPANY["id"]])
    assert (await ask_to_submit(coordinator, theirs)).status == 201
    assert refusal(await ask_to_submit(coordinator, other)) == (422, "validation_failed", UNKNOWN_PERSON)


async def test_a_submission_sent_again_makes_one_record(admin: Client) -> None:
    person = await new_employee(admin)
    body = {"employee_id": person, "training_name": "First Aid", "provider": "Red Cross", "completed_at": AT}
    answers = [await admin.post(RECORDS, body, **{"Idempotency-Key": "submission-1"}) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].text == answers[1].text
    assert (await admin.get(SUBMISSIONS)).json["meta"]["total"] == 1
