"""How fast events travel: outbox → broker, broker → projection, and commit → visible.

Figures of ours are PostgreSQL's commit timestamps, of processes that run as in production, from their first batch to
their last: no measuring slows them down, and no start counts. The peers take their own time. What is compared runs
on one core, beside servers that may use all; from commit to visible the whole system works, and may use all as well.
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import aio_pika
import asyncpg

from bench.event_data import SESSIONS, enrollments, fill_catalog, fill_enrollment, messages, new_organisation
from bench.results import Result, Samples, at_least, bounded
from bench.rounds import ROUNDS, alternate
from shared.auth.internal_token import API_ACCESS, ENROLL, Caller
from shared.auth.make_internal_keys import private_keys_file
from shared.auth.signing import InternalSigner
from shared.auth.trust import GATEWAY
from shared.events.cloudevents import CONTENT_TYPE
from shared.events.types import EXCHANGE, EnrollmentCreated
from shared.messaging import outbox
from shared.messaging.broker import connection_to
from stack.services import SERVICE_NAMES

EVENTS = 20_000
"""In a round."""
PER_SECOND, SECONDS, WARM_UP = 500, 10, 1
"""Of the enrollments that are waited for. Those of the first second meet processes that have just started, which
prepare their statements; they are left out."""
ENROLLED = PER_SECOND * (WARM_UP + SECONDS)
CORE = 0
PATIENCE = 120.0
_VISIBLE_IN = {"the history": ("history", "records"), "the spot count": ("catalog", "enrollments")}
"""Service and table."""

_COMMITS = "SELECT pg_xact_commit_timestamp(xmin) AS moment, count(*) FROM {} WHERE {} > $1 GROUP BY 1 ORDER BY 1"
_COUNT = "SELECT count(*) FROM {} WHERE organisation_id = $1"
_MOMENTS = "SELECT id, pg_xact_commit_timestamp(xmin) FROM {} WHERE organisation_id = $1"
_WAITING = "SELECT count(*) FROM outbox WHERE published_at IS NULL"

Database = Any
"""A connection of asyncpg's."""


class Bed(Protocol):
    """Servers with migrated databases; PostgreSQL with `fsync` and `track_commit_timestamp` on."""

    amqp_url: str
    """Of the administrator."""
    internal_keys: Path
    """The directory of the keys that internal tokens are signed with."""

    def database_url(self, service: str) -> str:
        """Of the owner of the tables, or of the superuser."""

    def url(self, service: str) -> str:
        """Where the service's process listens while it runs."""

    def service(self, service: str, *arguments: str, core: int | None = None) -> AbstractAsyncContextManager[Any]:
        """`python -m services.SERVICE ARGUMENTS` while the block runs, with its production settings, ready."""

    async def open_loop(self, url: str, requests: Path, *, rate: int, seconds: float) -> None:
        """Sends the requests, each at its moment, however long those before it take."""

    async def hand_over(self) -> dict[str, float]:
        """Milliseconds for a byte to another process and back: `p50` and `p90`."""

    async def peer(self, script: str, *arguments: object, core: int | None = None) -> str:
        """What `bench/peers/SCRIPT.py ARGUMENTS` prints, run to its end with `AMQP_URL` in its environment."""


async def results(bed: Bed, rounds: int = ROUNDS) -> AsyncIterator[Result]:
    """In the order of the table. Needs migrated databases and declared queues; no service may run."""
    ours, peer = await alternate(partial(_relayed, bed), partial(_bare_published, bed), rounds=rounds)
    yield at_least("outbox → broker", "events/s", ours, peer, "aio-pika, confirmed", 1)
    for service, table in (("history", "records"), ("catalog", "enrollments")):
        measures = partial(followed, bed, service, table), partial(_bare_consumed, bed)
        ours, peer = await alternate(*measures, rounds=rounds)
        yield at_least(f"broker → projection of the {service}", "events/s", ours, peer, "aio-pika, acknowledging", 1)
    for result in await _visibility(bed, rounds):
        yield result


async def _relayed(bed: Bed) -> float:
    """Events/s of enrollment's worker, of those that one transaction left in its outbox."""
    await empty_queues(bed)
    async with connected(bed, "enrollment") as database, bed.service("enrollment", "--role", "worker", core=CORE):
        last = await database.fetchval("SELECT coalesce(max(id), 0) FROM outbox")
        async with database.transaction():
            await outbox.add(database, "enrollment", enrollments(new_organisation(), EVENTS))
        await until(0, database, _WAITING)
        return await rate_of(database, "outbox", "id", last)


async def _bare_published(bed: Bed) -> float:
    await empty_queues(bed)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".jsonl") as file:
        file.writelines(json.dumps(message) + "\n" for message in messages(enrollments(new_organisation(), EVENTS)))
        file.flush()
        return EVENTS / float(await bed.peer("bare_publisher", EXCHANGE, file.name, core=CORE))


async def followed(bed: Bed, service: str, table: str) -> float:
    """Events/s of the service's worker, of those that wait in its queue when it starts."""
    organisation = new_organisation()
    await empty_queues(bed)
    await fill(bed, organisation)
    await publish(bed, enrollments(organisation, EVENTS))
    async with connected(bed, service) as database, bed.service(service, "--role", "worker", core=CORE):
        await until(EVENTS, database, _COUNT.format(table), organisation)
        return await rate_of(database, table, "organisation_id", organisation - 1)


async def _bare_consumed(bed: Bed) -> float:
    await empty_queues(bed)
    await publish(bed, enrollments(new_organisation(), EVENTS))
    return EVENTS / float(await bed.peer("bare_consumer", "muster.history", EVENTS, core=CORE))


async def _visibility(bed: Bed, rounds: int) -> list[Result]:
    """From an enrollment's commit to that of its record and of its count, while enrolling goes on at a steady rate."""
    await empty_queues(bed)
    hand_over = await bed.hand_over()
    waits: dict[str, list[list[float]]] = {where: [] for where in _VISIBLE_IN}
    async with bed.service("catalog"), bed.service("history"), bed.service("enrollment"):
        for _ in range(rounds):
            organisation = new_organisation()
            await fill(bed, organisation)
            await enroll(bed, organisation)
            committed = await commits_of(bed, "enrollment", "enrollments", organisation)
            for where, (service, table) in _VISIBLE_IN.items():
                waits[where].append(waited(committed, await commits_of(bed, service, table, organisation)))
    note = "waking a process and being woken takes {p50:.2f} ms here, {p90:.2f} for one in ten".format(**hand_over)
    return [result for where, of_rounds in waits.items() for result in from_commit(where, of_rounds, note)]


def waited(committed: dict[int, datetime], visible: dict[int, datetime]) -> list[float]:
    """Milliseconds of each, in order of length; without those of the first second."""
    warm = sorted(committed)[PER_SECOND * WARM_UP :]
    return sorted((visible[key] - committed[key]) / timedelta(milliseconds=1) for key in warm)


def from_commit(where: str, rounds: list[list[float]], machine: str) -> list[Result]:
    """How long it took, at the median and at the 99th percentile; `rounds` are in milliseconds, in order."""
    longest = max(waits[-1] for waits in rounds)
    note = f"{PER_SECOND}/s for {SECONDS} s after {WARM_UP} s of warming up, longest {longest:.0f} ms; {machine}"
    return [
        bounded(
            f"commit → visible in {where}, p{percent}",
            "ms",
            Samples.of([_percentile(waits, percent) for waits in rounds]),
            most,
            note,
        )
        for percent, most in ((50, 8.0), (99, 25.0))
    ]


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[len(ordered) * percent // 100]


async def enroll(bed: Bed, organisation: int) -> None:
    """Everyone is enrolled once, in sessions that take turns; raises `NotMeasured` when somebody is not."""
    caller = Caller(organisation, "bench", "Bench", "staff", frozenset({API_ACCESS, ENROLL}))
    signer = InternalSigner(GATEWAY, private_keys_file(bed.internal_keys, GATEWAY))
    authorization = f"Bearer {signer.sign(caller, 'enrollment')}"
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".requests") as file:
        for number in range(ENROLLED):
            body = {"session_id": number % SESSIONS + 1, "employee_ids": [number + 1]}
            file.write(f"/api/v1/training/enrollments\t{authorization}\t{json.dumps(body)}\n")
        file.flush()
        await bed.open_loop(bed.url("enrollment"), Path(file.name), rate=PER_SECOND, seconds=WARM_UP + SECONDS)


async def commits_of(bed: Bed, service: str, table: str, organisation: int) -> dict[int, datetime]:
    """When each row was committed, once all are there."""
    async with connected(bed, service) as database:
        await until(ENROLLED, database, _COUNT.format(table), organisation)
        return dict(await database.fetch(_MOMENTS.format(table), organisation))


async def rate_of(database: Database, table: str, column: str, after: int) -> float:
    """Rows/s from the first transaction that wrote some to the last; those of the first are not counted."""
    rows = await database.fetch(_COMMITS.format(table, column), after)
    written = sum(row["count"] for row in rows[1:])
    return float(written / (rows[-1]["moment"] - rows[0]["moment"]).total_seconds())


async def until(expected: int, database: Database, count: str, *arguments: object) -> None:
    """Returns once the statement counts so many."""
    async with asyncio.timeout(PATIENCE):
        while await database.fetchval(count, *arguments) != expected:  # noqa: ASYNC110 - a table has no event
            await asyncio.sleep(0.1)


@asynccontextmanager
async def connected(bed: Bed, service: str) -> AsyncIterator[Database]:
    """To the service's database."""
    connection = await asyncpg.connect(bed.database_url(service), timeout=PATIENCE)
    try:
        yield connection
    finally:
        await connection.close()


async def fill(bed: Bed, organisation: int) -> None:
    """What must be there before somebody is enrolled, or counted."""
    async with connected(bed, "catalog") as catalog, connected(bed, "enrollment") as enrollment:
        await fill_catalog(catalog, organisation)
        await fill_enrollment(enrollment, organisation)


async def empty_queues(bed: Bed) -> None:
    """Of all services."""
    async with connection_to(bed.amqp_url, name="bench") as connection:
        channel = await connection.channel()
        for service in SERVICE_NAMES:
            queue = await channel.get_queue(f"muster.{service}")
            await queue.purge(timeout=PATIENCE)


async def publish(bed: Bed, events: list[EnrollmentCreated]) -> None:
    """To the exchange; returns once the broker has confirmed all of them."""
    async with connection_to(bed.amqp_url, name="bench") as connection:
        exchange = await (await connection.channel()).get_exchange(EXCHANGE)
        for start in range(0, len(events), 500):
            some = messages(events[start : start + 500])
            await asyncio.gather(*(exchange.publish(_message(*each), each[1], timeout=PATIENCE) for each in some))


def _message(event_id: str, routing_key: str, body: str) -> aio_pika.Message:
    persistent = aio_pika.DeliveryMode.PERSISTENT
    return aio_pika.Message(body.encode(), content_type=CONTENT_TYPE, message_id=event_id, delivery_mode=persistent)
