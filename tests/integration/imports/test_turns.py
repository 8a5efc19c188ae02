"""Whose import is worked on: one of a kind for an organisation, organisations in turn, and one worker for each."""

import asyncio
from typing import Any

import asyncpg
import pytest

from services.enrollment.imports import PEOPLE
from shared.imports import work_store
from shared.imports.applying import Applying
from shared.imports.job import Job, JobLost
from shared.imports.work import Ending, Work
from shared.observability import new_uuid
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.client import new_organisation
from tests.support.guards import without
from tests.support.import_workers import Workers
from tests.support.importing import begun_import, counts, ended, people, people_file
from tests.support.world import IMPORTS

FILE = people_file(*people(range(1, 21)))


async def claim(workers: Workers) -> Job | None:
    async with transaction(workers.pool, EVERY_ORGANISATION) as connection:
        return await work_store.claim(connection, ["people"], new_uuid())


async def claimed(workers: Workers) -> Job:
    job = await claim(workers)
    assert job is not None
    return job


async def test_the_next_import_of_a_kind_waits(workers: Workers) -> None:
    first, second = [await begun_import(workers.client, FILE) for _ in range(2)]
    assert (await claimed(workers)).id == first
    assert await claim(workers) is None
    await workers.end_leases()
    assert (await claimed(workers)).id == first
    async with workers.running(2):
        await workers.end_leases()
        await ended(workers.client, second)
    assert counts((await workers.client.get(f"{IMPORTS}/people/{second}")).data) == {"unchanged": 20}


async def test_two_that_begin_in_the_same_moment_do_not_both_run(workers: Workers) -> None:
    """One claims what the other's transaction, which has not ended yet, keeps from being claimed."""
    for _ in range(2):
        await begun_import(workers.client, FILE)
    async with transaction(workers.pool, EVERY_ORGANISATION) as connection:
        assert await work_store.claim(connection, ["people"], new_uuid()) is not None
        other = asyncio.create_task(claim(workers))
        await workers.is_waiting()
    with pytest.raises(asyncpg.UniqueViolationError):
        await other


async def test_control_without_the_index_both_run(workers: Workers) -> None:
    for _ in range(2):
        await begun_import(workers.client, FILE)
    await workers.rows.execute("DROP INDEX imports_one_at_a_time")
    try:
        async with transaction(workers.pool, EVERY_ORGANISATION) as connection:
            assert await work_store.claim(connection, ["people"], new_uuid()) is not None
            assert await claim(workers) is not None
    finally:
        await workers.rows.execute("DELETE FROM imports")
        await workers.rows.execute(
            "CREATE UNIQUE INDEX imports_one_at_a_time ON imports (organisation_id, kind) WHERE status = 'running'"
        )


async def test_organisations_take_turns(workers: Workers) -> None:
    other = new_organisation()
    theirs = [await begun_import(workers.stack.client(other), FILE) for _ in range(3)]
    mine = await begun_import(workers.client, FILE)
    order = []
    for _ in range(2):
        job = await claimed(workers)
        order.append(job.id)
        await Work(workers.pool, PEOPLE, job, 0.2).finish(Ending("completed"))
    assert order == [theirs[0], mine]


async def left_behind(workers: Workers) -> tuple[Work, int]:
    """A worker whose lease is over, and another one has its job."""
    import_id = await begun_import(workers.client, FILE)
    late = Work(workers.pool, PEOPLE, await claimed(workers), 0.2)
    await workers.end_leases()
    assert (await claimed(workers)).id == import_id
    return late, import_id


async def test_a_worker_that_was_left_behind_does_nothing_more(workers: Workers) -> None:
    late, import_id = await left_behind(workers)
    with pytest.raises(JobLost):
        await late.carry_out()
    assert (await workers.client.get(f"{IMPORTS}/people/{import_id}")).data["lines"] == 0


async def test_control_without_the_lease_it_goes_on(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    for statement in ("_RENEW", "_HOLD"):
        without(monkeypatch, work_store, statement, "AND lease = $3 AND", "AND $3::uuid IS NOT NULL AND")
    late, import_id = await left_behind(workers)
    await late.carry_out()
    assert (await workers.client.get(f"{IMPORTS}/people/{import_id}")).data["lines"] == 20


async def test_a_cancelled_import_stops_and_what_is_done_stays(workers: Workers) -> None:
    import_id = await begun_import(workers.client, people_file(*people(range(1, 1501))))
    async with workers.running():
        await workers.has_lines(import_id)
        cancelled = await workers.client.request("POST", f"{IMPORTS}/people/{import_id}/cancel")
        assert (cancelled.status, cancelled.data["status"]) == (200, "cancelled")
        again = await workers.client.request("POST", f"{IMPORTS}/people/{import_id}/cancel")
        assert (again.status, again.json["code"]) == (409, "conflict")
        other = await begun_import(workers.client, people_file())
        await ended(workers.client, other)
    job = (await workers.client.get(f"{IMPORTS}/people/{import_id}")).data
    assert (job["status"], job["created"]) == ("cancelled", job["lines"])
    assert (await workers.client.get("/api/v1/employees")).json["meta"]["total"] == job["created"]
    assert await workers.left() == 0


async def test_a_commit_whose_answer_was_lost_counts_as_done(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database commits, and the connection breaks before it can say so."""
    import_id = await begun_import(workers.client, FILE)
    original, lost = Applying._apply_ahead, 1

    async def apply_ahead(self: Applying, *arguments: Any) -> None:
        nonlocal lost
        before = self._job.lines
        await original(self, *arguments)
        if lost:
            lost, self._job.lines = lost - 1, before
            raise DatabaseUnavailable("the answer was lost")

    monkeypatch.setattr(Applying, "_apply_ahead", apply_ahead)
    async with workers.running():
        assert counts(await ended(workers.client, import_id)) == {"created": 20}


async def test_a_batch_that_takes_too_long_is_tried_in_smaller_ones(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await begun_import(workers.client, people_file(*people(range(1, 101))))
    sizes = list[int]()
    original = Applying._applied

    async def applied(self: Applying, connection: Any, bodies: Any) -> Any:
        sizes.append(len(bodies))
        if len(bodies) > 40:
            raise DatabaseUnavailable("the statement took too long")
        return await original(self, connection, bodies)

    monkeypatch.setattr(Applying, "_applied", applied)
    async with workers.running():
        assert counts(await ended(workers.client, import_id)) == {"created": 100}
    assert max(size for size in sizes if size <= 40) > 20


async def test_a_defect_ends_the_import_and_no_other(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = await begun_import(workers.client, FILE)
    original, defects = Applying._applied, 1

    async def applied(self: Applying, connection: Any, bodies: Any) -> Any:
        nonlocal defects
        if defects:
            defects -= 1
            raise RuntimeError("a secret")
        return await original(self, connection, bodies)

    monkeypatch.setattr(Applying, "_applied", applied)
    async with workers.running():
        job = await ended(workers.client, import_id)
        assert (job["status"], job["lines"]) == ("failed", 0)
        assert "internal error" in job["message"]
        assert "secret" not in job["message"]
        assert counts(await ended(workers.client, await begun_import(workers.client, FILE))) == {"created": 20}
