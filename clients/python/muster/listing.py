"""Lists, read as far as one goes through them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from muster.asked import Answer
from muster.asking import data_of, model_of
from muster.errors import Unexpected
from muster.model import Model

Item = TypeVar("Item", bound=Model)
STEP: Final = 100
"""Rows that one request brings, where the caller says nothing else: the most that the server takes."""


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One answer of a list. `next_cursor` leads to the one after it; `total` is there where it was asked for."""

    items: Sequence[Item]
    meta: Mapping[str, Any]
    answer: Answer

    @property
    def next_cursor(self) -> str | None:
        cursor = self.meta.get("next_cursor")
        return cursor if isinstance(cursor, str) else None

    @property
    def total(self) -> int | None:
        total = self.meta.get("total")
        return total if isinstance(total, int) else None

    @property
    def event_cursor(self) -> str | None:
        """From here `client.events.follow(after=…)` goes on with what changed later; on the first page of a walk."""
        return self.answer.headers.get("X-Event-Cursor")


def page_of(kind: type[Item], answer: Answer) -> Page[Item]:
    """Raises `Unexpected` for an answer that is no list of these."""
    data, meta = data_of(answer), answer.data.get("meta")
    if not isinstance(data, list) or not isinstance(meta, dict):
        raise Unexpected("The server sent no list.")
    return Page([model_of(kind, each) for each in data], meta, answer)


class _Walk:
    """Queries for one page after the other: each row once, whatever comes and goes meanwhile.

    With `page` it is that page alone, by its number.
    """

    def __init__(self, query: Mapping[str, Any]) -> None:
        given = {name: value for name, value in query.items() if value is not None}
        self._is_single = "page" in given
        self.query = given if self._is_single else {"cursor": "", "per_page": STEP, **given}
        self.is_over = False

    def go_on(self, page: Page[Any]) -> None:
        """To the next one. Raises `Unexpected` for one that leads to itself."""
        if page.next_cursor is not None and page.next_cursor == self.query.get("cursor"):
            raise Unexpected("The server's list goes in a circle.")
        self.is_over = page.next_cursor is None or self._is_single
        self.query = {**self.query, "cursor": page.next_cursor}


class Listing(Generic[Item]):
    """Nothing is asked until it is gone through, and each time anew."""

    def __init__(self, ask: Callable[[Mapping[str, Any]], Answer], kind: type[Item], query: Mapping[str, Any]) -> None:
        self._ask = ask
        self._kind = kind
        self._query = query

    def __iter__(self) -> Iterator[Item]:
        for page in self.pages():
            yield from page.items

    def pages(self) -> Iterator[Page[Item]]:
        """As they come, for their cursors."""
        walk = _Walk(self._query)
        while not walk.is_over:
            page = page_of(self._kind, self._ask(walk.query))
            yield page
            walk.go_on(page)

    def first(self) -> Item | None:
        """The first row; None where there is none."""
        items = page_of(self._kind, self._ask(_first_of(self._query))).items
        return items[0] if items else None


class AsyncListing(Generic[Item]):
    """As `Listing`."""

    def __init__(
        self, ask: Callable[[Mapping[str, Any]], Awaitable[Answer]], kind: type[Item], query: Mapping[str, Any]
    ) -> None:
        self._ask = ask
        self._kind = kind
        self._query = query

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncIterator[Page[Item]]:
        """As they come, for their cursors."""
        walk = _Walk(self._query)
        while not walk.is_over:
            page = page_of(self._kind, await self._ask(walk.query))
            yield page
            walk.go_on(page)

    async def first(self) -> Item | None:
        """The first row; None where there is none."""
        items = page_of(self._kind, await self._ask(_first_of(self._query))).items
        return items[0] if items else None


def _first_of(query: Mapping[str, Any]) -> dict[str, Any]:
    return {**_Walk(query).query, "per_page": 1}
