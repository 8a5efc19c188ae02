"""Webhooks in a database of delivery, and senders in the test's own process."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from services.delivery.sending.client import EndpointClient
from services.delivery.sending.context import disable
from services.delivery.sending.signing import Keys
from services.delivery.sending.worker import Sender
from services.delivery.store.sending import Claimed
from shared.concurrency.tasks import background
from tests.support.endpoints import Connected, Endpoint
from tests.support.eventually import eventually
from tests.support.projections import Database

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
SIGNING_KEY = f"whsk_{base64.b64encode(bytes(range(1, 33))).decode()}"

_ADD_WEBHOOK = """
INSERT INTO webhooks (organisation_id, url, thin, secret, signing_key, public_key) VALUES ($1, $2, $3, $4, $5, '')
RETURNING id
"""
_ADD_MESSAGES = """
INSERT INTO webhook_messages (organisation_id, webhook_id, event_id, type, body, day, due_at)
SELECT $1, $2, event_id, 'training.course.saved.v1', body, current_date, statement_timestamp() - interval '1 second'
FROM unnest($3::uuid[], $4::text[]) AS new (event_id, body)
RETURNING id
"""


@dataclass(frozen=True)
class Webhooks:
    """Those of one organisation, in `database`."""

    database: Database
    organisation: int

    async def new(self, url: str, *, thin: bool = False) -> int:
        sealed = [SECRET.encode(), SIGNING_KEY.encode()]
        return int(await self.database.value(_ADD_WEBHOOK, self.organisation, url, thin, *sealed))

    async def at(self, receiving: Endpoint, **options: Any) -> int:
        """A webhook that leads to this endpoint."""
        return await self.new(f"http://127.0.0.1:{receiving.port}/hook", **options)

    async def send(self, webhook: int, count: int = 1, *, size: int = 0) -> list[str]:
        """Messages that are due; returns their event ids. The body of each has a text of `size` characters."""
        ids = [str(uuid4()) for _ in range(count)]
        bodies = [event(each, self.organisation, size) for each in ids]
        await self.database.pool.fetch(_ADD_MESSAGES, self.organisation, webhook, ids, bodies)
        return ids

    async def states(self, webhook: int) -> list[str]:
        rows = await self.database.pool.fetch(
            "SELECT status FROM webhook_messages WHERE organisation_id = $1 AND webhook_id = $2 ORDER BY id",
            self.organisation,
            webhook,
        )
        return [row["status"] for row in rows]

    async def are(self, webhook: int, *states: str) -> None:
        async def reached() -> bool:
            return set(await self.states(webhook)) == set(states)

        await eventually(reached)

    async def attempts(self, webhook: int) -> list[tuple[int | None, str | None]]:
        rows = await self.database.pool.fetch(
            "SELECT status, error FROM webhook_attempts WHERE organisation_id = $1 AND webhook_id = $2 ORDER BY id",
            self.organisation,
            webhook,
        )
        return [(row["status"], row["error"]) for row in rows]

    async def set(self, assignment: str, webhook: int, *, table: str = "webhook_messages") -> None:
        """Such as `due_at = statement_timestamp()`: time passes by moving what is stored."""
        key = "id" if table == "webhooks" else "webhook_id"
        sql = f"UPDATE {table} SET {assignment} WHERE organisation_id = $1 AND {key} = $2"
        await self.database.pool.execute(sql, self.organisation, webhook)


def event(event_id: str, organisation: int, size: int = 0) -> str:
    envelope = {"specversion": "1.0", "id": event_id, "type": "training.course.saved.v1", "source": "/muster"}
    return json.dumps(envelope | {"organisationid": str(organisation), "data": {"id": 7, "title": "x" * size}})


@dataclass
class Received:
    """What an endpoint got: headers and body of each request, and how many were there at the same time at most."""

    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)
    status: int = 200
    headers: str = ""
    under_way: int = 0
    most_under_way: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    """A request is answered once it is set."""

    def __post_init__(self) -> None:
        self.release.set()

    async def __call__(self, connected: Connected) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            self.requests.append(await connected.request())
            await self.release.wait()
            head = f"HTTP/1.1 {self.status} Answered\r\n{self.headers}content-length: 0\r\n\r\n"
            await connected.write(head.encode())
        finally:
            self.under_way -= 1

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.requests]


def keys_of(claimed: Claimed) -> Keys:
    """The tests' secrets are stored as they are."""
    secrets_ = [each.decode() for each in (claimed.secret, claimed.previous_secret) if each is not None]
    return Keys(secrets_, claimed.signing_key.decode())


async def nobody_knows(_: str) -> Sequence[str]:
    raise AssertionError("the tests' endpoints have addresses, not names")


def sender_for(database: Database, *endpoints: Endpoint) -> Sender:
    hosts = frozenset(f"127.0.0.1:{each.port}" for each in endpoints)
    client = EndpointClient(nobody_knows, hosts)
    return Sender(database.pool, database.url, client, keys_of, disable, name="test sender")


@asynccontextmanager
async def running(*senders: Sender) -> AsyncIterator[None]:
    async with AsyncExitStack() as exits:
        for sender in senders:
            await exits.enter_async_context(background(sender.run(), name="sender"))
        yield
