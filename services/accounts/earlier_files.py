"""Users and signing keys as the version before kept them: two files beside the gateway, read to be taken over."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.accounts.errors import CommandRefused
from services.accounts.roles import RoleName
from services.accounts.users import email_key
from shared.auth.claims import MAX_COMPANIES
from shared.auth.jwk import MAX_KEYS, Key, KeyInvalid, parse_private_keys, public_key
from shared.validation.fields import MAX_ID, STORED, Name, storable


class FileBroken(CommandRefused):
    """The file cannot be taken over; says which entry, and why."""


def _email(value: str) -> str:
    name, at, domain = value.rpartition("@")
    if not (name and at and domain) or any(character.isspace() for character in value):
        raise ValueError("must be an email address")
    return value


_Id = Annotated[int, Field(ge=1, le=MAX_ID)]


class EarlierUser(BaseModel):
    """An entry of `users.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: _Id
    organisation_id: _Id
    name: Name
    email: Annotated[str, Field(max_length=254), AfterValidator(storable), AfterValidator(_email)]
    role: RoleName
    employee_id: _Id | None = None
    company_ids: tuple[_Id, ...] = Field((), max_length=MAX_COMPANIES)
    password_hash: str = Field(pattern=r"^\$argon2id\$", repr=False)
    created_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class EarlierKey:
    """A key of `keys.json`: `jwk` is as it stood there, its private half included."""

    key: Key
    jwk: str


_LIST = TypeAdapter(list[Any])
_USER = TypeAdapter(EarlierUser)


def read_users(text: str) -> list[EarlierUser]:
    """Raises `FileBroken`."""
    try:
        entries = _LIST.validate_json(text)
    except ValidationError as error:
        raise FileBroken(f"it is not a JSON list of users ({_reason(error)})") from None
    users = [_user(number, entry) for number, entry in enumerate(entries, 1)]
    for what, values in (
        ("id", [str(user.id) for user in users]),
        ("email address", [email_key(user.email) for user in users]),
    ):
        _require_different(what, values)
    return users


def _user(number: int, entry: Any) -> EarlierUser:
    try:
        # In its form as JSON: types are read from it as strictly as the version before did.
        return _USER.validate_json(json.dumps(entry), context=STORED)
    except ValidationError as error:
        name = f" (id {entry['id']})" if isinstance(entry, dict) and isinstance(entry.get("id"), int) else ""
        raise FileBroken(f"entry {number}{name}: {_reason(error)}") from None


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def read_keys(text: str) -> list[EarlierKey]:
    """The keys in their order, of which the first signs; raises `FileBroken`."""
    entries = _entries(text)
    keys = [_key(number, entry) for number, entry in enumerate(entries, 1)]
    _require_different("kid", [each.key.id for each in keys])
    try:
        parse_private_keys(text)
    except KeyInvalid as error:
        raise FileBroken(f"entry 1: {error}") from None
    return keys


def _entries(text: str) -> Sequence[Any]:
    try:
        members = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise FileBroken("it is not JSON") from None
    entries = members.get("keys") if isinstance(members, dict) else None
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_KEYS:
        raise FileBroken(f"it is not a JWK set of 1 to {MAX_KEYS} keys")
    return entries


def _key(number: int, entry: Any) -> EarlierKey:
    if not isinstance(entry, Mapping):
        raise FileBroken(f"entry {number}: it is not a JSON Web Key")
    try:
        return EarlierKey(public_key(entry), json.dumps(entry))
    except KeyInvalid as error:
        raise FileBroken(f"entry {number}: {error}") from None


def _require_different(what: str, values: Sequence[str]) -> None:
    first_of: dict[str, int] = {}
    for number, value in enumerate(values, 1):
        if (other := first_of.setdefault(value, number)) != number:
            raise FileBroken(f"entry {number}: it has the same {what} as entry {other}")
