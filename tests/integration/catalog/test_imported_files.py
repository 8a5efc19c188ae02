"""Files of courses and sessions, from the gateway to their rows (contract, section 11)."""

from typing import Any

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.importing import begun_import, ended, send
from tests.support.world import COURSES, ENROLLMENTS, IMPORTS, SESSIONS, new_employee

COURSE_FILE = """id;title;category;delivery_mode;duration_hours;labels.id;labels.name;external_id\r
;First aid;safety;in_person;8;1|2;Yearly|Site;FA\r
;Fire;safety;online;0,5;;;FIRE\r
;Ladders;safety;in_person;2.5;;;LADDERS\r
"""


def counts(job: dict[str, Any]) -> dict[str, int]:
    return {name: job[name] for name in ("created", "changed", "unchanged", "refused") if job[name]}


async def imported(admin: Client, kind: str, file: str) -> dict[str, Any]:
    job: dict[str, Any] = await ended(admin, await begun_import(admin, file, kind=kind), kind)
    assert job["status"] == "completed", job
    return job


async def refusals(admin: Client, kind: str, job: dict[str, Any]) -> list[tuple[int, str]]:
    listed = await admin.get(f"{IMPORTS}/{kind}/{job['id']}/refusals")
    return [(each["line"], each["field"]) for each in listed.data]


def session_file(course_id: int, places: int = 5, status: str = "") -> str:
    columns = "course_id,session_name,start_date,end_date,max_participants,status,external_id\n"
    line = f"{course_id},May,2030-05-15T09:00:00Z,2030-05-15T17:00:00Z,{places},{status}"
    return f"{columns}{line},S-1\n{line},S-2\n"


async def test_courses_come_out_of_a_file_and_are_changed_by_it(admin: Client) -> None:
    job = await imported(admin, "courses", COURSE_FILE)
    assert counts(job) == {"created": 2, "refused": 1}
    assert await refusals(admin, "courses", job) == [(3, "duration_hours")]
    first, second = (await admin.get(COURSES)).data
    detail = (await admin.get(f"{COURSES}/{first['id']}")).data
    assert detail["labels"] == [{"id": 1, "name": "Yearly"}, {"id": 2, "name": "Site"}]
    assert detail["external_id"] == "FA"
    job = await imported(admin, "courses", COURSE_FILE.replace("Ladders", "High ladders").replace("0,5", "0.5"))
    assert counts(job) == {"created": 1, "changed": 1, "unchanged": 1}
    assert (await admin.get(f"{COURSES}/{second['id']}")).data["title"] == "High ladders"


async def test_sessions_come_out_of_a_file_and_people_can_be_enrolled_in_them(admin: Client) -> None:
    await imported(admin, "courses", COURSE_FILE)
    course_id = (await admin.get(COURSES)).data[0]["id"]
    assert counts(await imported(admin, "sessions", session_file(course_id))) == {"created": 2}
    assert counts(await imported(admin, "sessions", session_file(course_id))) == {"unchanged": 2}
    assert counts(await imported(admin, "sessions", session_file(course_id, places=60))) == {"changed": 2}
    job = await imported(admin, "sessions", session_file(course_id, status="cancelled"))
    assert await refusals(admin, "sessions", job) == [(2, "status"), (3, "status")]
    session_id = (await admin.get(SESSIONS)).data[0]["id"]
    taken = 0

    async def enrolled() -> bool:
        """Once enrollment has heard of the places more, whatever there was before."""
        nonlocal taken
        answer = await admin.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": [await new_employee(admin)]})
        taken += answer.status == 201
        return answer.status == 201 and int(answer.data["session_available_spots"]) == 60 - taken

    await eventually(enrolled)


async def test_no_file_ends_courses_or_sessions(admin: Client) -> None:
    for kind in ("courses", "sessions"):
        refused = await send(admin, COURSE_FILE, kind=kind, mode="complete")
        assert (refused.status, list(refused.json["errors"])) == (422, ["mode"])
