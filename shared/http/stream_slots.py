"""How many streams a process has open at once (decision 23).

What may be a stream takes no permit of ordinary requests: it has a slot instead, from before its handler runs until all
of its answer is sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import Overloaded, TooManyStreams

STREAMS: Final = 2000
"""Of one process, unless it is set otherwise."""
ORGANISATION_SHARE: Final = 2
"""One organisation may have half of them."""
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
    holder: Any = None
    """For whoever watches over streams: by what right it is open."""
    is_cut: bool = False
    _cutting: Callable[[], object] | None = None

    def when_cut(self, cutting: Callable[[], object] | None) -> None:
        """Who is to be called when the stream has to end now; at once, if it had to before."""
        self._cutting = cutting
        if self.is_cut and cutting is not None:
            cutting()

    def cut(self) -> None:
        """Ends the stream in the middle."""
        self.is_cut = True
        if self._cutting is not None:
            self._cutting()

    def close(self) -> None:
        """Gives the slot back; may be called more than once."""
        self._cutting = None
        self.streams.give_back(self)


class Streams:
    """The slots of one process: at most `limit`, and bounds for each organisation and each user."""

    def __init__(self, limit: int = STREAMS) -> None:
        self.limit = limit
        self.of_organisation = max(1, limit // ORGANISATION_SHARE)
        self.of_user = STREAMS_OF_USER
        self.open: set[Slot] = set()
        self._held: dict[object, int] = {}

    def take(self, organisation: int | None = None, user: str | None = None) -> Slot:
        """Without an organisation for one of our own processes, whose streams count for the process alone.

        Raises `Overloaded`, or `TooManyStreams` for a user who has as many as one may.
        """
        if organisation is not None and self._held.get((organisation, user), 0) >= self.of_user:
            raise TooManyStreams(RETRY_AFTER)
        full = organisation is not None and self._held.get(organisation, 0) >= self.of_organisation
        if full or len(self.open) >= self.limit:
            raise Overloaded("Too many streams are open. Try again soon.", retry_after=RETRY_AFTER)
        slot = Slot(self, organisation, user)
        self.open.add(slot)
        self._count(slot, 1)
        return slot

    def give_back(self, slot: Slot) -> None:
        if slot in self.open:
            self.open.remove(slot)
            self._count(slot, -1)

    def _count(self, slot: Slot, by: int) -> None:
        if slot.organisation is None:
            return
        for owner in (slot.organisation, (slot.organisation, slot.user)):
            left = self._held.get(owner, 0) + by
            if left:
                self._held[owner] = left
            else:
                del self._held[owner]
