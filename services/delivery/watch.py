"""How readers of the feed wait for what comes next (contract, section 8; decision 24).

A process listens to the database only while somebody waits. A notification says where in the feed something was taken
in, which nobody sees before the horizon has passed it: the process asks for the horizon, and wakes a reader when there
is something to read for its organisation.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from services.delivery.settings import DeliverySettings
from services.delivery.store import feed
from shared.concurrency.backoff import Backoff
from shared.concurrency.tasks import background
from shared.http.streaming import ENDING
from shared.messaging.retrying import retry_forever
from shared.postgres.connection import dedicated_connection
from shared.postgres.pool import COMMAND_TIMEOUT, Connection

LINGER = 10.0
"""Seconds that a process goes on listening after the last reader has left: most come back at once."""
FIRST_PAUSE = 0.002
LONGEST_PAUSE = 0.5
"""Seconds between two questions for the horizon, which a long transaction holds back; doubled each time."""
READY_WITHIN = 1.0
"""Seconds that a reader waits for the process to listen; without it a reader is woken once it does."""

_EVERYBODY: Final = 0


@dataclass(eq=False)
class FeedWatch:
    """Where the readers of one process wait."""

    database_url: str
    name: str
    questions: int = 0
    """How often the horizon was asked for."""
    _waiting: dict[int, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))
    _pending: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By organisation, the first and the last position that was taken in and is not below the horizon yet."""
    _noticed: asyncio.Event = field(default_factory=asyncio.Event)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _listening: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: bool = False

    @property
    def is_listening(self) -> bool:
        return self._listening.is_set()

    @property
    def has_ended(self) -> bool:
        return self._ended

    @contextmanager
    def reader(self, organisation_id: int) -> Iterator[asyncio.Event]:
        """An event that is set whenever there may be something new to read for the organisation."""
        woken = asyncio.Event()
        self._waiting[organisation_id].add(woken)
        self._wanted.set()
        try:
            yield woken
        finally:
            readers = self._waiting[organisation_id]
            readers.discard(woken)
            if not readers:
                del self._waiting[organisation_id]

    async def ready(self) -> None:
        """Returns once the process listens, or after `READY_WITHIN`."""
        try:
            async with asyncio.timeout(READY_WITHIN):
                await self._listening.wait()
        except TimeoutError:
            return

    def end(self) -> None:
        """Nobody waits any longer: the process ends."""
        self._ended = True
        self._wake(_EVERYBODY)

    async def run(self) -> None:
        """Runs until it is cancelled, through any outage of the database."""
        await retry_forever(self._listen, f"{self.name}, which waits for events,")

    async def _listen(self, backoff: Backoff) -> None:
        while True:
            self._wanted.clear()
            if not self._waiting:
                await self._wanted.wait()
            async with dedicated_connection(
                self.database_url, name=self.name, command_timeout=COMMAND_TIMEOUT
            ) as connection:
                await connection.add_listener(feed.CHANNEL, self._notice)
                try:
                    await self._catch_up(connection)
                    self._listening.set()
                    backoff.reset()
                    await self._follow(connection)
                finally:
                    self._listening.clear()

    async def _catch_up(self, connection: Connection) -> None:
        """What was taken in before anybody listened may be above the horizon still, and was not seen by who looked."""
        _, above = await self._horizon(connection)
        self._expect(_EVERYBODY, above - 1)
        self._wake(_EVERYBODY)

    async def _follow(self, connection: Connection) -> None:
        """Returns when nobody has waited for a while."""
        while True:
            if self._pending:
                await self._wake_those_below_the_horizon(connection)
            try:
                async with asyncio.timeout(LINGER):
                    await self._noticed.wait()
            except TimeoutError:
                if not self._waiting:
                    return
                await self._horizon(connection)  # notices a connection that is lost
            self._noticed.clear()

    async def _wake_those_below_the_horizon(self, connection: Connection) -> None:
        pause = FIRST_PAUSE
        while self._pending:
            below, _ = await self._horizon(connection)
            for organisation, (first, last) in list(self._pending.items()):
                if first < below:
                    self._wake(organisation)
                    self._pending.pop(organisation)
                    if last >= below:
                        self._pending[organisation] = (below, last)
            if self._pending:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _horizon(self, connection: Connection) -> tuple[int, int]:
        self.questions += 1
        return await feed.horizon(connection)

    def _notice(self, _connection: object, _pid: object, _channel: object, payload: object) -> None:
        position, _, organisations = str(payload).partition(":")
        for organisation in map(int, organisations.split(",") if organisations else [_EVERYBODY]):
            self._expect(organisation, int(position))

    def _expect(self, organisation: int, position: int) -> None:
        first, last = self._pending.get(organisation, (position, position))
        self._pending[organisation] = (min(first, position), max(last, position))
        self._noticed.set()

    def _wake(self, organisation: int) -> None:
        everybody = organisation == _EVERYBODY
        groups = list(self._waiting.values()) if everybody else [self._waiting.get(organisation, set())]
        for readers in groups:
            for woken in readers:
                woken.set()


FEED_WATCH = web.AppKey("feed_watch", FeedWatch)


async def feed_watch(settings: DeliverySettings, app: web.Application) -> AsyncIterator[None]:
    """A part of the API."""
    watch = app[FEED_WATCH] = FeedWatch(settings.database_url.get_secret_value(), "delivery feed readers")
    async with (
        background(watch.run(), name="feed watch"),
        background(_end_in_time(watch, app[ENDING]), name="end of the feed watch"),
    ):
        yield


async def _end_in_time(watch: FeedWatch, ending: asyncio.Event) -> None:
    await ending.wait()
    watch.end()
