"""Ctrl-C, and what happens meanwhile to the import and to the token."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.importing import people, people_file
from tests.support.muster_command import Command, environment, job_of_another_server, muster, started
from tests.support.programs import MAKER, basic, new_program
from tests.support.stack import Stack, serving
from tests.support.world import CLIENTS, IMPORTS

PEOPLE = f"{IMPORTS}/people"
MANY = people_file(*people(range(1, 20_000)))


@pytest.fixture
def waiting_admin(idle_stack: Stack, organisation: int) -> Client:
    return idle_stack.client(organisation)


async def jobs(client: Client, status: str | None = None) -> list[Any]:
    return list((await client.get(PEOPLE, **({} if status is None else {"status": status}))).data)


async def test_in_the_upload_it_leaves_nothing(waiting_admin: Client, tmp_path: Path) -> None:
    async with started(waiting_admin, tmp_path, "import", "-", "--kind", "people", "--no-gzip") as command:
        await command.write(MANY.encode())
        await eventually(lambda: jobs(waiting_admin, "receiving"))
        command.interrupt()
        ended = await command.end()
    assert (ended.status, ended.output) == (130, "Interrupted: nothing was imported.\n")

    async def is_gone() -> bool:
        return await jobs(waiting_admin) == []

    await eventually(is_gone)


async def test_control_without_it_the_import_is_there(waiting_admin: Client, tmp_path: Path) -> None:
    async with started(waiting_admin, tmp_path, "import", "-", "--kind", "people", "--no-gzip") as command:
        await command.write(MANY.encode())
        await eventually(lambda: jobs(waiting_admin, "receiving"))
        assert command.process.stdin is not None
        command.process.stdin.close()
        [job] = await eventually(lambda: jobs(waiting_admin, "waiting"))
    assert job["bytes"] == len(MANY)


async def test_afterwards_the_import_goes_on_and_can_be_followed_and_cancelled(
    waiting_admin: Client, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text(MANY)
    async with started(waiting_admin, tmp_path, "import", "people.csv") as command:
        [job] = await eventually(lambda: jobs(waiting_admin, "waiting"))
        await said(command, b"Sending people.csv")
        command.interrupt()
        ended = await command.end()
    reference = f"people/{job['id']}"
    assert ended.status == 130
    assert f"Import {reference} goes on" in ended.output
    assert f"muster import --follow {reference}" in ended.output
    assert [each["status"] for each in await jobs(waiting_admin)] == ["waiting"]
    async with started(waiting_admin, tmp_path, "import", "--follow", reference) as following:
        cancelled = await muster(waiting_admin, tmp_path, "import", "--cancel", reference)
        assert (cancelled.status, "is cancelled" in cancelled.output) == (0, True), cancelled.errors
        ended = await following.end()
    assert (ended.status, f"Import {reference} cancelled" in ended.output) == (2, True)
    again = await muster(waiting_admin, tmp_path, "import", "--cancel", str(job["id"]), "--kind", "people")
    assert again.status == 2


async def test_before_the_answer_it_waits_for_the_answer(tmp_path: Path) -> None:
    """The server may have taken the file: what it says decides what the command says."""
    came, go = asyncio.Event(), asyncio.Event()

    async def imports(request: web.Request) -> web.Response:
        await request.read()
        came.set()
        await go.wait()
        return web.json_response({"success": True, "data": job_of_another_server("running")}, status=202)

    app = web.Application()
    app.router.add_post(IMPORTS, imports)
    (tmp_path / "people.csv").write_text(MANY)
    async with serving(app) as url:
        command = await Command.start(("import", "people.csv"), tmp_path, environment(url, MUSTER_TOKEN="a.b.c"))
        async with asyncio.timeout(20):
            await came.wait()
        command.interrupt()
        go.set()
        ended = await command.end()
    assert (ended.status, "Import people/7 goes on without this command." in ended.output) == (130, True), ended


async def test_while_it_waits_for_its_turn_nothing_was_imported(tmp_path: Path) -> None:
    """A file that was refused for now has no effect, though all of it was sent."""

    async def imports(request: web.Request) -> web.Response:
        await request.read()
        body = {"success": False, "message": "Too many requests.", "code": "rate_limited"}
        return web.json_response(body, status=429, headers={"Retry-After": "100"})

    app = web.Application()
    app.router.add_post(IMPORTS, imports)
    (tmp_path / "people.csv").write_text(MANY)
    async with serving(app) as url:
        command = await Command.start(("import", "people.csv"), tmp_path, environment(url, MUSTER_TOKEN="a.b.c"))
        await said(command, b"The next try is in 100 s.")
        command.interrupt()
        ended = await command.end()
    assert (ended.status, ended.output) == (130, "Interrupted: nothing was imported.\n")


async def said(command: Command, text: bytes) -> None:
    """Waits until it says so."""
    assert command.process.stderr is not None
    async with asyncio.timeout(20):
        while text not in await command.process.stderr.readline():
            pass


async def test_a_token_that_is_refused_in_the_middle_is_renewed(
    idle_stack: Stack, organisation: int, tmp_path: Path
) -> None:
    admin = idle_stack.client(organisation, permissions=list(MAKER))
    program = await new_program(admin, permissions=["training.view", "training.manage"])
    (tmp_path / "people.csv").write_text(people_file(*people([1])))
    variables = environment(
        idle_stack.gateway_url, MUSTER_CLIENT_ID=program.client_id, MUSTER_CLIENT_SECRET=program.secret
    )
    command = await Command.start(("import", "people.csv"), tmp_path, variables)
    [job] = await eventually(lambda: jobs(admin, "waiting"))
    token = await token_of(idle_stack, program.client_id, program.secret)
    probe = Client(idle_stack.http, idle_stack.gateway_url, token)
    assert (await probe.get(PEOPLE)).status == 200
    changed = await admin.patch(f"{CLIENTS}/{program.id}", {"permissions": ["training.manage"]})
    assert changed.status == 200, changed.text

    async def is_refused() -> bool:
        return (await probe.get(PEOPLE)).status == 401

    await eventually(is_refused)
    await admin.post(f"{PEOPLE}/{job['id']}/cancel", {})
    ended = await command.end()
    assert (ended.status, f"people/{job['id']} cancelled" in ended.output) == (2, True), ended.errors


async def test_control_a_token_alone_cannot_be_renewed_and_the_import_goes_on(
    waiting_admin: Client, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text(people_file(*people([1])))
    async with started(waiting_admin, tmp_path, "import", "people.csv") as command:
        [job] = await eventually(lambda: jobs(waiting_admin, "waiting"))
        await said(command, b"Sending people.csv")
        assert (await waiting_admin.post("/api/v1/auth/logout", {})).status == 200
        ended = await command.end()
    assert (ended.status, f"Import people/{job['id']} goes on" in ended.output) == (2, True), ended
    assert "Is MUSTER_TOKEN a token of this server" in ended.errors


async def token_of(stack: Stack, client_id: str, secret: str) -> str:
    """Through the gateway, as the command gets its own."""
    async with stack.http.post(
        f"{stack.gateway_url}/oauth/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": basic(client_id, secret)},
    ) as response:
        return str((await response.json())["access_token"])
