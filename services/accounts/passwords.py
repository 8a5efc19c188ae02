"""Password hashes: argon2id with the parameters of RFC 9106, section 4."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.errors import Overloaded

T = TypeVar("T")

AT_ONCE = 2
"""Each check takes a core and 64 MiB for tens of milliseconds."""
WAITING = 32


def hash_password(password: str) -> str:
    return PasswordHasher().hash(password)


class PasswordChecker:
    """Checks and hashes passwords beside the event loop, a few at once; more than `WAITING` are refused."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("the password of nobody")
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._running = 0

    async def is_right(self, password: str, password_hash: str | None) -> bool:
        """Whether the password has this hash. Without a hash it takes as long, and the answer is no.

        Raises `Overloaded`.
        """
        matches = await self._beside(self._matches, password, password_hash or self._nobody)
        return matches and password_hash is not None

    async def hashed(self, password: str) -> str:
        """The hash of a new password; raises `Overloaded`."""
        return await self._beside(self._hasher.hash, password)

    async def _beside(self, function: Callable[..., T], *arguments: str) -> T:
        """Runs it beside the event loop; raises `Overloaded`."""
        if self._running >= WAITING:
            raise Overloaded
        self._running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        finally:
            self._running -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
