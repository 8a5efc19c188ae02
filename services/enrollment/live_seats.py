"""Seats as they change (decision 26): one connection of the process listens while somebody follows a session."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from services.enrollment.representations import WatchedSeats
from services.enrollment.rules import SessionKey
from services.enrollment.store import live_seats as store
from shared.concurrency.backoff import Backoff
from shared.concurrency.newest import Newest
from shared.errors import Unavailable
from shared.http.event_stream import COMMENT, event
from shared.messaging.retrying import retry_forever
from shared.postgres.connection import dedicated_connection
from shared.postgres.pool import COMMAND_TIMEOUT, Connection, Pool, transaction

log = logging.getLogger(__name__)

SIGN_OF_LIFE: Final = 5.0
"""Seconds without a change after which a comment goes to the gateway: it takes a process that sends none for dead."""
LISTEN_WITHIN: Final = 1.5
"""Seconds in which the listening connection must be there, where it is not yet."""
PING_INTERVAL: Final = 1.0
"""Seconds after which a connection that hears nothing is tried: a dead server says nothing either."""
CHUNK: Final = 500
"""Sessions read at once."""


@dataclass(frozen=True, slots=True)
class Change:
    """The seats of a session since a change of them."""

    key: SessionKey
    version: int
    data: bytes
    """One event of the stream."""

    @classmethod
    def of(cls, seats: WatchedSeats) -> "Change":
        if seats.removed or seats.seats is None:
            data = removed(seats.id, seats.version)
        else:
            data = event(seats.seats.model_dump_json(), name="seats", event_id=str(seats.version))
        return cls((seats.organisation_id, seats.id), seats.version, data)


def removed(session_id: int, version: int) -> bytes:
    return event(json.dumps({"session_id": session_id}), name="removed", event_id=str(version))


class LiveSeats:
    """Who follows which session. Each hears the newest state, not every state in between."""

    def __init__(self, pool: Pool, database_url: str) -> None:
        self._pool = pool
        self._database_url = database_url
        self._followers: dict[SessionKey, set[Newest[Change]]] = {}
        self._followed = asyncio.Event()
        self._listening = asyncio.Event()
        self._look = asyncio.Event()
        """That the listening connection ended, or is needed no longer."""
        self._has_ended = False

    @property
    def followers(self) -> int:
        """How many streams are open."""
        return sum(map(len, self._followers.values()))

    async def run(self) -> None:
        """Runs until it is cancelled, through any outage of the database."""
        await retry_forever(self._listen_while_followed, "the listener for seats")

    async def changes(self, key: SessionKey) -> AsyncIterator[bytes]:
        """The state of a session and then its changes, as an event stream; raises `Unavailable`.

        Whoever follows hears changes first and reads the state after that, so that none can come in between.
        """
        follower = self._join(key)
        try:
            await self._require_listening()
            if not await self._read([key]):
                yield removed(key[1], 0)
                return
            while not follower.has_ended:
                changed = await follower.take(SIGN_OF_LIFE)
                yield b"".join([change.data for change in changed]) or COMMENT
        finally:
            self._leave(key, follower)

    async def end_with(self, ending: asyncio.Event) -> None:
        """Ends all streams as soon as the process ends."""
        await ending.wait()
        self.end()

    def end(self) -> None:
        """Ends the streams that are open, and those that begin later."""
        self._has_ended = True
        for follower in [each for of_session in self._followers.values() for each in of_session]:
            follower.end()

    def _join(self, key: SessionKey) -> Newest[Change]:
        follower: Newest[Change] = Newest()
        if self._has_ended:
            follower.end()
        self._followers.setdefault(key, set()).add(follower)
        self._followed.set()
        return follower

    def _leave(self, key: SessionKey, follower: Newest[Change]) -> None:
        of_session = self._followers[key]
        of_session.remove(follower)
        if not of_session:
            del self._followers[key]
        if not self._followers:
            self._followed.clear()
            self._look.set()

    async def _require_listening(self) -> None:
        try:
            async with asyncio.timeout(LISTEN_WITHIN):
                await self._listening.wait()
        except TimeoutError:
            raise Unavailable from None

    async def _listen_while_followed(self, backoff: Backoff) -> None:
        await self._followed.wait()
        async with dedicated_connection(
            self._database_url, name="enrollment live seats", command_timeout=COMMAND_TIMEOUT
        ) as connection:
            self._look.clear()
            connection.add_termination_listener(lambda _: self._look.set())
            await connection.add_listener(store.CHANNEL, self._hear)
            try:
                await self._read_anew()
                self._listening.set()
                backoff.reset()
                await self._listen(connection)
            finally:
                self._listening.clear()

    async def _listen(self, connection: Connection) -> None:
        """Raises `DatabaseUnavailable` once the connection is lost."""
        while self._followers:
            with suppress(TimeoutError):
                async with asyncio.timeout(PING_INTERVAL):
                    await self._look.wait()
            self._look.clear()
            await store.require_alive(connection)

    async def _read_anew(self) -> None:
        """Of all that are followed: while nobody listened, any of them may have changed."""
        keys = list(self._followers)
        for start in range(0, len(keys), CHUNK):
            await self._read(keys[start : start + CHUNK])

    async def _read(self, keys: Sequence[SessionKey]) -> bool:
        """Whether there are any of the sessions."""
        async with transaction(self._pool, {key[0] for key in keys}) as connection:
            found = await store.states(connection, keys)
        for state in found:
            self._tell(state)
        return bool(found)

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._tell(str(payload))

    def _tell(self, state: str) -> None:
        """One that cannot be read costs those who follow other sessions nothing."""
        try:
            change = Change.of(WatchedSeats.read(state))
        except ValueError:
            log.exception("the seats of a session cannot be read")
            return
        for follower in self._followers.get(change.key, ()):
            follower.put(change)
