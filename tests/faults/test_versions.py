"""The released version and this one side by side, on the database as this one has migrated it."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import aio_pika
import asyncpg
import pytest

from stack.servers.databases import ensure_databases
from stack.services import SERVICE_NAMES
from tests.faults.bed import Bed
from tests.faults.dead_letters import dead_letters
from tests.faults.following import EVENTS
from tests.faults.ledger import Attempt
from tests.faults.processes import ProductProcess
from tests.faults.released import rolled_back, unpack_release
from tests.faults.run import story, told
from tests.faults.waiting import acknowledged
from tests.support.client import Client, client_token, new_organisation
from tests.support.eventually import eventually
from tests.support.world import enroll, new_course, new_employee, new_session

SEED = 6
WRITES = 20
NEW = "delivery"
"""The service that the released version does not have."""
FIRST, SECOND = [[f"{kind}-{copy}" for kind in (*SERVICE_NAMES, "gateway") if kind != NEW] for copy in (1, 2)]
PUBLISHED = ["training.course.saved.v1", "training.session.saved.v1"]
"""Types of the events before the new service runs."""
ASKED: Mapping[str, set[str]] = {
    "catalog": {"catalog"},
    "enrollment": {"enrollment", "catalog"},
    "history": {"history"},
    "delivery": {"delivery"},
}
"""Services that a request to each may need."""
NEWS_SECONDS = 0.1
"""Until the bed's balancers have told the gateways that a connection is no more."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_release(tmp_path_factory.mktemp("released"))


async def test_old_and_new_processes_understand_each_other_in_both_directions(bed: Bed, release: Path) -> None:
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        released = await second.enter_async_context(rolled_back(bed, release, SECOND))
        async with rolled_back(bed, release, FIRST):
            organisation = await publish_before_the_new_service_runs(bed)
        before = await set_aside(bed)
        for balancer in bed.balancers.values():
            balancer.cut()  # so that each version is asked by each
        async with story(bed, SEED) as ledger:
            ledger.tell("the second of each kind runs the released version")
            await acknowledged(ledger, WRITES)
            await eventually(lambda: all_are_asked(bed, released))
            released += await first.enter_async_context(rolled_back(bed, release, FIRST))
            ledger.tell("all run the released version")
            await acknowledged(ledger, WRITES)
            await second.aclose()
            ledger.tell("the second of each kind runs this version")
            await acknowledged(ledger, WRITES)
            await first.aclose()
            ledger.tell("all run this version")
            await acknowledged(ledger, WRITES)
    failures = [attempt for attempt in ledger.failures() if attempt.reached]
    # A gateway of this version that ends sends those who wait for news to another one.
    ending = {NEW: [*released, *bed.gateways]}
    of_this_version = [
        failed
        for failed in failures
        if not any(has_met_end(failed, process) for process in ending.get(failed.service, released))
    ]
    assert not of_this_version, told(SEED, ledger, f"{of_this_version} where {ends(bed, released)}")
    assert await set_aside(bed) == before
    feed = await bed.client(organisation).get(EVENTS)
    assert [event["type"] for event in feed.data] == PUBLISHED, feed.text


async def publish_before_the_new_service_runs(bed: Bed) -> int:
    """Released processes alone, in an organisation that it gives: an installation moves over by migrating first."""
    await take_away(bed, NEW)
    await bed.migrate(NEW)
    client = bed.client(organisation := new_organisation())
    await new_session(client, await new_course(client))
    await eventually(lambda: waits(bed, NEW, len(PUBLISHED)))
    await asyncio.gather(*(process.start() for process in bed.copies_of(NEW)))
    return organisation


async def take_away(bed: Bed, service: str) -> None:
    """As an installation of the released version, which has no such service: neither its rows nor its queue."""
    await asyncio.gather(*(process.kill() for process in bed.copies_of(service)))
    async with await aio_pika.connect(bed.servers.rabbitmq.url, timeout=5) as connection:
        channel = await connection.channel()
        for queue in (f"muster.{service}", f"muster.{service}.dead-letters"):
            await channel.queue_delete(queue)
    superuser = await asyncpg.connect(bed.servers.postgres.url, timeout=5)
    await superuser.execute(f"DROP DATABASE {service} WITH (FORCE)")
    await superuser.close()
    await ensure_databases(bed.servers.postgres.url, bed.servers.credentials.databases)


async def waits(bed: Bed, service: str, messages: int) -> bool:
    """Whether so many are in the service's queue."""
    async with await aio_pika.connect(bed.servers.rabbitmq.url, timeout=5) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(f"muster.{service}", passive=True)
        return queue.declaration_result.message_count == messages


async def all_are_asked(bed: Bed, released: list[ProductProcess]) -> bool:
    """Whether each process has a connection from somebody at this moment."""
    return all(process.clients() for process in (*bed.processes.values(), *released) if process.alive)


def ends(bed: Bed, released: list[ProductProcess]) -> dict[str, list[tuple[float, float]]]:
    """When which process ended, for those who read of a failure."""
    return {process.name: process.endings for process in (*bed.processes.values(), *released)}


def has_met_end(attempt: Attempt, process: ProductProcess) -> bool:
    """Whether it was under way while the process ended and may have been there: the released one disconnects."""
    kind, copy = process.name.split("-")[-2:]
    may_be_there = attempt.gateway + 1 == int(copy) if kind == "gateway" else kind in ASKED[attempt.service]
    return may_be_there and any(
        attempt.at <= end + NEWS_SECONDS and begin <= attempt.at + attempt.seconds for begin, end in process.endings
    )


async def test_control_an_event_that_the_old_version_cannot_read_is_set_aside(bed: Bed, release: Path) -> None:
    before, careless = await set_aside(bed), {"WITHOUT": "names of event fields"}
    await bed.processes["history-1"].kill()
    async with (
        rolled_back(bed, release, ["history-2"]),
        bed.another("history", **careless),
        bed.another("enrollment", **careless) as enrollment,
        bed.another("gateway", ENROLLMENT_URL=enrollment.url) as gateway,
    ):
        token = client_token(bed.client_secret, new_organisation())
        client = Client(bed.http, gateway.url, token, of_services=False)
        session = await new_session(client, await new_course(client))

        async def more_are_set_aside() -> bool:
            await enroll(client, session, await new_employee(client))
            return (await set_aside(bed))["history"] > before["history"]

        await eventually(more_are_set_aside)


async def set_aside(bed: Bed) -> dict[str, int]:
    """Dead letters of each service."""
    return {service: await dead_letters(bed, service) for service in SERVICE_NAMES}
