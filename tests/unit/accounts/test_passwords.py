"""Passwords are checked in turns, beside the event loop."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from unicodedata import normalize

import pytest
from argon2 import PasswordHasher

from services.accounts import passwords
from services.accounts.passwords import RETRY_AFTER, PasswordChecker, hash_password
from shared.errors import Overloaded

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"


@pytest.fixture
async def checker() -> AsyncIterator[PasswordChecker]:
    with closing(PasswordChecker(QUICK)) as made:
        yield made


async def _is_right(checker: PasswordChecker, password: str, password_hash: str | None) -> bool:
    async with checker.turn() as turn:
        return await turn.is_right(password, password_hash)


async def test_a_password_is_right_or_wrong(checker: PasswordChecker) -> None:
    made = await checker.hashed(PASSWORD)
    assert await _is_right(checker, PASSWORD, made)
    assert not await _is_right(checker, "wrong", made)
    assert not await _is_right(checker, PASSWORD, "no hash at all")


async def test_nobody_costs_the_same_work_and_has_no_password(
    checker: PasswordChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    made = await checker.hashed(PASSWORD)

    def verify(_: PasswordHasher, password_hash: str, __: str) -> bool:
        verified.append(password_hash)
        return True

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    assert not await _is_right(checker, PASSWORD, None)
    assert await _is_right(checker, PASSWORD, made)
    assert verified[0].split("$")[:4] == made.split("$")[:4]  # the same algorithm and costs
    assert len(verified) == 2


async def test_a_password_is_the_same_however_it_is_composed(checker: PasswordChecker) -> None:
    decomposed = normalize("NFD", "Zoë from Málaga")
    for made in (QUICK.hash(decomposed), await checker.hashed(decomposed), hash_password(decomposed)):
        assert await _is_right(checker, decomposed, made)
    assert await _is_right(checker, normalize("NFC", decomposed), await checker.hashed(decomposed))


async def test_a_hash_by_other_parameters_is_outdated(checker: PasswordChecker) -> None:
    async with checker.turn() as turn:
        assert not turn.is_outdated(QUICK.hash(PASSWORD))
        assert turn.is_outdated(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD))


def test_new_hashes_are_as_owasp_recommends() -> None:
    parameters = passwords.PARAMETERS
    assert (parameters.type.name, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        "ID",
        19 * 1024,
        2,
        1,
    )


@asynccontextmanager
async def every_turn(checker: PasswordChecker) -> AsyncIterator[None]:
    """All that there are at once on this machine."""
    async with AsyncExitStack() as turns:
        for _ in range(passwords.AT_ONCE):
            await turns.enter_async_context(checker.turn())
        yield


async def test_turns_come_in_the_order_of_asking(checker: PasswordChecker) -> None:
    got: list[int] = []

    async def ask(number: int) -> None:
        async with checker.turn():
            got.append(number)

    async with every_turn(checker):
        asking = [asyncio.create_task(ask(number)) for number in range(5)]
        await asyncio.sleep(0)
        assert got == []
    await asyncio.gather(*asking)
    assert got == [0, 1, 2, 3, 4]


async def test_no_more_than_a_few_are_hashed_at_once(checker: PasswordChecker) -> None:
    running: list[int] = []

    async def ask() -> None:
        async with checker.turn():
            running.append(checker._turns.in_use)
            await asyncio.sleep(0)

    await asyncio.gather(*(ask() for _ in range(10)))
    assert max(running) == passwords.AT_ONCE


async def test_who_gets_no_turn_in_time_is_told_when_to_come_again(
    checker: PasswordChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "LONGEST_WAIT", 0.05)
    async with every_turn(checker):
        with pytest.raises(Overloaded) as refused:
            await checker.hashed(PASSWORD)
    assert refused.value.headers == {"Retry-After": str(RETRY_AFTER)}


async def test_so_is_who_finds_too_many_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING", 3)
    with closing(PasswordChecker(QUICK)) as checker:
        async with every_turn(checker):
            waiting = [asyncio.create_task(checker.hashed(PASSWORD)) for _ in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await checker.hashed(PASSWORD)
        assert len(await asyncio.gather(*waiting)) == 3


async def test_threads_that_hash_leave_the_processors_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    monkeypatch.setattr(passwords, "NICENESS", own + 3)
    with closing(PasswordChecker(QUICK)) as checker:
        async with checker.turn() as turn:
            niceness = await turn._run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert niceness == own + 3
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
