"""`muster login`, `logout` and `whoami` on the whole system."""

import asyncio
import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from stack.config.ports import reserve_port
from tests.support.accounts import PASSWORD, NewUser, new_user
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.muster_command import Ended, at_terminal, environment, muster_with, names_in
from tests.support.stack import Stack, serving
from tests.support.world import new_course

ME = "/api/v1/auth/me"


@dataclass(frozen=True)
class Person:
    """Somebody with a home of their own, whose shell knows neither server nor token."""

    user: NewUser
    home: Path
    url: str

    @property
    def file(self) -> Path:
        return self.home / ".config" / "muster" / "login.json"

    def kept(self) -> Any:
        return json.loads(self.file.read_text())

    def change(self, **members: Any) -> None:
        self.file.write_text(json.dumps({**self.kept(), **members}))

    async def muster(self, *arguments: str, password: str = "", **variables: str) -> Ended:
        """The password comes on standard input."""
        shell = {name: value for name, value in environment("").items() if name != "MUSTER_URL"}
        return await muster_with({**shell, **variables}, self.home, *arguments, stdin=password.encode())

    async def sign_in(self, password: str = PASSWORD) -> Ended:
        return await self.muster("login", self.url, "--email", self.user.email, password=f"{password}\n")


@pytest.fixture
async def person(stack: Stack, organisation: int, tmp_path: Path) -> Person:
    return Person(await new_user(stack, organisation), tmp_path, stack.gateway_url)


async def test_whoever_signed_in_needs_nothing_else(person: Person, stack: Stack, organisation: int) -> None:
    course = await new_course(stack.client(organisation), title="Rigging")
    ended = await person.sign_in()
    assert (ended.status, ended.output) == (0, f"You are signed in at {person.url} as {person.user.email}.\n"), ended
    assert stat.S_IMODE(person.file.stat().st_mode) == 0o600
    assert PASSWORD not in person.file.read_text()
    listed = await person.muster("courses", "list", "--json")
    assert [json.loads(line)["id"] for line in listed.output.splitlines()] == [course], listed.errors
    me = await person.muster("whoami", "--json")
    assert json.loads(me.output)["email"] == person.user.email


async def test_a_password_may_come_from_the_environment(person: Person) -> None:
    variables = {"MUSTER_URL": person.url, "MUSTER_EMAIL": person.user.email, "MUSTER_PASSWORD": PASSWORD}
    assert (await person.muster("login", **variables)).status == 0
    assert person.kept()["url"] == person.url


async def test_signing_out_revokes_the_tokens_and_forgets_them(person: Person, stack: Stack) -> None:
    await person.sign_in()
    kept = person.kept()
    assert (await Client(stack.http, stack.gateway_url, kept["token"]).get(ME)).status == 200
    ended = await person.muster("logout")
    assert (ended.status, ended.output) == (0, f"You are signed out at {person.url}.\n"), ended
    assert not person.file.exists()

    async def is_refused() -> bool:
        return (await Client(stack.http, stack.gateway_url, kept["token"]).get(ME)).status == 401

    await eventually(is_refused)
    assert "Sign in: muster login" in (await person.muster("whoami")).errors
    assert (await person.muster("logout")).output == "Nobody is signed in.\n"


async def test_for_programs_it_is_said_as_json(person: Person) -> None:
    variables = {"MUSTER_URL": person.url, "MUSTER_EMAIL": person.user.email, "MUSTER_PASSWORD": PASSWORD}
    ended = await person.muster("login", "--json", **variables)
    assert json.loads(ended.output) == {"url": person.url, "email": person.user.email}
    assert json.loads((await person.muster("logout", "--json")).output) == {"url": person.url, "signed_out": True}
    assert json.loads((await person.muster("logout", "--json")).output) == {"url": None, "signed_out": False}


async def test_a_wrong_password_keeps_nothing(person: Person) -> None:
    ended = await person.sign_in("wrong horse")
    assert (ended.status, ended.output, person.file.exists()) == (2, "", False)
    assert "Traceback" not in ended.errors
    assert "wrong horse" not in ended.errors


async def test_a_token_that_has_expired_is_renewed_by_one_of_many_commands(person: Person) -> None:
    await person.sign_in()
    before = person.kept()
    person.change(good_until=0)
    ended = await asyncio.gather(*(person.muster("whoami") for _ in range(3)))
    assert [each.status for each in ended] == [0, 0, 0], ended
    assert person.kept()["refresh_token"] != before["refresh_token"]
    person.change(good_until=0)
    assert (await person.muster("whoami")).status == 0


async def test_a_token_that_the_server_refuses_is_renewed_whatever_the_clock_says(person: Person) -> None:
    await person.sign_in()
    person.change(token="a.b.c", good_until=4e9)
    assert (await person.muster("whoami")).status == 0
    assert person.kept()["token"] != "a.b.c"


async def test_a_login_that_was_ended_elsewhere_is_said(person: Person, stack: Stack) -> None:
    await person.sign_in()
    signed_out = await Client(stack.http, stack.gateway_url, person.kept()["token"]).post("/api/v1/auth/sign-out", {})
    assert signed_out.status == 200
    person.change(good_until=0)
    ended = await person.muster("whoami")
    assert ended.status == 2
    assert f"The login of {person.user.email} has expired, or was ended elsewhere." in ended.errors
    assert "muster login" in ended.errors


async def test_a_login_goes_to_its_own_server_alone(person: Person) -> None:
    await person.sign_in()
    came: list[str] = []

    async def spy(request: web.Request) -> web.Response:
        came.append(request.path)
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", spy)
    async with serving(app) as url:
        ended = await person.muster("--url", url, "courses", "list")
        assert (ended.status, came) == (2, [])
        assert f"You are signed in at {person.url}, and not at {url}" in ended.errors
        assert (await person.muster("whoami", MUSTER_URL=person.url)).status == 0


async def test_credentials_of_the_environment_come_first(person: Person, stack: Stack, organisation: int) -> None:
    await person.sign_in()
    admin = stack.client(organisation, permissions=["api.access"])
    assert admin.token is not None
    ended = await person.muster("courses", "list", MUSTER_URL=person.url, MUSTER_TOKEN=admin.token)
    assert (ended.status, "training.view" in ended.errors) == (2, True), ended


@pytest.mark.parametrize("arguments", [(), ("--email", "a@example.com")])
async def test_without_a_terminal_what_is_missing_is_said(person: Person, arguments: tuple[str, ...]) -> None:
    ended = await person.muster("login", person.url, *arguments)
    assert (ended.status, ended.output) == (2, "")
    assert "MUSTER_" in ended.errors
    assert "Traceback" not in ended.errors


async def test_nobody_listens_where_somebody_signs_in(person: Person) -> None:
    ended = await person.muster(
        "login", f"http://127.0.0.1:{reserve_port()}", "--email", "a@example.com", password="secret\n"
    )
    assert (ended.status, "cannot be reached" in ended.errors, names_in(person.home)) == (2, True, [])


async def test_signing_out_without_the_server_forgets_and_says_what_stays(person: Person) -> None:
    await person.sign_in()
    person.change(url=f"http://127.0.0.1:{reserve_port()}")
    ended = await person.muster("logout")
    assert (ended.status, person.file.exists()) == (1, False), ended
    assert "may be good at" in ended.errors


async def test_a_file_that_others_may_read_is_not_used(person: Person) -> None:
    await person.sign_in()
    person.file.chmod(0o644)
    ended = await person.muster("courses", "list")
    assert (ended.status, "Others may read" in ended.errors) == (2, True)


PROMPT = b"Password: "
CTRL_C = b"\x03"


async def test_at_a_terminal_it_asks_and_shows_no_password(person: Person) -> None:
    typed = {b"Email: ": f"{person.user.email}\n".encode(), PROMPT: f"{PASSWORD}\n".encode()}
    ended = await at_terminal(environment(person.url), person.home, "login", typed=typed)
    assert (ended.status, "You are signed in" in ended.output, PASSWORD in ended.output) == (0, True, False), ended
    assert (await person.muster("whoami")).status == 0


@pytest.mark.parametrize("prompt", [b"Email: ", PROMPT])
async def test_ctrl_c_at_a_question_keeps_nothing(person: Person, prompt: bytes) -> None:
    typed = {b"Email: ": f"{person.user.email}\n".encode(), PROMPT: CTRL_C} | {prompt: CTRL_C}
    ended = await at_terminal(environment(person.url), person.home, "login", typed=typed)
    assert (ended.status, "Traceback" in ended.output, person.file.exists()) == (130, False, False), ended
