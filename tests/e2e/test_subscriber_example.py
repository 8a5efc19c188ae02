"""The example of a subscriber on the whole system, as the user that it gets."""

from pathlib import Path

import pytest

from stack.commands.test import SUBSCRIBER
from stack.servers.rabbitmq_definitions import subscriber_user
from tests.support.client import Client
from tests.support.databases import amqp_url, subscriber_amqp_url
from tests.support.example_subscriber import PROGRAMS, Example, running
from tests.support.stack import Stack
from tests.support.world import ENROLLMENTS, enroll, new_course, new_employee, new_session


@pytest.mark.parametrize("program", PROGRAMS)
async def test_it_keeps_what_was_completed(program: str, stack: Stack, admin: Client, tmp_path: Path) -> None:
    exchange = stack.settings["enrollment"].exchange
    queue = f"{subscriber_user(SUBSCRIBER)}.{exchange}.{program.removesuffix('.py')}"
    example = Example(amqp_url(), subscriber_amqp_url(), queue, tmp_path / "kept.db", exchange, program)
    async with running(example):
        session_id = await new_session(admin, await new_course(admin))
        enrolled, completed = await enroll(admin, session_id, await new_employee(admin), await new_employee(admin))
        assert (await admin.patch(f"{ENROLLMENTS}/{completed}/complete", {"score": 82})).status == 200
        await example.has(completed, 2)
    assert example.state(completed)["score"] == 82
    assert example.state(enrolled) == {}
