"""Tokens of whoever signed in with `muster login`: kept in a file, renewed when they end."""

import time
from collections.abc import Callable
from typing import Any, Final

from muster.asked import Limits, Request, json_upload
from muster.command.kept import AGAIN, Keeper, Login
from muster.conversation import Steps, answered
from muster.errors import ApiError, MusterError, SettingsMissing

MARGIN_SECONDS: Final = 30.0
"""A token that is good for less counts as expired."""
_ENDED: Final = frozenset({"invalid_grant", "credentials_invalid"})


class LoginEnded(MusterError):
    """It has expired, or was ended elsewhere."""


class KeptTokens:
    """Of one server. Commands that run at the same time renew them once."""

    def __init__(self, keeper: Keeper, url: str, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self._keeper = keeper
        self._url = url
        self._limits = limits
        self._clock = clock

    def current(self, seconds: float, refused: str | None) -> Steps[str | None]:
        """One that is good for so long, and not the one that was refused. Raises `LoginEnded`."""
        login = self._loaded()
        if not self._is_good(login, seconds, refused):
            with self._keeper.alone():
                login = self._loaded()
                if not self._is_good(login, seconds, refused):
                    login = yield from self._renewed(login)
        return login.token

    def _loaded(self) -> Login:
        login = self._keeper.load()
        if login is None or login.url != self._url:
            raise LoginEnded(f"Nobody is signed in at {self._url} any more. {AGAIN}")
        return login

    def _is_good(self, login: Login, seconds: float, refused: str | None) -> bool:
        return login.token != refused and self._clock() + seconds + MARGIN_SECONDS <= login.good_until

    def _renewed(self, login: Login) -> Steps[Login]:
        """Each refresh token is good for one time: the next one is kept before anything is done with it."""
        form = {"grant_type": "refresh_token", "refresh_token": login.refresh_token}
        request = Request("POST", "/oauth/token", form=form, is_public=True, is_safe=True)
        asked = self._clock()
        try:
            answer = yield from answered(request, self._limits, self._url)
        except ApiError as error:
            if error.code not in _ENDED:
                raise
            raise LoginEnded(f"The login of {login.email} has expired, or was ended elsewhere. {AGAIN}") from error
        renewed = login_of(answer.data, "access_token", login.url, login.email, asked)
        self._keeper.save(renewed)
        return renewed


def signed_in(
    url: str, email: str, password: str, limits: Limits, clock: Callable[[], float] = time.time
) -> Steps[Login]:
    """Raises `ApiError` for a wrong address or password."""
    body = {"email": email, "password": password, "refresh_token": True}
    request = Request("POST", "/api/v1/auth/login", upload=json_upload(body), is_public=True)
    asked = clock()
    answer = yield from answered(request, limits, url)
    return login_of(answer.data.get("data") if isinstance(answer.data, dict) else None, "token", url, email, asked)


def login_of(data: Any, name: str, url: str, email: str, asked: float) -> Login:
    """Of an answer with tokens, the first of which has this name."""
    try:
        return Login(url, email, str(data[name]), asked + float(data["expires_in"]), str(data["refresh_token"]))
    except (KeyError, TypeError, ValueError):
        raise SettingsMissing(f"{url} sent no tokens, and no error either. Is it a server of Muster?") from None
