"""The relay publishes the outbox: confirmed first, marked after (architecture, decision 2).

A crash between the two publishes once more; nothing is ever marked that the broker did not take.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aio_pika
import asyncpg
from aio_pika.abc import AbstractExchange
from aio_pika.exceptions import DeliveryError

from shared import outbox
from shared.background import was_cancelled
from shared.backoff import Backoff
from shared.broker import (
    BROKER_ERRORS,
    EXCHANGE,
    OPERATION_TIMEOUT,
    connection_to,
    declare_exchange,
)
from shared.cloudevents import CONTENT_TYPE
from shared.database import COMMAND_TIMEOUT, CONNECT_TIMEOUT, Connection, Pool, connected, is_unavailable, transaction
from shared.outbox import OutboxRow

log = logging.getLogger(__name__)

BATCH = 500
POLL_INTERVAL = 1.0
"""Seconds between looks at the outbox when no notification comes: the net for a lost one."""
POSTPONED_FOR = timedelta(seconds=10)
KEPT_FOR = timedelta(hours=24)
PRUNE_INTERVAL = 600.0


class Relay:
    """Publishes one database's outbox. Any number may run at once: each claims rows no other holds."""

    def __init__(self, pool: Pool, database_url: str, amqp_url: str, *, name: str, exchange: str = EXCHANGE) -> None:
        self._pool = pool
        self._database_url = database_url
        self._amqp_url = amqp_url
        self._name = name
        self._exchange_name = exchange
        self._wake = asyncio.Event()
        self._connected = False

    async def is_connected(self) -> bool:
        return self._connected

    async def run(self) -> None:
        """Runs until it is cancelled, through any outage of broker or database."""
        backoff = Backoff()
        while True:
            try:
                await self._relay(backoff)
            except asyncio.CancelledError:
                if was_cancelled():
                    raise
                log.warning("the broker dropped the relay's connection")
            except Exception as error:
                if not (isinstance(error, BROKER_ERRORS) or is_unavailable(error)):
                    log.exception("a defect in the relay")
                else:
                    log.warning("the relay waits for broker and database: %r", error)
            finally:
                self._connected = False
            await asyncio.sleep(backoff.next())

    async def _relay(self, backoff: Backoff) -> None:
        async with (
            connection_to(self._amqp_url, name=f"{self._name} relay") as connection,
            self._notified() as listener,
        ):
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            exchange = await declare_exchange(channel, self._exchange_name)
            self._connected = True
            prune_at = 0.0
            while True:
                self._wake.clear()
                while await self._publish_batch(exchange):
                    backoff.reset()
                if asyncio.get_running_loop().time() >= prune_at:
                    prune_at = asyncio.get_running_loop().time() + PRUNE_INTERVAL
                    await self._prune()
                await self._woken()
                if listener.is_closed():
                    raise ConnectionResetError("the database closed the relay's notifications")

    async def _publish_batch(self, exchange: AbstractExchange) -> bool:
        """Whether there was something to publish. The rows stay locked until the broker has them."""
        async with transaction(self._pool) as connection:
            rows = await outbox.claim(connection, BATCH)
            if not rows:
                return False
            outcomes = await asyncio.gather(*(_publish(exchange, row) for row in rows), return_exceptions=True)
            taken = [row for row, error in zip(rows, outcomes, strict=True) if error is None]
            refused = [row for row, error in zip(rows, outcomes, strict=True) if isinstance(error, DeliveryError)]
            await outbox.mark_published(connection, [row.id for row in taken])
            await outbox.postpone(connection, [row.id for row in refused], POSTPONED_FOR)
        for row in refused:
            _report(row)
        if len(taken) + len(refused) < len(rows):
            raise ConnectionResetError("the broker went away before it confirmed everything")
        return True

    async def _woken(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), POLL_INTERVAL)
        except TimeoutError:
            return

    async def _prune(self) -> None:
        async with connected(self._pool) as connection:
            await outbox.prune(connection, KEPT_FOR)

    @asynccontextmanager
    async def _notified(self) -> AsyncIterator[Connection]:
        """LISTEN needs a connection of its own; should it fall silent, the poll goes on."""
        listener = await asyncpg.connect(
            self._database_url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=COMMAND_TIMEOUT,
            server_settings={"application_name": f"{self._name} relay"},
        )
        try:
            await listener.add_listener(outbox.CHANNEL, lambda *_: self._wake.set())
            yield listener
        finally:
            listener.terminate()


async def _publish(exchange: AbstractExchange, row: OutboxRow) -> None:
    """Returns once the broker has confirmed that it stored the message in every queue it goes to."""
    message = aio_pika.Message(
        row.body.encode(),
        content_type=CONTENT_TYPE,
        message_id=str(row.event_id),
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    await exchange.publish(message, row.routing_key, mandatory=True, timeout=OPERATION_TIMEOUT)


def _report(row: OutboxRow) -> None:
    log.error(
        "an event reaches no queue, or a full one, and stays in the outbox",
        extra={"event_id": str(row.event_id), "routing_key": row.routing_key},
    )
