"""Asks the catalog for a session that its events have not brought yet."""

from dataclasses import dataclass

from pydantic import BaseModel

from shared.auth.trust import FETCH_SESSION
from shared.errors import Unavailable
from shared.events.states import CourseState, SessionState
from shared.events.types import CourseSaved, SessionSaved
from shared.http.service_client import ServiceClient


class _Answer(BaseModel):
    session: SessionState
    courses: list[CourseState]


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session with its course and that course's prerequisites, in the states that their events carry."""

    session: SessionSaved
    courses: list[CourseSaved]


class CatalogClient:
    def __init__(self, catalog: ServiceClient) -> None:
        self._catalog = catalog

    async def session(self, organisation_id: int, session_id: int) -> FoundSession | None:
        """The session, if the organisation has it; raises `Unavailable` when the catalog cannot be asked."""
        answer = await self._catalog.request("GET", f"/internal/sessions/{session_id}", organisation_id, FETCH_SESSION)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise Unavailable
        found = _Answer.model_validate_json(answer.text)
        return FoundSession(
            SessionSaved(organisation_id, found.session),
            [CourseSaved(organisation_id, course) for course in found.courses],
        )
