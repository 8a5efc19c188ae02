"""`muster enroll`, `complete`, `history` and `clearance` on the whole system."""

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.muster_command import Command, environment, muster, muster_with
from tests.support.requirements import new_requirement
from tests.support.stack import serving
from tests.support.world import new_course, new_employees, new_session

ENROLLMENTS = "/api/v1/training/enrollments"


@pytest.fixture
async def session(admin: Client) -> int:
    return await new_session(admin, await new_course(admin, title="Rigging", pass_score=70), max_participants=2)


@pytest.fixture
async def people(admin: Client) -> list[str]:
    return [str(each) for each in await new_employees(admin, 3)]


async def total(admin: Client) -> int:
    return int((await admin.get(ENROLLMENTS, per_page=1)).json["meta"]["total"])


async def test_people_are_enrolled_complete_and_have_a_history(
    admin: Client, session: int, people: list[str], tmp_path: Path
) -> None:
    enrolled = await muster(admin, tmp_path, "enroll", str(session), *people[:2])
    assert enrolled.status == 0, enrolled.errors
    heading, *lines = enrolled.output.splitlines()
    assert heading == "enrollment\tperson\tstatus\twaitlist"
    assert [line.split("\t")[1:3] for line in lines] == [[each, "enrolled"] for each in people[:2]]
    assert "Spots left: 0" in enrolled.errors
    enrollment = lines[0].split("\t")[0]
    completed = await muster(
        admin, tmp_path, "complete", enrollment, "--score", "82", "--feedback", "Natural", "--json"
    )
    done = json.loads(completed.output)
    assert (done["status"], done["score"], done["passed"], done["feedback"]) == ("completed", 82, True, "Natural")

    async def is_in_the_history() -> bool:
        ended = await muster(admin, tmp_path, "history", people[0], "status=completed", "--json")
        return [json.loads(line)["id"] for line in ended.output.splitlines()] == [int(enrollment)]

    await eventually(is_in_the_history)
    shown = await muster(admin, tmp_path, "history", people[0])
    assert "Rigging\tcompleted\tpassed" in shown.output


async def test_all_of_them_or_nobody(admin: Client, session: int, people: list[str], tmp_path: Path) -> None:
    ended = await muster(admin, tmp_path, "enroll", str(session), *people)
    assert (ended.status, ended.output, await total(admin)) == (2, "", 0)
    assert "Only 2 spots remaining" in ended.errors
    as_json = await muster(admin, tmp_path, "enroll", str(session), *people, "--json")
    assert json.loads(as_json.errors)["error"]["code"] == "session_full"


async def test_who_does_not_fit_waits_or_is_named(
    admin: Client, session: int, people: list[str], tmp_path: Path
) -> None:
    partial = await muster(admin, tmp_path, "enroll", str(session), *people, "987654321", "--partial")
    assert (partial.status, await total(admin)) == (1, 2), partial.errors
    assert f"Not enrolled: {people[2]}: " in partial.errors
    assert "Not enrolled: 987654321: " in partial.errors
    waiting = await muster(admin, tmp_path, "enroll", str(session), people[2], "--waitlist", "--json")
    [placed] = json.loads(waiting.output)["enrollments"]
    assert (waiting.status, placed["status"], placed["waitlist_position"]) == (0, "waitlisted", 1)


async def test_the_same_key_enrolls_once(admin: Client, session: int, people: list[str], tmp_path: Path) -> None:
    ended = [
        await muster(admin, tmp_path, "enroll", str(session), people[0], "--key", "night-1", "--json") for _ in "12"
    ]
    assert [each.status for each in ended] == [0, 0]
    assert (ended[0].output, await total(admin)) == (ended[1].output, 1)


async def test_control_without_a_key_each_command_is_one_of_its_own(
    admin: Client, session: int, people: list[str], tmp_path: Path
) -> None:
    statuses = [(await muster(admin, tmp_path, "enroll", str(session), people[0])).status for _ in "12"]
    assert statuses == [0, 2]


async def test_ctrl_c_before_the_answer_says_how_to_be_sure(tmp_path: Path) -> None:
    came, go, keys = asyncio.Event(), asyncio.Event(), list[str]()

    async def enroll(request: web.Request) -> web.Response:
        keys.append(request.headers["Idempotency-Key"])
        came.set()
        await go.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post(ENROLLMENTS, enroll)
    async with serving(app) as url:
        command = await Command.start(("enroll", "1", "2"), tmp_path, environment(url, MUSTER_TOKEN="a.b.c"))
        async with asyncio.timeout(20):
            await came.wait()
        command.interrupt()
        ended = await command.end()
        go.set()
    assert (ended.status, ended.output) == (130, "")
    assert ended.errors == f"No answer came: they may be enrolled. To be sure, repeat it with --key {keys[0]}\n"


@pytest.mark.parametrize("cut", [True, False])
async def test_an_answer_that_is_lost_is_asked_for_again_with_the_same_key(tmp_path: Path, cut: bool) -> None:
    keys: list[str] = []

    async def enroll(request: web.Request) -> web.Response:
        keys.append(request.headers["Idempotency-Key"])
        if cut and len(keys) == 1 and request.transport is not None:
            request.transport.abort()
        data = {"enrolled_count": 1, "enrollments": [{"id": 1, "employee_id": 2, "status": "enrolled"}]}
        return web.json_response({"success": True, "data": data}, status=201)

    app = web.Application()
    app.router.add_post(ENROLLMENTS, enroll)
    async with serving(app) as url:
        ended = await muster_with(environment(url, MUSTER_TOKEN="a.b.c"), tmp_path, "enroll", "1", "2", "--json")
    assert (len(set(keys)), len(keys)) == (1, 2 if cut else 1), ended.errors
    assert ended.status == 0, ended.errors


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("enroll", "987654321", "1"), "session"),
        (("enroll", "x", "1"), "integer"),
        (("enroll", "1"), "Missing argument"),
        (("complete", "987654321"), "does not exist"),
        (("complete", "1", "--score", "101"), "less than or equal to 100"),
        (("complete", "1", "--at", "yesterday"), "completed_at"),
        (("history", "987654321"), "not found"),
        (("clearance", "1"), "--project"),
        (("clearance", "987654321", "--project", "1"), "not found"),
        (("clearance", "1", "--project", "1", "--on", "tomorrow"), "on"),
    ],
)
async def test_what_is_wrong_is_said(admin: Client, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    ended = await muster(admin, tmp_path, *arguments)
    assert (ended.status, ended.output) == (2, "")
    assert says.lower() in ended.errors.lower(), ended.errors
    assert "Traceback" not in ended.errors


async def test_whether_somebody_may_work_at_a_site(
    admin: Client, session: int, people: list[str], tmp_path: Path
) -> None:
    course = int((await admin.get(f"/api/v1/training/sessions/{session}")).data["course"]["id"])
    await new_requirement(admin, name="Rigging", needs={"course_id": course})
    ended = await muster(admin, tmp_path, "clearance", people[0], "--project", "5")
    assert ended.status == 1, ended.errors
    assert "Not cleared on " in ended.output
    assert ended.output.splitlines()[1].startswith("Rigging\t")
    as_json = await muster(admin, tmp_path, "clearance", people[0], "--project", "5", "--on", "2031-01-01", "--json")
    assert (json.loads(as_json.output)["cleared"], json.loads(as_json.output)["on"]) == (False, "2031-01-01")
