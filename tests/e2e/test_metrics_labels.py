"""What names and labels the metrics of a running system have: those that the pages say, and no client's text."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import aio_pika
import pytest

from gateway.edge.templates import templates
from gateway.routes import ROUTES as OF_GATEWAY
from shared.events.types import STATE_OF
from shared.http.server.app import HEALTH_PATHS
from shared.imports.kind import Outcome
from shared.metrics.messaging import LANES
from shared.metrics.requests import METHODS, OTHER
from shared.metrics.traffic import Refusals
from shared.metrics.version import VERSION
from shared.service.chassis import service_queue
from stack.services import SERVICE_NAMES
from tests.support.client import Client
from tests.support.databases import amqp_url
from tests.support.declared_errors import declared_codes
from tests.support.importing import FILES
from tests.support.metrics import Reading, read, shows
from tests.support.papers import ROOT, text_of
from tests.support.routes import ALL, Declared
from tests.support.services import ROUTES
from tests.support.stack import Stack, running_stack
from tests.support.world import COURSES

ODD = "x9f-odd-text"
"""Nothing of ours has it."""
_NUMBER = re.compile(r"[0-9.e-]+|\+Inf")
_WORDS = {
    *("idle", "used", "requests", "reader", "relay", "sender"),
    *("outbox", "queue", "webhooks", "feed", "imports", "standings"),
    *("expired_rows", "sign_ins", "feed_days", "feed_event_ids", "webhook_messages"),
    *("user", "address", "warning", "error", "waiting", "running", "gateway", VERSION),
    *("taken", "waitlisted", "delivered", "failed", "refused"),
}


def allowed() -> set[str]:
    """All values that a label may have, beside numbers."""
    return {
        OTHER,
        *METHODS,
        *_WORDS,
        *LANES,
        *FILES,
        *SERVICE_NAMES,
        *HEALTH_PATHS,
        *templates(),
        *OF_GATEWAY,
        *(route.path for route in ROUTES),
        *declared_codes(),
        *(event_type.type for event_type in STATE_OF),
        *(outcome.value for outcome in Outcome),
    }


def odd_values(readings: dict[str, Reading]) -> set[str]:
    values = {value for reading in readings.values() for _, labels in reading.values for _, value in labels}
    return {value for value in values - allowed() if not _NUMBER.fullmatch(value)}


@pytest.fixture(scope="module")
async def watched() -> AsyncIterator[Stack]:
    """Its processes can be read as those of an installation are."""
    async with running_stack(read_metrics=True) as stack:
        yield stack


async def readings(stack: Stack) -> dict[str, Reading]:
    return {name: await read(metrics) for name, metrics in stack.metrics.items()}


def strange(declared: Declared) -> Iterator[dict[str, Any]]:
    """What is sent to one route: headers, parameters and bodies that nobody asked for."""
    yield {
        "headers": {
            "X-Request-Id": f"{ODD}-{uuid4()}",
            "User-Agent": ODD,
            "X-Odd": ODD,
            "If-Match": f'"{ODD}"',
            "Accept": f"text/{ODD}",
            "Origin": f"https://{ODD}.example",
        }
    }
    yield {"params": {ODD: ODD, "page": ODD, "types": ODD, "after": ODD}}
    if declared.route.method in ("POST", "PUT", "PATCH"):
        yield {"json": {ODD: ODD, "title": ODD, "code": ODD}}
        yield {"data": ODD, "headers": {"Content-Type": f"text/{ODD}"}}


async def ask_strangely(client: Client, declared: Declared) -> None:
    """About a row that is not there, and with text where an id should be."""
    route = declared.route
    for options in strange(declared):
        await client.request(route.method, re.sub(r"\{\w+\}", "1", route.path), **options)
    await client.request(route.method, re.sub(r"\{\w+\}", ODD, route.path))


async def send_an_odd_event(stack: Stack, organisation: int) -> None:
    """Of a type that nobody knows, to delivery, which takes every event."""
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": f"/{ODD}",
        "type": f"training.{ODD}.v1",
        "subject": ODD,
        "time": "2026-01-01T00:00:00Z",
        "dataschema": ODD,
        "organisationid": str(organisation),
        "data": {"id": 1},
    }
    queue = service_queue("delivery", stack.settings["delivery"])
    async with await aio_pika.connect(amqp_url(), timeout=10) as connection:
        channel = await connection.channel()
        message = aio_pika.Message(json.dumps(event).encode())
        await channel.default_exchange.publish(message, queue.name, timeout=10)


@pytest.fixture(scope="module")
async def read_after_all(watched: Stack) -> dict[str, Reading]:
    """The metrics of all processes once they were asked for everything, strangely."""
    organisation = 8_800_000_001
    for declared in ALL:
        await ask_strangely(watched.direct(declared.service, organisation, declared.permissions), declared)
        await ask_strangely(watched.client(organisation), declared)
    for url in (watched.gateway_url, *watched.urls.values()):
        for method, path in (
            (ODD, COURSES),
            ("GET", f"/{ODD}"),
            ("GET", f"{COURSES}/{ODD}"),
            ("POST", HEALTH_PATHS[0]),
        ):
            async with watched.http.request(method, url + path) as answer:
                assert answer.status >= 400
    await send_an_odd_event(watched, organisation)
    await shows(
        watched.metrics["delivery"], lambda now: now.total("muster_consumer_applied_total", event_type=OTHER) > 0
    )
    return await readings(watched)


async def test_no_label_is_a_clients_text(read_after_all: dict[str, Reading]) -> None:
    assert odd_values(read_after_all) == set()
    for name, reading in read_after_all.items():
        assert reading.total("muster_refusals_total") >= 15, name  # they were asked
        assert reading.total("http_server_request_duration_seconds_count", method=OTHER) >= 1, name


async def test_control_a_label_with_a_clients_text_is_noticed(watched: Stack) -> None:
    refusals = Refusals(watched.metrics["history"].registry)
    refusals.count("not_found", f"/{ODD}")
    try:
        assert odd_values(await readings(watched)) == {f"/{ODD}"}
    finally:
        watched.metrics["history"].registry.unregister(refusals)


def told() -> set[str]:
    table = text_of(ROOT / "docs" / "operations.md").partition("| metric | of |")[2].partition("\n\n")[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`([a-z_]+)`", row.split(" | ")[0])}


async def test_operators_are_told_of_every_metric_and_no_other(read_after_all: dict[str, Reading]) -> None:
    """The families of all processes, as they are asked for: a counter with `_total`, an information with `_info`."""
    assert set().union(*(reading.families for reading in read_after_all.values())) == told()
