"""`verify` finds a total that is wrong, and `rebuild` puts it right."""

import pytest

from tests.integration.operations.conftest import Kept
from tests.support.copies import execute, rebuild, verify
from tests.support.stack import Stack

WRONG = [
    ("enrollment", "enrollments", "course_id 0, year"),
    ("enrollment", "people", "company_id 0, type"),
    ("catalog", "courses", "category leadership, delivery_mode in_person"),
    ("catalog", "sessions", "day 2030-05-15, status scheduled"),
    ("catalog", "labels", "named_id 1, name Safety"),
    ("catalog", "projects", "named_id 5, name Metro"),
    ("enrollment", "companies", "named_id 7, name Acme"),
]


@pytest.mark.parametrize(("service", "listed", "cell"), WRONG)
async def test_a_wrong_total_is_found_and_put_right(
    served: Stack, kept: Kept, service: str, listed: str, cell: str
) -> None:
    organisation = kept.organisation
    assert (await verify(served, service)).status == 0
    await execute(
        served, service, f"UPDATE {listed}_totals SET total = total + 5 WHERE organisation_id = $1", organisation
    )
    broken = await verify(served, service)
    found = [
        line for line in broken.output.splitlines() if f"total of {listed} with organisation_id {organisation}" in line
    ]
    assert broken.status == 1
    assert any(cell in line and "instead of" in line for line in found), broken.output
    assert (await rebuild(served, service)).status == 0
    repaired = await verify(served, service)
    assert (repaired.status, repaired.errors) == (0, ""), repaired.output


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(("service", "listed", "cell"), WRONG)
async def test_totals_that_are_lost_come_back(served: Stack, service: str, listed: str, cell: str) -> None:
    await execute(served, service, f"TRUNCATE {listed}_totals")
    assert (await verify(served, service)).status == 1
    assert (await rebuild(served, service)).status == 0
    assert (await verify(served, service)).status == 0
