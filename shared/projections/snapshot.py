"""Snapshots: the current states of a service's rows as its events carry them, for those who replicate them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from shared.auth.claims import EVERY_ORGANISATION
from shared.auth.trust import STATES
from shared.concurrency.backoff import Backoff
from shared.errors import Unavailable
from shared.events.states import State
from shared.events.types import STATE_OF, Event
from shared.http.service_client import ServiceClient
from shared.postgres.pool import Connection
from shared.projections.keys import MAX_PAGE, Key

ATTEMPTS = 6
"""Of one question, over some seconds: an owner may be restarting."""

KNOWN_PATH = "/internal/known"
"""Where an owner tells what rows of an organisation said at a moment, in the form of a snapshot."""

_EVENTS = {event_type.type: event_type for event_type in STATE_OF}


@dataclass(frozen=True, slots=True)
class SnapshotSource:
    """How an owner reads rows of one kind: `page` in their order after a key, `current` those of some keys."""

    page: Callable[[Connection, Key, int], Awaitable[list[Event[State]]]]
    current: Callable[[Connection, Sequence[Key]], Awaitable[list[Event[State]]]]


class SnapshotRow(BaseModel):
    """`type` is the routing key of the event that carries such a state."""

    type: str
    organisation_id: int
    data: dict[str, Any]


class Snapshot(BaseModel):
    states: list[SnapshotRow]


def encode_snapshot(events: Sequence[Event[State]]) -> str:
    """JSON text of `Snapshot`."""
    return f'{{"states": [{", ".join(map(_encode_row, events))}]}}'


def _encode_row(event: Event[State]) -> str:
    key = f'"type": "{event.type}", "organisation_id": {event.organisation_id}'
    return f'{{{key}, "data": {event.data.model_dump_json()}}}'


def decode_snapshot(text: str) -> list[Event[State]]:
    """The events of JSON text that `encode_snapshot` made."""
    return [_event(received) for received in Snapshot.model_validate_json(text).states]


class SnapshotClient:
    """Asks the service that owns rows for their current states."""

    def __init__(self, service: ServiceClient) -> None:
        self._service = service

    async def page(self, kind: str, after: Key, limit: int = MAX_PAGE) -> list[Event[State]]:
        """The rows that follow `after`; fewer than `limit` at the end. Raises `Unavailable`."""
        query = f"after_organisation={after[0]}&after_id={after[1]}&limit={limit}"
        return await self._ask("GET", f"/internal/states/{kind}?{query}", None)

    async def current(self, kind: str, keys: Sequence[Key]) -> list[Event[State]]:
        """Those of at most `MAX_PAGE` rows that exist; raises `Unavailable`."""
        body = {"keys": [{"organisation_id": organisation_id, "id": row_id} for organisation_id, row_id in keys]}
        return await self._ask("POST", f"/internal/states/{kind}", body)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> list[Event[State]]:
        backoff = Backoff()
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._ask_once(method, path, body)
            except Unavailable:
                await asyncio.sleep(backoff.next())
        return await self._ask_once(method, path, body)

    async def _ask_once(self, method: str, path: str, body: dict[str, Any] | None) -> list[Event[State]]:
        answer = await self._service.request(method, path, EVERY_ORGANISATION, STATES, body)
        if answer.status != 200:
            raise Unavailable(f"{path} was answered with {answer.status}")
        return decode_snapshot(answer.text)


def _event(received: SnapshotRow) -> Event[State]:
    event_type = _EVENTS[received.type]
    return event_type(received.organisation_id, STATE_OF[event_type].model_validate(received.data))
