"""Requirements: what an organisation asks of its people, written, changed and deleted by those who manage training."""

import asyncio
import json
import secrets
from typing import Any

import pytest

from services.enrollment import requirements as rules
from services.enrollment.store import requirements as store
from tests.support.client import Client, new_organisation
from tests.support.eventually import eventually
from tests.support.external_records import known_course
from tests.support.races import hold_after
from tests.support.requirements import FIELDS, ask_for_requirement, new_requirement
from tests.support.stack import Stack
from tests.support.subscriber import subscriber
from tests.support.world import COURSES, EMPLOYEES, REQUIREMENTS, new_employee

LABEL = {"id": 5, "name": "Plant Operations"}


async def shown(client: Client, requirement_id: int) -> dict[str, Any]:
    answer = await client.get(f"{REQUIREMENTS}/{requirement_id}")
    assert answer.status == 200, answer.text
    return dict(answer.data)


async def labelled_course(client: Client) -> int:
    """Whose label can be asked for."""
    return await known_course(client, labels=[LABEL])


async def test_a_requirement_is_shown_as_it_was_written(admin: Client) -> None:
    course, person = await labelled_course(admin), await new_employee(admin)
    written = {
        "name": "White card on site",
        "applies_to": {
            "project_ids": [9, 31],
            "company_ids": [7],
            "person_types": ["employee"],
            "employee_ids": [person],
        },
        "needs": {"any_of": [{"course_id": course}, {"label_id": LABEL["id"]}]},
        "grace_days": 14,
        "from": "2030-01-01",
        "until": "2030-12-31",
    }
    answer = await admin.post(REQUIREMENTS, written)
    assert (answer.status, answer.json.get("message")) == (201, "Requirement created"), answer.text
    requirement_id = answer.data["id"]
    assert answer.headers["Location"].endswith(f"{REQUIREMENTS}/{requirement_id}")
    assert answer.data == {"id": requirement_id, **written, "created_at": answer.data["created_at"]}
    assert await shown(admin, requirement_id) == answer.data
    assert (await admin.get(REQUIREMENTS)).data == [answer.data]


async def test_what_was_not_given_is_null_and_whoever_it_be_is_all(admin: Client) -> None:
    course = await known_course(admin)
    made = await shown(admin, await new_requirement(admin, needs={"course_id": course}))
    del made["id"], made["created_at"]
    assert made == {**FIELDS, "needs": {"course_id": course}, "grace_days": None, "from": None, "until": None}


async def test_the_list_is_in_the_order_of_ids_and_finds_words_of_names(admin: Client) -> None:
    needs = {"course_id": await known_course(admin)}
    first, second = [await new_requirement(admin, needs=needs, name=name) for name in ("Café safety", "White card")]

    async def found(**query: Any) -> list[int]:
        return [item["id"] for item in (await admin.get(REQUIREMENTS, **query)).data]

    assert await found() == [first, second]
    assert await found(search="cafe") == [first]
    assert await found(search="CARD white") == [second]
    assert await found(search="card cafe") == []


async def test_a_patch_changes_what_it_names_and_makes_the_next_version(admin: Client) -> None:
    course = await labelled_course(admin)
    requirement_id = await new_requirement(admin, needs={"course_id": course}, grace_days=3)
    before = await admin.get(f"{REQUIREMENTS}/{requirement_id}")
    patch = {"needs": {"course_id": None, "label_id": LABEL["id"]}, "until": "2031-01-01", "grace_days": None}
    answer = await admin.patch(f"{REQUIREMENTS}/{requirement_id}", patch)
    assert (answer.status, answer.json["message"]) == (200, "Requirement updated")
    assert answer.data == {
        **before.data,
        "needs": {"label_id": LABEL["id"]},
        "until": "2031-01-01",
        "grace_days": None,
    }
    assert answer.headers["ETag"] != before.headers["ETag"]
    again = await admin.patch(f"{REQUIREMENTS}/{requirement_id}", patch)
    assert again.headers["ETag"] == answer.headers["ETag"]
    trail = (await admin.get(f"{REQUIREMENTS}/{requirement_id}/audit")).data
    assert [(each["version"], each["action"]) for each in trail] == [(1, "requirement.saved"), (2, "requirement.saved")]
    assert trail[0]["changes"]["applies_to"] == {"from": None, "to": {"all": True}}
    assert trail[1]["changes"] == {
        "needs": {"from": {"course_id": course}, "to": {"label_id": LABEL["id"]}},
        "until": {"from": None, "to": "2031-01-01"},
        "grace_days": {"from": 3, "to": None},
    }


async def test_a_deleted_one_is_gone_and_keeps_its_trail(admin: Client) -> None:
    requirement_id = await new_requirement(admin)
    path = f"{REQUIREMENTS}/{requirement_id}"
    answer = await admin.delete(path)
    assert (answer.status, answer.json) == (200, {"success": True, "message": "Requirement deleted", "data": None})
    for gone in (await admin.get(path), await admin.patch(path, {"name": "New"}), await admin.delete(path)):
        assert (gone.status, gone.json["message"]) == (404, "The requirement does not exist.")
    assert (await admin.get(REQUIREMENTS)).data == []
    trail = (await admin.get(f"{path}/audit")).data
    assert [(each["version"], each["action"]) for each in trail] == [
        (1, "requirement.saved"),
        (2, "requirement.removed"),
    ]


async def test_each_change_is_one_event_with_the_whole_state(stack: Stack, organisation: int, admin: Client) -> None:
    course = await known_course(admin)
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        requirement_id = await new_requirement(admin, needs={"course_id": course}, **{"from": "2030-01-01"})
        await admin.patch(f"{REQUIREMENTS}/{requirement_id}", {"applies_to": {"all": None, "project_ids": [9]}})
        await admin.delete(f"{REQUIREMENTS}/{requirement_id}")
        messages = [await events.message("requirement.saved", count) for count in (1, 2)]
        messages.append(await events.message("requirement.removed"))
    *saved, removed = [json.loads(message.body)["data"] for message in messages]
    nobody_else = dict.fromkeys(("company_ids", "person_types", "employee_ids"))
    assert saved[0] == {
        "id": requirement_id,
        "version": 1,
        "name": "White card",
        "applies_to": {**nobody_else, "project_ids": None, "all": True},
        "needs": {"course_id": course, "label_id": None, "any_of": None},
        "grace_days": None,
        "from": "2030-01-01",
        "until": None,
        "created_at": saved[0]["created_at"],
        "removed": False,
    }
    assert saved[1] == {
        **saved[0],
        "version": 2,
        "applies_to": {**nobody_else, "project_ids": [9], "all": None},
    }
    assert removed == {**saved[1], "version": 3, "removed": True}


UNKNOWN = 2**60
COURSE_UNKNOWN, LABEL_UNKNOWN = "The selected course does not exist.", "The selected label does not exist."


@pytest.mark.parametrize(
    ("fields", "place", "reason"),
    [
        ({"needs": {"course_id": UNKNOWN}}, "needs.course_id", COURSE_UNKNOWN),
        ({"needs": {"label_id": UNKNOWN}}, "needs.label_id", LABEL_UNKNOWN),
        (
            {"needs": {"any_of": [{"course_id": UNKNOWN}, {"label_id": UNKNOWN}]}},
            "needs.any_of.1.label_id",
            LABEL_UNKNOWN,
        ),
        (
            {"applies_to": {"employee_ids": [UNKNOWN]}, "needs": {"course_id": UNKNOWN}},
            "applies_to.employee_ids.0",
            "The selected employee does not exist.",
        ),
        ({"applies_to": {}, "needs": {"course_id": 1}}, "applies_to", None),
        ({"needs": {}}, "needs", None),
        ({}, "needs", "This field is required."),
        ({"needs": {"any_of": [{"requirement_id": 1}, {"course_id": 1}]}}, "needs.any_of.0.requirement_id", None),
    ],
)
async def test_what_asks_for_nothing_that_there_is_is_refused_and_makes_nothing(
    admin: Client, fields: dict[str, Any], place: str, reason: str | None
) -> None:
    for query in ("", "?dry_run=true"):
        answer = await ask_for_requirement(admin, query, **fields)
        assert (answer.status, answer.json["code"]) == (422, "validation_failed"), answer.text
        assert place in answer.json["errors"]
        assert reason is None or answer.json["errors"][place] == [reason]
    assert (await admin.get(REQUIREMENTS)).data == []


async def test_rows_of_another_organisation_are_none_here(stack: Stack, admin: Client) -> None:
    other = stack.client(new_organisation())
    course, person = await labelled_course(other), await new_employee(other)
    theirs = await new_requirement(other, needs={"course_id": course})
    for needs in ({"course_id": course}, {"label_id": LABEL["id"]}):
        assert (await ask_for_requirement(admin, needs=needs)).status == 422
    mine = {"course_id": await known_course(admin)}
    assert (await ask_for_requirement(admin, needs=mine, applies_to={"employee_ids": [person]})).status == 422
    for path in (f"{REQUIREMENTS}/{theirs}", f"{REQUIREMENTS}/{theirs}/audit"):
        assert (await admin.get(path)).status == 404
    assert (await admin.patch(f"{REQUIREMENTS}/{theirs}", {"name": "Mine"})).status == 404
    assert (await admin.delete(f"{REQUIREMENTS}/{theirs}?dry_run=true")).status == 404
    assert (await shown(other, theirs))["name"] == "White card"


async def test_a_course_and_a_person_who_are_gone_hinder_no_change(admin: Client) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    applies_to = {"employee_ids": [person]}
    requirement_id = await new_requirement(admin, needs={"course_id": course}, applies_to=applies_to)
    await admin.delete(f"{EMPLOYEES}/{person}")
    await admin.delete(f"{COURSES}/{course}")

    async def gone() -> bool:
        return (await ask_for_requirement(admin, "?dry_run=true", needs={"course_id": course})).status == 422

    await eventually(gone)
    answer = await admin.patch(f"{REQUIREMENTS}/{requirement_id}", {"name": "New"})
    assert (answer.status, answer.data["name"]) == (200, "New")
    assert answer.data["applies_to"] == applies_to


async def test_requirements_may_overlap_in_time(admin: Client) -> None:
    needs = {"course_id": await known_course(admin)}
    days = [("2030-01-01", "2030-06-30"), ("2030-03-01", "2030-12-31"), ("2030-01-01", "2030-06-30")]
    ids = [await new_requirement(admin, needs=needs, **{"from": begin, "until": end}) for begin, end in days]
    assert [(item["from"], item["until"]) for item in (await admin.get(REQUIREMENTS)).data] == days
    assert len(set(ids)) == 3


async def test_whoever_was_merged_is_asked_as_who_they_are(admin: Client) -> None:
    person, other, third = [await new_employee(admin) for _ in range(3)]
    both, one, none = [
        await new_requirement(admin, applies_to={"employee_ids": sorted(named)})
        for named in ([person, other], [person], [third])
    ]
    merged = f"{EMPLOYEES}/{person}/merge"
    answer = await admin.request("POST", merged, json={"into": other}, headers={"If-Match": "*"})
    assert answer.status == 200, answer.text
    named = [(await shown(admin, each))["applies_to"] for each in (both, one, none)]
    assert named == [{"employee_ids": [each]} for each in (other, other, third)]
    trails = [(await admin.get(f"{REQUIREMENTS}/{each}/audit")).data for each in (both, one, none)]
    assert [len(trail) for trail in trails] == [2, 2, 1]
    assert trails[1][1]["changes"] == {
        "applies_to": {"from": {"employee_ids": [person]}, "to": {"employee_ids": [other]}}
    }


async def test_a_change_of_a_version_that_is_no_more_is_refused(admin: Client) -> None:
    path = f"{REQUIREMENTS}/{await new_requirement(admin)}"
    old = {"If-Match": (await admin.get(path)).headers["ETag"]}
    changed = await admin.request("PATCH", path, json={"name": "New"}, headers=old)
    assert changed.status == 200
    for method, query in (("PATCH", ""), ("DELETE", ""), ("PATCH", "?dry_run=true"), ("DELETE", "?dry_run=true")):
        body = {"json": {"name": "Newer"}} if method == "PATCH" else {}
        answer = await admin.request(method, path + query, headers=old, **body)
        assert (answer.status, answer.json["code"]) == (412, "precondition_failed")
    assert (await admin.get(path)).data == changed.data
    same = {"If-None-Match": changed.headers["ETag"]}
    assert (await admin.request("GET", path, headers=same)).status == 304


async def test_a_repeated_request_makes_no_second_one(admin: Client) -> None:
    needs, key = {"course_id": await known_course(admin)}, {"Idempotency-Key": secrets.token_hex(8)}
    body = {**FIELDS, "needs": needs, "from": "2030-01-01"}
    dry = await admin.post(f"{REQUIREMENTS}?dry_run=true", body, **key)
    first, again = [await admin.post(REQUIREMENTS, body, **key) for _ in range(2)]
    assert (dry.status, first.status, again.status) == (200, 201, 201)
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")
    assert len((await admin.get(REQUIREMENTS)).data) == 1


async def test_an_organisation_has_so_many_and_no_more(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_REQUIREMENTS", 2)
    needs = {"course_id": await known_course(admin)}
    first = await new_requirement(admin, needs=needs)
    answers = await asyncio.gather(*(ask_for_requirement(admin, needs=needs) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    refused = await ask_for_requirement(admin, "?dry_run=true", needs=needs)
    assert (refused.status, refused.json["code"], refused.json["maximum"]) == (409, "too_many_requirements", 2)
    await admin.delete(f"{REQUIREMENTS}/{first}")
    assert (await ask_for_requirement(admin, needs=needs)).status == 201


async def test_control_without_the_lock_two_at_once_are_too_many(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_REQUIREMENTS", 1)
    monkeypatch.setattr(store, "_LOCK_ALL", "SELECT $1::bigint")
    needs = {"course_id": await known_course(admin)}
    hold_after(monkeypatch, store, "count", 2)
    answers = await asyncio.gather(*(ask_for_requirement(admin, needs=needs) for _ in range(2)))
    assert [answer.status for answer in answers] == [201, 201]
