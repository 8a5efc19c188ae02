"""Where the server is, and who asks it: from options, or else from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit

from muster.errors import SettingsMissing

NAMES: Final = ("token", "client_id", "client_secret", "email", "password", "refresh_token")
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Settings:
    """With a token, the id and the secret of a program, or what somebody signs in with: a password, a refresh token, or
    both. `url` has no path at its end."""

    url: str
    token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, given: Mapping[str, str | None], environment: Mapping[str, str]) -> Self:
        """`given` has some of `url` and `NAMES`; each is otherwise `MUSTER_…` of the environment.

        Credentials that are given as options are used without any of the environment, but for the secret or the
        password that belongs to them. Raises `SettingsMissing`.
        """
        named = {name: given.get(name) or None for name in NAMES}
        if not any(named.values()):
            named = {name: environment.get(f"MUSTER_{name.upper()}") or None for name in NAMES}
        for name, secret in (("client_id", "client_secret"), ("email", "password")):
            if named[name] and not named[secret]:
                named[secret] = environment.get(f"MUSTER_{secret.upper()}") or None
        url = _checked(given.get("url") or environment.get("MUSTER_URL") or None)
        if named["token"]:
            return cls(url, token=_one_line(named["token"]))
        if named["client_id"] and named["client_secret"]:
            return cls(url, client_id=named["client_id"], client_secret=named["client_secret"])
        if named["refresh_token"] or (named["email"] and named["password"]):
            return cls(url, email=named["email"], password=named["password"], refresh_token=named["refresh_token"])
        raise SettingsMissing(
            "Who asks? Set MUSTER_TOKEN, or MUSTER_CLIENT_ID and MUSTER_CLIENT_SECRET, or MUSTER_EMAIL and"
            " MUSTER_PASSWORD, in the environment."
        )

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return urlsplit(self.url).hostname in LOCAL_HOSTS


def _checked(url: str | None) -> str:
    if url is None:
        raise SettingsMissing("Where is the server? Set MUSTER_URL in the environment, or give --url.")
    wrong = SettingsMissing(f"MUSTER_URL must be an address like https://muster.example, and is: {url}")
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not named or parts.query or parts.fragment or parts.username:
        raise wrong
    return url.rstrip("/").removesuffix("/api/v1")


def _one_line(token: str) -> str:
    if not token.isascii() or any(sign.isspace() for sign in token.strip()):
        raise SettingsMissing("MUSTER_TOKEN is no token: it has spaces in it, or letters that tokens do not have.")
    return token.strip()
