"""What `as_of` takes and refuses, whose histories it shows, and what it cannot say (contract, section 5)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment.app import MIGRATIONS
from services.history import owners
from services.history.app import SERVICE
from services.history.settings import HistorySettings
from shared.auth.trust import KNOWN
from shared.http.service_client import ServiceClient
from shared.projections.snapshot import KNOWN_PATH
from shared.service.chassis import build_app
from tests.support.caught_up import history_has_caught_up
from tests.support.client import Answer, Client
from tests.support.erasing import WORDS, erase, somebody_trained
from tests.support.external_records import submitted
from tests.support.following import CURSOR
from tests.support.history_client import Attendee, history_of
from tests.support.lifecycle import changed, in_enrollment
from tests.support.past_completions import imported_completions
from tests.support.stack import Stack, serving
from tests.support.world import (
    BEGUN,
    COURSES,
    EMPLOYEES,
    SESSIONS,
    STAFF,
    enroll,
    new_course,
    new_employee,
    new_session,
    new_staff,
)

UNDER_WAY: dict[str, Any] = dict(BEGUN)


def now() -> str:
    return datetime.now(UTC).isoformat()


async def completed(attendee: Attendee, **completion: Any) -> int:
    enrollment_id = await attendee.attends(**UNDER_WAY)
    await changed(attendee.client, enrollment_id, "complete", completion)
    return enrollment_id


async def test_what_was_recorded_later_was_not_known(attendee: Attendee) -> None:
    """However long ago it was completed."""
    enrollment_id = await attendee.attends(**UNDER_WAY)
    before = now()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    await changed(attendee.client, enrollment_id, "complete", {"completed_at": yesterday})
    after = now()
    await attendee.record(enrollment_id, status="completed")
    [then] = (await attendee.ask(as_of=before)).data
    assert (then["status"], then["completed_at"]) == ("confirmed", None)
    [later] = (await attendee.ask(as_of=after)).data
    assert (later["status"], later["completed_at"][:19]) == ("completed", yesterday[:19])


async def test_before_somebody_was_known_there_is_nothing(attendee: Attendee) -> None:
    await attendee.record(await attendee.attends())
    answer = await attendee.ask(as_of="1999-01-01T00:00:00Z")
    assert (answer.status, answer.data, answer.json["meta"]["total"]) == (200, [], 0)


async def test_staff_have_it_too(admin: Client) -> None:
    attendee = Attendee(admin, await new_staff(admin), STAFF)
    enrollment_id = await attendee.attends()
    await attendee.record(enrollment_id)
    before = now()
    await changed(admin, enrollment_id, "cancel")
    await attendee.record(enrollment_id, status="cancelled")
    assert [each["status"] for each in (await attendee.ask(as_of=before)).data] == ["confirmed"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"as_of": "2999-01-01T00:00:00Z"}, "Must not be in the future."),
        ({"as_of": "2020-01-01T00:00:00Z", "updated_since": "2020-01-01T00:00:00Z"}, "updated_since"),
        ({"as_of": "2020-01-01"}, ""),
        ({"as_of": ""}, ""),
        ({"as_of": "1899-12-31T00:00:00Z"}, ""),
    ],
)
async def test_a_moment_that_cannot_be_looked_back_at_is_refused(
    attendee: Attendee, query: dict[str, str], named: str
) -> None:
    await attendee.record(await attendee.attends())
    answer = await attendee.ask(**query)
    assert (answer.status, list(answer.json["errors"])) == (422, ["as_of"])
    assert named in answer.json["errors"]["as_of"][0]


async def test_lists_of_all_people_have_no_such_parameter(admin: Client) -> None:
    for path in ("/api/v1/training/records", "/api/v1/training"):
        answer = await admin.get(path, as_of="2020-01-01T00:00:00Z")
        assert (answer.status, list(answer.json["errors"])) == (422, ["as_of"])


async def test_a_walk_shows_each_record_once_and_leads_nowhere(attendee: Attendee) -> None:
    wanted = {await attendee.attends() for _ in range(5)}
    await attendee.records(5)
    moment = now()
    await attendee.attends()
    await attendee.records(6)
    found: list[int] = []
    answer = await attendee.ask(as_of=moment, cursor="", per_page=2)
    assert CURSOR not in answer.headers
    while True:
        found += [record["id"] for record in answer.data]
        following = answer.json["meta"]["next_cursor"]
        if following is None:
            break
        answer = await attendee.ask(as_of=moment, cursor=following, per_page=2)
        assert answer.status == 200, answer.text
    assert (len(found), set(found)) == (5, wanted)


async def test_a_cursor_of_another_moment_is_refused(attendee: Attendee) -> None:
    for _ in range(3):
        await attendee.attends()
    await attendee.records(3)
    answer = await attendee.ask(as_of=now(), cursor="", per_page=1)
    other = await attendee.ask(as_of=now(), cursor=answer.json["meta"]["next_cursor"], per_page=1)
    assert (other.status, list(other.json["errors"])) == (422, ["cursor"])


async def test_pages_link_to_the_same_moment(attendee: Attendee) -> None:
    for _ in range(2):
        await attendee.attends()
    await attendee.records(2)
    answer = await attendee.ask(as_of="2026-01-01T01:02:03.000004+05:00", per_page=1)
    assert "Link" not in answer.headers  # nothing was known then
    answer = await attendee.ask(as_of=now(), per_page=1)
    assert "as_of=" in answer.headers["Link"]


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson"])
async def test_an_export_has_what_was_known(attendee: Attendee, accept: str) -> None:
    enrollment_id = await attendee.attends()
    await attendee.record(enrollment_id)
    moment = now()
    await changed(attendee.client, enrollment_id, "cancel")
    await attendee.record(enrollment_id, status="cancelled")
    path = history_of(EMPLOYEES, attendee.id)
    answer = await attendee.client.request("GET", path, params={"as_of": moment}, headers={"Accept": accept})
    assert answer.status == 200, answer.text
    assert CURSOR not in answer.headers
    assert ("confirmed" in answer.text, "cancelled" in answer.text) == (True, False)


async def test_an_export_as_of_the_future_is_refused_before_it_begins(attendee: Attendee) -> None:
    await attendee.record(await attendee.attends())
    answer = await attendee.client.request(
        "GET",
        history_of(EMPLOYEES, attendee.id),
        params={"as_of": "2999-01-01T00:00:00Z"},
        headers={"Accept": "text/csv"},
    )
    assert (answer.status, list(answer.json["errors"])) == (422, ["as_of"])


async def test_whose_history_may_be_seen_is_decided_now(stack: Stack, admin: Client, organisation: int) -> None:
    """Not by what was true then, and nobody is asked about somebody who is out of sight."""
    one, other = {"id": 1, "name": "ABC"}, {"id": 2, "name": "Zeal"}
    attendee = Attendee(admin, await new_employee(admin, company=one))
    await attendee.record(await attendee.attends())
    moment = now()
    moved = {"employee_id": "E-1", "full_name": "John Doe", "company": other}
    assert (await admin.put(f"{EMPLOYEES}/{attendee.id}", moved)).status == 200
    await history_has_caught_up(stack, organisation)

    async def asked_for(**claims: Any) -> Answer:
        client = stack.client(organisation, **claims)
        return await client.get(history_of(EMPLOYEES, attendee.id), as_of=moment)

    view_company, view_self = ["api.access", "training.view.company"], ["api.access", "training.view.self"]
    left = await asked_for(permissions=view_company, company_ids=[1])
    joined = await asked_for(permissions=view_company, company_ids=[2])
    themselves = await asked_for(permissions=view_self, employee_id=attendee.id)
    somebody = await asked_for(permissions=view_self, employee_id=attendee.id + 1)
    nobody = await asked_for(permissions=["api.access"])
    statuses = [each.status for each in (left, joined, themselves, somebody, nobody)]
    assert statuses == [404, 200, 200, 404, 403]
    assert [record["person"]["company"] for record in joined.data] == ["ABC"]
    elsewhere = await stack.client(organisation + 1).get(history_of(EMPLOYEES, attendee.id), as_of=moment)
    assert elsewhere.status == 404


async def test_whoever_left_is_not_there_whatever_the_moment(stack: Stack, admin: Client, organisation: int) -> None:
    attendee = Attendee(admin, await new_employee(admin))
    await attendee.record(await attendee.attends())
    moment = now()
    assert (await admin.delete(f"{EMPLOYEES}/{attendee.id}")).status == 200
    await history_has_caught_up(stack, organisation)
    assert (await attendee.ask(as_of=moment)).status == 404


async def test_of_whoever_turned_out_to_be_another_nothing_was_known_there(
    stack: Stack, admin: Client, organisation: int
) -> None:
    one, other = Attendee(admin, await new_employee(admin)), Attendee(admin, await new_employee(admin))
    enrollment_id = await one.attends()
    record_id = await submitted(admin, one.id)
    await one.records(2)
    before = now()
    path = f"{EMPLOYEES}/{one.id}/merge"
    merged = await admin.request("POST", path, json={"into": other.id}, headers={"If-Match": "*"})
    assert merged.status == 200, merged.text
    await history_has_caught_up(stack, organisation)
    assert set(await other.found(as_of=now())) == {enrollment_id, record_id}
    assert await other.found(as_of=before) == []
    gone = await one.ask(as_of=before)
    assert (gone.status, gone.json["merged_into"]) == (404, other.id)


async def test_what_was_corrected_to_be_another_persons_was_somebodys_then(
    stack: Stack, admin: Client, organisation: int
) -> None:
    """Also where it was corrected before whose it was is kept beside it: the trail has that."""
    one, other = Attendee(admin, await new_employee(admin)), Attendee(admin, await new_employee(admin))
    course_id = await new_course(admin)
    await history_has_caught_up(stack, organisation)
    moments = []
    for whose in (one, other):
        await imported_completions(admin, ("K-1", whose.id, course_id, "2016-03-03T08:00:00Z"))
        await history_has_caught_up(stack, organisation)
        moments.append(now())

    async def found() -> list[tuple[int, int]]:
        return [(len(await one.found(as_of=moment)), len(await other.found(as_of=moment))) for moment in moments]

    assert await found() == [(1, 0), (0, 1)]
    await in_enrollment(stack, "DELETE FROM former_people WHERE organisation_id = $1", organisation)
    assert await found() == [(0, 0), (0, 1)]
    await in_enrollment(stack, (MIGRATIONS / "0045_former_people_before.sql").read_text())
    assert await found() == [(1, 0), (0, 1)]


async def test_what_is_deleted_by_now_was_there(stack: Stack, admin: Client, organisation: int) -> None:
    """A course that a record is about, and a session that somebody left for another."""
    attendee = Attendee(admin, await new_employee(admin))
    labels = [{"id": 1, "name": "Plant"}]
    course_id, other_course = [await new_course(admin, title="Forklift", labels=labels) for _ in range(2)]
    session_id, other_session = [await new_session(admin, course_id, session_name=name) for name in ("May", "June")]
    [enrollment_id] = await enroll(admin, session_id, attendee.id)
    record_id = await submitted(admin, attendee.id, course_id=other_course)
    await history_has_caught_up(stack, organisation)
    moment, expected = now(), (await attendee.ask()).data
    await changed(admin, enrollment_id, "transfer", {"session_id": other_session})
    for path in (f"{SESSIONS}/{session_id}", f"{COURSES}/{other_course}"):
        answer = await admin.delete(path)
        assert answer.status == 200, answer.text
    await history_has_caught_up(stack, organisation)
    assert {record["id"] for record in expected} == {enrollment_id, record_id}
    assert (await attendee.ask(as_of=moment)).data == expected


async def test_what_an_erased_person_was_called_is_told_nowhere(stack: Stack, admin: Client, organisation: int) -> None:
    session_id = await new_session(admin, await new_course(admin), **BEGUN)
    person = await somebody_trained(admin, session_id)
    moment = now()
    assert (await admin.delete(f"{EMPLOYEES}/{person}")).status == 200
    assert (await erase(admin, person)).status == 200
    await history_has_caught_up(stack, organisation)
    assert (await admin.get(history_of(EMPLOYEES, person), as_of=moment)).status == 404
    asking = stack.direct("enrollment", organisation, [KNOWN])
    answer = await asking.post(KNOWN_PATH, {"employee_id": person, "as_of": moment})
    assert answer.status == 200, answer.text
    assert len(answer.json["states"]) == 4
    assert [word for word in WORDS if word in answer.text] == []


async def test_a_change_that_was_begun_before_another_counts_with_it(
    stack: Stack, admin: Client, organisation: int, attendee: Attendee
) -> None:
    """It waited for the other: neither was there at a moment before the other began."""
    enrollment_id = await completed(attendee)
    await attendee.record(enrollment_id, status="completed")
    before = now()
    await changed(admin, enrollment_id, "complete", {"feedback": "Good"})
    await changed(admin, enrollment_id, "reopen", {"reason": "A mistake"})
    await attendee.record(enrollment_id, status="confirmed")
    earlier = datetime.fromisoformat(before) - timedelta(seconds=1)
    reopened = "UPDATE audit SET changed_at = $2 WHERE enrollment_id = $1 AND version = 4"
    await in_enrollment(stack, reopened, enrollment_id, earlier)
    assert [record["status"] for record in (await attendee.ask(as_of=before)).data] == ["completed"]


async def test_many_records_are_read_in_pages(
    stack: Stack, admin: Client, organisation: int, attendee: Attendee, monkeypatch: pytest.MonkeyPatch
) -> None:
    course_id = await new_course(admin)
    await history_has_caught_up(stack, organisation)
    lines = [(f"K-{number}", attendee.id, course_id, "2016-03-03T08:00:00Z") for number in range(1001)]
    await imported_completions(admin, *lines)
    await history_has_caught_up(stack, organisation)
    answer = await attendee.ask(as_of=now())
    assert (answer.status, answer.json["meta"]["total"]) == (200, 1001)
    monkeypatch.setattr(owners, "MOST_RECORDS", 999)
    answer = await attendee.ask(as_of=now())
    assert (answer.status, list(answer.json["errors"])) == (422, ["as_of"])


@pytest.mark.parametrize("away", ["enrollment_url", "catalog_url"])
@pytest.mark.parametrize("address", [None, "http://127.0.0.1:1"])
async def test_without_an_owner_the_moment_is_not_known_and_all_else_is(
    stack: Stack, admin: Client, organisation: int, attendee: Attendee, away: str, address: str | None
) -> None:
    await attendee.record(await attendee.attends())
    settings = HistorySettings.model_validate(stack.settings["history"]).model_copy(update={away: address})
    async with serving(build_app(SERVICE, settings, "api")) as url:
        history = stack.direct("history", organisation, url=url)
        path = history_of(EMPLOYEES, attendee.id)
        answers = [await history.get(path), await history.get(path, as_of=now())]
    assert [answer.status for answer in answers] == [200, 503]
    assert answers[1].json["code"] == "upstream_unavailable"


async def test_nobody_is_asked_about_somebody_who_is_not_in_sight(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    request = ServiceClient.request

    async def noted(client: ServiceClient, method: str, path: str, *arguments: Any, **options: Any) -> Any:
        asked.append(path)
        return await request(client, method, path, *arguments, **options)

    monkeypatch.setattr(ServiceClient, "request", noted)
    answer = await admin.get(history_of(EMPLOYEES, 1), as_of="2020-01-01T00:00:00Z")
    assert (answer.status, KNOWN_PATH in asked) == (404, False)


async def test_owners_tell_it_of_the_organisation_alone_that_asks(
    stack: Stack, admin: Client, organisation: int, attendee: Attendee
) -> None:
    enrollment_id = await attendee.attends()
    course_id = (await admin.get(f"/api/v1/training/enrollments/{enrollment_id}")).data["session"]["course"]["id"]
    of_person = {"employee_id": attendee.id, "as_of": now()}
    of_course = {"courses": [course_id], "as_of": now()}
    for other, count in ((organisation, 2), (organisation + 1, 0)):
        known = await stack.direct("enrollment", other, [KNOWN]).post(KNOWN_PATH, of_person)
        assert (known.status, len(known.json["states"])) == (200, count)
        known = await stack.direct("catalog", other, [KNOWN]).post(KNOWN_PATH, of_course)
        assert (known.status, len(known.json["states"])) == (200, count // 2)
    assert json.loads(known.text) == {"states": []}
