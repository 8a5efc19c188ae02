"""One organisation sends more searches or requests than can be answered: another one is answered, and hardly later."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from bench.dataset import add_courses
from tests.faults.bed import Bed
from tests.faults.figures import beside_neighbours, figure
from tests.faults.page import ORGANISATION, Plan, a_page_of_sessions, arrivals
from tests.support.world import COURSES, SESSIONS, new_course

FLOODING = 8001
COURSES_OF_THE_OTHER = 20_000
SEARCH = f"{COURSES}?search=e"
"""One letter is in most titles, and in no index."""
FLOODS = {"searches": SEARCH, "requests": SESSIONS}
FLOODS_OF_THE_CONTROL = 2
"""Where the machine is quick, one of them may be over before a request has waited for too long."""
FLOOD: Plan = {"seconds": 2.5, "counted": 2}
"""As fast as it is answered."""
STEADY: Plan = {"rate": 100, "seconds": 1.7, "counted": 1}
"""Of the other organisation, at the same gateway; counted once the flood is there."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module", autouse=True)
async def many_courses(whole_bed: Bed) -> AsyncIterator[None]:
    """The flooding organisation has them for both tests; nobody else has heard of them."""
    await add_courses(whole_bed.database_urls["catalog"], FLOODING, COURSES_OF_THE_OTHER)
    yield
    connection = await asyncpg.connect(whole_bed.database_urls["catalog"], timeout=5)
    await connection.execute("DELETE FROM courses WHERE organisation_id = $1", FLOODING, timeout=30)
    await connection.close()


async def test_a_flood_of_one_organisation_costs_another_no_answer(bed: Bed) -> None:
    await a_page_of_sessions(bed)
    course = await a_course(bed)
    p99 = [await p99_alone(bed, course)]
    for flood in FLOODS.values():
        beside = await beside_flood(bed, course, flood)
        assert beside["statuses"].keys() == {"200"}, (flood, beside["statuses"])
        p99 += [float(beside["good_p99"]), await p99_alone(bed, course)]
    for what, multiple in zip(FLOODS, beside_neighbours(p99), strict=True):
        figure(f"one organisation floods {what}", "another's p99, as a multiple", multiple, "×", goal=2)


async def test_control_without_fairness_another_organisation_is_refused(bed: Bed) -> None:
    course = await a_course(bed)
    async with bed.changed("gateway", "catalog", WITHOUT="fairness"):
        floods = [beside_flood(bed, course, SEARCH) for _ in range(FLOODS_OF_THE_CONTROL)]
        seen = [(await flood)["statuses"] for flood in floods]
    assert any(statuses.get("503") for statuses in seen), seen


async def p99_alone(bed: Bed, target: str) -> float:
    [alone] = await arrivals(bed, [STEADY], target=target)
    return float(alone["good_p99"])


async def a_course(bed: Bed) -> str:
    """The address of one of the other organisation: its document takes a connection that searches could have."""
    return f"{COURSES}/{await new_course(bed.client(ORGANISATION))}"


async def beside_flood(bed: Bed, target: str, flood: str) -> dict[str, Any]:
    """What became of the other organisation's requests."""
    flooding = asyncio.create_task(arrivals(bed, [FLOOD], organisation=FLOODING, target=flood))
    [beside] = await arrivals(bed, [STEADY], target=target)
    await flooding
    return beside
