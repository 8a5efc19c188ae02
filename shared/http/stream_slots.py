"""How many streams a process has open at once (decision 23).

What may be a stream takes no permit of ordinary requests: it has a slot instead, from before its handler runs until all
of its answer is sent.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from shared.errors import ApiError, Overloaded, Unavailable
from shared.http.errors import TooManyStreams

T = TypeVar("T")

STREAMS: Final = 2000
"""Of one process, unless it is set otherwise."""
ORGANISATION_SHARE: Final = 2
"""One organisation may have half of them."""
SERVICE_SHARE: Final = 0.75
"""What those of one service may have of them: one that is frozen leaves room for the others'."""
STREAMS_OF_USER: Final = 100
RETRY_AFTER: Final = 5
"""Seconds: a stream ends less often than a request does."""
STALL_TIMEOUT: Final = 30.0
"""Seconds in which something has to move, in either direction, or the stream ends."""


@dataclass(slots=True, eq=False)
class Slot:
    """One stream that is open."""

    streams: "Streams"
    organisation: int | None
    user: str | None
    service: str | None = None
    """That they wait for, behind a gateway."""
    holder: Any = None
    """For whoever watches over streams: by what right it is open."""
    carrier: object = None
    """The connection or task that it ends with."""
    is_cut: bool = False
    reason: ApiError | None = None
    """Why it was cut, for a client that can still be told."""
    may_ask_again: bool = False
    """Whether it waits for an answer, and loses nothing by asking another process for it."""
    _cutting: Callable[[], object] | None = None
    _closing: Callable[[], object] | None = None

    def when_cut(self, cutting: Callable[[], object] | None) -> None:
        """Who is to be called when the stream has to end now; at once, if it had to before."""
        self._cutting = cutting
        if self.is_cut and cutting is not None:
            cutting()

    def cut(self, reason: ApiError | None = None) -> None:
        """Ends the stream in the middle."""
        self.is_cut, self.reason = True, reason
        if self._cutting is not None:
            self._cutting()

    def when_closed(self, closing: Callable[[], object]) -> None:
        """Who gives back what the stream holds, once it has ended in whatever way."""
        self._closing = closing

    def close(self) -> None:
        """Gives the slot back; may be called more than once."""
        closing, self._cutting, self._closing = self._closing, None, None
        try:
            if closing is not None:
                closing()
        finally:
            self.streams.give_back(self)


class Streams:
    """The slots of one process: at most `limit`, and bounds for each organisation and each user."""

    def __init__(self, limit: int = STREAMS) -> None:
        self.limit = limit
        self.of_organisation = max(1, limit // ORGANISATION_SHARE)
        self.of_service = max(1, int(limit * SERVICE_SHARE))
        self.of_user = STREAMS_OF_USER
        self.open: set[Slot] = set()
        self._carried: dict[object, Slot] = {}
        self._held: dict[object, int] = {}

    def take(
        self,
        organisation: int | None = None,
        user: str | None = None,
        *,
        service: str | None = None,
        carrier: object = None,
    ) -> Slot:
        """Without an organisation for one of our own processes, whose streams count for the process alone.

        Raises `Overloaded`, or `TooManyStreams` for a user who has as many as one may.
        """
        slot = Slot(self, organisation, user, service, carrier=carrier)
        if organisation is not None and self._held.get((organisation, user), 0) >= self.of_user:
            raise TooManyStreams(RETRY_AFTER)
        if self._is_full(slot):
            raise Overloaded("Too many streams are open. Try again soon.", retry_after=RETRY_AFTER)
        self.open.add(slot)
        if carrier is not None:
            self._carried[carrier] = slot
        self._count(slot, 1)
        return slot

    def give_back(self, slot: Slot) -> None:
        if slot in self.open:
            self.open.remove(slot)
            self._carried.pop(slot.carrier, None)
            self._count(slot, -1)

    def lost(self, carrier: object) -> None:
        """Nobody waits any more for what it carried."""
        slot = self._carried.get(carrier)
        if slot is not None:
            slot.cut()

    def _is_full(self, slot: Slot) -> bool:
        if slot.organisation is not None and self._held.get(slot.organisation, 0) >= self.of_organisation:
            return True
        if slot.service is not None and self._held.get(slot.service, 0) >= self.of_service:
            return True
        return len(self.open) >= self.limit

    def _count(self, slot: Slot, by: int) -> None:
        owners: list[object] = [] if slot.service is None else [slot.service]
        if slot.organisation is not None:
            owners += [slot.organisation, (slot.organisation, slot.user)]
        for owner in owners:
            left = self._held.get(owner, 0) + by
            if left:
                self._held[owner] = left
            else:
                del self._held[owner]


async def until_cut(slot: Slot, work: Coroutine[Any, Any, T], *, may_ask_again: bool = False) -> T:
    """What comes of the work, which ends when the slot is cut: raises the reason then, or `Unavailable`."""
    working = asyncio.ensure_future(work)
    slot.may_ask_again = may_ask_again
    slot.when_cut(working.cancel)
    try:
        await asyncio.wait({working})
    finally:
        working.cancel()
        slot.may_ask_again = False
        slot.when_cut(None)
    if working.cancelled():
        raise slot.reason or Unavailable()
    return working.result()
