"""The list of tokens that are refused, as gateways follow it."""

import asyncio
from typing import Any

import asyncpg
import pytest

from services.accounts import api_internal
from services.accounts.housekeeping import prune_once
from services.accounts.store import revocations
from shared.auth.trust import REVOCATIONS
from shared.postgres.pool import Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.validation.fields import MAX_ID
from tests.support.client import new_organisation
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.races import waits_for_a_lock
from tests.support.stack import Stack

LIST = "/internal/revocations"
LONG_AGO = "UPDATE revocations SET created_at = now() - interval '32 days' WHERE organisation_id = $1"


class Follower:
    """Reads as a gateway does: from where it was, page by page."""

    def __init__(self, stack: Stack) -> None:
        self._gateway = stack.direct("accounts", 0, [REVOCATIONS])
        self._newest = 0
        self.seen: list[dict[str, Any]] = []

    async def read(self) -> "Follower":
        while True:
            page = (await self._gateway.get(LIST, after=self._newest)).json
            self.seen += page["revocations"]
            if page["newest"] == self._newest:
                return self
            self._newest = page["newest"]

    def of(self, organisation: int) -> list[tuple[str, str | None]]:
        return [(each["kind"], each["subject"]) for each in self.seen if each["organisation_id"] == organisation]


@pytest.fixture
async def pool(stack: Stack) -> Any:
    """As the superuser."""
    async with connection_pool(stack.accounts_database_url, name="test", size=3) as pool:
        yield pool


async def test_numbers_rise_in_the_order_of_commits(stack: Stack, pool: Pool, organisation: int) -> None:
    assert await _seen_over_two_commits(stack, pool, organisation) == ["first", "second"]


async def test_control_without_the_lock_a_follower_misses_one(
    stack: Stack, pool: Pool, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, revocations, "_LOCK", "pg_advisory_xact_lock(hashtextextended('revocations', 0))", "NULL")
    assert await _seen_over_two_commits(stack, pool, organisation) == ["second"]


async def _seen_over_two_commits(stack: Stack, pool: Pool, organisation: int) -> list[str | None]:
    """Somebody follows while one transaction is open that has added its line, and another that adds one later."""
    follower = Follower(stack)

    async def second() -> None:
        async with transaction(pool, [organisation]) as connection:
            await revocations.refuse_tokens(connection, organisation, "second", "muster")

    async with transaction(pool, [organisation]) as connection:
        await revocations.refuse_tokens(connection, organisation, "first", "muster")
        later = asyncio.create_task(second())

        async def is_settled() -> bool:
            return later.done() or await waits_for_a_lock(pool)

        await eventually(is_settled)
        await follower.read()
    await later
    return [subject for _, subject in (await follower.read()).of(organisation)]


async def test_pages(stack: Stack, pool: Pool, organisation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_internal, "MAX_PAGE", 2)
    async with transaction(pool, [organisation]) as connection:
        for number in range(5):
            await revocations.refuse_tokens(connection, organisation, str(number), "muster")
    page = (await stack.direct("accounts", 0, [REVOCATIONS]).get(LIST)).json
    assert len(page["revocations"]) == 2
    assert page["newest"] == page["revocations"][-1]["seq"]
    follower = await Follower(stack).read()
    assert follower.of(organisation) == [("subject", str(number)) for number in range(5)]
    numbers = [each["seq"] for each in follower.seen]
    assert numbers == sorted(numbers)


async def test_an_earlier_list_is_told_from_one_without_news(stack: Stack, pool: Pool, organisation: int) -> None:
    async with transaction(pool, [organisation]) as connection:
        await revocations.suspend(connection, organisation)
    gateway = stack.direct("accounts", 0, [REVOCATIONS])
    last = (await Follower(stack).read()).seen[-1]["seq"]
    without_news = (await gateway.get(LIST, after=last)).json
    assert without_news["revocations"] == []
    assert without_news["newest"] <= last + 100  # other tests add to it
    earlier = (await gateway.get(LIST, after=MAX_ID)).json
    assert earlier["revocations"] == []
    assert last <= earlier["newest"] < MAX_ID


@pytest.mark.parametrize("after", ["-1", "x", str(MAX_ID + 1), "1.5"])
async def test_a_number_that_is_none(stack: Stack, after: str) -> None:
    answer = await stack.direct("accounts", 0, [REVOCATIONS]).get(LIST, after=after)
    assert (answer.status, list(answer.json["errors"])) == (422, ["after"])


async def test_what_no_token_is_old_enough_for_is_pruned(stack: Stack, pool: Pool, organisation: int) -> None:
    suspended, resumed = new_organisation(), new_organisation()
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await revocations.refuse_tokens(connection, organisation, "old", "muster")
        await revocations.suspend(connection, suspended)
        await revocations.suspend(connection, resumed)
        await revocations.resume(connection, resumed)
        for each in (organisation, suspended, resumed):
            await connection.execute(LONG_AGO, each)
        await revocations.refuse_tokens(connection, organisation, "new", "muster")
    await prune_once(pool)
    follower = await Follower(stack).read()
    assert follower.of(organisation) == [("subject", "new")]
    assert follower.of(suspended) == [("suspended", None)]
    assert follower.of(resumed) == [("resumed", None)]


async def test_control_a_suspension_that_is_pruned_is_forgotten(
    stack: Stack, pool: Pool, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, revocations, "_PRUNE", "kind = 'subject' OR EXISTS", "true OR EXISTS")
    async with transaction(pool, [organisation]) as connection:
        await revocations.suspend(connection, organisation)
        await connection.execute(LONG_AGO, organisation)
    await prune_once(pool)
    assert (await Follower(stack).read()).of(organisation) == []


async def test_nobody_but_a_gateway_reads_it(stack: Stack, organisation: int) -> None:
    assert (await stack.direct("accounts", organisation).get(LIST)).status in (401, 403)


async def test_the_service_may_read_the_last_number(stack: Stack) -> None:
    """The list would begin anew with each process if the last number could not be read."""
    settings = stack.settings["accounts"]
    connection = await asyncpg.connect(settings.database_url.get_secret_value(), timeout=10)
    try:
        assert await revocations.last_number(connection) >= 0
    finally:
        await connection.close(timeout=10)
