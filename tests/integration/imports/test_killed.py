"""A worker that is killed anywhere leaves a job that another one ends: the same rows as if none had been killed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.enrollment.imports import PEOPLE
from shared.imports import work_store
from shared.imports.applying import Applying
from shared.imports.work import Work
from shared.observability import new_uuid
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.faults.crash_points import IMPORT_POINTS
from tests.support.client import Client, new_organisation
from tests.support.guards import without
from tests.support.import_workers import Workers
from tests.support.importing import ENDED, begun_import, counts, ended, people, people_file
from tests.support.killed_imports import kill
from tests.support.world import IMPORTS

pytestmark = pytest.mark.timeout(180)

BEFORE = people_file(*people(range(1, 101)))
FILE = people_file(*people(range(6, 51), "Changed"), *people(range(51, 1201)), (1, "", "No number"))
COUNTS = {"created": 1100, "changed": 45, "unchanged": 50, "removed": 4, "refused": 1}
STEPS = {
    "claimed:1": 0,
    "part read:1": 0,
    "lines applied:1": 0,
    "progress stored:1": 0,
    "before the commit:1": 0,
    "lines applied:2": 500,
    "after the commit:1": 1000,
    "missing rows found:1": 1196,
    "rows ended:1": 1196,
    "finished:1": 1196,
}
"""Where one worker after the other is killed, each at that visit, and the lines that are done then."""


def test_each_step_is_among_them() -> None:
    assert {f"import: {step.rpartition(':')[0]}" for step in STEPS} == {point.name for point in IMPORT_POINTS}


async def begin(workers: Workers, client: Client) -> int:
    """The import of a file that creates, changes, refuses and ends people, which nobody works on yet."""
    before = await begun_import(client, BEFORE)
    async with workers.running():
        await ended(client, before)
    return await begun_import(client, FILE, mode="complete")


async def test_killed_at_each_step_an_import_comes_to_the_same(workers: Workers, tmp_path: Path) -> None:
    other = new_organisation()
    undisturbed = await begin(workers, workers.stack.client(other))
    async with workers.running():
        assert counts(await ended(workers.stack.client(other), undisturbed)) == COUNTS
    import_id = await begin(workers, workers.client)
    for step, lines in STEPS.items():
        await kill(workers, tmp_path / "worker.log", step)
        job = (await workers.client.get(f"{IMPORTS}/people/{import_id}")).data
        assert (job["status"] in ENDED, job["lines"]) == (False, lines), step
    async with workers.running():
        job = await ended(workers.client, import_id)
    assert (job["status"], job["lines"], counts(job)) == ("completed", 1196, COUNTS)
    assert await workers.written(workers.organisation) == await workers.written(other)
    assert await workers.left() == 0


class Killed(BaseException):
    """Nothing in the product survives it."""


@contextmanager
def dying() -> Iterator[None]:
    """Whoever works on an import is killed after the first commit of a batch."""
    original = Applying._apply_ahead

    async def apply_ahead(self: Applying, *arguments: Any) -> None:
        await original(self, *arguments)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Applying, "_apply_ahead", apply_ahead)
        yield


async def killed_after_a_batch(workers: Workers) -> Any:
    """The job, which another worker has ended."""
    import_id = await begun_import(workers.client, people_file(*people(range(1, 1001))))
    async with transaction(workers.pool, EVERY_ORGANISATION) as connection:
        job = await work_store.claim(connection, ["people"], new_uuid())
    assert job is not None
    with dying(), pytest.raises(Killed):
        await Work(workers.pool, PEOPLE, job, 0.2).carry_out()
    await workers.end_leases()
    async with workers.running():
        return await ended(workers.client, import_id)


async def test_no_line_is_applied_twice(workers: Workers) -> None:
    assert counts(await killed_after_a_batch(workers)) == {"created": 1000}


async def test_control_without_the_lines_that_are_done_some_are(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, work_store, "_ADVANCE", "lines = lines + $3,", "lines = lines + 0 * $3,")
    import_id = await begun_import(workers.client, people_file(*people(range(1, 501))))
    for _ in range(2):
        async with transaction(workers.pool, EVERY_ORGANISATION) as connection:
            job = await work_store.claim(connection, ["people"], new_uuid())
        assert job is not None
        with dying(), pytest.raises(Killed):
            await Work(workers.pool, PEOPLE, job, 0.2).carry_out()
        await workers.end_leases()
    job_now = (await workers.client.get(f"{IMPORTS}/people/{import_id}")).data
    assert counts(job_now) == {"created": 500, "unchanged": 500}


async def test_a_worker_that_ends_hands_its_job_on_at_once(workers: Workers) -> None:
    import_id = await begun_import(workers.client, people_file(*people(range(1, 1001))))
    runner = asyncio.create_task(workers.runner().run())
    await workers.has_lines(import_id)
    runner.cancel()
    await asyncio.wait({runner}, timeout=20)
    leased = "SELECT leased_until IS NOT NULL FROM imports WHERE organisation_id = $1 AND id = $2"
    assert not await workers.value(leased, workers.organisation, import_id)
    async with workers.running():
        assert counts(await ended(workers.client, import_id)) == {"created": 1000}
