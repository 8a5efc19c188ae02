"""Password hashes: argon2id with the parameters of RFC 9106, section 4."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.errors import Overloaded

AT_ONCE = 2
"""Each check takes a core and 64 MiB for tens of milliseconds."""
WAITING = 32


def hash_password(password: str) -> str:
    return PasswordHasher().hash(password)


class PasswordChecker:
    """Checks passwords beside the event loop, a few at once; more than `WAITING` are refused."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("the password of nobody")
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._running = 0

    async def is_right(self, password: str, password_hash: str | None) -> bool:
        """Whether the password has this hash. Without a hash it takes as long, and the answer is no.

        Raises `Overloaded`.
        """
        if self._running >= WAITING:
            raise Overloaded
        self._running += 1
        try:
            loop = asyncio.get_running_loop()
            matches = await loop.run_in_executor(self._threads, self._matches, password, password_hash or self._nobody)
        finally:
            self._running -= 1
        return matches and password_hash is not None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
