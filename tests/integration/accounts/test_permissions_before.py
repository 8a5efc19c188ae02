"""Programs of the release before delivery: who could manage every user still can."""

import asyncpg
import pytest

from services.accounts.app import MIGRATIONS
from services.accounts.roles import ROLES
from services.accounts.user_rules import check_may_manage
from shared.auth.internal_token import EVENTS, WEBHOOKS
from shared.errors import PermissionDenied
from shared.postgres.migrations import migrate
from tests.support.earlier_schema import database_before

LATER = {EVENTS, WEBHOOKS}
MANAGER_OF_ALL = sorted(ROLES["Admin"] - LATER)
_ADD = "INSERT INTO clients (organisation_id, client_id, name, permissions, secret_digest) VALUES (1, $1, $1, $2, '')"
_PERMISSIONS = "SELECT permissions FROM clients WHERE client_id = $1"


@pytest.mark.parametrize(
    ("before", "gets_them"),
    [
        (MANAGER_OF_ALL, True),
        ([each for each in MANAGER_OF_ALL if each != "training.enroll.self"], True),
        ([*MANAGER_OF_ALL, EVENTS], True),
        *[
            ([each for each in MANAGER_OF_ALL if each != lacking], False)
            for lacking in ("accounts.manage", "training.view")
        ],
        (["api.access", "training.view"], False),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else str(value),
)
async def test_a_program_that_managed_every_user_still_does(before: list[str], gets_them: bool) -> None:
    async with database_before("0003_permissions_of_delivery.sql", MIGRATIONS) as url:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(_ADD, "program", before)
            await migrate(url, MIGRATIONS)
            after = await connection.fetchval(_PERMISSIONS, "program")
        finally:
            await connection.close()
    assert sorted(after) == sorted({*before, *(LATER if gets_them else ())})
    if gets_them:
        for role in ROLES:
            check_may_manage(set(after), role)


def test_control_without_them_it_would_not() -> None:
    with pytest.raises(PermissionDenied):
        check_may_manage(set(MANAGER_OF_ALL), "Admin")
