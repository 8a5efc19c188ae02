"""Work that is run again: through outages with a warning, through defects with their traceback."""

import asyncio
import logging

import pytest

import shared.messaging.retrying
from shared.concurrency.backoff import Backoff
from shared.concurrency.tasks import background
from shared.errors import Overloaded
from shared.messaging.errors import BrokerUnavailable, broker_outages
from shared.messaging.retrying import retry_forever
from shared.postgres.errors import DatabaseUnavailable


async def runs_after(error: BaseException) -> None:
    """Returns once the work has ended with the error and was run again."""
    again = asyncio.Event()

    async def work(_: Backoff) -> None:
        if "failed" in said:
            again.set()
            await asyncio.Event().wait()
        said.append("failed")
        raise error

    said: list[str] = []
    async with background(retry_forever(work, "the work"), name="work"):
        await asyncio.wait_for(again.wait(), timeout=10)


def about_the_work(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Without what other tasks of the run's event loop log meanwhile."""
    return [record for record in caplog.records if "the work" in record.getMessage()]


@pytest.mark.parametrize(
    "error", [BrokerUnavailable("away"), DatabaseUnavailable("away"), Overloaded(), asyncio.CancelledError()]
)
async def test_an_outage_is_a_warning(caplog: pytest.LogCaptureFixture, error: BaseException) -> None:
    await runs_after(error)
    [record] = about_the_work(caplog)
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), FileNotFoundError("a bug"), TimeoutError(), KeyError("a bug")]
)
async def test_a_defect_is_an_error_with_its_traceback(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    await runs_after(error)
    [record] = about_the_work(caplog)
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is error


async def test_control_where_a_runtime_error_counts_as_an_outage_nobody_sees_the_defect(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.messaging.retrying, "BROKER_ERRORS", (BrokerUnavailable, RuntimeError))
    await runs_after(RuntimeError("a bug"))
    [record] = about_the_work(caplog)
    assert record.levelno == logging.WARNING


@pytest.mark.parametrize("error", [RuntimeError("<Channel> closed"), ConnectionResetError(), TimeoutError()])
def test_what_aio_pika_says_of_an_outage_is_one_error(error: Exception) -> None:
    with pytest.raises(BrokerUnavailable) as raised, broker_outages():
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [ValueError("a bug"), TypeError("a bug")])
def test_a_mistake_in_a_call_of_aio_pika_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)), broker_outages():
        raise error
