"""What must be true once it is quiet, seen from outside: through the API, in the databases, on the broker."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import asyncpg

from services.enrollment.store.standing_check import wrong_standings
from tests.faults.bed import Bed
from tests.faults.ledger import KnownEnrollment, Ledger
from tests.faults.observer import Observer
from tests.faults.scene import Organisation
from tests.support.client import Client
from tests.support.world import ENROLLMENTS, SESSIONS

PER_PAGE = 100
Rows = dict[tuple[int, int], dict[str, Any]]
"""By organisation and id."""

# Versions of each row as its owner has it, beside the versions of its events.
_ROWS_AND_EVENTS = """
WITH told AS (
    SELECT organisation_id, split_part(routing_key, '.', 1) AS kind, (body::jsonb #>> '{{data,id}}')::bigint AS id,
        array_agg((body::jsonb #>> '{{data,version}}')::integer ORDER BY id) AS versions,
        bool_and(published_at IS NOT NULL) AS published
    FROM outbox WHERE organisation_id = ANY($1) GROUP BY 1, 2, 3
), kept AS ({rows})
SELECT organisation_id, kind, id, kept.version, told.versions, told.published
FROM kept FULL JOIN told USING (organisation_id, kind, id) WHERE organisation_id = ANY($1) AND kind <> 'certification'
"""
_OWNED = {
    "enrollment": """
        SELECT organisation_id, 'enrollment' AS kind, id, version FROM enrollments
        UNION ALL SELECT organisation_id, 'employee', id, version FROM people
        UNION ALL SELECT organisation_id, 'requirement', id, version FROM requirements
        UNION ALL SELECT organisation_id, 'clearance', employee_id, version FROM clearances WHERE version > 0""",
    "catalog": """
        SELECT organisation_id, 'course' AS kind, id, version FROM courses
        UNION ALL SELECT organisation_id, 'session', id, version FROM sessions""",
}
_SEATS = """
SELECT s.organisation_id, s.id, s.seats_taken, s.seats_max,
    (SELECT count(*) FROM enrollments e
     WHERE e.organisation_id = s.organisation_id AND e.session_id = s.id AND e.holds_seat) AS held
FROM sessions s WHERE s.organisation_id = ANY($1)
"""
_RECORDS = "SELECT * FROM records WHERE organisation_id = ANY($1)"
_KNOWN = """
SELECT 'employee' AS kind, organisation_id, id, version FROM people WHERE organisation_id = ANY($1)
UNION ALL SELECT 'course', organisation_id, id, version FROM courses WHERE organisation_id = ANY($1)
UNION ALL SELECT 'session', organisation_id, id, version FROM sessions WHERE organisation_id = ANY($1)
"""


async def differences(bed: Bed, ledger: Ledger, observer: Observer, scene: Iterable[Organisation]) -> list[str]:
    """Every way in which an invariant does not hold now."""
    organisations = [organisation.id for organisation in scene]
    await observer.read()
    found: list[str] = []
    enrolled = await _fetch(
        bed, "enrollment", "SELECT * FROM enrollments WHERE organisation_id = ANY($1)", organisations
    )
    for service in _OWNED:
        found += [text async for text in _rows_without_events(bed, service, organisations)]
    found += _projection_differs(
        "history", observer.newest("enrollment"), await _fetch(bed, "history", _RECORDS, organisations), organisations
    )
    found += await _copies_differ(bed, observer, organisations)
    found += await _seats_differ(bed, organisations)
    found += _events_differ(observer, enrolled)
    for organisation in organisations:
        client = bed.client(organisation)
        found += _promises_broken(ledger, organisation, await _all(client, ENROLLMENTS))
        found += _sessions_differ(ledger, organisation, await _all(client, SESSIONS), enrolled)
    return [*found, *observer.steps_back]


async def _fetch(bed: Bed, service: str, statement: str, organisations: list[int]) -> Rows:
    connection = await asyncpg.connect(bed.database_urls[service], timeout=5, command_timeout=20)
    try:
        rows = await connection.fetch(statement, organisations)
    finally:
        await connection.close()
    return {(row["organisation_id"], row["id"]): dict(row) for row in rows}


async def _all(client: Client, path: str) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    page = last = 1
    while page <= last:
        answer = await client.get(path, page=page, per_page=PER_PAGE)
        assert answer.status == 200, f"{path} answered {answer.status}: {answer.text}"
        items += answer.data
        last = answer.json["meta"]["last_page"]
        page += 1
    return items


def _promises_broken(ledger: Ledger, organisation: int, shown: list[dict[str, Any]]) -> Iterator[str]:
    """I1: what was acknowledged is there, once; what was never answered is there once or not at all."""
    by_id = {item["id"]: item for item in shown}
    for known in ledger.expected_in(organisation):
        item = by_id.pop(known.id, None)
        if item is None:
            yield f"I1 lost: {known} was acknowledged and is not there"
        elif not _fits(known, item):
            yield f"I1: {known} is shown as {item}"
    unknown = Counter(
        (lost.session, person) for lost in ledger.lost if lost.organisation == organisation for person in lost.people
    )
    there = Counter((item["session"]["id"], item["employee"]["id"]) for item in by_id.values())
    for pair, count in there.items():
        if count > unknown[pair]:
            yield f"doubled: session and person {pair} have {count} enrollments that no client knows of"


def _fits(known: KnownEnrollment, item: dict[str, Any]) -> bool:
    return (
        item["status"] in known.statuses
        and item["session"]["id"] in known.sessions
        and item["employee"]["id"] == known.person
    )


def _sessions_differ(ledger: Ledger, organisation: int, shown: list[dict[str, Any]], enrolled: Rows) -> Iterator[str]:
    """I4 as clients see it, and created sessions: acknowledged ones are there, none twice."""
    held = Counter(row["session_id"] for (of, _), row in enrolled.items() if of == organisation and row["holds_seat"])
    names = Counter(item["session_name"] for item in shown)
    for item in shown:
        if item["enrolled_count"] + item["available_spots"] != item["max_participants"]:
            yield f"I4: session {item['id']} does not add up: {item}"
        if item["enrolled_count"] != held[item["id"]]:
            yield f"I3: session {item['id']} shows {item['enrolled_count']} enrolled where {held[item['id']]} are"
    for (of, name), created in ledger.sessions.items():
        if of == organisation and not (0 if created is None else 1) <= names[name] <= 1:
            yield f"session {name!r} ({created}) is there {names[name]} times"


async def _rows_without_events(bed: Bed, service: str, organisations: list[int]) -> Any:
    """I2: each version of a row has one event, published; each event has its row."""
    connection = await asyncpg.connect(bed.database_urls[service], timeout=5, command_timeout=20)
    try:
        rows = await connection.fetch(_ROWS_AND_EVENTS.format(rows=_OWNED[service]), organisations)
    finally:
        await connection.close()
    for row in rows:
        expected = list(range(1, (row["version"] or 0) + 1))
        if sorted(row["versions"] or []) != expected or not row["published"]:
            yield f"I2: {service} has {dict(row)}"


def _events_differ(observer: Observer, enrolled: Rows) -> Iterator[str]:
    """What was published is what the owner has."""
    newest = observer.newest("enrollment")
    for row, owned in enrolled.items():
        state = newest.get(row)
        if state is None or (state["version"], state["status"]) != (owned["version"], owned["status"]):
            yield f"I2 lost: subscribers know {row} as {state}, its owner as {owned}"


def _projection_differs(what: str, fold: Rows, projected: Rows, organisations: list[int]) -> Iterator[str]:
    """I3: the projection is the fold of the unique events."""
    mine = {row: state for row, state in fold.items() if row[0] in organisations}
    for row in mine.keys() | projected.keys():
        expected, actual = mine.get(row), projected.get(row)
        if (
            expected is None
            or actual is None
            or any(
                expected[name] != actual[name]
                for name in ("version", "status", "session_id", "course_id", "employee_id")
            )
        ):
            yield f"I3: {what} has {row} as {actual}, the events tell {expected}"


async def _copies_differ(bed: Bed, observer: Observer, organisations: list[int]) -> list[str]:
    """I3 for the copies that history keeps of people, courses and sessions."""
    connection = await asyncpg.connect(bed.database_urls["history"], timeout=5, command_timeout=20)
    try:
        rows = await connection.fetch(_KNOWN, organisations)
    finally:
        await connection.close()
    kept = {(row["kind"], row["organisation_id"], row["id"]): row["version"] for row in rows}
    told = {
        (kind, *row): state["version"]
        for kind in ("employee", "course", "session")
        for row, state in observer.newest(kind).items()
        if row[0] in organisations
    }
    return [f"I3: history has {row} as {kept.get(row)}, told {told[row]}" for row in told if kept.get(row) != told[row]]


async def _seats_differ(bed: Bed, organisations: list[int]) -> list[str]:
    """I4 where seats are decided."""
    seats = await _fetch(bed, "enrollment", _SEATS, organisations)
    return [
        f"I4 oversold: {row}" for row in seats.values() if not row["held"] == row["seats_taken"] <= row["seats_max"]
    ]


async def standings_differ(bed: Bed) -> list[str]:
    """I3 for what is kept of how people stand, which follows from all else, and is no copy."""
    connection = await asyncpg.connect(bed.database_urls["enrollment"], timeout=5, command_timeout=20)
    try:
        await connection.execute("SET muster.organisations = '{NULL}'")
        return [f"I3: {sentence}" async for sentence in wrong_standings(connection)]
    finally:
        await connection.close()
