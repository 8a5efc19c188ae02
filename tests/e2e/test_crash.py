"""The enrollment service is killed right after it has answered: what it has promised reaches the histories."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from shared.postgres.pool import connected, connection_pool
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess, service_process
from tests.support.stack import Stack, running_stack
from tests.support.world import enroll, new_course, new_employee, new_session

ENROLLMENT = "services.enrollment"
ROUNDS = 3


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Stack]:
    """Nobody in here publishes enrollment's events: only the processes that the tests start and kill."""
    async with running_stack(roles={"enrollment": "api"}) as stack:
        yield stack


@pytest.fixture
def admin(served: Stack, organisation: int) -> Client:
    return served.client(organisation)


async def promise(served: Stack, admin: Client, organisation: int, process: ServiceProcess) -> tuple[int, int]:
    """A person and their enrollment, for which the process has answered 201; it is killed at once."""
    session_id = await new_session(admin, await new_course(admin))
    person = await new_employee(admin)
    [enrollment_id] = await enroll(served.direct("enrollment", organisation, url=process.url), session_id, person)
    await process.kill()
    return person, enrollment_id


async def recorded(admin: Client, person: int) -> list[int]:
    """The ids of the person's records; nobody's while their own event has not come."""
    answer = await admin.get(f"/api/v1/employees/{person}/training")
    assert answer.status == 200, answer.text
    return [record["id"] for record in answer.data]


async def is_recorded(admin: Client, person: int, enrollment_id: int) -> bool:
    return await recorded(admin, person) == [enrollment_id]


async def waiting_events(served: Stack, organisation: int) -> list[str]:
    async with connection_pool(served.enrollment_database_url, name="test") as pool, connected(pool) as connection:
        rows = await connection.fetch(
            "SELECT routing_key FROM outbox WHERE organisation_id = $1 AND published_at IS NULL ORDER BY id",
            organisation,
        )
    return [row["routing_key"] for row in rows]


async def everything_is_published(served: Stack, organisation: int) -> bool:
    return await waiting_events(served, organisation) == []


async def test_what_was_answered_before_a_kill_is_recorded_after_the_restart(
    served: Stack, admin: Client, organisation: int
) -> None:
    promises = []
    for _ in range(ROUNDS):
        async with service_process(ENROLLMENT, served.settings["enrollment"]) as process:
            promises.append(await promise(served, admin, organisation, process))
    async with service_process(ENROLLMENT, served.settings["enrollment"]):
        for person, enrollment_id in promises:
            await eventually(partial(is_recorded, admin, person, enrollment_id))
        await eventually(partial(everything_is_published, served, organisation))


async def test_a_kill_before_the_relay_could_publish_loses_nothing(
    served: Stack, admin: Client, organisation: int
) -> None:
    async with service_process(ENROLLMENT, served.settings["enrollment"], "--role", "api") as process:
        person, enrollment_id = await promise(served, admin, organisation, process)
    assert await waiting_events(served, organisation) == ["employee.saved", "enrollment.created"]
    async with service_process(ENROLLMENT, served.settings["enrollment"], "--role", "worker"):
        await eventually(lambda: is_recorded(admin, person, enrollment_id))


async def test_control_without_the_outbox_the_kill_loses_the_event(
    served: Stack, admin: Client, organisation: int
) -> None:
    settings = served.settings["enrollment"]
    async with service_process("tests.support.late_events", settings, "--role", "api") as process:
        person, enrollment_id = await promise(served, admin, organisation, process)
    assert await waiting_events(served, organisation) == ["employee.saved"]
    async with service_process(ENROLLMENT, settings):
        await eventually(partial(everything_is_published, served, organisation))
        await eventually(lambda: knows(admin, person))
    detail = await admin.get(f"/api/v1/training/enrollments/{enrollment_id}")
    assert detail.status == 200
    assert await recorded(admin, person) == []


async def knows(admin: Client, person: int) -> bool:
    return (await admin.get(f"/api/v1/employees/{person}/training")).status == 200
