"""Sends messages to endpoints, any number of processes beside each other (decision 25; contract, section 9).

Each round is one transaction: it stores what came of earlier requests, and claims what may be sent next. A message is
sent after its claim is committed and settled after its answer is there: a crash in between sends it twice, never not
at all.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from opentelemetry.trace import SpanKind

from services.delivery.metrics import WebhookMetrics
from services.delivery.sending import message, schedule, signing
from services.delivery.sending.client import EndpointClient, Failure, Outcome
from services.delivery.sending.settling import Disable, settle
from services.delivery.sending.turns import OF_ENDPOINT, TURNS_OF_ORGANISATION, Endpoint, Turns
from services.delivery.store import sending
from services.delivery.store.sending import Attempt, Claimed, State
from services.delivery.use_cases.security_lines import record_change
from shared.concurrency.backoff import Backoff
from shared.concurrency.tasks import was_cancelled
from shared.errors import Unavailable
from shared.events.cloudevents import trace_in
from shared.messaging.retrying import retry_forever
from shared.postgres.audit import AuditEntry
from shared.postgres.connection import dedicated_connection
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import COMMAND_TIMEOUT, Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.tracing.spans import hop

log = logging.getLogger(__name__)

POLL_INTERVAL: Final = 1.0
"""Seconds between two rounds without a notification: within it what is due again is sent."""
BUSY_POLL_INTERVAL: Final = 0.1
"""The same while requests are under way, each of which leaves its turn when it takes longer."""
GATHER: Final = 0.01
"""Seconds between a notification and its round, so that one round takes what comes together."""
DRAIN_TIMEOUT: Final = 3.0
"""Seconds for requests under way when the process ends. Those that are cut are sent again by another."""

KeysOf = Callable[[Claimed], signing.Keys]
"""Decrypts what signs the endpoint's messages."""


class Sender:
    """Sends what is due in one database."""

    def __init__(
        self,
        pool: Pool,
        database_url: str,
        client: EndpointClient,
        keys_of: KeysOf,
        disable: Disable,
        *,
        name: str,
        metrics: WebhookMetrics | None = None,
    ) -> None:
        self._pool = pool
        self._database_url = database_url
        self._client = client
        self._keys_of = keys_of
        self._disable = disable
        self._name = name
        self._metrics = metrics or WebhookMetrics()
        self._turns = Turns()
        self._tasks: dict[asyncio.Task[None], Claimed] = {}
        self._ended: list[Attempt] = []
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Runs until it is cancelled, through any outage of the database; then lets requests under way end."""
        try:
            await retry_forever(self._send, "sending to webhooks")
        finally:
            await self._drain()

    async def _send(self, backoff: Backoff) -> None:
        async with self._notified() as listener:
            while not listener.is_closed():
                await self._round()
                backoff.reset()
                await self._woken()
        raise DatabaseUnavailable("the database closed the connection that listens for notifications")

    @asynccontextmanager
    async def _notified(self) -> AsyncIterator[Connection]:
        async with dedicated_connection(
            self._database_url, name=self._name, command_timeout=COMMAND_TIMEOUT
        ) as listener:
            for channel in sending.CHANNELS:
                await listener.add_listener(channel, lambda *_: self._wake.set())
            yield listener

    async def _woken(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BUSY_POLL_INTERVAL if self._tasks else POLL_INTERVAL):
                await self._wake.wait()
                await asyncio.sleep(GATHER)
        self._wake.clear()

    async def _round(self) -> None:
        """What has ended is kept until it is stored: the database may be unavailable for a while."""
        ended, room = list(self._ended), self._turns.room(time.monotonic())
        async with transaction(self._pool, EVERY_ORGANISATION) as connection:
            settled = await settle(connection, ended, self._disable)
            claimed = await sending.claim(
                connection,
                max(0, room.total),
                room.organisations,
                TURNS_OF_ORGANISATION,
                [(*endpoint, requests) for endpoint, requests in room.under_way.items()],
                OF_ENDPOINT,
            )
        self._ended[: len(ended)] = settled.later
        self._metrics.disabled.inc(len(settled.disabled))
        _tell(settled.disabled)
        for each in claimed:
            self._begin(each)

    def _begin(self, claimed: Claimed) -> None:
        task = asyncio.create_task(self._send_one(claimed), name="webhook")
        self._tasks[task] = claimed
        self._turns.begin(task, Endpoint(claimed.organisation_id, claimed.webhook_id), time.monotonic())
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._turns.end(task)
        if not task.cancelled():  # the claim of one that was cut is released
            del self._tasks[task]
        self._wake.set()

    async def _send_one(self, claimed: Claimed) -> None:
        """A defect is logged, and leaves the message to whoever claims it next. So is a cancellation that is not ours:
        libraries let them escape."""
        try:
            self._ended.append(await self._attempt(claimed))
        except (Exception, asyncio.CancelledError):
            if was_cancelled():
                raise
            log.exception("a message of a webhook was not sent", extra={"message_id": claimed.id})

    async def _attempt(self, claimed: Claimed) -> Attempt:
        began = time.monotonic()
        if claimed.body is None:
            return _attempt_of(claimed, Outcome(), "dropped", timedelta(), 0)
        body = message.body_of(claimed.body, thin=claimed.thin)
        timestamp = int(claimed.claimed_at.timestamp())
        headers = {"content-type": message.CONTENT_TYPE, "user-agent": message.USER_AGENT}
        headers |= signing.headers(self._keys_of(claimed), str(claimed.event_id), timestamp, body)
        with hop("webhook", SpanKind.CLIENT, of=trace_in(claimed.body)):
            outcome = await self._client.post(claimed.url, headers, body.encode())
        took = time.monotonic() - began
        state, pause = _next(claimed, outcome, took)
        refused = outcome.failure is Failure.ADDRESS_REFUSED
        self._metrics.sent(took, delivered=state == "delivered", refused=refused)
        return _attempt_of(claimed, outcome, state, pause, took)

    async def _drain(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_TIMEOUT)
        cut = {task: claimed for task, claimed in self._tasks.items() if not task.done()}
        for task in cut:
            task.cancel()
        try:
            async with transaction(self._pool, EVERY_ORGANISATION) as connection:
                settled = await settle(connection, self._ended, self._disable)
                await sending.release(connection, list(cut.values()))
            self._metrics.disabled.inc(len(settled.disabled))
            _tell(settled.disabled)
        except Unavailable as error:
            log.warning("what was sent last will be sent again, the database is unavailable: %r", error)


def _tell(disabled: Iterable[AuditEntry]) -> None:
    """Of endpoints that are disabled for good: it is committed."""
    for entry in disabled:
        because = entry.changes["disabled_reason"]["to"]
        log.warning("webhook %s of organisation %s is disabled: %s", entry.id, entry.organisation_id, because)
        record_change(entry)


def _next(claimed: Claimed, outcome: Outcome, took: float) -> tuple[State, timedelta]:
    """The message's new state, and the pause before its next try."""
    if schedule.is_success(outcome.status):
        return "delivered", timedelta()
    asked = schedule.retry_after(outcome.retry_after, claimed.claimed_at + timedelta(seconds=took))
    pause = schedule.pause_after(claimed.tries + 1, asked, random.random())  # noqa: S311 - jitter, nothing secret
    return ("failed", timedelta()) if pause is None else ("pending", pause)


def _attempt_of(claimed: Claimed, outcome: Outcome, state: State, pause: timedelta, took: float) -> Attempt:
    return Attempt(
        organisation_id=claimed.organisation_id,
        webhook_id=claimed.webhook_id,
        message_id=claimed.id,
        claimed_until=claimed.claimed_until,
        tries=claimed.tries,
        state=state,
        pause=pause,
        began_at=claimed.claimed_at,
        duration_ms=round(took * 1000),
        status=outcome.status,
        error=outcome.failure,
    )
