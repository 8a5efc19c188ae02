"""The feed of events, as an iterator (the API's contract, section 8)."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from muster.asked import Answer, Request
from muster.asking import model_of
from muster.async_resource import AsyncResource
from muster.async_transport import AsyncTransport
from muster.errors import Unexpected
from muster.event import Event
from muster.resource import Resource
from muster.transport import Transport

PATH: Final = "/api/v1/events"
WAIT_SECONDS: Final = 20
"""For how long the server may wait for news."""
STEP: Final = 1000


class _Position:
    """Where one is in the feed. `cursor` leads on from the last event that was handed over, or from a little before."""

    def __init__(self, after: str | None, types: Sequence[str], endless: bool) -> None:
        self.cursor = after
        self._types = types
        self._endless = endless
        self._wait = 0
        self.is_over = False

    def request(self) -> Request:
        query: dict[str, str | int | bool] = {"limit": STEP, "wait": self._wait}
        if self.cursor is not None:
            query["after"] = self.cursor
        if self._types:
            query["types"] = ",".join(self._types)
        return Request("GET", PATH, query, is_safe=True)

    def events(self, answer: Answer) -> Iterator[Event]:
        data = answer.data if isinstance(answer.data, dict) else {}
        events, next_, has_more = data.get("data"), data.get("next"), data.get("has_more")
        if not isinstance(events, list) or not isinstance(next_, str):
            raise Unexpected("The server sent no events.")
        for number, each in enumerate(events, 1):
            event = model_of(Event, each)
            if number == len(events):
                self.cursor = next_
            yield event
        self.cursor = next_
        self._wait = 0 if has_more else WAIT_SECONDS
        self.is_over = not has_more and not self._endless


class Followed:
    """Events, each once. `cursor` is where the next run goes on: keep it behind what was made of an event."""

    def __init__(self, transport: Transport, position: _Position) -> None:
        self._transport = transport
        self._position = position

    @property
    def cursor(self) -> str | None:
        return self._position.cursor

    def __iter__(self) -> Iterator[Event]:
        while not self._position.is_over:
            yield from self._position.events(self._transport.ask(self._position.request()))


class AsyncFollowed:
    """As `Followed`."""

    def __init__(self, transport: AsyncTransport, position: _Position) -> None:
        self._transport = transport
        self._position = position

    @property
    def cursor(self) -> str | None:
        return self._position.cursor

    async def __aiter__(self) -> AsyncIterator[Event]:
        while not self._position.is_over:
            for event in self._position.events(await self._transport.ask(self._position.request())):
                yield event


class Feed(Resource):
    """Methods of `client.events` beside those of the API's document."""

    def follow(self, *, after: str | None = None, types: Sequence[str] = (), endless: bool = True) -> Followed:
        """Events behind the cursor `after`, or from the oldest that is kept: what there is, and then what comes.

        With `endless=False` it ends where nothing follows yet. Raises `CursorExpiredError` where events after the
        cursor are kept no more: read the lists anew.
        """
        return Followed(self._transport, _Position(after, types, endless))


class AsyncFeed(AsyncResource):
    """As `Feed`."""

    def follow(self, *, after: str | None = None, types: Sequence[str] = (), endless: bool = True) -> AsyncFollowed:
        """As `Feed.follow`."""
        return AsyncFollowed(self._transport, _Position(after, types, endless))
