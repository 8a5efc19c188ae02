"""A program that others could have written, started as an outsider: it knows an address, its id and its secret."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.app import create_gateway
from services.accounts.app import SERVICE
from services.accounts.settings import AccountsSettings
from shared.service.chassis import build_app
from stack.config.ports import reserve_port
from tests.support.client import Client, client_token
from tests.support.eventually import DEADLINE
from tests.support.programs import MAKER, Program, new_program
from tests.support.stack import CLIENT_SECRET, Stack, gateway_settings, serving
from tests.support.world import ENROLLMENTS, new_course, new_employee, new_session

PROGRAM = Path(__file__).with_name("program_of_an_integrator.py")
METADATA = "/.well-known/oauth-authorization-server"
RIGHTS = ["training.view", "training.enroll"]


@asynccontextmanager
async def public_gateway(stack: Stack) -> AsyncIterator[str]:
    """The address of a gateway whose tokens are issued in the name of that address, as RFC 8414 has it."""
    port = reserve_port()
    address = f"http://127.0.0.1:{port}"
    settings = stack.settings["accounts"]
    assert isinstance(settings, AccountsSettings)
    accounts = build_app(SERVICE, settings.model_copy(update={"token_issuer": address}), "api")
    async with serving(accounts) as url:
        gateway = create_gateway(gateway_settings({**stack.urls, "accounts": url}, token_issuer=address))
        async with serving(gateway, port):
            yield address


async def run(address: str, program: Program, employee: int, method: str) -> tuple[int, str, str]:
    """Exit status and output of the program; nothing of this repository can be imported by it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(PROGRAM),
        address + METADATA,
        str(employee),
        method,
        env={"PATH": os.defpath, "CLIENT_ID": program.client_id, "CLIENT_SECRET": program.secret},
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(2 * DEADLINE):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def test_it_enrolls_somebody_with_an_address_an_id_and_a_secret(stack: Stack, organisation: int) -> None:
    admin = stack.client(organisation, permissions=list(MAKER))
    for method in ("client_secret_basic", "client_secret_post"):
        await enrolls(admin, method)


async def test_it_does_so_where_tokens_are_issued_in_the_name_of_the_address(stack: Stack, organisation: int) -> None:
    async with public_gateway(stack) as address:
        token = client_token(CLIENT_SECRET, organisation, iss=address, permissions=list(MAKER))
        await enrolls(Client(stack.http, address, token), "client_secret_basic")


async def enrolls(admin: Client, method: str) -> None:
    await new_session(admin, await new_course(admin))
    employee = await new_employee(admin)
    program = await new_program(admin, permissions=RIGHTS)
    status, output, errors = await run(admin.url, program, employee, method)
    assert status == 0, errors
    enrolled = (await admin.get(f"{ENROLLMENTS}/{json.loads(output)['id']}")).data
    assert enrolled["employee"]["id"] == employee


async def test_control_a_revoked_program_is_told_so(stack: Stack, organisation: int) -> None:
    admin = stack.client(organisation, permissions=list(MAKER))
    program = await new_program(admin, permissions=RIGHTS)
    assert (await admin.delete(program.path)).status in (200, 204)
    status, _, errors = await run(admin.url, program, await new_employee(admin), "client_secret_basic")
    assert status != 0
    assert "invalid_client" in errors
