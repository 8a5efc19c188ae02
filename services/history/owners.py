"""Asks those who own what history copies what they knew at a moment (decision 34)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from services.history.settings import HistorySettings
from services.history.store.known_then import Known
from shared.auth.signing import InternalSigner
from shared.auth.trust import KNOWN
from shared.errors import Unavailable, ValidationFailed
from shared.events.states import EmployeeState, State
from shared.events.types import Event
from shared.http.service_client import ServiceClient, connect_to_service
from shared.projections.keys import MAX_PAGE
from shared.projections.snapshot import KNOWN_PATH, decode_snapshot

MOST_RECORDS: Final = 10_000
"""Of one person, that are looked back at; in practice some hundreds."""
_TOO_MANY: Final = f"Must not be given for a history of more than {MOST_RECORDS:,} records."

Events = Sequence[Event[State]]


@dataclass(frozen=True, slots=True)
class Owners:
    """Those whose addresses are known."""

    enrollment: ServiceClient | None
    catalog: ServiceClient | None

    async def known(self, organisation_id: int, person_id: int, moment: datetime) -> Known:
        """The person, their records, and the courses and sessions of these, as they were recorded at the moment.

        Raises `Unavailable`, and `ValidationFailed` for more records than are looked back at.
        """
        person, records = await self._of_person(organisation_id, person_id, moment)
        courses = sorted({each.data.course_id for each in records if each.data.course_id is not None})
        sessions = sorted({each.data.session_id for each in records if hasattr(each.data, "session_id")})
        catalog = await self._of_catalog(organisation_id, courses, sessions, moment)
        return Known(moment, [*person, *records, *catalog])

    async def _of_person(
        self, organisation_id: int, person_id: int, moment: datetime
    ) -> tuple[Events, list[Event[Any]]]:
        records: list[Event[Any]] = []
        while True:
            after = records[-1].data.id if records else 0
            asked = {"employee_id": person_id, "as_of": moment.isoformat(), "after": after}
            events = await _ask(self.enrollment, organisation_id, asked)
            person = [event for event in events if isinstance(event.data, EmployeeState)]
            records += [event for event in events if not isinstance(event.data, EmployeeState)]
            if len(events) - len(person) < MAX_PAGE:
                return person, records
            if len(records) > MOST_RECORDS:
                raise ValidationFailed({"as_of": [_TOO_MANY]})

    async def _of_catalog(
        self, organisation_id: int, courses: Sequence[int], sessions: Sequence[int], moment: datetime
    ) -> list[Event[State]]:
        known: list[Event[State]] = []
        for start in range(0, max(len(courses), len(sessions)), MAX_PAGE):
            part = slice(start, start + MAX_PAGE)
            asked = {"as_of": moment.isoformat(), "courses": courses[part], "sessions": sessions[part]}
            known += await _ask(self.catalog, organisation_id, asked)
        return known


async def _ask(owner: ServiceClient | None, organisation_id: int, asked: dict[str, Any]) -> list[Event[State]]:
    """Raises `Unavailable`, for an owner of the version before too."""
    if owner is None:
        raise Unavailable
    answer = await owner.request("POST", KNOWN_PATH, organisation_id, KNOWN, asked)
    if answer.status != 200:
        raise Unavailable
    return decode_snapshot(answer.text)


OWNERS = web.AppKey("owners", Owners)


async def owners(settings: HistorySettings, app: web.Application) -> AsyncIterator[None]:
    """Without their addresses no history is looked back at."""
    signer = InternalSigner("history", settings.internal_keys_file)
    async with AsyncExitStack() as exits:

        async def client(name: str, url: str | None) -> ServiceClient | None:
            connecting = connect_to_service(url, name=name, asking="history", signer=signer) if url else None
            return None if connecting is None else await exits.enter_async_context(connecting)

        enrollment = await client("enrollment", settings.enrollment_url)
        app[OWNERS] = Owners(enrollment, await client("catalog", settings.catalog_url))
        yield
