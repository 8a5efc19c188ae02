"""Which sessions are watched at this process, each followed once however many watch it."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final

import aiohttp

from gateway.live.session_changes import SessionChanges, Watcher
from shared.errors import Overloaded

log = logging.getLogger(__name__)

FOLLOWED: Final = 1000
"""Sessions that one process follows; each is a stream that enrollment has open for it."""
FOLLOWED_SHARE: Final = 2
"""One organisation may have half of them."""
RETRY_AFTER: Final = 5

SessionKey = tuple[int, int]
"""Organisation and session."""


class LiveSessions:
    """`headers` prove to enrollment that the gateway itself asks."""

    def __init__(self, http: aiohttp.ClientSession, origin: str, headers: Callable[[], Mapping[str, str]]) -> None:
        self._http = http
        self._origin = origin
        self._headers = headers
        self._followed: dict[SessionKey, tuple[SessionChanges, asyncio.Task[None]]] = {}
        self._of_organisation: dict[int, int] = {}
        self._watchers: set[Watcher] = set()
        self._failing: set[SessionKey] = set()
        self._is_noted = False
        self._is_ending = False

    @property
    def watching_now(self) -> int:
        """How many watch."""
        return len(self._watchers)

    def require_room(self, keys: Iterable[SessionKey]) -> None:
        """Raises `Overloaded` where so many sessions are followed that these are too many."""
        new = [key for key in keys if key not in self._followed]
        of_one = self._of_organisation.get(new[0][0], 0) if new else 0
        if len(self._followed) + len(new) > FOLLOWED or of_one + len(new) > FOLLOWED // FOLLOWED_SHARE:
            raise Overloaded("Too many sessions are watched. Try again soon.", retry_after=RETRY_AFTER)

    @contextmanager
    def watching(self, keys: Iterable[SessionKey], watcher: Watcher) -> Iterator[None]:
        """Tells the watcher of the sessions' changes until the block ends."""
        if self._is_ending:
            watcher.end()
        joined = list(keys)
        self._watchers.add(watcher)
        for key in joined:
            self._changes(key).join(watcher)
        try:
            yield
        finally:
            self._watchers.discard(watcher)
            for key in joined:
                self._leave(key, watcher)

    async def end_with(self, ending: asyncio.Event) -> None:
        """Once the process ends, whoever watches here is sent to another one."""
        await ending.wait()
        self._is_ending = True
        for watcher in self._watchers:
            watcher.end()

    def close(self) -> None:
        for _, following in self._followed.values():
            following.cancel()

    def _changes(self, key: SessionKey) -> SessionChanges:
        if key not in self._followed:
            organisation_id, session_id = key
            url = f"{self._origin}/internal/sessions/{session_id}/live?organisation_id={organisation_id}"
            note = partial(self._note, key)
            changes = SessionChanges(self._http, url, session_id, self._headers, note)
            self._followed[key] = changes, asyncio.get_running_loop().create_task(changes.follow())
            self._count(organisation_id, 1)
        return self._followed[key][0]

    def _note(self, key: SessionKey, problem: str | None) -> None:
        """One line when seats cannot be followed, and one when all can again, however many sessions there are."""
        if problem is not None:
            self._failing.add(key)
        else:
            self._failing.discard(key)
        if bool(self._failing) == self._is_noted:
            return
        self._is_noted = bool(self._failing)
        if self._is_noted:
            log.warning("enrollment cannot be asked for seats that are watched, trying again: %s", problem)
        else:
            log.warning("enrollment sends seats that are watched again")

    def _leave(self, key: SessionKey, watcher: Watcher) -> None:
        changes, following = self._followed[key]
        changes.watchers.discard(watcher)
        if not changes.watchers:
            following.cancel()
            del self._followed[key]
            self._failing.discard(key)
            self._count(key[0], -1)

    def _count(self, organisation_id: int, by: int) -> None:
        left = self._of_organisation.get(organisation_id, 0) + by
        if left:
            self._of_organisation[organisation_id] = left
        else:
            del self._of_organisation[organisation_id]
