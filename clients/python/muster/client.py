"""The clients: all resources of the API, with one set of connections and tokens."""

import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

from muster.asked import LONGEST_WAIT, MOST_TRIES, Limits
from muster.async_resources import AsyncResources
from muster.async_transport import AsyncTransport
from muster.resources import Resources
from muster.settings import Settings
from muster.transport import Transport


def _ignore(text: str) -> None:
    pass


class Muster(Resources):
    """`with Muster("https://muster.example", token=…) as client: …`

    Who asks is a program (`client_id`, `client_secret`), somebody who signs in (`email`, `password`, or a
    `refresh_token` of before), or a `token` that was given. What is not said comes from the environment: `MUSTER_URL`,
    `MUSTER_CLIENT_ID` and so on. Tokens are renewed before they expire; `saved` gets each new refresh token before it
    is used. `notify` gets a line where something is waited for.

    What was refused for the moment (429, 503) is tried again after the seconds that the server asks for, at most
    `longest_wait`, and what got no answer where that is safe, `tries` times in all. Threads may share a client.
    Raises `SettingsMissing`.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        email: str | None = None,
        password: str | None = None,
        refresh_token: str | None = None,
        tries: int = MOST_TRIES,
        longest_wait: float = LONGEST_WAIT,
        notify: Callable[[str], None] = _ignore,
        saved: Callable[[str], None] = _ignore,
    ) -> None:
        settings = _settings(url, token, client_id, client_secret, email, password, refresh_token)
        limits = Limits(tries, longest_wait)
        self._transport = Transport(settings, notify=notify, limits=limits, saved=saved)
        super().__init__(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        self._transport.close()


class AsyncMuster(AsyncResources):
    """As `Muster`: `async with AsyncMuster() as client: …`. Tasks of one event loop may share a client."""

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        email: str | None = None,
        password: str | None = None,
        refresh_token: str | None = None,
        tries: int = MOST_TRIES,
        longest_wait: float = LONGEST_WAIT,
        notify: Callable[[str], None] = _ignore,
        saved: Callable[[str], None] = _ignore,
    ) -> None:
        settings = _settings(url, token, client_id, client_secret, email, password, refresh_token)
        limits = Limits(tries, longest_wait)
        self._transport = AsyncTransport(settings, notify=notify, limits=limits, saved=saved)
        super().__init__(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self._transport.close()


def _settings(
    url: str | None,
    token: str | None,
    client_id: str | None,
    client_secret: str | None,
    email: str | None,
    password: str | None,
    refresh_token: str | None,
) -> Settings:
    given = {
        "url": url,
        "token": token,
        "client_id": client_id,
        "client_secret": client_secret,
        "email": email,
        "password": password,
        "refresh_token": refresh_token,
    }
    return Settings.of(given, os.environ)
