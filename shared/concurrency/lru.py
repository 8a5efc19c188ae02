"""A bounded cache in memory that drops what was used longest ago."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """At most `size` entries; one more drops the least recently used.

    For one thread, like everything on an event loop: there is no lock. `None` is not a value.
    """

    __slots__ = ("_entries", "_size")

    def __init__(self, size: int) -> None:
        self._entries: OrderedDict[Key, Value] = OrderedDict()
        self._size = size

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        """Does not count as a use."""
        return key in self._entries

    def get(self, key: Key) -> Value | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Adds or replaces; either counts as a use."""
        entries = self._entries
        entries[key] = value
        entries.move_to_end(key)
        if len(entries) > self._size:
            entries.popitem(last=False)

    def remove(self, key: Key) -> None:
        """Does nothing when there is no such entry."""
        self._entries.pop(key, None)

    def drop_oldest_while(self, is_over: Callable[[Value], bool]) -> None:
        """Drops the least recently used entries up to the first that is not over: at no cost where none is."""
        entries = self._entries
        while entries and is_over(next(iter(entries.values()))):
            entries.popitem(last=False)

    def items(self) -> list[tuple[Key, Value]]:
        """A copy, the least recently used first."""
        return list(self._entries.items())

    def clear(self) -> None:
        self._entries.clear()
