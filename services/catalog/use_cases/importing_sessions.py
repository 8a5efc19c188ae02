"""Sessions of an imported file."""

from collections.abc import Sequence

from services.catalog import rules
from services.catalog.errors import CourseNotSelectable, SessionNotFound
from services.catalog.schemas import SessionFields
from services.catalog.schemas_imports import SessionLine
from services.catalog.store import courses as course_store
from services.catalog.store import sessions as store
from services.catalog.use_cases import importing
from shared.events.types import SessionSaved
from shared.imports.kind import Applied
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection


class Sessions(importing.Rows[SessionFields]):
    table = "sessions"
    not_found = SessionNotFound

    def __init__(self, connection: Connection, organisation_id: int) -> None:
        super().__init__(connection, organisation_id)
        self._courses: set[int] = set()

    async def fields(self, ids: Sequence[int], *, locked: bool = False) -> dict[int, SessionFields]:
        return await store.fields(self.connection, self.organisation_id, ids, locked=locked)

    async def lock_others(self, created: Sequence[SessionFields]) -> None:
        """The courses that count them."""
        wanted = sorted({session.course_id for session in created})
        if wanted:
            self._courses = set(await course_store.fields(self.connection, self.organisation_id, wanted, locked=True))

    async def check(self, row_id: int | None, current: SessionFields | None, wanted: SessionFields) -> None:
        if current is not None:
            rules.check_may_become(current, wanted)
            rules.check_needs_no_agreement(current, wanted)
            return
        rules.check_new_session(wanted)
        if wanted.course_id not in self._courses:
            raise CourseNotSelectable("course_id")

    async def insert(self, wanted: SessionFields) -> int:
        return await store.insert(self.connection, self.organisation_id, wanted)

    async def update(self, row_id: int, wanted: SessionFields) -> None:
        await store.update(self.connection, self.organisation_id, row_id, wanted)

    async def events(self, ids: Sequence[int], actor: Actor) -> list[SessionSaved]:
        states = await store.states(self.connection, self.organisation_id, ids)
        return [SessionSaved(self.organisation_id, state, actor.trace) for state in states]


async def apply(
    connection: Connection, organisation_id: int, lines: Sequence[SessionLine], actor: Actor
) -> list[Applied]:
    """Creates or changes the sessions, as `POST` and `PATCH` do one by one; what has to be agreed with enrollment is
    refused."""
    return await importing.apply(Sessions(connection, organisation_id), lines, actor)
