"""A client that nobody here wrote finds everything from the address of the API (`node/client.js`)."""

import asyncio
import json
from dataclasses import replace
from typing import Any

from tests.outsiders.oidc_provider import node
from tests.support.eventually import DEADLINE
from tests.support.programs import MAKER, Program, new_program
from tests.support.stack import Stack
from tests.support.world import new_course


async def printed(address: str, program: Program) -> Any:
    environment = {"CLIENT_ID": program.client_id, "CLIENT_SECRET": program.secret}
    process = await asyncio.create_subprocess_exec(
        *node("client.js"), address, env=environment, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(DEADLINE):
        output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


async def test_it_reads_courses_with_an_address_an_id_and_a_secret(stack: Stack, organisation: int) -> None:
    admin = stack.client(organisation, permissions=list(MAKER))
    course = await new_course(admin)
    program = await new_program(admin, permissions=["training.view", "training.enroll"])
    seen = await printed(stack.gateway_url, program)
    assert (seen["scope"], [each["id"] for each in seen["courses"]]) == ("training.view", [course])


async def test_it_reads_why_it_is_refused(stack: Stack, organisation: int) -> None:
    admin = stack.client(organisation, permissions=list(MAKER))
    program = await new_program(admin, permissions=["training.enroll"])
    assert await printed(stack.gateway_url, program) == {"error": "invalid_scope"}
    refused = await printed(stack.gateway_url, replace(program, secret="wrong"))
    assert refused == {"error": "OAUTH_WWW_AUTHENTICATE_CHALLENGE"}  # RFC 6749, section 5.2
