"""Rows to look at: those of the API's own examples.

They are entered through the use cases, so that their events tell the other services of them. An import cannot do it:
the examples have ids, and times at which they were created.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from services.catalog.schemas import CourseFields, CourseQuery, Facilitator, SessionFields
from services.catalog.settings import CatalogSettings
from services.catalog.store import courses as course_store
from services.catalog.store import pages
from services.catalog.store import sessions as session_store
from services.catalog.use_cases import courses as course_use_cases
from services.catalog.use_cases import sessions as session_use_cases
from shared.http.models import IdAndName
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, Pool, connection_pool, transaction
from shared.service.chassis import Command

ORGANISATION = 1

_FACILITATOR = Facilitator(id=10, full_name="Sarah Williams")
_PLANT = [IdAndName(id=12, name="Plant Operations")]
_METRO = [IdAndName(id=5, name="Sydney Metro West")]


def _course(title: str, category: str, delivery_mode: str = "in_person", **fields: object) -> CourseFields:
    return CourseFields.model_validate(
        {"title": title, "category": category, "delivery_mode": delivery_mode, "duration_hours": 8} | fields
    )


_ACTOR = Actor("demonstration", "Demonstration data")

COURSES = [
    _course(
        "Leadership Essentials",
        "leadership",
        cost_per_participant=200,
        provider="external",
        provider_name="Leadership Academy",
        pass_score=70,
        description="A foundational course covering key leadership principles and team management strategies.",
    ),
    _course("Forklift Operation Refresher", "safety", duration_hours=4, labels=_PLANT),
    _course("Working at Heights", "safety", validity_months=60, labels=_PLANT),
    _course("Confined Space Entry", "safety", validity_months=24),
    _course("First Aid", "safety", provider="external", provider_name="Red Ribbon Training", validity_months=36),
    _course("Manual Handling", "safety", "online", duration_hours=1),
    _course("Traffic Control", "technical", labels=_PLANT),
    _course("General Site Induction", "onboarding", "self_paced", duration_hours=2),
    _course("Fire Warden", "compliance", validity_months=12),
]
"""Their ids are 1, 2, 3, …"""


def _session(
    course_id: int, name: str, start: datetime, location: str | None, projects: list[IdAndName] | None = None
) -> SessionFields:
    return SessionFields(
        course_id=course_id,
        session_name=name,
        start_date=start,
        end_date=start + timedelta(hours=8),
        location=location,
        facilitator=_FACILITATOR,
        max_participants=20,
        projects=projects or [],
    )


def sessions(now: datetime) -> dict[int, SessionFields]:
    """By their ids. All lie where the examples have them, but the last: it is still to come."""
    ahead = (now + timedelta(days=30)).replace(hour=9, minute=0, second=0, microsecond=0)
    return {
        7: _session(1, "February Cohort", datetime(2026, 2, 16, 9, tzinfo=UTC), "Training Room A"),
        8: _session(1, "May Cohort", datetime(2026, 5, 15, 9, tzinfo=UTC), "Training Room A"),
        9: _session(1, "Next Cohort", ahead, "Training Room A"),
        781: _session(8, "General Site Induction", datetime(2025, 1, 6, tzinfo=UTC), None, _METRO),
        782: _session(9, "Fire Warden", datetime(2025, 1, 8, tzinfo=UTC), "Head Office"),
        783: _session(3, "Working at Heights", datetime(2025, 1, 10, tzinfo=UTC), "Tower Yard"),
        784: _session(4, "Confined Space Entry", datetime(2025, 2, 10, tzinfo=UTC), "Warehouse B"),
        785: _session(5, "First Aid", datetime(2025, 3, 10, tzinfo=UTC), "Training Room B"),
        786: _session(6, "Manual Handling", datetime(2025, 4, 10, tzinfo=UTC), None),
        787: _session(7, "Traffic Control", datetime(2025, 5, 10, tzinfo=UTC), "Site Office"),
        789: _session(2, "Forklift Operation Refresher", datetime(2025, 7, 1, tzinfo=UTC), "Warehouse B", _METRO),
    }


async def load_examples(pool: Pool) -> str:
    """Loads the examples' courses and sessions once, into a catalog without any; says what it did."""
    async with transaction(pool, [ORGANISATION]) as connection:
        total, _ = await pages.course_page(ORGANISATION, CourseQuery()).alone(connection)
    if total:
        return f"organisation {ORGANISATION} has courses already: the examples are for an empty one"
    await _start_ids(pool, course_store.start_ids_at, 1)
    for course in COURSES:
        async with transaction(pool, [ORGANISATION]) as connection:
            created_at = datetime(2026, 1, 10, tzinfo=UTC)
            await course_use_cases.create_course(connection, ORGANISATION, course, _ACTOR, created_at=created_at)
    planned = sessions(datetime.now(UTC))
    for session_id, session in planned.items():
        await _start_ids(pool, session_store.start_ids_at, session_id)
        async with transaction(pool, [ORGANISATION]) as connection:
            await session_use_cases.create_session(connection, ORGANISATION, session, _ACTOR)
    return f"{len(COURSES)} courses and {len(planned)} sessions of the examples"


async def _start_ids(pool: Pool, start: Callable[[Connection, int], Awaitable[None]], first: int) -> None:
    async with transaction(pool, [ORGANISATION]) as connection:
        await start(connection, first)


def _seed(settings: CatalogSettings, arguments: argparse.Namespace) -> int:
    print(asyncio.run(_load(settings)))
    return 0


async def _load(settings: CatalogSettings) -> str:
    async with connection_pool(settings.migration_database_url.get_secret_value(), name="catalog seed") as pool:
        return await load_examples(pool)


SEED = Command("seed", "load the examples' courses and sessions", lambda parser: None, _seed)
