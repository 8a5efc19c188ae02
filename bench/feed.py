"""The feed of events: how fast it takes them in and is read, when a follower has what was committed; and webhooks.

What is compared runs on one core, as in `bench.events`; from commit to follower the whole system works on all of them.
"""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from bench.bed import Bed
from bench.event_data import enrollments, new_organisation
from bench.events import (
    CORE,
    ENROLLED,
    EVENTS,
    PATIENCE,
    commits_of,
    connected,
    empty_queues,
    enroll,
    fill,
    followed,
    from_commit,
    publish,
    rate_of,
    until,
    waited,
)
from bench.load import Requests, wrk
from bench.pgbench import pgbench, script, statement_of, written
from bench.processes import python, serve
from bench.results import Result, Samples, at_least, reached
from bench.rounds import alternate
from bench.workers import Workers
from services.delivery.event_types import Wanted
from services.delivery.sealing import WEBHOOK_SECRETS, secret_of, signing_key_of
from services.delivery.store import feed
from shared.auth.internal_token import API_ACCESS, Caller
from shared.auth.internal_token import EVENTS as VIEW_EVENTS
from shared.auth.make_internal_keys import private_keys_file
from shared.auth.secrets_at_rest import Sealer
from shared.auth.signing import InternalSigner
from shared.auth.trust import GATEWAY
from stack.config.ports import reserve_port

BESIDE_HISTORY, AGAINST_PGBENCH, WEBHOOKS_PER_SECOND = 0.8, 0.18, 150
"""Goals."""
PAGE = 100
"""Events of an answer."""
CONNECTIONS = 32
ENDPOINTS, MESSAGES = 16, 200
"""Webhooks of the organisation, and events that each of them gets."""
WAIT = 20
"""Seconds that a follower lets the feed wait."""
PATH = "/api/v1/events"
_TAKEN = "SELECT count(*) FROM events WHERE organisation_id = $1"
_SENT = "SELECT count(*) FROM webhook_messages WHERE organisation_id = $1 AND status = 'delivered'"
_WEBHOOK = """
INSERT INTO webhooks (organisation_id, id, url, secret, signing_key, public_key) VALUES ($1, $2, $3, $4, $5, '')
"""


async def results(bed: Bed) -> AsyncIterator[Result]:
    """Nothing of the workers' installation may run."""
    workers, rounds = await bed.workers(), bed.effort.rounds
    measures = partial(followed, workers, "delivery", "events"), partial(followed, workers, "history", "records")
    ours, history = await alternate(*measures, rounds=rounds)
    yield at_least("broker → feed", "events/s", ours, history, "broker → projection of the history", BESIDE_HISTORY)
    yield await _read(bed, workers)
    for result in await _followers(workers, rounds):
        yield result
    yield await _webhooks(bed, workers, rounds)


async def _read(bed: Bed, workers: Workers) -> Result:
    """Pages of the feed, from places all over it."""
    organisation = new_organisation()
    async with connected(workers, "delivery") as database, workers.service("delivery", core=CORE) as serving:
        await empty_queues(workers)
        await publish(workers, enrollments(organisation, EVENTS))
        await until(EVENTS, database, _TAKEN, organisation)
        first = await database.fetchval("SELECT min(position) FROM events WHERE organisation_id = $1", organisation)
        last = await database.fetchval("SELECT max(position) FROM events WHERE organisation_id = $1", organisation)
        places = await _places(workers, serving.url, organisation)
        page = feed.page(organisation, (1, 0), Wanted(), PAGE)
        sql = written(bed, script(await statement_of(page.alone), {2: (first, last)}))

        async def pages() -> float:
            requests = Requests.written(
                bed, [f"{PATH}?limit={PAGE}&after={place}" for place in places], [_bearer(workers, organisation)]
            )
            return (await wrk(bed, serving.url, requests, connections=CONNECTIONS)).per_second

        ours, alone = await alternate(
            pages, lambda: pgbench(bed, workers.service_database_url("delivery"), [sql]), rounds=bed.effort.rounds
        )
    note = f"wrk, {CONNECTIONS} connections; pages of {PAGE} events"
    return at_least("feed: pages", "requests/s", ours, alone, "pgbench, same SQL", AGAINST_PGBENCH, note)


async def _places(workers: Workers, url: str, organisation: int) -> list[str]:
    """Cursors of all its pages but the last."""
    places: list[str] = []
    async with aiohttp.ClientSession() as http:
        page: dict[str, Any] = {"next": None, "has_more": True}
        while page["has_more"]:
            page = await _page(http, workers, url, organisation, after=page["next"], limit=PAGE)
            places.append(page["next"])
    return places[:-2]


async def _page(
    http: aiohttp.ClientSession, workers: Workers, url: str, organisation: int, *, after: str | None, **query: int
) -> dict[str, Any]:
    asked = {name: str(value) for name, value in query.items()} | ({} if after is None else {"after": after})
    headers = {"Authorization": _bearer(workers, organisation)}
    async with http.get(url + PATH, params=asked, headers=headers) as response:
        response.raise_for_status()
        page: dict[str, Any] = await response.json()
        return page


def _bearer(workers: Workers, organisation: int) -> str:
    """A new one, as the gateway makes one for each request."""
    caller = Caller(organisation, "bench", "Bench", "staff", frozenset({API_ACCESS, VIEW_EVENTS}))
    return f"Bearer {_signer(private_keys_file(workers.internal_keys, GATEWAY)).sign(caller, 'delivery')}"


@cache
def _signer(keys: Path) -> InternalSigner:
    return InternalSigner(GATEWAY, keys)


async def _followers(workers: Workers, rounds: int) -> list[Result]:
    """From an enrollment's commit until a follower of the feed has it, while enrolling goes on at a steady rate."""
    await empty_queues(workers)
    hand_over = await workers.hand_over()
    waits: list[list[float]] = []
    async with workers.service("delivery") as serving, workers.service("enrollment"):
        for _ in range(rounds):
            organisation = new_organisation()
            await fill(workers, organisation)
            following = asyncio.create_task(_follow(workers, serving.url, organisation))
            await enroll(workers, organisation)
            committed = await commits_of(workers, "enrollment", "enrollments", organisation)
            async with asyncio.timeout(PATIENCE):
                waits.append(waited(committed, await following))
    note = "waking a process and being woken takes {p50:.2f} ms here, {p90:.2f} for one in ten".format(**hand_over)
    return from_commit("the feed, to who waits there", waits, note)


async def _follow(workers: Workers, url: str, organisation: int) -> dict[int, datetime]:
    """When it had the event of each enrollment, once it has all."""
    moments: dict[int, datetime] = {}
    after: str | None = None
    async with aiohttp.ClientSession() as http:
        while len(moments) < ENROLLED:
            page = await _page(http, workers, url, organisation, after=after, limit=1000, wait=WAIT)
            now, after = datetime.now(UTC), page["next"]
            moments |= {each["data"]["id"]: now for each in page["data"] if each["type"].startswith("training.enroll")}
    return moments


async def _webhooks(bed: Bed, workers: Workers, rounds: int) -> Result:
    """Each event goes to every webhook of an organisation, at an endpoint that takes all at once."""
    port = reserve_port()
    rates: list[float] = []
    hosts = {"WEBHOOK_PRIVATE_HOSTS": f"127.0.0.1:{port}"}
    async with _taking(bed, port), connected(workers, "delivery") as database:
        for _ in range(rounds):
            organisation = new_organisation()
            await empty_queues(workers)
            await _add_webhooks(workers, database, organisation, port)
            await publish(workers, enrollments(organisation, MESSAGES))
            async with workers.service("delivery", "--role", "worker", core=CORE, **hosts):
                await until(ENDPOINTS * MESSAGES, database, _SENT, organisation)
                rates.append(await rate_of(database, "webhook_attempts", "organisation_id", organisation - 1))
    note = f"{ENDPOINTS} endpoints without TLS, {MESSAGES} events to each, a connection for each request"
    return reached("feed → webhooks", "messages/s", Samples.of(rates), WEBHOOKS_PER_SECOND, note)


async def _add_webhooks(workers: Workers, database: Any, organisation: int, port: int) -> None:
    sealer = Sealer(WEBHOOK_SECRETS, SecretStr(workers.setting("delivery", "DELIVERY_SECRET")))
    secret, key = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
    for number in range(1, ENDPOINTS + 1):
        sealed = (
            sealer.seal(f"whsec_{secret}", secret_of(organisation, number)),
            sealer.seal(f"whsk_{key}", signing_key_of(organisation, number)),
        )
        await database.execute(_WEBHOOK, organisation, number, f"http://127.0.0.1:{port}/{number}", *sealed)


@asynccontextmanager
async def _taking(bed: Bed, port: int) -> AsyncIterator[None]:
    """`bench.taking` on the load's core while the block runs."""
    command = python("bench.taking", str(port))
    process = await serve(bed.servers.layout, "taking", command, bed.placement.load, port, {})
    try:
        yield
    finally:
        await process.stop()
