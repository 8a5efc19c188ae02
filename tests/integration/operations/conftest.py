"""The queue of a history service of the test's own, and the settings that its commands run with."""

from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from services.history.handlers import SUBSCRIPTIONS
from services.history.settings import HistorySettings
from shared.messaging.subscriptions import routing_keys
from tests.support.broker import Broker, own_broker
from tests.support.client import new_organisation
from tests.support.copies import COPIES, SEATS_AS_HELD, everything_is_followed, execute, rebuild, rows_of_every_kind
from tests.support.internal_keys import internal_settings
from tests.support.projections import Database, history_database
from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="session")
async def history() -> AsyncIterator[Database]:
    async with history_database() as database:
        yield database


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with own_broker("history") as broker:
        yield broker


@pytest.fixture
def settings(history: Database, broker: Broker) -> HistorySettings:
    return HistorySettings(
        **internal_settings("history"),
        database_url=SecretStr(history.url),
        amqp_url=SecretStr(broker.url),
        exchange=broker.exchange.name,
        queue_prefix=broker.queue.name.removesuffix(".history"),
    )


@pytest.fixture(scope="session")
async def served() -> AsyncIterator[Stack]:
    """A system of these tests' own: they break its tables, and compare all of them."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("services.enrollment.rebuild.SETTLE", 0.2)
        async with running_stack() as stack:
            yield stack


@pytest.fixture
async def enrollments(served: Stack, organisation: int) -> AsyncIterator[list[int]]:
    """Rows of every kind in the test's organisation, followed by everyone; the enrollments' ids.

    Whatever the test has broken is put right for the next.
    """
    yield await followed_rows(served, organisation)
    await put_right(served)


async def followed_rows(served: Stack, organisation: int) -> list[int]:
    ids = await rows_of_every_kind(served.client(organisation), served.client(organisation))
    await everything_is_followed(served)
    return ids


async def put_right(served: Stack) -> None:
    await execute(served, "enrollment", SEATS_AS_HELD)
    for service in COPIES:
        await rebuild(served, service)


@dataclass(frozen=True)
class Kept:
    """An organisation with rows of every kind, followed by everyone; the ids are its enrollments'."""

    organisation: int
    enrollments: list[int]


@pytest.fixture(scope="session")
async def kept_rows(served: Stack) -> Kept:
    organisation = new_organisation()
    return Kept(organisation, await followed_rows(served, organisation))


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
async def kept(served: Stack, kept_rows: Kept, request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    """Shared by tests that change no row at its owner, and end by seeing that the copies are whole again.

    What one that fails has broken is put right for the next.
    """
    yield kept_rows
    if request.node.stash.get(FAILED, False):
        await put_right(served)


@pytest.fixture
async def declared(broker: Broker) -> Broker:
    """The queues as `migrate` leaves them, with nobody who follows them."""
    await broker.declare(*routing_keys(SUBSCRIPTIONS))
    return broker
