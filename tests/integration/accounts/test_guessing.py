"""Failed attempts alone count: by account and address, by account, and by address (contract, section 7)."""

import asyncio
import secrets
from datetime import timedelta

import pytest

from services.accounts import budgets
from services.accounts.store import failures
from services.accounts.use_cases import guessing
from services.accounts.use_cases.guessing import Guess
from shared.security_log import SecurityEvent
from tests.support.accounts import DESK, new_user, run_sql, sign_in
from tests.support.guards import without
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack


def somewhere() -> str:
    """An address that no other test uses."""
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::/64"


async def fail(stack: Stack, guess: Guess, count: int, *, before: timedelta = timedelta(0)) -> None:
    await run_sql(
        stack,
        "INSERT INTO failed_attempts (account, address, failed_at)"
        " SELECT $1, $2, clock_timestamp() - $3::interval FROM generate_series(1, $4::integer)",
        guess.account,
        guess.address,
        before,
        count,
    )


async def test_ten_wrong_passwords_from_one_address_and_the_next_waits(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    user, address = await new_user(stack, organisation), somewhere()
    await fail(stack, guessing.of_user(user.email, address), budgets.FREE - 1)
    assert (await sign_in(stack, user.email, "wrong", address)).status == 401
    refused = await sign_in(stack, user.email, address=address)
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= budgets.FIRST_WAIT.total_seconds()
    line = security_lines.one(SecurityEvent.RATE_LIMITED, reason="login_user")
    assert line["address"] == address


async def test_control_without_that_budget_the_next_gets_in(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "FREE", 1000)
    user, address = await new_user(stack, organisation), somewhere()
    await fail(stack, guessing.of_user(user.email, address), 10)
    assert (await sign_in(stack, user.email, address=address)).status == 200


async def test_after_the_wait_one_more_may_be_tried(stack: Stack, organisation: int) -> None:
    user, address = await new_user(stack, organisation), somewhere()
    await fail(stack, guessing.of_user(user.email, address), budgets.FREE, before=budgets.FIRST_WAIT)
    assert (await sign_in(stack, user.email, "wrong", address)).status == 401
    refused = await sign_in(stack, user.email, address=address)
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > budgets.FIRST_WAIT.total_seconds()


async def test_an_address_that_nobody_has_is_slowed_down_alike(stack: Stack, organisation: int) -> None:
    user, address = await new_user(stack, organisation), somewhere()
    unknown = f"nobody-{organisation}@example.com"
    for email in (user.email.upper(), unknown):
        await fail(stack, guessing.of_user(email, address), budgets.FREE)
    known, nobody = await sign_in(stack, user.email, "wrong", address), await sign_in(stack, unknown, "x", address)
    assert known.status == nobody.status == 429
    assert known.json.keys() == nobody.json.keys()


async def test_signing_in_forgives_what_failed_before_at_that_address(stack: Stack, organisation: int) -> None:
    user, address = await new_user(stack, organisation), somewhere()
    guess = guessing.of_user(user.email, address)
    for _ in range(2):
        await fail(stack, guess, budgets.FREE - 1)
        assert (await sign_in(stack, user.email, address=address)).status == 200


async def test_wrong_passwords_from_anywhere_do_not_lock_the_owner_out_at_their_desk(
    stack: Stack, organisation: int
) -> None:
    user = await new_user(stack, organisation)
    attacker = guessing.of_user(user.email, somewhere())
    await fail(stack, attacker, budgets.FREE + 1)
    assert (await sign_in(stack, user.email, "wrong", attacker.address)).status == 429
    assert (await sign_in(stack, user.email)).status == 200


async def _full_account(stack: Stack, organisation: int) -> str:
    """The email address of a user as whom a hundred addresses have guessed within the hour."""
    user = await new_user(stack, organisation)
    assert (await sign_in(stack, user.email)).status == 200
    await fail(stack, guessing.of_user(user.email, "many"), budgets.OF_ACCOUNT, before=timedelta(minutes=50))
    return user.email


async def test_a_hundred_an_hour_and_an_account_is_closed_to_addresses_it_does_not_know(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    email, address = await _full_account(stack, organisation), somewhere()
    refused = await sign_in(stack, email, address=address)
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 600
    assert security_lines.one(SecurityEvent.RATE_LIMITED, reason="login_account")["address"] == address
    assert (await sign_in(stack, email)).status == 200


async def test_control_without_that_budget_it_is_open(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "OF_ACCOUNT", 1000)
    email = await _full_account(stack, organisation)
    assert (await sign_in(stack, email, address=somewhere())).status == 200


async def test_control_without_known_addresses_the_owner_is_kept_out(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, failures, "_LATELY", "EXISTS (SELECT FROM known) AS is_known", "false AS is_known")
    email = await _full_account(stack, organisation)
    assert (await sign_in(stack, email)).status == 429


async def _full_address(stack: Stack) -> str:
    address = somewhere()
    for _ in range(6):
        await fail(stack, guessing.of_user(secrets.token_hex(6), address), budgets.OF_ADDRESS // 6)
    return address


async def test_sixty_a_minute_and_an_address_waits(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    user, address = await new_user(stack, organisation), await _full_address(stack)
    refused = await sign_in(stack, user.email, address=address)
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert security_lines.one(SecurityEvent.RATE_LIMITED, reason="login_address")["address"] == address


async def test_control_without_that_budget_it_gets_in(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "OF_ADDRESS", 1000)
    user, address = await new_user(stack, organisation), await _full_address(stack)
    assert (await sign_in(stack, user.email, address=address)).status == 200


async def test_twelve_colleagues_behind_one_address_all_get_in_at_once(stack: Stack, organisation: int) -> None:
    address = somewhere()
    await fail(stack, guessing.of_user("somebody@example.com", address), budgets.OF_ADDRESS - 1)
    users = [await new_user(stack, organisation) for _ in range(12)]
    answers = await asyncio.gather(*(sign_in(stack, user.email, address=address) for user in users))
    assert [answer.status for answer in answers] == [200] * 12


async def test_one_user_may_sign_in_as_often_as_they_like(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    answers = await asyncio.gather(*(sign_in(stack, user.email) for _ in range(budgets.FREE + 2)))
    assert {answer.status for answer in answers} == {200}


async def test_what_was_typed_is_not_kept(stack: Stack, organisation: int) -> None:
    typed = f"my-password-{organisation}@example.com"
    assert (await sign_in(stack, typed, "wrong", DESK)).status == 401
    kept = await run_sql(stack, "SELECT string_agg(failed_attempts::text, ' ') FROM failed_attempts")
    assert typed not in kept
