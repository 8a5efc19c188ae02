"""What `muster login` keeps: the server, and the tokens of whoever signed in there, in a file for its owner alone."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Final, Self

from muster.errors import SettingsMissing

AGAIN: Final = "Sign in again: muster login"
_OTHERS: Final = 0o077
"""Of a file's mode: what others may."""


@dataclass(frozen=True)
class Login:
    """Somebody who signed in. `good_until` is of the token, in seconds since 1970, by the clock of this machine."""

    url: str
    email: str
    token: str = field(repr=False)
    good_until: float
    refresh_token: str = field(repr=False)

    @classmethod
    def of(cls, data: Any) -> Self:
        """Raises `ValueError` for what is none."""
        try:
            url, email, token, refresh = (data[name] for name in ("url", "email", "token", "refresh_token"))
            until = float(data["good_until"])
        except (KeyError, TypeError) as error:
            raise ValueError(str(error)) from error
        if not all(isinstance(each, str) for each in (url, email, token, refresh)):
            raise ValueError("not a login")
        return cls(url, email, token, until, refresh)


def file_of(environment: Mapping[str, str]) -> Path:
    """Where the login is kept: as the XDG base directories say."""
    folder = environment.get("XDG_CONFIG_HOME", "")
    return (Path(folder) if os.path.isabs(folder) else Path.home() / ".config") / "muster" / "login.json"


class Keeper:
    """The file with the login. Commands that run at the same time share it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def load(self) -> Login | None:
        """None if nobody is signed in. Raises `SettingsMissing` for one that others may read, or that is none."""
        try:
            with self._file.open(encoding="utf-8") as opened:
                mode, text = os.fstat(opened.fileno()).st_mode, opened.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsMissing(f"{self._file} cannot be read: {error}.") from error
        if mode & _OTHERS:
            raise SettingsMissing(f"Others may read {self._file}, so it is not used. {AGAIN}")
        try:
            return Login.of(json.loads(text))
        except ValueError:
            raise SettingsMissing(f"{self._file} is no login. {AGAIN}") from None

    def save(self, login: Login) -> None:
        """All of it or nothing, whatever happens meanwhile. Raises `SettingsMissing` if it cannot be written."""
        try:
            self._make_folder()
            handle, name = mkstemp(dir=self._file.parent, prefix=".login-")  # its owner's alone
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as opened:
                    json.dump(asdict(login), opened)
                    opened.flush()
                    os.fsync(opened.fileno())
                os.replace(name, self._file)
            except BaseException:
                with suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as error:
            raise SettingsMissing(f"{self._file} cannot be written: {error.strerror}.") from error

    def forget(self) -> None:
        self._file.unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the block runs no other command renews the tokens: a refresh token used twice ends the login."""
        try:
            self._make_folder()
            opened = self._file.with_name("login.lock").open("w")
        except OSError as error:
            raise SettingsMissing(f"{self._file.parent} cannot be written: {error.strerror}.") from error
        with opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield

    def _make_folder(self) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
