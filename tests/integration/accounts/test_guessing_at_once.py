"""Attempts that overlap do not slip past a bound together, whichever of them is right."""

import asyncio
import secrets
from datetime import timedelta

import pytest

from services.accounts import budgets
from services.accounts.store import failures
from services.accounts.use_cases import guessing
from services.accounts.use_cases.guessing import Guess
from shared.errors import RateLimited
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.integration.accounts.test_guessing import fail, somewhere
from tests.support.accounts import accounts_pool, new_user, run_sql, sign_in
from tests.support.eventually import eventually
from tests.support.races import waits_for_a_lock
from tests.support.stack import Stack


def one_short(kind: str) -> tuple[int, Guess, Guess]:
    """How many failures leave one attempt, and two attempts that share this budget alone."""
    one, other = secrets.token_hex(6), secrets.token_hex(6)
    here, there = somewhere(), somewhere()
    match kind:
        case "pair":
            return budgets.FREE - 1, guessing.of_user(one, here), guessing.of_user(one, here)
        case "account":
            return budgets.OF_ACCOUNT - 1, guessing.of_user(one, here), guessing.of_user(one, there)
        case _:
            return budgets.OF_ADDRESS - 1, guessing.of_user(one, here), guessing.of_user(other, here)


async def _fill(stack: Stack, kind: str, guess: Guess, count: int) -> None:
    match kind:
        case "account":
            await fail(stack, Guess(guess.account, "many"), count)
        case "address":
            await fail(stack, Guess(b"others", guess.address), count)
        case _:
            await fail(stack, guess, count)


async def _settle_second_meanwhile(pool: Pool, first: Guess, second: Guess, *, right: bool) -> bool:
    """Whether the second attempt was settled as if there were room, begun before the first one's commit."""

    async def settle() -> bool:
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            try:
                await (guessing.succeeded if right else guessing.failed)(connection, second)
            except RateLimited:
                return False
        return True

    async def blocked_or_done() -> bool:
        return settling.done() or await waits_for_a_lock(pool)

    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await guessing.failed(connection, first)
        settling = asyncio.create_task(settle())
        await eventually(blocked_or_done)
    return await settling


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("kind", ["pair", "account", "address"])
async def test_of_two_attempts_at_once_one_is_the_last(stack: Stack, kind: str, right: bool) -> None:
    count, first, second = one_short(kind)
    await _fill(stack, kind, first, count)
    async with accounts_pool(stack) as pool:
        assert not await _settle_second_meanwhile(pool, first, second, right=right)


@pytest.mark.parametrize(("kind", "lock"), [("account", "_LOCK_ACCOUNT"), ("address", "_LOCK_ADDRESS")])
async def test_control_without_a_lock_both_slip_past(
    stack: Stack, kind: str, lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, lock, "SELECT $1::text")
    count, first, second = one_short(kind)
    await _fill(stack, kind, first, count)
    async with accounts_pool(stack) as pool:
        assert await _settle_second_meanwhile(pool, first, second, right=False)


async def test_many_wrong_ones_at_once_are_ten_failures(stack: Stack, organisation: int) -> None:
    user, address = await new_user(stack, organisation), somewhere()
    await fail(stack, guessing.of_user(user.email, address), budgets.FREE - 2)
    answers = await asyncio.gather(*(sign_in(stack, user.email, "wrong", address) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [401, 401, 429, 429, 429, 429]


async def test_old_failures_and_addresses_are_deleted(stack: Stack) -> None:
    guess = guessing.of_user(secrets.token_hex(6), somewhere())
    await fail(stack, guess, 3, before=budgets.PAIR_WINDOW + timedelta(minutes=1))
    await fail(stack, guess, 2)
    for days in (401, 399):
        await run_sql(
            stack,
            "INSERT INTO known_addresses VALUES ($1, $2, now() - make_interval(days => $3))",
            guess.account,
            str(days),
            days,
        )
    async with accounts_pool(stack) as pool, transaction(pool, EVERY_ORGANISATION) as connection:
        await failures.prune(connection)
    assert await run_sql(stack, "SELECT count(*) FROM failed_attempts WHERE account = $1", guess.account) == 2
    addresses = "SELECT array_agg(address) FROM known_addresses WHERE account = $1"
    assert await run_sql(stack, addresses, guess.account) == ["399"]
