"""How many requests are under way, and to whom another may be sent. Pure rules.

A request has a turn for its first second. One that takes longer goes on beside the turns, of which no endpoint, however
slow, can hold one for longer than that; these requests have a bound of their own.
"""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

AT_ONCE: Final = 64
"""Turns of a process."""
TURN_SECONDS: Final = 1.0
MOST_OPEN: Final = 256
"""Requests of a process, with a turn and without."""
OF_ENDPOINT: Final = 4
"""Requests to one endpoint: one alone while it fails."""
TURNS_OF_ORGANISATION: Final = AT_ONCE // 2
MOST_OF_ORGANISATION: Final = MOST_OPEN // 2


class Endpoint(NamedTuple):
    organisation_id: int
    webhook_id: int


@dataclass(frozen=True, slots=True)
class Room:
    """How many more may be sent: in all, by an organisation, and to an endpoint. Organisations and endpoints that are
    not listed have no request under way."""

    total: int
    organisations: Mapping[int, int]
    under_way: Mapping[Endpoint, int]
    """Requests to each endpoint that has any."""


class Turns:
    """The requests under way, each with the time when it began, in seconds of one clock."""

    def __init__(self) -> None:
        self._begun: dict[Hashable, tuple[Endpoint, float]] = {}

    def __len__(self) -> int:
        return len(self._begun)

    def begin(self, request: Hashable, endpoint: Endpoint, now: float) -> None:
        self._begun[request] = (endpoint, now)

    def end(self, request: Hashable) -> None:
        del self._begun[request]

    def room(self, now: float) -> Room:
        """Never below zero for an organisation; the total may be."""
        requests = list(self._begun.values())
        with_turn = [endpoint for endpoint, begun in requests if now - begun < TURN_SECONDS]
        total = min(AT_ONCE - len(with_turn), MOST_OPEN - len(requests))
        turns = Counter(endpoint.organisation_id for endpoint in with_turn)
        opened = Counter(endpoint.organisation_id for endpoint, _ in requests)
        return Room(
            total,
            {
                organisation: max(0, min(TURNS_OF_ORGANISATION - turns[organisation], MOST_OF_ORGANISATION - count))
                for organisation, count in opened.items()
            },
            Counter(endpoint for endpoint, _ in requests),
        )
