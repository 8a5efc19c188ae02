"""`ETag`, `If-None-Match` and `If-Match` (contract, section 1; RFC 9110, section 13) on every route they concern."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.http.conditional import Conditions
from tests.support.client import Answer, Client, new_organisation
from tests.support.lifecycle import line_up
from tests.support.stack import Stack
from tests.support.world import (
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    STAFF,
    enroll,
    new_course,
    new_employee,
    new_session,
    new_staff,
)

SETTINGS = "/api/v1/training/settings"
PERSON = {"employee_id": "E-1", "full_name": "Another Name"}
DOCUMENTS = ["course", "session", "enrollment", "employee", "staff", "settings"]
CHANGES: list[tuple[str, str, str, Any]] = [
    ("course", "PATCH", "", {"title": "Another"}),
    ("course", "DELETE", "", None),
    ("session", "PATCH", "", {"location": "Another"}),
    ("session", "PATCH", "", {"max_participants": 19}),
    ("session", "DELETE", "", None),
    ("enrollment", "PATCH", "/complete", {"score": 80}),
    ("enrollment", "PATCH", "/cancel", None),
    ("enrollment", "PATCH", "/absent", None),
    ("enrollment", "PATCH", "/check-in", {"method": "manual"}),
    ("enrollment", "PATCH", "/transfer", {"session_id": "another session"}),
    ("employee", "PUT", "", PERSON),
    ("employee", "DELETE", "", None),
    ("staff", "PUT", "", PERSON),
    ("staff", "DELETE", "", None),
    ("settings", "PUT", "", {"time_zone": "Australia/Sydney"}),
]
EVERY_CHANGE = pytest.mark.parametrize(
    ("kind", "method", "more", "body"), CHANGES, ids=lambda value: value if isinstance(value, str) else ""
)


def version_of(tag: str) -> str:
    return tag.rsplit("-", 2)[1]


@pytest.fixture
async def others(stack: Stack) -> Sequence[str]:
    """The tags of rows of every kind, just made, in another organisation; ids of its people may be the same ones."""
    stranger = stack.client(new_organisation())
    course_id = await new_course(stranger)
    session_id = await new_session(stranger, course_id)
    [enrollment_id] = await enroll(stranger, session_id, await new_employee(stranger))
    rows = (f"{COURSES}/{course_id}", f"{SESSIONS}/{session_id}", f"{ENROLLMENTS}/{enrollment_id}", SETTINGS)
    people = (f"{EMPLOYEES}/{await new_employee(stranger)}", f"{STAFF}/{await new_staff(stranger)}")
    return [(await stranger.get(path)).headers["ETag"] for path in (*rows, *people)]


@pytest.fixture
async def paths(admin: Client) -> Mapping[str, str]:
    """One document of each kind; course and session have no enrollment."""
    course_id, attended = await new_course(admin), await new_course(admin)
    [enrollment_id] = await enroll(admin, await new_session(admin, attended), await new_employee(admin))
    return {
        "course": f"{COURSES}/{course_id}",
        "session": f"{SESSIONS}/{await new_session(admin, course_id)}",
        "another session": str(await new_session(admin, attended)),
        "enrollment": f"{ENROLLMENTS}/{enrollment_id}",
        "employee": f"{EMPLOYEES}/{await new_employee(admin)}",
        "staff": f"{STAFF}/{await new_staff(admin)}",
        "settings": SETTINGS,
    }


async def send(
    client: Client, paths: Mapping[str, str], kind: str, method: str, more: str, body: Any, **headers: str
) -> Answer:
    if isinstance(body, dict) and "session_id" in body:
        body = {"session_id": int(paths[body["session_id"]])}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    options = {} if body is None else {"json": body}
    return await client.request(method, paths[kind] + more, headers=named, **options)


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_every_document_has_a_tag_that_is_answered_304(
    admin: Client, paths: Mapping[str, str], kind: str
) -> None:
    read = await admin.get(paths[kind])
    tag = read.headers["ETag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = await admin.request("GET", paths[kind], headers={"If-None-Match": sent})
        assert (answer.status, answer.text, answer.headers["ETag"]) == (304, "", tag), sent


@pytest.mark.parametrize("sent", ['"other"', '"1-00000000"', "malformed", ""])
@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_another_tag_gets_the_document(admin: Client, paths: Mapping[str, str], kind: str, sent: str) -> None:
    answer = await admin.request("GET", paths[kind], headers={"If-None-Match": sent})
    assert (answer.status, answer.data) == (200, (await admin.get(paths[kind])).data)


@EVERY_CHANGE
async def test_a_change_may_start_from_what_was_read(
    admin: Client, paths: Mapping[str, str], kind: str, method: str, more: str, body: Any
) -> None:
    before = (await admin.get(paths[kind])).headers["ETag"]
    answer = await send(admin, paths, kind, method, more, body, If_Match=f'"other", {before}')
    assert answer.status == 200, answer.text
    if method != "DELETE":
        after = (await admin.get(paths[kind])).headers["ETag"]
        assert after != before
        assert more == "/complete" or answer.headers["ETag"] == after


@EVERY_CHANGE
async def test_a_change_may_start_from_whatever_is_there(
    admin: Client, paths: Mapping[str, str], kind: str, method: str, more: str, body: Any
) -> None:
    assert (await send(admin, paths, kind, method, more, body, If_Match="*")).status == 200


async def outdated(client: Client, paths: Mapping[str, str], kind: str) -> str:
    """The tag of the document before it was changed."""
    tag: str = (await client.get(paths[kind])).headers["ETag"]
    changes: dict[str, tuple[str, str, Any]] = {
        "course": ("PATCH", "", {"title": "B"}),
        "session": ("PATCH", "", {"session_name": "B"}),
        "enrollment": ("PATCH", "/check-in", {"method": "kiosk"}),
        "employee": ("PUT", "", {"employee_id": "B", "full_name": "B"}),
        "staff": ("PUT", "", {"employee_id": "B", "full_name": "B"}),
        "settings": ("PUT", "", {"time_zone": "Europe/Berlin"}),
    }
    assert (await send(client, paths, kind, *changes[kind])).status == 200
    if kind == "enrollment":  # nobody who is checked in is marked absent
        assert (await send(client, paths, kind, "DELETE", "/check-in", None)).status == 200
    return tag


@EVERY_CHANGE
async def test_a_change_from_an_older_version_is_refused_and_changes_nothing(
    admin: Client, paths: Mapping[str, str], kind: str, method: str, more: str, body: Any
) -> None:
    old = await outdated(admin, paths, kind)
    before = await admin.get(paths[kind])
    current = before.headers["ETag"]
    for condition in ({"If_Match": old}, {"If_Match": f"W/{current}"}, {"If_Match": "1"}, {"If_None_Match": current}):
        answer = await send(admin, paths, kind, method, more, body, **condition)
        assert (answer.status, answer.json["code"]) == (412, "precondition_failed"), condition
    assert (await admin.get(paths[kind])).text == before.text


@EVERY_CHANGE
async def test_control_without_the_check_an_older_version_is_no_hindrance(
    admin: Client,
    paths: Mapping[str, str],
    kind: str,
    method: str,
    more: str,
    body: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Conditions, "check", lambda *_: None)
    old = await outdated(admin, paths, kind)
    assert (await send(admin, paths, kind, method, more, body, If_Match=old)).status == 200


@EVERY_CHANGE
async def test_the_tag_of_another_row_is_no_condition_for_this_one(
    admin: Client, paths: Mapping[str, str], others: Sequence[str], kind: str, method: str, more: str, body: Any
) -> None:
    """Though it has the same version: of the same kind, of another, and of another organisation."""
    before = await admin.get(paths[kind])
    assert {version_of(tag) for tag in others} == {version_of(before.headers["ETag"])}
    for tag in (*others, ", ".join(others)):
        answer = await send(admin, paths, kind, method, more, body, If_Match=tag)
        assert (answer.status, answer.json["code"]) == (412, "precondition_failed"), tag
    assert (await admin.get(paths[kind])).text == before.text


@EVERY_CHANGE
async def test_control_with_tags_of_versions_alone(
    admin: Client,
    paths: Mapping[str, str],
    others: Sequence[str],
    kind: str,
    method: str,
    more: str,
    body: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def same_version(tag: str, beginning: str) -> bool:
        return version_of(tag) == beginning.rsplit("-", 2)[1]

    monkeypatch.setattr("shared.http.conditional._is_of", same_version)
    answer = await send(admin, paths, kind, method, more, body, If_Match=others[0])
    assert answer.status < 300


@pytest.mark.parametrize("path", [EMPLOYEES, STAFF])
async def test_a_person_can_be_created_only_or_replaced_only(admin: Client, path: str) -> None:
    async def put(**headers: str) -> int:
        return (await admin.request("PUT", f"{path}/42", json=PERSON, headers=headers)).status

    assert await put(**{"If-Match": "*"}) == 412
    assert await put(**{"If-None-Match": "*"}) == 201
    assert await put(**{"If-None-Match": "*"}) == 412
    assert await put(**{"If-Match": "*"}) == 200
    await admin.delete(f"{path}/42")
    assert await put(**{"If-Match": "*"}) == 412
    assert await put(**{"If-None-Match": "*"}) == 201


async def test_counts_of_other_rows_are_nobodys_lost_update(admin: Client) -> None:
    course_id = await new_course(admin)
    course = f"{COURSES}/{course_id}"
    read = await admin.get(course)
    await new_session(admin, course_id)
    assert (await admin.get(course)).headers["ETag"] != read.headers["ETag"]
    answer = await admin.patch(course, {"title": "B"}, **{"If-Match": read.headers["ETag"]})
    assert (answer.status, answer.data["total_sessions"]) == (200, 1)


async def test_a_place_in_line_that_moves_is_a_new_document(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    _, first, second = await line_up(admin, session_id, *[await new_employee(admin) for _ in range(3)])
    path = f"{ENROLLMENTS}/{second}"
    tag = (await admin.get(path)).headers["ETag"]
    await admin.patch(f"{ENROLLMENTS}/{first}/cancel")
    answer = await admin.request("GET", path, headers={"If-None-Match": tag})
    assert (answer.status, answer.data["waitlist_position"]) == (200, 1)


async def test_a_new_row_comes_with_its_tag(admin: Client) -> None:
    body = {"title": "T", "category": "safety", "delivery_mode": "online", "duration_hours": 1}
    created = await admin.post(COURSES, body)
    assert created.headers["ETag"] == (await admin.get(created.headers["Location"])).headers["ETag"]


async def test_a_row_that_is_not_there_is_not_found_whatever_the_condition(admin: Client) -> None:
    for path in (COURSES, SESSIONS):
        answer = await admin.patch(f"{path}/{2**62}", {}, **{"If-Match": '"1-00000000"'})
        assert answer.status == 404
