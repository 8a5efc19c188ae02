"""Followers that keep the newest state of each row: one function for each event (architecture, principle 3)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.events import cloudevents
from shared.events.states import State
from shared.events.types import Event
from shared.postgres.pool import Connection

Handler = Callable[[Connection, Sequence[Any]], Awaitable[None]]
"""Applies events of its types inside the given transaction; at most one for each row, the newest."""

Subscriptions = Mapping[type[Event[State]], Handler]
"""Event → handler, in the order in which handlers run for a batch."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The follower that has these subscriptions."""

    subscriptions: Subscriptions

    @property
    def routing_keys(self) -> Sequence[str]:
        return routing_keys(self.subscriptions)

    def decode(self, body: bytes) -> Event[State]:
        return cloudevents.decode(body)

    async def apply(self, connection: Connection, messages: Sequence[Event[State]]) -> None:
        await apply(connection, self.subscriptions, messages)


def routing_keys(subscriptions: Subscriptions) -> list[str]:
    return [event_type.type for event_type in subscriptions]


async def apply(connection: Connection, subscriptions: Subscriptions, events: Iterable[Event[State]]) -> None:
    """Calls each handler with its events, in the order of `subscriptions`."""
    newest = newest_of_each_row(events)
    handlers = dict.fromkeys(subscriptions.values())
    for handler in handlers:
        mine = [event for event in newest if subscriptions.get(type(event)) is handler]
        if mine:
            await handler(connection, mine)


def newest_of_each_row(events: Iterable[Event[State]]) -> list[Event[State]]:
    """Events carry whole states, so only the highest version of each row in a batch is needed."""
    newest: dict[tuple[type[State], int, int], Event[State]] = {}
    for event in events:
        row = (type(event.data), event.organisation_id, event.data.id)
        if row not in newest or newest[row].data.version < event.data.version:
            newest[row] = event
    # The same order of rows everywhere, so that two consumers that lock the same rows cannot deadlock.
    return [newest[row] for row in sorted(newest, key=lambda row: row[1:])]
