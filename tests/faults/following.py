"""Clients that follow the feed of events through the gateways while a story goes on (contract, section 8)."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg

from tests.faults.bed import Bed
from tests.faults.ledger import Attempt, Ledger
from tests.faults.observer import Observer
from tests.faults.receiver import hook_differs
from tests.faults.scene import Organisation
from tests.support.client import Answer

EVENTS = "/api/v1/events"
PAUSE = 0.2
"""Seconds until it asks again after an answer with nothing more."""
WHILE_FOLLOWING, AT_THE_END = 20, 1000
"""Events of an answer at most."""
EXPECTED = frozenset({200, 404, 429, 502, 503, 504})
"""Statuses while things are broken; 404 is that of a gateway of a version that has no feed."""


_TAKEN_AGAIN = """
SELECT organisation_id, message_id, count(*) FROM webhook_attempts
WHERE organisation_id = ANY($1) AND status BETWEEN 200 AND 299
GROUP BY organisation_id, webhook_id, message_id HAVING count(*) > 1
"""


@dataclass
class FeedReader:
    """Asks for what comes after its cursor, and again with the same cursor where no answer came."""

    bed: Bed
    ledger: Ledger
    organisation: int
    limit: int = WHILE_FOLLOWING
    wait: int = 1
    """Seconds that it lets the feed wait for the next event."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """In the order in which it got them."""
    _after: str | None = None
    _asked: int = 0

    async def follow(self) -> None:
        """Until it is cancelled."""
        while True:
            if not await self._ask():
                await asyncio.sleep(PAUSE)

    async def read_to_end(self) -> None:
        """Raises AssertionError where it is not answered."""
        self.limit, self.wait = AT_THE_END, 0
        while True:
            before = len(self.ledger.attempts)
            has_more = await self._ask()
            last = self.ledger.attempts[before:][-1]
            assert last.status == 200, f"I10: the feed was answered {last.status}"
            if not has_more:
                return

    async def _ask(self) -> bool:
        """Whether more follows at once."""
        answer = await self._answer()
        if answer is None or answer.status != 200:
            return False
        page = answer.json
        self.events += page["data"]
        self._after = page["next"]
        return bool(page["has_more"])

    async def _answer(self) -> Answer | None:
        self._asked += 1
        gateway, began = self._asked % len(self.bed.gateways), time.monotonic()
        client = self.bed.client(self.organisation, gateway=gateway, sub="reader of the feed")
        query: dict[str, Any] = {"limit": self.limit, "wait": self.wait}
        if self._after is not None:
            query["after"] = self._after
        answer, reached = None, True
        try:
            answer = await client.get(EVENTS, **query)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reached = not isinstance(error, aiohttp.ClientConnectorError)
        status = None if answer is None else answer.status
        seconds = time.monotonic() - began
        self.ledger.attempts.append(Attempt(began, seconds, "delivery", gateway, status, "read the feed", reached))
        if answer is not None and answer.status not in EXPECTED:
            self.ledger.violation(f"I7: the feed was answered {answer.status}: {answer.text}")
        return answer


@asynccontextmanager
async def following(bed: Bed, ledger: Ledger, scene: Iterable[Organisation]) -> AsyncIterator[Sequence[FeedReader]]:
    """One reader of each organisation's feed, from its first event on, at work while the block runs."""
    readers = [FeedReader(bed, ledger, organisation.id) for organisation in scene]
    tasks = [asyncio.create_task(reader.follow()) for reader in readers]
    try:
        yield readers
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


async def feed_differs(bed: Bed, observer: Observer, readers: Iterable[FeedReader]) -> list[str]:
    """I10: a follower has got each event of the exchange once, and whoever reads all of it now gets the same."""
    found: list[str] = []
    for reader in readers:
        await reader.read_to_end()
        again = FeedReader(bed, reader.ledger, reader.organisation)
        await again.read_to_end()
        published = {
            event["id"]: event for event in observer.events.values() if _organisation(event) == reader.organisation
        }
        found += [f"I10 {text}" for text in _differs("the feed", published, again.events)]
        found += [f"I10 {text}" for text in _differs("who followed", published, reader.events)]
        if not found and _ids(again.events) != _ids(reader.events):
            found.append(f"I10: the feed of {reader.organisation} has another order than it had for who followed")
    return found


async def webhooks_differ(
    bed: Bed, observer: Observer, scene: Iterable[Organisation], *, interrupted: bool
) -> list[str]:
    """I11: the webhook of each organisation took every event that it wants, and twice only what was interrupted."""
    found: list[str] = []
    for organisation in scene:
        published = {
            event["id"]: event for event in observer.events.values() if _organisation(event) == organisation.id
        }
        hook = bed.receiver.hooks[f"/{organisation.id}"]
        found += hook_differs(hook, published, once=not interrupted)
    return [*found, *await _stored_twice(bed, [organisation.id for organisation in scene])]


async def _stored_twice(bed: Bed, organisations: list[int]) -> list[str]:
    """What was stored as taken is never sent again."""
    connection = await asyncpg.connect(bed.database_urls["delivery"], timeout=5, command_timeout=20)
    try:
        rows = await connection.fetch(_TAKEN_AGAIN, organisations)
    finally:
        await connection.close()
    return [f"I11 doubled: stored as taken more than once is {dict(row)}" for row in rows]


def _differs(what: str, published: dict[str, dict[str, Any]], got: Sequence[dict[str, Any]]) -> Iterator[str]:
    left = dict(published)
    seen: set[str] = set()
    for event in got:
        expected = left.pop(event["id"], None)
        if event["id"] in seen:
            yield f"doubled: {what} had {_brief(event)} again"
        elif expected != event:
            yield f"foreign: {what} had {json.dumps(event)}, published was {json.dumps(expected)}"
        seen.add(event["id"])
    for event in left.values():
        yield f"lost: {what} had no {_brief(event)}"


def _ids(events: Iterable[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in events]


def _brief(event: dict[str, Any]) -> str:
    return f"{event['type']} {event['id']} of {event['organisationid']}"


def _organisation(event: dict[str, Any]) -> int:
    return int(event["organisationid"])
