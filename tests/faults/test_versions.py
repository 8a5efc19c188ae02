"""The released version and this one side by side, on the database as this one has migrated it."""

import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.faults.bed import SERVICES, Bed
from tests.faults.dead_letters import dead_letters
from tests.faults.released import rolled_back, unpack_release
from tests.faults.run import story
from tests.faults.waiting import acknowledged
from tests.support.client import Client, client_token, new_organisation
from tests.support.eventually import eventually
from tests.support.world import enroll, new_course, new_employee, new_session

SEED = 6
WRITES = 20
SECOND = ("catalog-2", "enrollment-2", "history-2", "gateway-2")

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_release(tmp_path_factory.mktemp("released"))


async def test_old_and_new_processes_understand_each_other_in_both_directions(bed: Bed, release: Path) -> None:
    before = await set_aside(bed)
    async with AsyncExitStack() as rollout:
        released = await rollout.enter_async_context(rolled_back(bed, release, SECOND))
        async with story(bed, SEED) as ledger:
            ledger.tell("one process of each kind runs the released version")
            await acknowledged(ledger, 2 * WRITES)
            assert all(process.clients() for process in (*bed.processes.values(), *released) if process.alive)
            rolled_forward = time.monotonic()
            await rollout.aclose()
            ledger.tell("all run this version")
            await acknowledged(ledger, WRITES)
    # What becomes of requests that meet a process as it ends is no question of its version.
    assert not [attempt for attempt in ledger.failures() if attempt.at + attempt.seconds < rolled_forward]
    assert await set_aside(bed) == before


async def test_control_an_event_that_the_old_version_cannot_read_is_set_aside(bed: Bed, release: Path) -> None:
    before, careless = await set_aside(bed), {"WITHOUT": "names of event fields"}
    await bed.processes["history-1"].kill()
    async with (
        rolled_back(bed, release, ["history-2"]),
        bed.another("history", **careless),
        bed.another("enrollment", **careless) as enrollment,
        bed.another("gateway", ENROLLMENT_URL=enrollment.url) as gateway,
    ):
        token = client_token(bed.client_secret, new_organisation())
        client = Client(bed.http, gateway.url, token, of_services=False)
        session = await new_session(client, await new_course(client))

        async def more_are_set_aside() -> bool:
            await enroll(client, session, await new_employee(client))
            return (await set_aside(bed))["history"] > before["history"]

        await eventually(more_are_set_aside)


async def set_aside(bed: Bed) -> dict[str, int]:
    """Dead letters of each service."""
    return {service: await dead_letters(bed, service) for service in SERVICES}
