"""A rate is never rounded to a claim: 100.0 says all, and 0.0 says none (contract, section 3)."""

from decimal import Decimal

import pytest

from shared.postgres.pool import connected, connection_pool
from tests.support.client import Client
from tests.support.stack import Stack
from tests.support.world import COURSES, new_course


async def rates(stack: Stack, admin: Client, **counts: Decimal | int) -> tuple[float | None, float | None]:
    """Completion rate and average score of a course with these counts."""
    course_id = await new_course(admin)
    columns = ", ".join(f"{name} = {value}" for name, value in counts.items())
    async with connection_pool(stack.catalog_database_url, name="test") as pool, connected(pool) as connection:
        await connection.execute(f"UPDATE courses SET {columns} WHERE id = $1", course_id)
    course = (await admin.get(f"{COURSES}/{course_id}")).data
    return course["completion_rate"], course["average_score"]


@pytest.mark.parametrize(
    ("completed", "of", "rate"),
    [
        (1999, 2000, 99.9),
        (99_999_999, 100_000_000, 99.9),
        (2000, 2000, 100.0),
        (1, 2000, 0.1),
        (1, 2001, 0.1),
        (1, 100_000_000, 0.1),
        (0, 2000, 0.0),
        (0, 0, None),
        (259, 260, 99.6),
        (999, 1000, 99.9),
        (21, 24, 87.5),
        (2, 3, 66.7),
        (1, 1, 100.0),
    ],
)
async def test_a_completion_rate_is_100_only_when_all_are_completed_and_0_only_when_none_is(
    stack: Stack, admin: Client, completed: int, of: int, rate: float | None
) -> None:
    assert (await rates(stack, admin, total_completed=completed, total_enrollments=of))[0] == rate


@pytest.mark.parametrize(
    ("score_sum", "of", "average"),
    [
        ("199999.99", 2000, 99.9),
        ("200000", 2000, 100.0),
        ("0.01", 2000, 0.1),
        ("0", 2000, 0.0),
        ("0", 0, None),
        ("211.15", 4, 52.8),
    ],
)
async def test_an_average_is_100_only_when_all_scores_are_100_and_0_only_when_all_are_0(
    stack: Stack, admin: Client, score_sum: str, of: int, average: float | None
) -> None:
    assert (await rates(stack, admin, score_sum=Decimal(score_sum), total_scored=of))[1] == average


@pytest.mark.parametrize(("part", "whole", "claim"), [(1999, 2000, "100.0"), (1, 2001, "0.0")])
def test_control_rounding_alone_makes_the_claim(part: int, whole: int, claim: str) -> None:
    assert str(round(Decimal(part) * 100 / whole, 1)) == claim
