"""Files of past completions on their whole way: what becomes of them in histories, compliance, lists and events."""

from typing import Any

import pytest

from shared.auth.internal_token import API_ACCESS, MANAGE, RECORD, VIEW
from tests.support.client import Client
from tests.support.external_records import decide, known_course, submitted
from tests.support.history_client import Attendee
from tests.support.importing import counts, send
from tests.support.past_completions import AT, completion_file, imported_completions
from tests.support.stack import Stack
from tests.support.subscriber import subscriber
from tests.support.world import EMPLOYEES, IMPORTS, RECORDS, SUBMISSIONS, new_employee

COMPLETIONS = f"{IMPORTS}/completions"
COMPLIANCE = "/api/v1/training/compliance"
COMPANY = {"id": 77, "name": "ABC Contractors Pty Ltd"}
URL = "https://files.example/certificates/7.pdf"


async def refusals(client: Client, job: Any) -> list[tuple[int, str, str]]:
    listed = await client.get(f"{COMPLETIONS}/{job['id']}/refusals", per_page=100)
    assert listed.status == 200, listed.text
    return [(each["line"], each["field"], each["reason"]) for each in listed.data]


async def record_of(client: Client, key: str) -> dict[str, Any]:
    """What clients read of the record with the key."""
    [found] = [each for each in (await client.get(SUBMISSIONS, per_page=100)).data if each["key"] == key]
    return dict(found)


async def compliance(client: Client, course: int, person: int) -> dict[str, Any]:
    items = (await client.get(COMPLIANCE, course_id=course)).data
    [item] = [each for each in items if each["employee"]["id"] == person]
    return {name: item[name] for name in ("status", "enrollment_id", "record_id", "valid_until")}


async def test_a_past_completion_stands_in_the_history_and_certifies(admin: Client) -> None:
    course = await known_course(admin, title="First Aid", labels=[{"id": 1, "name": "Yearly"}])
    attendee = Attendee(admin, await new_employee(admin, full_name="John Doe", company=COMPANY))
    line = ("K-1", attendee.id, course, AT, "2190-01-01T00:00:00Z", "", URL)
    assert counts(await imported_completions(admin, line)) == {"created": 1}
    record = await record_of(admin, "K-1")
    assert await attendee.record(record["id"], status="completed") == {
        "id": record["id"],
        "type": "offline",
        "training_name": "First Aid",
        "training_type": "course",
        "completed_at": "2016-03-03T08:00:00+00:00",
        "status": "completed",
        "result": "attended",
        "valid_until": "2190-01-01T00:00:00+00:00",
        "person": {"id": attendee.id, "type": "employee", "name": "John Doe", "company": COMPANY["name"]},
        "projects": [],
        "labels": ["Yearly"],
        "session": None,
    }
    held = {"status": "valid", "enrollment_id": None, "record_id": record["id"]}
    assert await compliance(admin, course, attendee.id) == {**held, "valid_until": "2190-01-01T00:00:00.000000Z"}


async def test_a_record_says_where_it_came_from_and_who_brought_it(stack: Stack, organisation: int) -> None:
    client = stack.client(organisation, sub="archive-1", name="Archive")
    course, person = await known_course(client, title="First Aid"), await new_employee(client, full_name="John Doe")
    await imported_completions(client, ("K-1", person, course, AT, "", "87.5", URL))
    record = await record_of(client, "K-1")
    archive = {"subject": "archive-1", "name": "Archive"}
    expected = {
        "source": "import",
        "key": "K-1",
        "course": {"id": course, "title": "First Aid"},
        "training_name": "First Aid",
        "provider": None,
        "status": "accepted",
        "completed_at": "2016-03-03T08:00:00.000000Z",
        "valid_until": None,
        "score": 87.5,
        "passed": None,
        "certificate_url": URL,
        "submitted_by": archive,
        "decided_by": archive,
    }
    assert {name: record[name] for name in expected} == expected
    assert (await client.get(f"{RECORDS}/{record['id']}")).data == record
    [entry] = (await client.get(f"{RECORDS}/{record['id']}/audit")).data
    assert (entry["action"], entry["changed_by"]) == ("record.accepted", archive)
    assert entry["changes"]["source"] == {"from": None, "to": "import"}


@pytest.mark.parametrize("mode", ["online", "self_paced", "in_person"])
async def test_a_history_says_whether_its_course_was_online(admin: Client, mode: str) -> None:
    online = {"duration_hours": 1, "delivery_mode": mode}
    attendee = Attendee(admin, await new_employee(admin))
    course = await known_course(admin, **online)
    await imported_completions(admin, ("K-1", attendee.id, course, AT))
    record = await attendee.record((await record_of(admin, "K-1"))["id"], training_type="course")
    assert record["type"] == ("offline" if mode == "in_person" else "online")
    assert await attendee.found(type=record["type"]) == [record["id"]]


async def test_all_records_and_their_file_have_it(admin: Client) -> None:
    course, person = await known_course(admin, title="First Aid"), await new_employee(admin)
    await imported_completions(admin, ("K-1", person, course, AT))
    record = await record_of(admin, "K-1")
    await Attendee(admin, person).record(record["id"])
    [listed] = (await admin.get(RECORDS)).data
    assert (listed["id"], listed["training_type"], "provider" in listed) == (record["id"], "course", False)
    for path, expected in ((RECORDS, "course"), (SUBMISSIONS, "import")):
        answer = await admin.request("GET", path, headers={"Accept": "text/csv"})
        header, line = answer.text.splitlines()
        assert (answer.status, expected in line.split(",")) == (200, True), header


async def test_the_same_file_again_changes_nothing_and_makes_no_event(
    stack: Stack, admin: Client, organisation: int
) -> None:
    course, people = await known_course(admin, validity_months=12), [await new_employee(admin) for _ in range(3)]
    lines = [(f"K-{person}", person, course, AT, "", "80.00") for person in people]
    written_otherwise = [(key, person, course, "2016-03-03T09:00:00+01:00", "", "80") for key, person, *_ in lines]
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        await imported_completions(admin, *lines)
        before = await record_of(admin, f"K-{people[0]}")
        assert counts(await imported_completions(admin, *lines)) == {"unchanged": 3}
        assert counts(await imported_completions(admin, *written_otherwise)) == {"unchanged": 3}
        assert await record_of(admin, f"K-{people[0]}") == before
        lines[1] = (*lines[1][:5], "81")
        assert counts(await imported_completions(admin, *lines)) == {"unchanged": 2, "changed": 1}
        state = (await events.event("record.accepted", 4))["data"]
        assert [message.routing_key for message in events.messages] == ["record.accepted"] * 4
    told = [state[name] for name in ("key", "source", "version", "employee_id", "score", "provider", "certifies")]
    assert told == [lines[1][0], "import", "2", str(people[1]), "81", None, True]


async def test_the_same_line_again_changes_nothing_though_its_course_has_changed(admin: Client) -> None:
    course, person = await known_course(admin, validity_months=1200, pass_score=50), await new_employee(admin)
    line = ("K-1", person, course, AT, "", "80")
    await imported_completions(admin, line)
    before = await record_of(admin, "K-1")
    assert before["valid_until"] == "2116-03-03T08:00:00.000000Z"
    answer = await admin.patch(f"/api/v1/training/courses/{course}", {"validity_months": 1, "pass_score": 90})
    assert answer.status == 200
    other = await known_course(admin)  # whose event comes after that of the change
    assert counts(await imported_completions(admin, line, ("K-2", person, other, AT))) == {"created": 1, "unchanged": 1}
    assert await record_of(admin, "K-1") == before
    assert counts(await imported_completions(admin, (*line[:5], "81"))) == {"changed": 1}
    after = await record_of(admin, "K-1")
    assert (after["id"], after["passed"]) == (before["id"], False)


async def test_a_correction_takes_the_certification_along(stack: Stack, admin: Client, organisation: int) -> None:
    one, other = [await known_course(admin, pass_score=50) for _ in range(2)]
    person, colleague = await new_employee(admin), await new_employee(admin)
    await imported_completions(admin, ("K-1", person, one, AT, "2190-01-01T00:00:00Z"))
    record_id = (await record_of(admin, "K-1"))["id"]
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        moved = ("K-1", colleague, other, AT, "2191-01-01T00:00:00Z")
        assert counts(await imported_completions(admin, moved)) == {"changed": 1}
        revoked = (await events.event("certification.revoked"))["data"]
        named = [revoked[name] for name in ("id", "course_id", "employee_id", "source")]
        assert named == [str(record_id), str(one), str(person), "import"]
        assert (await compliance(admin, one, person))["status"] == "missing"
        held = await compliance(admin, other, colleague)
        assert (held["record_id"], held["valid_until"]) == (record_id, "2191-01-01T00:00:00.000000Z")
        await imported_completions(admin, (*moved, "20"))
        again = (await events.event("certification.revoked", 2))["data"]
    assert [again[name] for name in ("employee_id", "version")] == [str(colleague), "2"]
    assert (await compliance(admin, other, colleague))["status"] == "missing"
    history = await Attendee(admin, colleague).record(record_id, result="failed")
    assert history["valid_until"] is None
    assert await Attendee(admin, person).found() == []
    actions = [(entry["version"], entry["action"]) for entry in (await admin.get(f"{RECORDS}/{record_id}/audit")).data]
    assert sorted(actions) == [(version, "record.accepted") for version in (1, 2, 3)]


@pytest.mark.parametrize(("score", "status", "result"), [("80", "valid", "passed"), ("20", "missing", "failed")])
async def test_its_course_judges_a_score(admin: Client, score: str, status: str, result: str) -> None:
    course, attendee = await known_course(admin, pass_score=50), Attendee(admin, await new_employee(admin))
    await imported_completions(admin, ("K-1", attendee.id, course, AT, "", score))
    assert (await compliance(admin, course, attendee.id))["status"] == status
    await attendee.record((await record_of(admin, "K-1"))["id"], result=result)


async def test_a_dry_run_changes_nothing(stack: Stack, admin: Client, organisation: int) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    lines = [("K-1", person, course, AT, "", "80"), ("K-2", person, course, AT), ("K-3", person, course, "2999-01-01")]
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        await imported_completions(admin, ("K-1", person, course, AT))
        await events.event("record.accepted")
        before = await record_of(admin, "K-1")
        job = await imported_completions(admin, *lines, dry_run="true")
        assert counts(job) == {"created": 1, "changed": 1, "refused": 1}
        assert (await admin.get(SUBMISSIONS)).data == [before]
        assert counts(await imported_completions(admin, *lines)) == {"created": 1, "changed": 1, "refused": 1}
        await events.event("record.accepted", 3)
        assert len([each for each in events.messages if each.routing_key == "record.accepted"]) == 3


FUTURE = "2400-01-01T00:00:00Z"


async def test_lines_are_refused_by_the_rules_of_records(stack: Stack, admin: Client, organisation: int) -> None:
    course, person, gone, merged, into = await known_course(admin), *[await new_employee(admin) for _ in range(4)]
    removed = await known_course(admin)
    await admin.delete(f"{EMPLOYEES}/{gone}")
    await admin.request("POST", f"{EMPLOYEES}/{merged}/merge", json={"into": into}, headers={"If-Match": "*"})
    assert (await admin.delete(f"/api/v1/training/courses/{removed}")).status == 200
    other = stack.client(organisation + 1)
    their_course, their_person = await known_course(other), await new_employee(other)
    await known_course(admin)  # whose event comes after that of the removal
    selected = "The selected {} does not exist."
    cases: list[tuple[tuple[object, ...], list[tuple[str, str]]]] = [
        ((person, course, AT), []),
        ((2**62, course, AT), [("employee_id", selected.format("employee"))]),
        ((gone, course, AT), [("employee_id", selected.format("employee"))]),
        ((merged, course, AT), [("employee_id", f"This person was merged into person {into}.")]),
        ((their_person, course, AT), [("employee_id", selected.format("employee"))]),
        ((person, their_course, AT), [("course_id", selected.format("course"))]),
        ((person, removed, AT), [("course_id", selected.format("course"))]),
        ((person, course, FUTURE), [("completed_at", "The completed_at must not be in the future.")]),
        ((person, course, AT, AT), [("valid_until", "Must be after completed_at.")]),
        ((2**62, 2**62, FUTURE), [
            ("employee_id", selected.format("employee")),
            ("course_id", selected.format("course")),
            ("completed_at", "The completed_at must not be in the future."),
        ]),
    ]  # fmt: skip
    job = await imported_completions(admin, *((f"K-{n}", *line) for n, (line, _) in enumerate(cases, 2)))
    assert await refusals(admin, job) == [
        (number, *error) for number, (_, errors) in enumerate(cases, 2) for error in errors
    ]
    assert [each["key"] for each in (await admin.get(SUBMISSIONS)).data] == ["K-2"]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (("", 1, 1, AT), "key"),
        (("K" * 256, 1, 1, AT), "key"),
        (("K", 1, 1, AT, "", "101"), "score"),
        (("K", 1, 1, AT, "", "80.123"), "score"),
        (("K", 1, 1, AT, "", "", "http://files.example/7.pdf"), "certificate_url"),
        (("K", 1, 1, "2016-03-03"), "completed_at"),
        (("K", 1, 1, "1016-03-03T08:00:00Z"), "completed_at"),
        (("K", 0, 1, AT), "employee_id"),
        (("K", 1, "one", AT), "course_id"),
    ],
)
async def test_what_a_line_cannot_say_is_refused_by_its_field(
    admin: Client, line: tuple[object, ...], field: str
) -> None:
    assert [each[1] for each in await refusals(admin, await imported_completions(admin, line))] == [field]


async def test_a_key_stands_for_one_completion_of_the_organisation(
    stack: Stack, admin: Client, organisation: int
) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    job = await imported_completions(admin, ("K-1", person, course, AT), ("K-1", person, course, AT, "", "80"))
    assert await refusals(admin, job) == [(3, "key", "An earlier line has the same key.")]
    assert (await record_of(admin, "K-1"))["score"] is None
    other = stack.client(organisation + 1)
    their_course, their_person = await known_course(other), await new_employee(other)
    assert counts(await imported_completions(other, ("K-1", their_person, their_course, AT))) == {"created": 1}
    assert (await record_of(admin, "K-1"))["employee"]["id"] == person


async def test_a_completion_that_was_rejected_stays_so(stack: Stack, admin: Client, organisation: int) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    line = ("K-1", person, course, AT)
    await imported_completions(admin, line)
    record_id = (await record_of(admin, "K-1"))["id"]
    judge = stack.client(organisation, sub="judge-1", name="Judy Judge")
    assert (await decide(judge, record_id, "accept")).data["decided_by"]["subject"] != "judge-1"
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        assert (await decide(judge, record_id, "reject")).status == 200
        revoked = (await events.event("certification.revoked"))["data"]
    assert (revoked["id"], revoked["source"]) == (str(record_id), "import")
    assert (await compliance(admin, course, person))["status"] == "missing"
    assert counts(await imported_completions(admin, line)) == {"unchanged": 1}
    job = await imported_completions(admin, (*line, "", "80"))
    reason = "The completion was rejected. Use another key for a new one."
    assert await refusals(admin, job) == [(2, "key", reason)]
    assert (await record_of(admin, "K-1"))["status"] == "rejected"


async def test_merging_takes_it_along_and_the_same_line_says_nothing_new(admin: Client) -> None:
    course, one, into = await known_course(admin), await new_employee(admin), await new_employee(admin)
    line = ("K-1", one, course, AT)
    await imported_completions(admin, line)
    answer = await admin.request("POST", f"{EMPLOYEES}/{one}/merge", json={"into": into}, headers={"If-Match": "*"})
    assert answer.status == 200, answer.text
    record = await record_of(admin, "K-1")
    assert record["employee"]["id"] == into
    assert (await compliance(admin, course, into))["record_id"] == record["id"]
    assert counts(await imported_completions(admin, line)) == {"unchanged": 1}
    assert counts(await imported_completions(admin, (*line, "", "80"))) == {"refused": 1}
    assert counts(await imported_completions(admin, ("K-1", into, course, AT, "", "80"))) == {"changed": 1}


async def test_completions_do_not_end_by_absence(admin: Client) -> None:
    answer = await send(admin, completion_file(), kind="completions", mode="complete")
    expected = {"mode": ["must be changes for completions"]}
    assert (answer.status, answer.json["errors"]) == (422, expected)
    assert (await admin.get(COMPLETIONS)).data == []


@pytest.mark.parametrize(
    ("permissions", "status", "missing"),
    [((MANAGE,), 403, RECORD), ((RECORD,), 403, MANAGE), ((MANAGE, RECORD), 202, None)],
)
async def test_it_takes_both_permissions(
    stack: Stack, organisation: int, permissions: tuple[str, ...], status: int, missing: str | None
) -> None:
    """Nobody looks at a past completion again before it counts."""
    client = stack.client(organisation, permissions=[API_ACCESS, VIEW, *permissions])
    answer = await send(client, completion_file(), kind="completions")
    assert answer.status == status, answer.text
    if missing:
        assert missing in answer.json["message"]
        assert (await stack.client(organisation).get(COMPLETIONS)).data == []


async def test_keys_belong_to_imports_alone(admin: Client) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    submission = await submitted(admin, person, course_id=course)
    shown = (await admin.get(f"{RECORDS}/{submission}")).data
    assert (shown["source"], shown["key"], shown["provider"]) == ("external", None, "Red Cross")
