"""Courses of an imported file."""

from collections.abc import Sequence

from services.catalog import rules
from services.catalog.errors import CourseNotFound
from services.catalog.schemas import CourseFields
from services.catalog.schemas_imports import CourseLine
from services.catalog.store import courses as store
from services.catalog.use_cases import importing
from services.catalog.use_cases.courses import check_no_ring, check_prerequisites
from shared.events.types import CourseSaved
from shared.imports.kind import Applied
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection


class Courses(importing.Rows[CourseFields]):
    table = "courses"
    not_found = CourseNotFound

    async def fields(self, ids: Sequence[int], *, locked: bool = False) -> dict[int, CourseFields]:
        return await store.fields(self.connection, self.organisation_id, ids, locked=locked)

    async def check(self, row_id: int | None, current: CourseFields | None, wanted: CourseFields) -> None:
        if row_id is not None:
            rules.check_requires_others(row_id, wanted)
        await check_prerequisites(self.connection, self.organisation_id, wanted)
        if row_id is not None and current is not None and wanted.prerequisites != current.prerequisites:
            await check_no_ring(self.connection, self.organisation_id, row_id, wanted)

    async def insert(self, wanted: CourseFields) -> int:
        return await store.insert(self.connection, self.organisation_id, wanted, None)

    async def update(self, row_id: int, wanted: CourseFields) -> None:
        await store.update(self.connection, self.organisation_id, row_id, wanted)

    async def events(self, ids: Sequence[int], actor: Actor) -> list[CourseSaved]:
        states = await store.states(self.connection, self.organisation_id, ids)
        return [CourseSaved(self.organisation_id, state, actor.trace) for state in states]


async def apply(
    connection: Connection, organisation_id: int, lines: Sequence[CourseLine], actor: Actor
) -> list[Applied]:
    """Creates or changes the courses, as `POST` and `PATCH` do one by one."""
    return await importing.apply(Courses(connection, organisation_id), lines, actor)
