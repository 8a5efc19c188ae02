"""The demonstration rows, in a running system."""

import services.catalog.demonstration
import services.enrollment.demonstration
from services.enrollment.catalog_client import CatalogClient
from shared.http.service_client import connect_to_service
from shared.postgres.pool import connection_pool
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.internal_keys import signer
from tests.support.stack import Stack
from tests.support.world import COURSES, SESSIONS

ORGANISATION = services.catalog.demonstration.ORGANISATION


async def load_demonstration(stack: Stack) -> None:
    """Loads the rows as the `seed` commands do, and returns once every projection has them."""
    async with connection_pool(_as_owner(stack, "catalog"), name="catalog seed") as pool:
        await services.catalog.demonstration.load_examples(pool)
    async with (
        connection_pool(_as_owner(stack, "enrollment"), name="enrollment seed") as pool,
        connect_to_service(
            stack.catalog_url, name="catalog", asking="enrollment", signer=signer("enrollment")
        ) as client,
    ):
        await services.enrollment.demonstration.load_examples(pool, CatalogClient(client))
    await eventually(lambda: _is_settled(stack.client(ORGANISATION)))


def _as_owner(stack: Stack, service: str) -> str:
    return stack.settings[service].migration_database_url.get_secret_value()


async def _is_settled(client: Client) -> bool:
    course = (await client.get(f"{COURSES}/1")).data
    session = (await client.get(f"{SESSIONS}/8")).data
    history = await client.get("/api/v1/employees/456/training", status="completed")
    attendee = await client.get("/api/v1/employees/42/training")
    assert (course["total_enrollments"], course["completion_rate"]) == (24, 87.5)
    assert session["enrolled_count"] == 15
    assert history.status == 200
    assert history.json["meta"]["total"] == 8
    return attendee.status == 200
