"""The subscriber of docs/how-to/subscribe-to-events.md, run as it is printed there."""

import asyncio
import json
import os
import re
import secrets
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from tests.support.client import Client
from tests.support.databases import amqp_url
from tests.support.eventually import DEADLINE, eventually
from tests.support.papers import ROOT, text_of
from tests.support.stack import Stack
from tests.support.subscriber import Subscriber, subscriber
from tests.support.world import ENROLLMENTS, enroll, new_course, new_employee, new_session

PAGE = ROOT / "docs/how-to/subscribe-to-events.md"


@dataclass(frozen=True)
class PrintedSubscriber:
    queue: str
    database: Path
    organisation: int

    def state(self, enrollment_id: int) -> dict[str, Any]:
        """What it has kept of the enrollment; empty where it has nothing."""
        with sqlite3.connect(self.database) as database:
            found = database.execute(
                "SELECT state FROM enrollments WHERE organisation_id = ? AND id = ?", (self.organisation, enrollment_id)
            ).fetchone()
        return json.loads(found[0]) if found else {}

    async def deliver(self, *bodies: bytes) -> None:
        """Straight into its queue."""
        async with await aio_pika.connect(amqp_url()) as connection:
            channel = await connection.channel()
            for body in bodies:
                await channel.default_exchange.publish(aio_pika.Message(body), self.queue)


def program() -> str:
    [code] = re.findall(r"^```python\n(.*?)^```", text_of(PAGE), re.DOTALL | re.MULTILINE)
    return str(code)


@asynccontextmanager
async def printed_subscriber(
    code: str, exchange: str, organisation: int, folder: Path
) -> AsyncIterator[PrintedSubscriber]:
    """The program in a process of its own, once it has bound its queue; both are gone afterwards."""
    queue, database = f"reports-{secrets.token_hex(4)}", folder / "reports.db"
    variables = {"QUEUE": queue, "EXCHANGE": exchange, "DATABASE": str(database), "AMQP_URL": amqp_url()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env={**os.environ, **variables}, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), DEADLINE) == b"subscribed\n"
        yield PrintedSubscriber(queue, database, organisation)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        async with await aio_pika.connect(amqp_url()) as connection:
            await (await connection.channel()).queue_delete(queue)


@pytest.fixture
async def events(stack: Stack, organisation: int) -> AsyncIterator[Subscriber]:
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        yield events


async def kept_after_an_older_event(
    code: str, stack: Stack, admin: Client, events: Subscriber, folder: Path
) -> dict[str, Any]:
    """Enroll and complete; then the first event comes once more, behind something that is no event."""
    exchange = stack.settings["enrollment"].exchange
    async with printed_subscriber(code, exchange, events.organisation, folder) as printed:
        session_id = await new_session(admin, await new_course(admin))
        first, second = await enroll(admin, session_id, await new_employee(admin), await new_employee(admin))
        assert (await admin.patch(f"{ENROLLMENTS}/{first}/complete", {"score": 82})).status == 200

        async def is_completed() -> bool:
            return printed.state(first).get("status") == "completed"

        await eventually(is_completed)
        created = (await events.message("enrollment.created")).body
        assert json.loads(created)["data"]["id"] == first
        await printed.deliver(b"no event", created)
        assert (await admin.patch(f"{ENROLLMENTS}/{second}/cancel")).status == 200

        async def has_followed() -> bool:
            return printed.state(second).get("status") == "cancelled"

        await eventually(has_followed)
        return printed.state(first)


async def test_it_keeps_the_newest_state_of_each_row(
    stack: Stack, admin: Client, events: Subscriber, tmp_path: Path
) -> None:
    state = await kept_after_an_older_event(program(), stack, admin, events, tmp_path)
    assert (state["status"], state["score"]) == ("completed", 82)


async def test_control_without_the_version_check_an_older_event_wins(
    stack: Stack, admin: Client, events: Subscriber, tmp_path: Path
) -> None:
    careless = program().replace("WHERE excluded.version > version", "")
    assert careless != program()
    state = await kept_after_an_older_event(careless, stack, admin, events, tmp_path)
    assert state["status"] == "enrolled"
