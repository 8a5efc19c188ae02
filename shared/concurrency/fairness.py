"""Waiting in turn: organisations share what there is little of, whatever the number of requests each of them sends.

Queues here are served round robin: one item of each organisation that has any, in order of arrival within one. So an
organisation that sends many requests waits behind its own, and another's next request behind one of each. With a single
organisation this is a FIFO queue, and what it may have is everything but the turns that are kept for others.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Generic, TypeAlias, TypeVar

Organisation: TypeAlias = int | None
"""None: work of the process itself, or a caller that is not known yet. These share a line of their own."""

Item = TypeVar("Item")

current_organisation: ContextVar[Organisation] = ContextVar("current_organisation", default=None)
"""The organisation that the request under way is for; none for the process's own work."""


class FairQueue(Generic[Item]):
    """Items by organisation. Adding, taking and removing one costs the same however many wait."""

    __slots__ = ("_lines", "count")

    def __init__(self) -> None:
        self._lines: OrderedDict[Organisation, OrderedDict[Item, None]] = OrderedDict()
        """In the order in which they are served next; an organisation without items has none."""
        self.count = 0
        """How many items there are."""

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Item]:
        for line in self._lines.values():
            yield from line

    @property
    def organisations(self) -> int:
        """How many have items here."""
        return len(self._lines)

    def count_of(self, organisation: Organisation) -> int:
        line = self._lines.get(organisation)
        return 0 if line is None else len(line)

    def first_of(self, organisation: Organisation) -> Item | None:
        """The item of this organisation that has waited longest."""
        line = self._lines.get(organisation)
        return None if line is None else next(iter(line))

    def add(self, organisation: Organisation, item: Item) -> None:
        line = self._lines.get(organisation)
        if line is None:
            line = self._lines[organisation] = OrderedDict()
        line[item] = None
        self.count += 1

    def take(self) -> Item:
        """The next item; raises KeyError when there is none."""
        organisation, line = self._lines.popitem(last=False)
        item, _ = line.popitem(last=False)
        if line:
            self._lines[organisation] = line  # behind all others
        self.count -= 1
        return item

    def take_of(self, organisation: Organisation) -> Item | None:
        """The next item of this organisation, if it is the only one that has any."""
        line = self._lines.get(organisation)
        if line is None or len(self._lines) > 1:
            return None
        item, _ = line.popitem(last=False)
        if not line:
            del self._lines[organisation]
        self.count -= 1
        return item

    def take_where(self, may: Callable[[Organisation], bool]) -> Item | None:
        """The next item of an organisation that may; the others keep their places."""
        for organisation in self._lines:
            if may(organisation):
                self._lines.move_to_end(organisation, last=False)
                return self.take()
        return None

    def remove(self, organisation: Organisation, item: Item) -> None:
        """Does nothing when the item is not here any more."""
        line = self._lines.get(organisation)
        if line is None or item not in line:
            return
        del line[item]
        if not line:
            del self._lines[organisation]
        self.count -= 1


class Waiter:
    """One who waits for a turn: `turn` is done once it has come, or never will. Times are of the monotonic clock."""

    __slots__ = ("organisation", "since", "turn", "until")

    def __init__(self, turn: "asyncio.Future[None]", organisation: Organisation, seconds: float) -> None:
        self.turn = turn
        self.organisation = organisation
        self.since = time.monotonic()
        self.until = self.since + seconds


class FairTurns:
    """`count` turns at once, of which one organisation has at most `most_of_one`.

    The rest is what lets another organisation begin at once, however long the first one's turns take. The process's own
    work may have all of them. `most_of_one` may change at any time: nobody loses a turn, but gets no other.
    """

    __slots__ = ("_held", "count", "most_of_one", "running", "waiting")

    def __init__(self, count: int, most_of_one: int) -> None:
        self.count = count
        self.most_of_one = most_of_one
        self.running = 0
        self.waiting: FairQueue[Waiter] = FairQueue()
        self._held: dict[Organisation, int] = {}

    @property
    def organisations(self) -> int:
        """How many have turns."""
        return len(self._held)

    def held_by(self, organisation: Organisation) -> int:
        return self._held.get(organisation, 0)

    def take(self, organisation: Organisation) -> bool:
        """Whether there is a turn at once; whoever has one gives it back."""
        held = self._held.get(organisation, 0)
        if self.running >= self.count or (held >= self.most_of_one and organisation is not None):
            return False
        self.running += 1
        self._held[organisation] = held + 1
        return True

    def give_back(self, organisation: Organisation) -> None:
        """Hands the turn on to whoever is next and may have it."""
        if self.waiting.count and self._handed_on(organisation):
            return
        self.running -= 1
        held = self._held[organisation] - 1
        if held:
            self._held[organisation] = held
        else:
            del self._held[organisation]
        if self.waiting.count:
            self.hand_out()

    def _handed_on(self, organisation: Organisation) -> bool:
        """Whether the turn went to the next of the same organisation, which leaves the counts as they are."""
        if self.running > self.count or (organisation is not None and self._held[organisation] > self.most_of_one):
            return False
        while (waiter := self.waiting.take_of(organisation)) is not None:
            if not waiter.turn.done():
                waiter.turn.set_result(None)
                return True
        return False

    def hand_out(self) -> None:
        """Gives the turns that are free to those who wait and may have them."""
        while self.running < self.count and (waiter := self.waiting.take_where(self._may_have_more)) is not None:
            if not waiter.turn.done():
                self._begin(waiter.organisation)
                waiter.turn.set_result(None)

    def leave(self, waiter: Waiter) -> None:
        """For one who stopped waiting; a turn that came in the same moment goes to the next."""
        self.waiting.remove(waiter.organisation, waiter)
        turn = waiter.turn
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            self.give_back(waiter.organisation)

    def _may_have_more(self, organisation: Organisation) -> bool:
        return organisation is None or self._held.get(organisation, 0) < self.most_of_one

    def _begin(self, organisation: Organisation) -> None:
        self.running += 1
        self._held[organisation] = self._held.get(organisation, 0) + 1
