"""What `muster` says where something is wrong, and that it leaves nothing behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from stack.config.ports import reserve_port
from tests.support.client import Client
from tests.support.importing import people, people_file
from tests.support.muster_command import environment, job_of_another_server, muster, muster_with, names_in
from tests.support.stack import Stack, serving
from tests.support.world import IMPORTS

TOKEN = {"MUSTER_TOKEN": "a.b.c"}
TOO_LARGE = 65 * 1024 * 1024


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(people_file(*people([1])))
    return tmp_path


async def test_nobody_listens_at_the_address(file: Path) -> None:
    url = f"http://127.0.0.1:{reserve_port()}"
    ended = await muster_with(environment(url, **TOKEN), file, "import", "people.csv")
    assert (ended.status, ended.output) == (2, "")
    assert f"{url} cannot be reached" in ended.errors
    assert "Is MUSTER_URL right?" in ended.errors


@pytest.mark.parametrize("status", [200, 404])
async def test_the_address_is_that_of_another_server(file: Path, status: int) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<h1>Welcome</h1>", content_type="text/html", status=status)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", page)
    async with serving(app) as url:
        for arguments in (("import", "people.csv"), ("export", "courses")):
            ended = await muster_with(environment(url, **TOKEN), file, *arguments)
            assert (ended.status, "not as Muster does" in ended.errors) == (2, True), ended
    assert names_in(file) == ["people.csv"]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"MUSTER_URL": ""}, "Set MUSTER_URL"),
        ({"MUSTER_URL": "muster.example"}, "https://muster.example"),
        ({"MUSTER_TOKEN": ""}, "Who asks?"),
        ({"MUSTER_TOKEN": "two words"}, "MUSTER_TOKEN is no token"),
    ],
)
async def test_settings_are_missing_or_malformed(file: Path, variables: dict[str, str], says: str) -> None:
    ended = await muster_with(environment("http://127.0.0.1:9") | TOKEN | variables, file, "import", "people.csv")
    assert (ended.status, says in ended.errors) == (2, True), ended.errors
    assert "Traceback" not in ended.errors


async def test_credentials_are_refused(stack: Stack, file: Path) -> None:
    for variables, says in (
        (TOKEN, "Is MUSTER_TOKEN a token of this server"),
        ({"MUSTER_CLIENT_ID": "muster_ci_0", "MUSTER_CLIENT_SECRET": "muster_cs_0"}, "MUSTER_CLIENT_SECRET"),
    ):
        ended = await muster_with(environment(stack.gateway_url, **variables), file, "import", "people.csv")
        assert (ended.status, says in ended.errors) == (2, True), ended.errors
        assert "muster_cs_0" not in ended.errors


async def test_a_permission_is_missing(stack: Stack, organisation: int, file: Path) -> None:
    viewer = stack.client(organisation, permissions=["api.access", "training.view"])
    ended = await muster(viewer, file, "import", "people.csv")
    assert (ended.status, "training.manage" in ended.errors) == (2, True), ended.errors


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "nothing.csv", "--kind", "people"), "There is no file nothing.csv."),
        (("import", ".", "--kind", "people"), ". is a folder."),
        (("import", "data.csv"), "--kind"),
        (("import", "courses-and-sessions.csv"), "--kind"),
        (("import", "people.dat"), "--type"),
        (("import",), "one of them"),
        (("import", "people.csv", "--follow", "people/1"), "one of them"),
        (("import", "--follow", "12"), "people/12"),
        (("import", "--follow", "people/x"), "people/12"),
        (("import", "--follow", "people/987654321"), "does not exist"),
        (("import", "empty-people.csv"), "empty"),
        (("import", "people.csv", "--charset", "klingon"), "klingon"),
        (("import", "people.csv", "--kind", "shoes"), "shoes"),
        (("import", "columns-of-people.csv"), "shoe_size"),
        (("export", "shoes"), "There is no list shoes."),
        (("export", "courses", "color=red"), "color"),
        (("export", "courses", "red"), "status=completed"),
        (("export", "courses", "--format", "xlsx"), "JSON"),
        (("export", "courses/987654321/audit"), "does not exist"),
        (("export", "courses", "-o", "no/such/folder.csv"), "cannot be written"),
        (("export", "courses", "-o", "."), "folder"),
    ],
)
async def test_what_is_wrong_is_said(admin: Client, file: Path, arguments: tuple[str, ...], says: str) -> None:
    for name, text in (
        ("data.csv", "id"),
        ("courses-and-sessions.csv", "id"),
        ("people.dat", "id"),
        ("empty-people.csv", ""),
        ("columns-of-people.csv", "id,employee_id,full_name,shoe_size\n"),
    ):
        (file / name).write_text(text)
    before = names_in(file)
    ended = await muster(admin, file, *arguments)
    assert (ended.status, ended.output) == (2, "")
    assert says.lower() in ended.errors.lower()
    assert "Traceback" not in ended.errors
    assert names_in(file) == before
    assert (await admin.get(f"{IMPORTS}/people")).data == []


async def test_a_file_is_too_large(admin: Client, tmp_path: Path) -> None:
    with (tmp_path / "people.csv").open("wb") as file:
        file.truncate(TOO_LARGE)
    ended = await muster(admin, tmp_path, "import", "people.csv")
    assert ended.status == 2
    assert "The body is too large." in ended.errors
    assert "Split the file" in ended.errors
    assert (await admin.get(f"{IMPORTS}/people")).data == []


@asynccontextmanager
async def refusing(times: int, **answer: str) -> AsyncIterator[tuple[str, list[float]]]:
    """A server that refuses so often with 429, then has an import that has ended; the bodies' lengths as they came."""
    came: list[float] = []

    async def imports(request: web.Request) -> web.Response:
        came.append(len(await request.read()))
        if len(came) <= times:
            body = {"success": False, "message": "Too many requests. Try again in 1 seconds.", "code": "rate_limited"}
            return web.json_response(body, status=429, headers=answer)
        return web.json_response({"success": True, "data": job_of_another_server("completed")}, status=202)

    app = web.Application()
    app.router.add_post(IMPORTS, imports)
    async with serving(app) as url:
        yield url, came


async def test_too_many_requests_are_repeated_when_the_server_says(file: Path) -> None:
    async with refusing(2, **{"Retry-After": "1"}) as (url, came):
        ended = await muster_with(environment(url, **TOKEN), file, "import", "people.csv")
    assert ended.status == 0, ended.errors
    assert came == [(file / "people.csv").stat().st_size] * 3
    assert ended.errors.count("The next try is in 1 s.") == 2


async def test_nobody_waits_for_hours(file: Path) -> None:
    async with refusing(1, **{"Retry-After": "7200"}) as (url, came):
        ended = await muster_with(environment(url, **TOKEN), file, "import", "people.csv")
    assert (ended.status, len(came)) == (2, 1)
    assert "Too many requests" in ended.errors


@pytest.mark.parametrize("cut", [True, False])
async def test_an_export_that_is_cut_leaves_no_file_and_control_one_that_is_not_does(cut: bool, tmp_path: Path) -> None:
    """Without any line that says so."""

    async def courses(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/csv; charset=utf-8; header=present"})
        await response.prepare(request)
        await response.write(b"id,title\r\n1,First\r\n")
        if cut and request.transport is not None:
            request.transport.abort()
        await response.write_eof()
        return response

    app = web.Application()
    app.router.add_get("/api/v1/training/courses", courses)
    async with serving(app) as url:
        ended = await muster_with(environment(url, **TOKEN), tmp_path, "export", "courses", "-o", "courses.csv")
    if cut:
        assert (ended.status, "The connection was lost" in ended.errors) == (2, True), ended.errors
        assert names_in(tmp_path) == []
    else:
        assert (ended.status, (tmp_path / "courses.csv").read_text()) == (0, "id,title\n1,First\n"), ended.errors
