"""The seats of one session for all who watch it here: one stream from enrollment, whose changes fan out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from shared.concurrency.backoff import Backoff
from shared.concurrency.newest import Newest
from shared.concurrency.tasks import was_cancelled
from shared.http.event_stream import EventReader, ServerEvent, event

log = logging.getLogger(__name__)

SILENCE: Final = aiohttp.ClientTimeout(total=None, sock_connect=1.0, sock_read=12.0)
"""Enrollment sends a sign of life every five seconds; one that sends none is dead."""
LONGEST_PAUSE: Final = 2.0
"""Seconds before enrollment is asked again."""
MAX_EVENT_BYTES: Final = 4096
AT_ONCE: Final = 50
"""Watchers that hear of a change before other requests get their turn: each costs some 30 µs."""
REMOVED: Final = "removed"


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """The seats of the session `key`, or that it is removed."""

    key: int
    version: int
    name: str
    data: str
    alone: bytes = field(init=False)
    """As who watches this session alone receives it: made once for all of them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "alone", event(self.data, name=self.name, event_id=str(self.version)))

    @property
    def is_last(self) -> bool:
        return self.name == REMOVED


Watcher = Newest[SessionEvent]


class Lost(Exception):
    """Enrollment's stream ended, or cannot be had."""


class SessionChanges:
    """One session, while anybody watches it. `url` is enrollment's stream of it; `note` hears why it cannot be had."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        key: int,
        headers: Callable[[], Mapping[str, str]],
        note: Callable[[str | None], None],
    ) -> None:
        self._http = http
        self._url = url
        self._key = key
        self._headers = headers
        self._note = note
        self.watchers: set[Watcher] = set()
        self._newest: SessionEvent | None = None

    def join(self, watcher: Watcher) -> None:
        self.watchers.add(watcher)
        if self._newest is not None:
            watcher.put(self._newest)

    async def follow(self) -> None:
        """Runs until it is cancelled, or the session is removed; through any outage of enrollment."""
        backoff = Backoff(most=LONGEST_PAUSE)
        while self._newest is None or not self._newest.is_last:
            try:
                async for change in self._changes():
                    backoff.reset()
                    self._note(None)
                    await self._tell(change)
            except (Lost, aiohttp.ClientError, OSError) as error:
                self._note(repr(error))
            except asyncio.CancelledError as error:
                if was_cancelled():
                    raise
                self._note(repr(error))  # a library let it escape
            except Exception:
                log.exception("the seats of session %s cannot be read", self._key)
            await asyncio.sleep(backoff.next())

    async def _changes(self) -> AsyncIterator[SessionEvent]:
        """The state comes first, so whatever was missed in between is in it."""
        async with self._http.get(self._url, headers=self._headers(), timeout=SILENCE) as response:
            if response.status != 200:
                raise Lost(f"enrollment answered {response.status}")
            reader = EventReader(MAX_EVENT_BYTES)
            async for piece in response.content.iter_any():
                for received in reader.feed(piece):
                    yield self._event(received)

    def _event(self, received: ServerEvent) -> SessionEvent:
        version = int(received.event_id)
        if received.name != REMOVED:
            return SessionEvent(self._key, version, received.name, received.data)
        return removed(self._key, version if self._newest is None else max(version, self._newest.version + 1))

    async def _tell(self, change: SessionEvent) -> None:
        """In turns, so that other requests do not wait for a thousand watchers."""
        if self._newest is not None and change.version <= self._newest.version:
            return
        self._newest = change
        for place, watcher in enumerate(list(self.watchers), 1):
            self._put(watcher, change)
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _put(self, watcher: Watcher, change: SessionEvent) -> None:
        """A defect that one of them meets ends that one: the others hear of the change all the same."""
        try:
            watcher.put(change)
        except Exception:
            log.exception("a watcher of session %s cannot be given a change", self._key)
            watcher.end()


def removed(session_id: int, version: int) -> SessionEvent:
    return SessionEvent(session_id, version, REMOVED, f'{{"session_id":{session_id}}}')
