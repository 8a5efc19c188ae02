"""Two batches of a file are under way at once: what comes of it is what would come of one after the other."""

import asyncio
from typing import Any

import pytest

from shared.imports import applying, work_store
from shared.imports.applying import Applying
from shared.imports.job import Result
from shared.imports.work_store import Held
from shared.postgres.errors import DatabaseUnavailable
from tests.support.import_workers import Workers
from tests.support.importing import Person, begun_import, counts, ended, people, people_file
from tests.support.races import hold_after
from tests.support.world import EMPLOYEES

TWO_BATCHES = people(range(1, 2 * applying.BATCH + 1))


async def imported(workers: Workers, *lines: Person) -> Any:
    import_id = await begun_import(workers.client, people_file(*lines))
    async with workers.running():
        return await ended(workers.client, import_id)


def both_applied_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of the first two batches goes on before both are applied, in transactions that are open."""
    hold_after(monkeypatch, Applying, "_result", parties=2)


def first_batch_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, when both are applied; the second waits for that."""
    original, failures = Applying._result, 1

    async def result(self: Applying, connection: Any, batch: applying.Batch) -> Any:
        nonlocal failures
        found = await original(self, connection, batch)
        if batch.first == 0 and failures:
            failures -= 1
            raise DatabaseUnavailable("the connection was lost")
        return found

    monkeypatch.setattr(Applying, "_result", result)


def once_lines_are_done(monkeypatch: pytest.MonkeyPatch, workers: Workers) -> None:
    """What failed is applied again only then."""
    original = Applying._apply

    async def apply(self: Applying, batch: applying.Batch) -> None:
        await workers.has_lines(self._job.id)
        await original(self, batch)

    monkeypatch.setattr(Applying, "_apply", apply)


async def person(workers: Workers, person_id: int) -> Any:
    return (await workers.client.get(f"{EMPLOYEES}/{person_id}")).data


async def test_the_next_batch_is_applied_while_one_is_and_committed_behind_it(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_applied_first(monkeypatch)
    assert counts(await imported(workers, *TWO_BATCHES)) == {"created": 1000}


async def test_a_batch_whose_predecessor_failed_waits_until_that_is_done(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_applied_first(monkeypatch)
    first_batch_fails(monkeypatch)
    job = await imported(workers, *TWO_BATCHES)
    assert (job["lines"], counts(job)) == (1000, {"created": 1000})


async def test_even_where_it_did_not_notice_the_place_in_the_file_is_not_its_own(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_applied_first(monkeypatch)
    first_batch_fails(monkeypatch)
    monkeypatch.setattr(applying._UnderWay, "is_done", _true)
    assert counts(await imported(workers, *TWO_BATCHES)) == {"created": 1000}


async def test_control_without_either_lines_are_lost(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    both_applied_first(monkeypatch)
    first_batch_fails(monkeypatch)
    monkeypatch.setattr(applying._UnderWay, "is_done", _true)
    original = work_store.hold

    async def hold(connection: Any, job: Any) -> Held:
        held = await original(connection, job)
        task = asyncio.current_task()
        assert task is not None
        return Held(applying.BATCH, held.kept) if task.get_name() == applying.TASK else held

    monkeypatch.setattr(work_store, "hold", hold)
    once_lines_are_done(monkeypatch, workers)
    assert counts(await imported(workers, *TWO_BATCHES)) == {"created": 500}


async def test_of_two_lines_about_one_person_the_later_one_counts(workers: Workers) -> None:
    """In batches that follow each other: the second says what was true before the first."""
    await imported(workers, (1, "E-1", "Before"))
    file = [(1, "E-1", "Between"), *people(range(2, 600)), (1, "E-1", "Before")]
    assert counts(await imported(workers, *file)) == {"created": 598, "changed": 2}
    assert (await person(workers, 1))["full_name"] == "Before"


async def test_control_side_by_side_the_later_one_is_passed_over(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await imported(workers, (1, "E-1", "Before"))
    both_applied_first(monkeypatch)
    monkeypatch.setattr(applying.Batch, "is_apart_from", _apart)
    await imported(workers, (1, "E-1", "Between"), *people(range(2, 600)), (1, "E-1", "Before"))
    assert (await person(workers, 1))["full_name"] == "Between"


async def given_away(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The number that a person gives up in one batch is another's in the next."""
    await imported(workers, (1, "E-1", "One"))
    both_applied_first(monkeypatch)
    return await imported(workers, (1, "NEW", "One"), *people(range(2, 600)), (1000, "E-1", "Two"))


async def test_a_number_that_one_batch_frees_may_be_taken_in_the_next(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert counts(await given_away(workers, monkeypatch)) == {"created": 599, "changed": 1}
    assert (await person(workers, 1000))["employee_id"] == "E-1"


async def test_control_a_refusal_that_is_not_looked_at_again_would_stand(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Result, "refused_by_rows", _Never())
    assert counts(await given_away(workers, monkeypatch)) == {"created": 598, "changed": 1, "refused": 1}


async def _true(_: Any) -> bool:
    return True


def _apart(*_: Any) -> bool:
    return True


class _Never:
    def __get__(self, *_: Any) -> int:
        return 0

    def __set__(self, *_: Any) -> None:
        pass
