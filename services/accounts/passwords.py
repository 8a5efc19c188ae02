"""Password hashes: argon2id (RFC 9106) with the parameters of OWASP, computed beside the event loop."""

import asyncio
import os
import sys
import threading
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from shared.concurrency.deadline import time_left
from shared.concurrency.fair_semaphore import FairSemaphore
from shared.errors import Overloaded

WAITING: Final = 400
"""Attempts that may wait for their turn; each is a small body in memory."""
LONGEST_WAIT: Final = 6.0
"""Seconds; the gateway waits ten for the whole answer."""
KEPT_FOR_WORK: Final = 1.5
"""Seconds of a request's time that nobody waits away: a turn that comes later is of no use."""
RETRY_AFTER: Final = 5
NICENESS = 10
"""Of the threads that hash: processes that answer other requests get the processors first."""
T = TypeVar("T")
_BUSY: Final = "Very many users are signing in right now. Try again soon."


PARAMETERS: Final = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=2, memory_cost=19 * 1024, parallelism=1
)
"""OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane. RFC 9106's second choice, 64 MiB in four lanes,
keeps all processors of a small machine busy, and serves a seventh as many people who sign in at the same time."""
PROCESSORS_PER_HASH: Final = 2
"""The other one is for requests."""
AT_ONCE: Final = max(1, (os.cpu_count() or 1) // PROCESSORS_PER_HASH)
HASHER = PasswordHasher.from_parameters(PARAMETERS)
"""Makes new hashes; old ones are verified with the parameters that they name."""


def normal_password(password: str) -> str:
    """The password in Unicode's normal form C: keyboards differ in how they compose the same character."""
    return unicodedata.normalize("NFC", password)


def hash_password(password: str) -> str:
    """For commands and fixtures: processes that serve use `PasswordChecker`."""
    return HASHER.hash(normal_password(password))


class PasswordChecker:
    """Checks and makes hashes, a few at once. Attempts wait for their turn, first come, first served."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or HASHER
        self._nobody = self._hasher.hash("the password of nobody")
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2", initializer=_yield_to_others)
        self._turns = FairSemaphore(AT_ONCE, AT_ONCE, resource="password check", max_waiting=WAITING)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["Turn"]:
        """Waits for a turn, in which passwords can be checked; raises `Overloaded` when none comes in time."""
        try:
            await self._turns.acquire(max(0.0, time_left(LONGEST_WAIT + KEPT_FOR_WORK) - KEPT_FOR_WORK))
        except Overloaded:
            raise Overloaded(_BUSY, retry_after=RETRY_AFTER) from None
        try:
            yield Turn(self._hasher, self._nobody, self._threads)
        finally:
            self._turns.release()

    async def hashed(self, password: str) -> str:
        """The hash of a new password, in a turn of its own; raises `Overloaded`."""
        async with self.turn() as turn:
            return await turn.hashed(password)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody's turn at the threads that hash."""

    _hasher: PasswordHasher
    _nobody: str
    _threads: ThreadPoolExecutor

    async def is_right(self, password: str, password_hash: str | None) -> bool:
        """Whether the password has this hash. Without a hash it takes as long, and the answer is no."""
        known = password_hash or self._nobody
        # As typed, too: hashes that an earlier version made are of that.
        for form in dict.fromkeys((normal_password(password), password)):
            if await self._run(self._matches, form, known):
                return password_hash is not None
        return False

    async def hashed(self, password: str) -> str:
        return await self._run(self._hasher.hash, normal_password(password))

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made with other parameters than new ones."""
        return self._hasher.check_needs_rehash(password_hash)

    def _matches(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _yield_to_others() -> None:
    """Lowers the priority of this thread, and of those that argon2 starts from it; on Linux it is a thread's own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
