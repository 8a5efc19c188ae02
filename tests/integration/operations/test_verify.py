"""`verify` finds every difference between copies and their owners, and none where there is none."""

import asyncio
from collections.abc import Sequence

import pytest

from services.history.projection import PROJECTION
from shared.events.states import State
from shared.events.types import Event
from shared.projections import verify as verification
from shared.projections.comparison import Comparison, comparison
from shared.projections.verify import Verification
from shared.service.projection_commands import connected_owners
from stack.config.ports import reserve_port
from tests.integration.operations.conftest import Kept
from tests.support.client import Client
from tests.support.commands import run
from tests.support.copies import COPIES, SEATS_AS_HELD, copies_of, everything_is_followed, execute, rebuild, verify
from tests.support.external_records import decided, submitted
from tests.support.lifecycle import changed
from tests.support.stack import Stack
from tests.support.world import (
    COURSES,
    EMPLOYEES,
    SESSIONS,
    SETTINGS,
    enroll,
    new_course,
    new_employee,
    new_enrollment,
    new_session,
)

[RECORDS] = [replica for replica in PROJECTION.replicas if replica.table == "records"]
BREAKAGES = [
    ("history", "DELETE FROM records WHERE organisation_id = $1 AND id = $2", "records", "missing here, version"),
    ("history", "UPDATE records SET version = 99 WHERE organisation_id = $1 AND id = $2", "records", "version 99 here"),
    ("history", "UPDATE records SET status = 'absent', check_in_method = 'x' WHERE organisation_id = $1 AND id = $2",
     "records", "with other values in check_in_method, status"),
    ("history", """UPDATE records SET attendance = '[{"meeting_id": 1}]' WHERE organisation_id = $1 AND id = $2""",
     "records", "in attendance"),
    ("history", "UPDATE records SET provider = 'Other' WHERE organisation_id = $1 AND external AND $2 > 0", "records",
     "with other values in provider"),
    ("history", "DELETE FROM records WHERE organisation_id = $1 AND external AND status = 'accepted' AND $2 > 0",
     "records", "missing here, version"),
    ("history", """UPDATE records SET external = true
     WHERE organisation_id = $1 AND session_id IS NULL AND NOT external AND $2 > 0""", "records",
     "with other values in external"),
    ("enrollment", "DELETE FROM certifications WHERE organisation_id = $1 AND $2 > 0", "certification of",
     "None until"),
    ("enrollment", "UPDATE certifications SET valid_until = now() WHERE organisation_id = $1 AND $2 > 0",
     "certification of", "instead of"),
    ("history", "UPDATE records SET organisation_id = 7 WHERE organisation_id = $1 AND id = $2", "records",
     "unknown to its owner"),
    ("catalog", "DELETE FROM enrollments WHERE organisation_id = $1 AND id = $2", "enrollments", "missing here"),
    ("catalog", "UPDATE sessions SET enrolled_count = 17 WHERE organisation_id = $1 AND $2 > 0",
     "enrolled_count of session", "17 instead of"),
    ("catalog", "UPDATE courses SET score_sum = 1 WHERE organisation_id = $1 AND $2 > 0", "scores of course", "1.00"),
    ("catalog", "UPDATE organisation_settings SET time_zone = 'UTC' WHERE organisation_id = $1 AND $2 > 0",
     "organisation_settings", "in time_zone"),
    ("history", "DELETE FROM organisation_settings WHERE organisation_id = $1 AND $2 > 0", "organisation_settings",
     "missing here"),
    ("enrollment", "UPDATE courses SET title = 'Other' WHERE organisation_id = $1 AND $2 > 0", "courses", "in title"),
    ("enrollment", """UPDATE sessions SET meetings = '[{"id": 1}]' WHERE organisation_id = $1 AND $2 > 0""", "sessions",
     "in meetings"),
    ("enrollment", "UPDATE sessions SET version = 0 WHERE organisation_id = $1 AND $2 > 0", "sessions",
     "version 0 here, 1 at its owner"),
    ("enrollment", "UPDATE sessions SET seats_taken = 0 WHERE organisation_id = $1 AND $2 > 0", "seats",
     "taken"),
]  # fmt: skip


@pytest.mark.usefixtures("kept")
async def test_copies_that_follow_are_equal(served: Stack) -> None:
    await everything_is_followed(served)
    for service in COPIES:
        outcome = await run(service, served.settings[service], "verify", "--settle", "0.2")
        assert (outcome.status, outcome.errors) == (0, "")
        assert ": 0 of" in outcome.output


@pytest.mark.parametrize(("service", "breakage", "what", "how"), BREAKAGES)
async def test_a_difference_is_found_and_a_rebuild_mends_it(
    served: Stack, kept: Kept, service: str, breakage: str, what: str, how: str
) -> None:
    before = await copies_of(served, service)
    await execute(served, service, breakage, kept.organisation, kept.enrollments[0])
    broken = await verify(served, service)
    assert broken.status == 1
    assert [line for line in broken.output.splitlines() if what in line and how in line], broken.output
    assert (await rebuild(served, service)).status == 0
    if what == "seats":  # nobody's copy: they have no other owner to ask
        await execute(served, service, SEATS_AS_HELD)
    repaired = await verify(served, service)
    assert (repaired.status, repaired.errors) == (0, "")
    assert await copies_of(served, service) == before


@pytest.mark.parametrize(
    ("service", "routing_key", "table"),
    [
        ("enrollment", "enrollment.completed", "enrollments"),
        ("enrollment", "record.rejected", "external_records"),
        ("enrollment", "employee.saved", "people"),
        ("enrollment", "settings.saved", "organisation_settings"),
        ("catalog", "session.saved", "sessions"),
        ("catalog", "course.saved", "courses"),
    ],
)
async def test_a_change_that_no_event_tells_of_is_found(
    served: Stack, organisation: int, service: str, routing_key: str, table: str
) -> None:
    await one_change_of_each_kind(served.client(organisation))
    await everything_is_followed(served)
    assert (await verify(served, service)).status == 0
    await execute(served, service, _RENAME_NEWEST_EVENT, organisation, routing_key, "lost")
    outcome = await verify(served, service)
    await execute(served, service, _RENAME_NEWEST_EVENT, organisation, "lost", routing_key)
    assert outcome.status == 1
    assert f"{table} of organisation {organisation}" in outcome.output
    first = 2 if table == "organisation_settings" else 1  # before it is UTC, which nobody has saved
    assert f"version {first + 1}, with 1 events for versions {first} to {first}" in outcome.output


_RENAME_NEWEST_EVENT = """
UPDATE outbox SET routing_key = $3
WHERE id = (SELECT max(id) FROM outbox WHERE organisation_id = $1 AND routing_key = $2)
"""


async def one_change_of_each_kind(client: Client) -> None:
    course = await new_course(client)
    session = await new_session(client, course)
    person = await new_employee(client)
    [enrollment_id] = await enroll(client, session, person)
    await changed(client, enrollment_id, "complete", {"score": 1})
    await decided(client, await submitted(client, person), "reject")
    await client.put(f"{EMPLOYEES}/{person}", {"employee_id": "EMP-1", "full_name": "Jane Doe"})
    await client.patch(f"{SESSIONS}/{session}", {"location": "Elsewhere"})
    await client.patch(f"{COURSES}/{course}", {"title": "Another"})
    for time_zone in ("Europe/Berlin", "Australia/Sydney"):
        await client.put(SETTINGS, {"time_zone": time_zone})


async def test_changes_under_way_are_no_differences(served: Stack, organisation: int, enrollments: list[int]) -> None:
    client = served.client(organisation)
    done = asyncio.Event()

    async def write() -> int:
        count = 0
        while not done.is_set():
            await changed(client, enrollments[0], "complete", {"score": count % 100})
            await new_enrollment(client)
            count += 1
        return count

    writing = asyncio.create_task(write())
    outcomes = [await verify(served, service, settle=1.0) for service in COPIES]
    done.set()
    assert await writing > 0
    assert [(outcome.status, outcome.errors) for outcome in outcomes] == [(0, "")] * 3


async def test_control_without_a_second_comparison_what_is_in_flight_counts(
    served: Stack, organisation: int, enrollments: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the owner's answer and the comparison, a change is made and followed."""
    settings, client = served.settings["history"], served.client(organisation)
    written = Comparison.write

    async def write(self: Comparison, events: Sequence[Event[State]]) -> None:
        monkeypatch.setattr(Comparison, "write", written)
        await changed(client, enrollments[0], "complete", {"score": 99})
        await everything_is_followed(served)
        await written(self, events)

    async def differences(comparisons: int) -> int:
        monkeypatch.setattr(verification, "MAX_COMPARISONS", comparisons)
        monkeypatch.setattr(Comparison, "write", write)
        async with (
            connected_owners(settings, "history", PROJECTION) as owners,
            comparison(
                settings.migration_database_url.get_secret_value(), PROJECTION, name="test", keep=False
            ) as compared,
        ):
            verified = await Verification(compared, owners, settle=0).verify_table(RECORDS)
        await changed(client, enrollments[0], "complete", {"score": 98})
        await everything_is_followed(served)
        return len(verified.differences)

    assert await differences(comparisons=3) == 0
    assert await differences(comparisons=0) == 1


async def test_without_an_owner_nothing_is_compared(served: Stack) -> None:
    nowhere = served.settings["history"].model_copy(update={"catalog_url": f"http://127.0.0.1:{reserve_port()}"})
    outcome = await run("history", nowhere, "verify")
    assert outcome.status == 2
    assert "the owner of the rows cannot be asked" in outcome.errors
    unnamed = served.settings["history"].model_copy(update={"catalog_url": None})
    outcome = await run("history", unnamed, "rebuild")
    assert (outcome.status, outcome.errors) == (2, "the setting CATALOG_URL is needed to ask the owner of the rows\n")


async def test_with_the_privileges_of_a_process_that_serves_it_says_whose_are_needed(served: Stack) -> None:
    settings = served.settings["history"]
    serving = settings.model_copy(update={"migration_database_url": settings.database_url})
    outcome = await run("history", serving, "verify")
    assert outcome.status == 2
    assert "MIGRATION_DATABASE_URL has to be that of the tables' owner" in outcome.errors
