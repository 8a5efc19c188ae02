"""Tokens for requests: one that was given, a program's own, or those of somebody who signed in."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

from muster.asked import Limits, Request, json_upload
from muster.conversation import Steps, answered
from muster.errors import ApiError, Unexpected
from muster.settings import Settings

MARGIN_SECONDS: Final = 30.0
"""A token that is good for less counts as expired: the request that has it takes some time as well."""
_SIGN_IN_AGAIN: Final = frozenset({"invalid_grant"})


@dataclass(frozen=True)
class Granted:
    """A token, and for how many seconds it is good; the refresh token that comes next, if there is one."""

    token: str
    expires_in: float
    refresh_token: str | None = None


class Tokens(Protocol):
    def current(self, seconds: float, refused: str | None) -> Steps[str | None]:
        """A token that is good for so long, if there can be one, and not the one that was refused; else None."""


class GivenToken:
    """It cannot be renewed."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self, seconds: float, refused: str | None) -> Steps[str | None]:
        return self._token if refused is None else None
        yield


class RenewedTokens:
    """How long one is good is measured from before it was asked for, and by no clock that can be off."""

    def __init__(self, grant: Callable[[], Steps[Granted]], clock: Callable[[], float] = time.monotonic) -> None:
        self._grant = grant
        self._clock = clock
        self._token: str | None = None
        self._until = 0.0

    def current(self, seconds: float, refused: str | None) -> Steps[str | None]:
        if self._token == refused or self._clock() + seconds + MARGIN_SECONDS > self._until:
            asked = self._clock()
            granted = yield from self._grant()
            self._token, self._until = granted.token, asked + granted.expires_in
        return self._token


class Grants:
    """Requests for tokens, as these settings ask for them. `saved` gets each new refresh token before it is used."""

    def __init__(self, settings: Settings, limits: Limits, saved: Callable[[str], None]) -> None:
        self._settings = settings
        self._limits = limits
        self._saved = saved
        self._refresh_token = settings.refresh_token

    def of_program(self) -> Steps[Granted]:
        """For its id and secret (RFC 6749, section 4.4)."""
        settings = self._settings
        pair = f"{quote(settings.client_id or '', safe='')}:{quote(settings.client_secret or '', safe='')}"
        authorization = {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        data = yield from self._token({"grant_type": "client_credentials"}, authorization)
        return _granted(data, "access_token")

    def of_person(self) -> Steps[Granted]:
        """With the refresh token; with the password where there is none, or none that is still good."""
        if self._refresh_token is not None:
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
            try:
                return self._kept(_granted((yield from self._token(form)), "access_token"))
            except ApiError as error:
                if error.code not in _SIGN_IN_AGAIN or self._settings.password is None:
                    raise
        return self._kept((yield from self._log_in()))

    def _log_in(self) -> Steps[Granted]:
        body = {"email": self._settings.email, "password": self._settings.password, "refresh_token": True}
        request = Request("POST", "/api/v1/auth/login", upload=json_upload(body), is_public=True, is_safe=True)
        answer = yield from answered(request, self._limits, self._settings.url)
        return _granted(answer.data.get("data") if isinstance(answer.data, dict) else None, "token")

    def _token(self, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Steps[Any]:
        """Asked again if the answer is lost: a refresh token that was used up by then is refused, and that is all."""
        request = Request("POST", "/oauth/token", headers=headers or {}, form=form, is_public=True, is_safe=True)
        answer = yield from answered(request, self._limits, self._settings.url)
        return answer.data

    def _kept(self, granted: Granted) -> Granted:
        if granted.refresh_token is not None:
            self._refresh_token = granted.refresh_token
            self._saved(granted.refresh_token)
        return granted


def tokens_of(settings: Settings, limits: Limits, saved: Callable[[str], None]) -> Tokens:
    """As the settings say who asks."""
    grants = Grants(settings, limits, saved)
    if settings.token is not None:
        return GivenToken(settings.token)
    return RenewedTokens(grants.of_program if settings.client_id is not None else grants.of_person)


def _granted(data: Any, name: str) -> Granted:
    if not isinstance(data, dict) or not isinstance(data.get(name), str):
        raise Unexpected("The server sent no token, and no error either.")
    refresh_token = data.get("refresh_token")
    return Granted(
        data[name], float(data.get("expires_in", 0)), refresh_token if isinstance(refresh_token, str) else None
    )
