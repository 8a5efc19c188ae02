"""The memory that request bodies may take in one process, reserved before they are read.

Callers whose token is known and strangers have an account each: whatever strangers send, there is room for the
bodies of users. A reservation lasts until its request is answered, since the body is held as long.
"""

from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from shared.errors import Overloaded

MIB: Final = 1024 * 1024
CALLER_SHARE: Final = 4
"""One caller may hold a quarter of the account at most: four must come together to fill it."""


@dataclass(slots=True)
class Account:
    """`limit` and `share` in bytes; `share` is the most that one owner may hold."""

    limit: int
    share: int
    held: int = 0
    taken: int = 0
    """All that ever was."""
    held_by: dict[str, int] = field(default_factory=dict)

    def take(self, owner: str, count: int) -> None:
        """Raises `Overloaded`, and nothing is taken then."""
        of_owner = self.held_by.get(owner, 0) + count
        if self.held + count > self.limit or of_owner > self.share:
            raise Overloaded
        self.held += count
        self.taken += count
        self.held_by[owner] = of_owner

    def give_back(self, owner: str, count: int) -> None:
        self.held -= count
        left = self.held_by[owner] - count
        if left:
            self.held_by[owner] = left
        else:
            del self.held_by[owner]


class BodyBudget:
    """`users` and `strangers`: MiB of bodies that may be held at once."""

    def __init__(self, users: int = 64, strangers: int = 8) -> None:
        self.users = Account(users * MIB, users * MIB // CALLER_SHARE)
        self.strangers = Account(strangers * MIB, strangers * MIB)


@dataclass(slots=True)
class Reservation:
    """The bytes of one request's body."""

    account: Account
    owner: str
    _count: int = 0

    def cover(self, count: int) -> None:
        """Grows to `count` bytes; raises `Overloaded`."""
        if count > self._count:
            self.account.take(self.owner, count - self._count)
            self._count = count

    def end(self) -> None:
        """May be called more than once."""
        if self._count:
            self.account.give_back(self.owner, self._count)
            self._count = 0


BODY_BUDGET = web.AppKey("body_budget", BodyBudget)
