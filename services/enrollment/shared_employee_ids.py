"""`shared-employee-ids`: lists people who have the same `employee_id`, from before that was refused."""

import argparse
import asyncio

from services.enrollment.settings import EnrollmentSettings
from services.enrollment.store import people
from shared.postgres.pool import connected, connection_pool
from shared.service.chassis import Command

NONE, FOUND = 0, 1


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def _list(settings: EnrollmentSettings, arguments: argparse.Namespace) -> int:
    """Exit status 1 where there are any."""
    return asyncio.run(_print(settings))


async def _print(settings: EnrollmentSettings) -> int:
    url = settings.migration_database_url.get_secret_value()
    async with connection_pool(url, name="enrollment employee ids", size=1) as pool, connected(pool) as connection:
        found = await people.shared_employee_ids(connection)
    for organisation_id, holders in found:
        persons = ", ".join(f"{person_id} {employee_id!r}" for person_id, employee_id in holders.items())
        print(f"organisation {organisation_id}: {persons}")
    print(f"{len(found)} employee_ids belong to more than one person")
    return FOUND if found else NONE


SHARED_EMPLOYEE_IDS = Command("shared-employee-ids", "list people who have the same employee_id", _no_arguments, _list)
