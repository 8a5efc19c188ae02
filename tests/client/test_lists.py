"""`muster courses list` and its like, on the whole system and on a newer one."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.client import Client
from tests.support.muster_command import environment, muster, muster_at_terminal, muster_with
from tests.support.stack import Stack, serving
from tests.support.world import new_course, new_employees, new_enrollment, new_session

TITLES = ["Working at heights", "First aid and fire", "Forklift"]


@pytest.fixture
async def courses(admin: Client) -> list[int]:
    return [await new_course(admin, title=title) for title in TITLES]


async def test_rows_come_with_tabs_and_as_json_with_all_that_they_have(
    admin: Client, courses: list[int], tmp_path: Path
) -> None:
    ended = await muster(admin, tmp_path, "courses", "list")
    assert (ended.status, ended.errors) == (0, "")
    heading, *lines = ended.output.splitlines()
    assert heading.split("\t")[:2] == ["id", "title"]
    assert [line.split("\t")[0] for line in lines] == [str(each) for each in courses]
    assert lines[1].split("\t")[1] == "First aid and fire"
    as_json = await muster(admin, tmp_path, "courses", "list", "--json")
    assert [json.loads(line) for line in as_json.output.splitlines()] == (
        await admin.get("/api/v1/training/courses")
    ).data


async def test_on_a_terminal_there_is_a_table(admin: Client, courses: list[int], tmp_path: Path) -> None:
    ended = await muster_at_terminal(admin, tmp_path, "courses", "list")
    assert (ended.status, "Working at heights" in ended.output) == (0, True)
    assert "\t" not in ended.output
    assert "\x1b[1m" in ended.output


async def test_no_color_is_obeyed(admin: Client, courses: list[int], tmp_path: Path) -> None:
    ended = await muster_at_terminal(admin, tmp_path, "courses", "list", NO_COLOR="1")
    assert (ended.status, "\x1b[3" in ended.output) == (0, False)


async def test_filters_are_those_of_the_server(admin: Client, courses: list[int], tmp_path: Path) -> None:
    ended = await muster(admin, tmp_path, "courses", "list", "search=forklift", "--json")
    assert json.loads(ended.output)["id"] == courses[2]
    refused = await muster(admin, tmp_path, "courses", "list", "color=red")
    assert (refused.status, refused.output, "color" in refused.errors) == (2, "", True)


@pytest.mark.parametrize(("arguments", "count"), [(("-n", "2"), 2), (("-n", "3"), 3), (("--all",), 3)])
async def test_a_limit_says_that_there_is_more(
    admin: Client, courses: list[int], tmp_path: Path, arguments: tuple[str, ...], count: int
) -> None:
    ended = await muster(admin, tmp_path, "courses", "list", "--json", *arguments)
    assert (ended.status, len(ended.output.splitlines())) == (0, count)
    assert ("There are more than these 2 rows" in ended.errors) == (count == 2)


async def test_a_list_of_many_steps_is_whole(admin: Client, tmp_path: Path) -> None:
    people = await new_employees(admin, 203)
    ended = await muster(admin, tmp_path, "people", "list", "--all", "--json")
    assert sorted(json.loads(line)["id"] for line in ended.output.splitlines()) == sorted(people)


async def test_each_list_has_its_columns(admin: Client, tmp_path: Path) -> None:
    enrollment = await new_enrollment(admin)
    for name in ("courses", "sessions", "people", "enrollments"):
        [heading, line] = (await muster(admin, tmp_path, name, "list")).output.splitlines()
        cells = dict(zip(heading.split("\t"), line.split("\t"), strict=True))
        empty = {name for name, cell in cells.items() if not cell}
        assert empty <= {"company", "location", "score", "name"}, (name, cells)
    assert cells["id"] == str(enrollment)


async def test_one_row_is_shown_whole(admin: Client, courses: list[int], tmp_path: Path) -> None:
    session = await new_session(admin, courses[0])
    ended = await muster(admin, tmp_path, "sessions", "show", str(session))
    assert "course.title\tWorking at heights" in ended.output.splitlines()
    as_json = await muster(admin, tmp_path, "sessions", "show", str(session), "--json")
    assert json.loads(as_json.output) == (await admin.get(f"/api/v1/training/sessions/{session}")).data


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("courses", "show", "987654321", "--json"), "not_found"),
        (("courses", "list", "category=shoes", "--json"), "validation_failed"),
    ],
)
async def test_an_error_is_json_for_whom_wants_json(
    admin: Client, tmp_path: Path, arguments: tuple[str, ...], code: str
) -> None:
    ended = await muster(admin, tmp_path, *arguments)
    assert (ended.status, ended.output) == (2, "")
    error = json.loads(ended.errors.splitlines()[-1])["error"]
    assert (error["code"], error["status"] in (404, 422)) == (code, True), error


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5"])
async def test_an_id_is_a_number(admin: Client, tmp_path: Path, number: str) -> None:
    ended = await muster(admin, tmp_path, "courses", "show", "--", number)
    assert (ended.status, "Traceback" not in ended.errors) == (2, True)


async def test_a_permission_is_missing(stack: Stack, organisation: int, tmp_path: Path) -> None:
    ended = await muster(stack.client(organisation, permissions=["api.access"]), tmp_path, "people", "list")
    assert (ended.status, "training.view" in ended.errors) == (2, True)


@pytest.mark.parametrize("arguments", [(), ("--json",)])
async def test_a_pipe_that_closes_ends_it_without_a_word(
    admin: Client, courses: list[int], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "muster", "courses", "list", *arguments),
        env=environment(admin.url, MUSTER_TOKEN=str(admin.token), HOME=str(tmp_path)),
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (141, "")


NEWER: dict[str, Any] = {"id": 1, "title": "T", "category": "of_tomorrow", "field_of_tomorrow": {"a": [1, {"b": None}]}}


async def test_what_a_newer_server_sends_is_kept(tmp_path: Path) -> None:
    async def courses(request: web.Request) -> web.Response:
        meta = {"next_cursor": None, "of_tomorrow": 1}
        return web.json_response({"success": True, "data": [NEWER], "meta": meta, "of_tomorrow": True})

    app = web.Application()
    app.router.add_get("/api/v1/training/courses", courses)
    async with serving(app) as url:
        variables = environment(url, MUSTER_TOKEN="a.b.c")
        as_json = await muster_with(variables, tmp_path, "courses", "list", "--json")
        assert json.loads(as_json.output) == NEWER, as_json.errors
        shown = await muster_with(variables, tmp_path, "courses", "list")
        assert "of_tomorrow" in shown.output


@pytest.mark.parametrize("body", [{}, {"data": 1, "meta": {}}, {"data": [1], "meta": {"next_cursor": None}}, []])
async def test_an_answer_that_is_no_list_is_said(tmp_path: Path, body: Any) -> None:
    async def courses(request: web.Request) -> web.Response:
        return web.json_response(body)

    app = web.Application()
    app.router.add_get("/api/v1/training/courses", courses)
    async with serving(app) as url:
        ended = await muster_with(environment(url, MUSTER_TOKEN="a.b.c"), tmp_path, "courses", "list")
    assert (ended.status, "Traceback" not in ended.errors) == (2, True)
    assert "answer" in ended.errors
