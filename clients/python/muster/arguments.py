"""What methods take, as values for a request."""

import datetime as dt
import uuid
from collections.abc import AsyncIterable, Iterable, Mapping
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from muster.asked import Upload
from muster.errors import BadInput
from muster.model import Model


class Omitted(Enum):
    """Of a member that is left out: `None` would be `null`."""

    OMIT = "left out"


OMIT: Final = Omitted.OMIT
Tag = str | Model
"""An `ETag`, or what came with one."""
File = Path | bytes | Iterable[bytes] | AsyncIterable[bytes]
"""What is sent as it is. An iterable is sent once: it cannot be tried again."""


def key_or_new(given: str | None) -> str:
    """One key for all tries of a command."""
    return given or str(uuid.uuid4())


def filled(path: str, ids: Mapping[str, object]) -> str:
    """Raises `BadInput` for what would lead elsewhere."""
    for name, value in ids.items():
        text = quote(_checked(name, str(value)), safe="")
        if text in ("", ".", "..") or isinstance(value, bool) or value is None:
            raise BadInput(f"{name} cannot be {value!r}.")
        path = path.replace(f"{{{name}}}", text)
    return path


def query_of(given: Mapping[str, Any]) -> dict[str, str]:
    """Without what is None."""
    return {name: _text(name, value) for name, value in given.items() if value is not None}


def members_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of a body, without what is left out."""
    return {name: plain(value, name) for name, value in given.items() if value is not OMIT}


def tag_of(given: Tag | None) -> str | None:
    """Raises `BadInput` for an object without one."""
    if not isinstance(given, Model):
        return given
    if given.etag is None:
        raise BadInput("This object came without an ETag, as those of lists do: get the row by itself first.")
    return given.etag


def upload_of(file: File, content_type: str) -> Upload:
    """Raises `BadInput` for a file that cannot be read."""
    if isinstance(file, bytes):
        return Upload(lambda: [file], content_type, length=len(file))
    if isinstance(file, Path):
        try:
            size = file.stat().st_size
        except OSError as error:
            raise BadInput(f"{file} cannot be read: {error.strerror}.") from error
        return Upload(lambda: _pieces(file), content_type, length=size)
    once = cast(Iterable[bytes], file)  # one that is awaited is only given to those who await
    return Upload(lambda: once, content_type, is_repeatable=False)


def plain(value: Any, name: str = "body") -> Any:
    """As JSON has it. Raises `BadInput` for a time without a zone."""
    if isinstance(value, Model):
        return {
            each: plain(member, each) for each, member in value.model_dump(by_alias=True, exclude_unset=True).items()
        }
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, dt.date):
        return _text(name, value)
    if isinstance(value, Mapping):
        return {str(each): plain(member, str(each)) for each, member in value.items() if member is not OMIT}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain(each, name) for each in value]
    return value


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise BadInput(f"{name} has no time zone: {value!r}. Give one, as in datetime.now(UTC).")
        return value.isoformat()
    return value.isoformat() if isinstance(value, dt.date) else _checked(name, str(value))


def _checked(name: str, text: str) -> str:
    """Raises `BadInput` for what is no text: half of a sign of UTF-16."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"{name} cannot be {text!r}: {error.reason}.") from error
    return text


def _pieces(file: Path) -> Iterable[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(65536):
            yield piece
