"""`muster events tail` on the whole system, and where the server goes away."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.muster_command import Command, environment, muster, muster_with, names_in, started
from tests.support.stack import Stack, serving
from tests.support.world import new_course

EVENTS = "/api/v1/events"
SAVED = "training.course.saved.v1"


def course_of(line: str | bytes) -> int:
    return int(json.loads(line)["data"]["id"])


async def at_end(admin: Client, folder: Path, course: int) -> None:
    """Until the feed has it."""

    async def has_it() -> bool:
        ended = await muster(admin, folder, "events", "tail", "--beginning", "--once", "--json")
        return course in [course_of(line) for line in ended.output.splitlines()]

    await eventually(has_it)


async def test_what_was_and_where_it_ended(admin: Client, tmp_path: Path) -> None:
    courses = [await new_course(admin) for _ in "123"]
    await at_end(admin, tmp_path, courses[-1])
    ended = await muster(admin, tmp_path, "events", "tail", "--beginning", "--once", "--types", "training.course.*")
    assert ended.status == 0, ended.errors
    heading, *lines = ended.output.splitlines()
    assert (heading, len(lines)) == ("time\ttype\tsubject", 3)
    assert all(line.split("\t")[1] == SAVED for line in lines)
    cursor = ended.errors.strip().removeprefix("Event cursor: ")
    again = await muster(admin, tmp_path, "events", "tail", "--after", cursor, "--once", "--json")
    assert (again.status, again.output) == (0, "")


async def test_what_happens_is_shown_as_it_happens_and_ctrl_c_says_where_it_was(admin: Client, tmp_path: Path) -> None:
    before = await new_course(admin)
    await at_end(admin, tmp_path, before)
    async with started(admin, tmp_path, "events", "tail", "--json", "--keep", "cursor") as command:
        await eventually(lambda: is_there(tmp_path / "cursor"))
        course = await new_course(admin)
        assert course_of(await line_of(command)) == course
        command.interrupt()
        ended = await command.end()
    assert (ended.status, "Event cursor: " in ended.errors, "Traceback" in ended.errors) == (130, True, False)


async def is_there(file: Path) -> bool:
    return file.name in names_in(file.parent)


async def line_of(command: Command) -> bytes:
    assert command.process.stdout is not None
    return await command.process.stdout.readline()


async def test_a_kept_cursor_goes_on_where_it_was(admin: Client, tmp_path: Path) -> None:
    first = await new_course(admin)
    await at_end(admin, tmp_path, first)
    tail = ("events", "tail", "--once", "--json", "--keep", "cursor")
    assert (await muster(admin, tmp_path, *tail)).output == ""
    second = await new_course(admin)

    async def has_it() -> list[int]:
        return [course_of(line) for line in (await muster(admin, tmp_path, *tail)).output.splitlines()]

    assert await eventually(has_it) == [second]
    assert (await muster(admin, tmp_path, *tail)).output == ""
    assert names_in(tmp_path) == ["cursor"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--after", "x"), "after"),
        (("--types", "shoes"), "types"),
        (("--after", "x", "--beginning"), "not both"),
        (("--keep", "no/such/cursor", "--once"), "cannot be written"),
        (("--keep", ".", "--once"), "cannot be read"),
    ],
)
async def test_what_is_wrong_is_said(admin: Client, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    ended = await muster(admin, tmp_path, "events", "tail", *arguments)
    assert (ended.status, ended.output) == (2, "")
    assert says in ended.errors
    assert "Traceback" not in ended.errors


async def test_a_permission_is_missing(stack: Stack, organisation: int, tmp_path: Path) -> None:
    viewer = stack.client(organisation, permissions=["api.access", "training.view"])
    ended = await muster(viewer, tmp_path, "events", "tail")
    assert (ended.status, "events.view" in ended.errors) == (2, True)


async def test_it_goes_on_after_the_server_was_down(tmp_path: Path) -> None:
    """Each event once, though the answers between are lost."""
    asked: list[str | None] = []

    async def feed(request: web.Request) -> web.Response:
        asked.append(request.query.get("after"))
        match len(asked):
            case 1:
                return page("c1", {"id": 1})
            case 2 if request.transport is not None:
                request.transport.abort()
                return web.Response()
            case 3:
                return web.json_response(
                    {"success": False, "code": "upstream_unavailable", "message": "Down"}, status=500
                )
            case _:
                return page("c2", {"id": 2})

    app = web.Application()
    app.router.add_get(EVENTS, feed)
    async with serving(app) as url:
        command = await Command.start(
            ("events", "tail", "--beginning", "--json"), tmp_path, environment(url, MUSTER_TOKEN="a.b.c")
        )
        seen = [course_of(await line_of(command)) for _ in "12"]
        command.interrupt()
        ended = await command.end()
    assert (seen, asked[:4], ended.status) == ([1, 2], [None, "c1", "c1", "c1"], 130)
    assert "The next try is in" in ended.errors


def page(following: str, *data: Any) -> web.Response:
    events = [{"specversion": "1.0", "type": SAVED, "data": each, "of_tomorrow": 1} for each in data]
    return web.json_response({"success": True, "data": events, "next": following, "has_more": False})


async def test_control_a_server_that_never_answered_is_not_waited_for(tmp_path: Path) -> None:
    async def feed(request: web.Request) -> web.Response:
        return web.json_response({"success": False, "code": "internal_error", "message": "Oops"}, status=500)

    app = web.Application()
    app.router.add_get(EVENTS, feed)
    async with serving(app) as url:
        ended = await muster_with(environment(url, MUSTER_TOKEN="a.b.c"), tmp_path, "events", "tail")
    assert (ended.status, "Oops" in ended.errors) == (2, True)


async def test_a_cursor_that_has_expired_is_said(tmp_path: Path) -> None:
    async def feed(request: web.Request) -> web.Response:
        body = {"success": False, "code": "cursor_expired", "message": "Events after the cursor were dropped."}
        return web.json_response(body, status=410)

    app = web.Application()
    app.router.add_get(EVENTS, feed)
    async with serving(app) as url:
        ended = await muster_with(
            environment(url, MUSTER_TOKEN="a.b.c"), tmp_path, "events", "tail", "--after", "x" * 40
        )
    assert (ended.status, "were dropped" in ended.errors) == (2, True)
