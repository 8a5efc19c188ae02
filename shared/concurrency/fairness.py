"""A queue that organisations share fairly, whatever the number of requests each of them sends.

It is served round robin: one item of each organisation that has any, in order of arrival within one. An organisation
that sends many requests waits behind its own, and another's next request behind one of each. With a single organisation
it is a FIFO queue.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Generic, TypeAlias, TypeVar

Organisation: TypeAlias = int | None
"""None: work of the process itself, or a caller that is not known yet. These count as one organisation."""

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
