"""Rows of every kind in an organisation, and what the services' tables hold of them, byte for byte."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import asyncpg

from shared.service.chassis import carry_out, command_line
from tests.support.client import Client
from tests.support.commands import Outcome, run_here
from tests.support.erasing import erase, somebody_trained
from tests.support.eventually import eventually
from tests.support.external_records import accepted, decided, submitted
from tests.support.importing import counts
from tests.support.lifecycle import changed, full_session_with_line
from tests.support.past_completions import AT, imported_completions
from tests.support.services import DECLARED
from tests.support.stack import Stack
from tests.support.world import (
    COURSES,
    EMPLOYEES,
    SESSIONS,
    SETTINGS,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
    new_staff,
)

COPIES = {
    "history": ("courses", "sessions", "people", "records", "organisation_settings"),
    "catalog": ("enrollments", "courses", "sessions", "organisation_settings"),
    "enrollment": ("courses", "sessions"),
}
"""The tables of each service that are copies, or hold counts of them."""
SEATS_AS_HELD = """
UPDATE sessions s SET seats_taken = (
    SELECT count(*) FROM enrollments e
    WHERE e.organisation_id = s.organisation_id AND e.session_id = s.id AND holds_seat
)
"""


async def execute(stack: Stack, service: str, sql: str, *arguments: Any) -> str:
    """The command tag; past the service, and as the superuser, whom no trigger holds back."""
    connection = await asyncpg.connect(stack.database_urls[service], timeout=10)
    try:
        return str(await connection.execute(sql, *arguments))
    finally:
        await connection.close()


async def dump(url: str, tables: Sequence[str]) -> dict[str, list[str]]:
    """Every row as PostgreSQL writes it, but for when that was and what only those who watch it go by."""
    row = "(to_jsonb(t) - '{seats_version,seats_changed_by,saved_at,updated_at,updated_day}'::text[])::text"
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return {
            table: [row[0] for row in await connection.fetch(f"SELECT {row} FROM {table} t ORDER BY 1")]
            for table in tables
        }
    finally:
        await connection.close()


async def copies_of(stack: Stack, service: str) -> dict[str, list[str]]:
    return await dump(stack.settings[service].migration_database_url.get_secret_value(), COPIES[service])


async def everything_is_followed(stack: Stack) -> None:
    """Until no event waits, and no service has anything to apply."""
    await eventually(partial(_nothing_waits, stack))


async def _nothing_waits(stack: Stack) -> bool:
    for service in ("catalog", "enrollment", "accounts"):
        url = stack.settings[service].migration_database_url.get_secret_value()
        if await _value(url, "SELECT count(*) FROM outbox WHERE published_at IS NULL"):
            return False
    settings = "SELECT coalesce(sum(version), 0) FROM organisation_settings"
    if len({await _value(stack.database_urls[name], settings) for name in COPIES}) > 1:
        return False
    records = await _value(stack.history_database_url, "SELECT coalesce(sum(version), 0) FROM records")
    counted = await _value(stack.catalog_database_url, "SELECT coalesce(sum(version), 0) FROM enrollments")
    owned = await _value(stack.enrollment_database_url, "SELECT coalesce(sum(version), 0) FROM enrollments")
    elsewhere = await _value(stack.enrollment_database_url, "SELECT coalesce(sum(version), 0) FROM external_records")
    return bool(records == owned + elsewhere and counted == owned)


async def _value(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def rows_of_every_kind(client: Client, other: Client) -> list[int]:
    """Courses, sessions, people, enrollments and records in many states, some of them deleted; the enrollments' ids.

    The `other` client accepts what the first has submitted.
    """
    course = await new_course(client, pass_score=50, validity_months=12, labels=[{"id": 1, "name": "Safety"}])
    session = await new_session(client, course, projects=[{"id": 5, "name": "Metro"}])
    contractor = await new_employee(client, company={"id": 7, "name": "Acme"})
    people = [contractor, *await new_employees(client, 3), await new_staff(client)]
    ids = await enroll(client, session, *people)
    await changed(client, ids[0], "complete", {"score": 87.5, "feedback": "Good — sehr gut"})
    await changed(client, ids[1], "complete", {"score": 20})
    await changed(client, ids[2], "cancel")
    await changed(client, ids[3], "check-in", {"method": "qr_code"})
    leaver = await somebody_trained(client, session)
    _, seated, line = await full_session_with_line(client)
    await changed(client, seated, "cancel")
    for status in ("in_progress", "completed"):
        assert (await client.patch(f"{SESSIONS}/{session}", {"status": status})).status == 200
    await decided(client, await submitted(client, people[0]), "reject")
    await eventually(partial(_is_known, client, course))
    for person in people[1:4]:
        await accepted(client, other, person, course_id=course, evidence="Card — Karte 1")
    await submitted(client, people[1], training_name="Erste Hilfe")
    past = [("K-1", people[1], course, AT, "", "87.5"), ("K-2", people[2], course, AT, "", "20")]
    assert counts(await imported_completions(client, *past)) == {"created": 2}
    assert counts(await imported_completions(client, ("K-2", people[2], course, AT, "", "90"))) == {"changed": 1}
    merged = await client.request(
        "POST", f"{EMPLOYEES}/{people[1]}/merge", json={"into": people[3]}, headers={"If-Match": "*"}
    )
    assert merged.status == 200, merged.text
    assert (await erase(client, leaver)).status == 200
    deleted = await new_session(client, await new_course(client))
    assert (await client.delete(f"{SESSIONS}/{deleted}")).status == 200
    assert (await client.delete(f"{COURSES}/{await new_course(client)}")).status == 200
    assert (await client.put(SETTINGS, {"time_zone": "Australia/Sydney"})).status == 200
    return [*ids, seated, *line]


async def _is_known(client: Client, course: int) -> bool:
    """To enrollment."""
    return (await client.get("/api/v1/training/compliance", course_id=course)).status == 200


async def verify(stack: Stack, service: str, *, settle: float = 0.25) -> Outcome:
    """`settle`: seconds until what differs is looked at again, little where everything has been followed."""
    return await _command(stack, service, "verify", f"--settle={settle}")


async def rebuild(stack: Stack, service: str) -> Outcome:
    return await _command(stack, service, "rebuild")


async def _command(stack: Stack, service: str, *arguments: str) -> Outcome:
    declared = DECLARED[service]
    parsed = command_line(declared).parse_args(arguments)
    return await run_here(partial(carry_out, declared, stack.settings[service], parsed))
