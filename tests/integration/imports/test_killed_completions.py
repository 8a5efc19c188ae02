"""A worker that is killed anywhere in a file of past completions leaves a job that another one ends."""

from pathlib import Path
from typing import Any

import pytest

from services.enrollment.store import catalog_replica
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support import events
from tests.support.client import Client, new_organisation
from tests.support.import_workers import Workers
from tests.support.importing import ENDED, begun_import, counts, ended, imported, people, people_file
from tests.support.killed_imports import kill
from tests.support.past_completions import AT, completion_file
from tests.support.world import IMPORTS

pytestmark = pytest.mark.timeout(180)

PEOPLE = 40
COURSE = 5


def lines(numbers: range, *more: object) -> list[tuple[object, ...]]:
    return [(f"K-{number}", 1 + number % PEOPLE, COURSE, AT, "", *more) for number in numbers]


BEFORE = completion_file(*lines(range(1, 101)))
FILE = completion_file(*lines(range(6, 51), "80"), *lines(range(51, 1201)), ("K", PEOPLE + 1, COURSE, AT))
COUNTS = {"created": 1100, "changed": 45, "unchanged": 50, "refused": 1}
STEPS = {
    "claimed:1": 0,
    "part read:1": 0,
    "lines applied:1": 0,
    "progress stored:1": 0,
    "before the commit:1": 0,
    "lines applied:2": 500,
    "after the commit:1": 1000,
    "finished:1": 1196,
}
"""As those of people: a file of completions ends none that it does not name."""


async def begin(workers: Workers, organisation: int) -> tuple[Client, int]:
    """The import of a file that creates, corrects and refuses completions, which nobody works on yet."""
    client = workers.stack.client(organisation)
    course = events.course(organisation, COURSE, validity_months=12)
    async with transaction(workers.pool, EVERY_ORGANISATION) as connection:
        await catalog_replica.save_courses(connection, [course])
    async with workers.running():
        await imported(client, people_file(*people(range(1, PEOPLE + 1))))
        await imported(client, BEFORE, kind="completions")
    return client, await begun_import(client, FILE, kind="completions")


async def written(workers: Workers, organisation: int) -> dict[str, Any]:
    """What lines have made of an organisation's records, whatever ids they have."""
    of_record = "key, version, employee_id, course_id, completed_at, valid_until, score, status, certifies, source"
    texts = {
        "records": f"SELECT array_agg(({of_record}) ORDER BY key)::text FROM external_records",
        "trail": """SELECT array_agg((r.key, a.version, a.action) ORDER BY r.key, a.version)::text
            FROM external_records r JOIN audit_trail a USING (organisation_id, id)""",
        "events": """SELECT array_agg((routing_key, body::jsonb #>> '{data,key}', body::jsonb #>> '{data,version}')
            ORDER BY body::jsonb #>> '{data,key}', body::jsonb #>> '{data,version}')::text
            FROM outbox""",
        "certifications": """SELECT array_agg((employee_id, course_id, completed_at, valid_until) ORDER BY employee_id)
            ::text FROM certifications""",
    }
    where = {
        "trail": " WHERE a.kind = 'record' AND organisation_id = $1",
        "events": " WHERE routing_key LIKE 'record.%' AND organisation_id = $1",
    }
    return {
        name: await workers.value(text + where.get(name, " WHERE organisation_id = $1"), organisation)
        for name, text in texts.items()
    }


async def test_killed_at_each_step_a_file_of_completions_comes_to_the_same(workers: Workers, tmp_path: Path) -> None:
    other = new_organisation()
    client, undisturbed = await begin(workers, other)
    async with workers.running():
        assert counts(await ended(client, undisturbed, "completions")) == COUNTS
    client, import_id = await begin(workers, workers.organisation)
    for step, done in STEPS.items():
        await kill(workers, tmp_path / "worker.log", step)
        job = (await client.get(f"{IMPORTS}/completions/{import_id}")).data
        assert (job["status"] in ENDED, job["lines"]) == (False, done), step
    async with workers.running():
        job = await ended(client, import_id, "completions")
    assert (job["status"], job["lines"], counts(job)) == ("completed", 1196, COUNTS)
    expected = await written(workers, other)
    assert all(expected.values())
    assert await written(workers, workers.organisation) == expected
    assert await workers.left() == 0
