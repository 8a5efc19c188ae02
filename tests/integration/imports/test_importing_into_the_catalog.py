"""Files of courses and sessions go to the catalog: the gateway chooses by their kind."""

import pytest

from tests.support.client import Client
from tests.support.importing import counts, ended, send
from tests.support.world import COURSES, EMPLOYEES, IMPORTS, SESSIONS

COURSE_FILE = (
    "external_id,title,category,delivery_mode,duration_hours\r\n"
    "C-1,First aid,safety,in_person,4\r\nC-2,Fire,safety,online,x\r\n"
)


async def of_kind(client: Client, kind: str, file: str) -> dict[str, int]:
    answer = await send(client, file, kind=kind)
    assert answer.status == 202, answer.text
    assert answer.headers["Location"] == f"{IMPORTS}/{kind}/{answer.data['id']}"
    return counts(await ended(client, answer.data["id"], kind))


async def test_courses_and_then_their_sessions(admin: Client) -> None:
    assert await of_kind(admin, "courses", COURSE_FILE) == {"created": 1, "refused": 1}
    assert await of_kind(admin, "courses", COURSE_FILE) == {"unchanged": 1, "refused": 1}
    [course] = (await admin.get(COURSES)).data
    sessions = (
        "external_id,course_id,session_name,start_date,end_date,max_participants\r\n"
        f"S-1,{course['id']},May,2030-05-15T09:00:00Z,2030-05-15T17:00:00Z,5\r\n"
    )
    assert await of_kind(admin, "sessions", sessions) == {"created": 1}
    assert [session["session_name"] for session in (await admin.get(SESSIONS)).data] == ["May"]
    [refusal] = [item["field"] for item in await refusals(admin)]
    assert refusal == "duration_hours"


async def refusals(client: Client) -> list[dict[str, str]]:
    newest = (await client.get(f"{IMPORTS}/courses")).data[0]["id"]
    answer = await client.get(f"{IMPORTS}/courses/{newest}/refusals")
    assert answer.status == 200, answer.text
    found: list[dict[str, str]] = answer.data
    return found


async def test_an_import_is_found_under_its_kind_alone(admin: Client) -> None:
    answer = await send(admin, COURSE_FILE, kind="courses")
    await ended(admin, answer.data["id"], "courses")
    for kind in ("people", "sessions"):
        assert (await admin.get(f"{IMPORTS}/{kind}/{answer.data['id']}")).status == 404
    assert (await admin.get(EMPLOYEES)).data == []


@pytest.mark.parametrize("kind", ["courses", "sessions"])
async def test_what_a_file_does_not_name_ends_for_people_alone(admin: Client, kind: str) -> None:
    answer = await send(admin, COURSE_FILE, kind=kind, mode="complete")
    assert (answer.status, list(answer.json["errors"])) == (422, ["mode"])
