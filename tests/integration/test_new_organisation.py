"""A new organisation, across the services: made in accounts, its settings in enrollment, their copies in the others."""

import secrets
from typing import Any

from tests.support.accounts import operating
from tests.support.client import Client
from tests.support.copies import execute
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.world import ORGANISATIONS, SETTINGS, UNNAMED

IN_SYDNEY = "SELECT FROM organisation_settings WHERE organisation_id = $1 AND time_zone = 'Australia/Sydney'"


async def test_its_settings_arrive_everywhere(stack: Stack) -> None:
    admin = {"name": "Ann", "email": f"{secrets.token_hex(6)}@example.com"}
    wanted = {"name": "Acme", "time_zone": "Australia/Sydney", "booking_clash": "refuse", "admin": admin}
    made = await operating(stack).post(ORGANISATIONS, wanted)
    assert made.status == 201, made.text
    organisation = made.data["id"]
    client: Client = stack.direct("enrollment", organisation)

    async def has_settings() -> bool:
        settings: dict[str, Any] = (await client.get(SETTINGS)).data
        return settings == {"time_zone": "Australia/Sydney", "booking_clash": "refuse", **UNNAMED}

    await eventually(has_settings)
    for service in ("catalog", "history"):

        async def has_copy(service: str = service) -> bool:
            return await execute(stack, service, IN_SYDNEY, organisation) == "SELECT 1"

        await eventually(has_copy)
