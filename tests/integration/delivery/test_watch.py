"""Readers that wait: woken when there is something to read, and at little cost (contract, section 8)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

import pytest
from aiohttp import web
from pydantic import SecretStr

from services.delivery import watch as watch_module
from services.delivery.event_types import Wanted
from services.delivery.reading import BEGINNING, Step, wait_for_step
from services.delivery.settings import DeliverySettings
from services.delivery.store import feed
from services.delivery.watch import FEED_WATCH, FeedWatch, feed_watch
from shared.concurrency.tasks import background
from shared.http.feed_cursor import FeedPlace
from shared.http.streaming import ENDING
from shared.postgres.pool import transaction
from tests.support.client import new_organisation
from tests.support.eventually import eventually
from tests.support.feed import EVERYTHING, FeedDatabase, entries, entry

LONG = 20.0


@dataclass
class Readers:
    """Those of one process, and how often they have looked."""

    delivery: FeedDatabase
    watch: FeedWatch
    looks: int = 0
    tasks: set["asyncio.Task[Step]"] = field(default_factory=set)

    async def read(
        self, organisation: int, after: FeedPlace = BEGINNING, seconds: float = LONG, wanted: Wanted = EVERYTHING
    ) -> Step:
        async def look(place: FeedPlace) -> Step:
            self.looks += 1
            return await self.delivery.step(organisation, place, wanted=wanted)

        return await wait_for_step(self.watch, organisation, after, look, seconds)

    async def waiting(
        self, organisation: int, *, seconds: float = LONG, wanted: Wanted = EVERYTHING
    ) -> "asyncio.Task[Step]":
        """One that has looked already, and seen nothing."""
        before = self.looks
        task = asyncio.create_task(self.read(organisation, seconds=seconds, wanted=wanted))
        self.tasks.add(task)

        async def has_looked() -> bool:
            return self.looks > before

        await eventually(has_looked)
        return task


@asynccontextmanager
async def readers_of(delivery: FeedDatabase) -> AsyncIterator[Readers]:
    watch = FeedWatch(delivery.service_url, f"watch {new_organisation()}")
    async with background(watch.run(), name="watch"):
        yield Readers(delivery, watch)


@pytest.fixture
async def readers(delivery: FeedDatabase) -> AsyncIterator[Readers]:
    async with readers_of(delivery) as readers:
        yield readers


async def connections(readers: Readers) -> int:
    count: int = await readers.delivery.value(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", readers.watch.name
    )
    return count


async def test_a_reader_that_waits_is_woken_by_an_event(readers: Readers) -> None:
    organisation = new_organisation()
    task = await readers.waiting(organisation)
    await readers.delivery.take(entries(organisation, 1))
    assert (await task).shown == 1


async def test_one_that_comes_later_sees_at_once_what_is_there(readers: Readers) -> None:
    organisation = new_organisation()
    await readers.delivery.take(entries(organisation, 1))
    assert (await readers.read(organisation)).shown == 1
    assert readers.looks == 1


async def test_another_organisation_s_events_wake_nobody(readers: Readers) -> None:
    organisation, other = new_organisation(), new_organisation()
    task = await readers.waiting(organisation)
    first = await readers.waiting(other)
    looks = readers.looks
    for _ in range(5):
        await readers.delivery.take(entries(other, 1))
    assert (await first).shown
    await readers.delivery.take(entries(organisation, 1))
    assert (await task).shown == 1
    assert (
        readers.looks - looks <= 2 + 2
    )  # of each once more, and what wakes everybody when the process begins to listen


async def test_a_reader_is_woken_once_the_horizon_has_passed(readers: Readers) -> None:
    organisation = new_organisation()
    task = await readers.waiting(organisation)
    async with transaction(readers.delivery.pool, [0]) as held:
        await feed.take(held, [entry(new_organisation())])
        await readers.delivery.take(entries(organisation, 1), shown=False)
        questions = readers.watch.questions

        async def has_asked_again() -> bool:
            return readers.watch.questions > questions + 3

        await eventually(has_asked_again)
        assert not task.done()
    assert (await task).shown == 1


async def test_what_was_committed_above_the_horizon_before_anybody_listened_wakes_too(readers: Readers) -> None:
    organisation = new_organisation()
    async with transaction(readers.delivery.pool, [0]) as held:
        await feed.take(held, [entry(new_organisation())])
        await readers.delivery.take(entries(organisation, 1), shown=False)
        task = await readers.waiting(organisation)
    assert (await task).shown == 1


async def test_control_without_catching_up_it_waits_to_its_end(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(FeedWatch, "_catch_up", nothing)
    organisation = new_organisation()
    async with transaction(readers.delivery.pool, [0]) as held:
        await feed.take(held, [entry(new_organisation())])
        await readers.delivery.take(entries(organisation, 1), shown=False)
        task = await readers.waiting(organisation, seconds=1)
    assert (await task).shown == 0


async def test_while_the_horizon_is_held_questions_are_few(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each at twice the pause before it, however much is committed meanwhile."""
    organisation = new_organisation()
    task = await readers.waiting(organisation)
    async with transaction(readers.delivery.pool, [0]) as held:
        await feed.take(held, [entry(new_organisation())])
        before, began = readers.watch.questions, monotonic()
        for _ in range(100):
            await readers.delivery.take(entries(organisation, 1), shown=False)
        asked, seconds = readers.watch.questions - before, monotonic() - began
        assert asked <= 10 + seconds / watch_module.LONGEST_PAUSE
    assert (await task).shown == 100


async def test_after_so_many_seconds_the_answer_is_empty_and_leads_on(readers: Readers) -> None:
    organisation = new_organisation()
    await readers.delivery.take(entries(new_organisation(), 1))
    found = await readers.read(organisation, seconds=0.2)
    assert (found.shown, found.has_more) == (0, False)
    assert found.next > BEGINNING


async def test_events_that_are_not_wanted_cost_a_reader_a_few_looks(readers: Readers) -> None:
    organisation = new_organisation()
    task = await readers.waiting(organisation, wanted=Wanted(["training.enrollment.completed.v1"]))
    looks = readers.looks
    for _ in range(60):
        await readers.delivery.take(entries(organisation, 1))
    assert readers.looks - looks < 12
    await readers.delivery.take([entry(organisation, type_="training.enrollment.completed.v1")])
    assert (await task).shown == 1


async def test_many_readers_of_a_process_have_one_connection_among_them(readers: Readers) -> None:
    organisation = new_organisation()
    tasks = [await readers.waiting(organisation) for _ in range(20)]
    assert await connections(readers) == 1
    await readers.delivery.take(entries(organisation, 1))
    assert [(await task).shown for task in tasks] == [1] * 20


async def test_without_readers_nobody_listens(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "LINGER", 0.1)
    assert await connections(readers) == 0
    await readers.read(new_organisation(), seconds=0.05)

    async def has_left() -> bool:
        return await connections(readers) == 0

    await eventually(has_left)
    organisation = new_organisation()
    task = await readers.waiting(organisation)
    await readers.delivery.take(entries(organisation, 1))
    assert (await task).shown == 1


async def test_a_reader_that_asks_again_and_again_costs_few_statements(readers: Readers) -> None:
    """One look to begin with; then a question for the horizon and a look for each event.

    Transactions of other tests on the server hold the horizon, and can only add to that.
    """
    costs = [await cost_of_ten_events(readers) for _ in range(3)]
    assert min(looks for looks, _ in costs) <= 25
    assert min(questions for _, questions in costs) <= 40


async def cost_of_ten_events(readers: Readers) -> tuple[int, int]:
    """Looks, and questions for the horizon."""
    organisation = new_organisation()
    place = (await readers.read(organisation, seconds=0.1)).next
    looks, questions = readers.looks, readers.watch.questions
    for _ in range(10):
        task = asyncio.create_task(readers.read(organisation, place))
        await readers.delivery.take(entries(organisation, 1))
        place = (await task).next
    return readers.looks - looks, readers.watch.questions - questions


async def test_a_listener_whose_connection_is_lost_listens_again(readers: Readers) -> None:
    organisation = new_organisation()
    task = await readers.waiting(organisation)
    await readers.delivery.value(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", readers.watch.name
    )
    await readers.delivery.take(entries(organisation, 1))
    assert (await task).shown == 1


async def test_readers_are_answered_when_the_process_ends(readers: Readers) -> None:
    task = await readers.waiting(new_organisation())
    readers.watch.end()
    assert (await task).shown == 0


async def test_the_process_ends_its_watch_when_it_ends_itself(delivery: FeedDatabase) -> None:
    app = web.Application()
    app[ENDING] = asyncio.Event()
    address, none = SecretStr(delivery.service_url), SecretStr("")
    settings = DeliverySettings.model_construct(database_url=address, amqp_url=none)
    async with asynccontextmanager(feed_watch)(settings, app):
        readers = Readers(delivery, app[FEED_WATCH])
        task = await readers.waiting(new_organisation())
        app[ENDING].set()
        assert (await task).shown == 0
