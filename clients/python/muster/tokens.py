"""Tokens for requests: one that was given, or those that a program gets for its id and secret."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

MARGIN_SECONDS: Final = 30.0
"""A token that is good for less counts as expired: the request that has it takes some time as well."""


@dataclass(frozen=True)
class Granted:
    """A token, and for how many seconds it is good."""

    token: str
    expires_in: float


class Tokens(Protocol):
    def current(self, seconds: float = 0) -> str:
        """A token that is good for so long, if there can be one."""

    def renew(self) -> bool:
        """Forgets a token that was refused; whether there can be another one."""


class GivenToken:
    """It cannot be renewed."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self, seconds: float = 0) -> str:
        return self._token

    def renew(self) -> bool:
        return False


class ClientTokens:
    """A program's. How long one is good is measured from before it was asked for, and by no clock that can be off."""

    def __init__(self, grant: Callable[[], Granted], clock: Callable[[], float] = time.monotonic) -> None:
        self._grant = grant
        self._clock = clock
        self._token: str | None = None
        self._until = 0.0

    def current(self, seconds: float = 0) -> str:
        if self._token is None or self._clock() + seconds + MARGIN_SECONDS > self._until:
            asked = self._clock()
            granted = self._grant()
            self._token, self._until = granted.token, asked + granted.expires_in
        return self._token

    def renew(self) -> bool:
        self._token = None
        return True
