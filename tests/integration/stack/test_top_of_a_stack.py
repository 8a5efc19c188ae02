"""`./dev top` on gateway and services that work: every figure it shows is one that they have."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Literal

import pytest
from rich.console import Console

from shared.concurrency.tasks import background
from shared.metrics.listener import metrics_listening
from shared.metrics.process import describe_process, measure_loop_lag
from stack.commands.top import show
from stack.config.addresses import Addresses, read_addresses, write_addresses
from stack.metrics.exposition import parse
from stack.metrics.names import WANTED
from stack.paths import Layout
from tests.support.client import new_organisation
from tests.support.eventually import DEADLINE, eventually
from tests.support.stack import Stack, running_stack
from tests.support.world import enroll, new_course, new_employee, new_session

HEIGHT = 40


@pytest.fixture(scope="module")
async def watched() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
async def urls(watched: Stack) -> AsyncIterator[Mapping[str, str]]:
    """Where each process answers for its metrics."""
    async with AsyncExitStack() as exits:
        urls = {}
        for name, metrics in watched.metrics.items():
            describe_process(metrics.registry, name)
            await exits.enter_async_context(background(measure_loop_lag(metrics.registry), name=f"lag of {name}"))
            host, port = await exits.enter_async_context(metrics_listening(metrics, "127.0.0.1", 0))
            urls[name] = f"http://{host}:{port}/metrics"
        yield urls


@pytest.fixture
def seen(layout: Layout, urls: Mapping[str, str]) -> Layout:
    """A stack whose processes are found there."""
    addresses = read_addresses(layout)
    services = {name: replace(each, metrics_url=urls[name]) for name, each in addresses.services.items()}
    known = Addresses(addresses.gateway_url, addresses.redis_url, addresses.amqp_url, services, urls["gateway"])
    write_addresses(layout, known, "token")
    return layout


async def use(stack: Stack) -> None:
    """Something of each kind that is counted: events, seats, refusals."""
    admin = stack.client(new_organisation())
    session = await new_session(admin, await new_course(admin), max_participants=1)
    first, second = [await new_employee(admin) for _ in range(2)]
    await enroll(admin, session, first)
    assert (await admin.post("/api/v1/training/enrollments", {"session_id": session, "employee_ids": [second]})).status
    assert (await admin.get("/api/v1/training/courses/999999")).status == 404


async def keep_using(stack: Stack) -> None:
    while True:
        await use(stack)


async def frame(layout: Layout) -> list[str]:
    out = io.StringIO()
    async with asyncio.timeout(DEADLINE):
        await show(layout, Console(file=out, width=80, height=HEIGHT), once=True)
    return out.getvalue().splitlines()


async def test_every_figure_is_one_that_a_process_has(watched: Stack, urls: Mapping[str, str]) -> None:
    there: set[str] = set()
    for metrics in watched.metrics.values():
        there |= parse((await metrics.exposition()).decode(), WANTED).present
    assert there == WANTED, urls


async def test_the_screen_shows_what_a_stack_does(watched: Stack, seen: Layout) -> None:
    lines: list[str] = []

    async def shows_it() -> Literal[True]:
        lines[:] = await frame(seen)
        [gateway, refused] = [line for line in lines if line.startswith("gateway")]
        sent = [line for line in lines if line.startswith("enrollment")][1].split()[4]
        assert "–" not in gateway, gateway
        assert "refused 0/s" not in refused, refused
        assert sent != "0", sent
        return True

    async with background(keep_using(watched), name="use of the stack"):
        await eventually(shows_it)
    assert "6 of 6 processes answer · Redis there · circuits closed" in lines[0]
    assert not [line for line in lines if line.startswith("old values")]
    for name in ("catalog", "enrollment", "accounts", "delivery"):
        assert [line for line in lines if line.startswith(name)][1].endswith("there")
    [seats] = [line for line in lines if line.startswith("seats")]
    assert "–" not in seats
    [webhooks] = [line for line in lines if line.startswith("webhooks")]
    assert "–" not in webhooks
    [imports] = [line for line in lines if line.startswith("imports")]
    assert "–" not in imports
