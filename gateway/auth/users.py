"""The users of the built-in issuer: a JSON file with their argon2id hashes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from shared.auth.claims import MAX_COMPANIES
from shared.auth.internal_token import (
    API_ACCESS,
    ENROLL,
    ENROLL_COMPANY,
    ENROLL_SELF,
    MANAGE,
    RECORD,
    VIEW,
    VIEW_COMPANY,
    VIEW_SELF,
)
from shared.auth.watched_file import WatchedFile, write_private
from shared.security_log import SecurityEvent, record
from shared.validation.fields import MAX_ID, STORED, Name, storable

RoleName = Literal["Admin", "HR Manager", "Trainer", "Employee", "Contractor Coordinator"]

ROLES: Mapping[RoleName, frozenset[str]] = {
    "Admin": frozenset({API_ACCESS, VIEW, ENROLL, ENROLL_SELF, RECORD, MANAGE}),
    "HR Manager": frozenset({API_ACCESS, VIEW, ENROLL, RECORD, MANAGE}),
    "Trainer": frozenset({API_ACCESS, VIEW, RECORD}),
    "Employee": frozenset({API_ACCESS, VIEW_SELF, ENROLL_SELF}),
    "Contractor Coordinator": frozenset({API_ACCESS, VIEW_COMPANY, ENROLL_COMPANY}),
}
"""What each role may do (contract, section 2)."""


def _email(value: str) -> str:
    name, at, domain = value.rpartition("@")
    if not (name and at and domain) or any(character.isspace() for character in value):
        raise ValueError("must be an email address")
    return value


Email = Annotated[str, Field(max_length=254), AfterValidator(storable), AfterValidator(_email)]
Id = Annotated[int, Field(ge=1, le=MAX_ID)]


class User(BaseModel):
    """`employee_id` is the person the user is, if they are one that can be enrolled.

    `company_ids` are those whose people a Contractor Coordinator looks after.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    organisation_id: Id
    name: Name
    email: Email
    role: RoleName
    employee_id: Id | None = None
    company_ids: tuple[Id, ...] = Field((), max_length=MAX_COMPANIES)
    password_hash: str = Field(pattern=r"^\$argon2id\$", repr=False)
    created_at: AwareDatetime

    def described(self) -> dict[str, object]:
        """The user as clients see them; the timestamp in the form of the training endpoints."""
        created_at = self.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return self.model_dump(include={"id", "name", "email", "role"}) | {"created_at": created_at}


@dataclass(frozen=True, slots=True)
class Users:
    """All users; an email address means the same one in any case."""

    by_id: Mapping[int, User]
    by_email: Mapping[str, User]

    def with_email(self, email: str) -> User | None:
        return self.by_email.get(email.casefold())

    def with_subject(self, subject: str, organisation_id: int) -> User | None:
        """The user a token speaks for, if it is one of ours."""
        user = self.by_id.get(int(subject)) if subject.isascii() and subject.isdigit() else None
        return user if user is not None and user.organisation_id == organisation_id else None


class UsersInvalid(ValueError):
    """The users cannot be used; says why."""


_LIST = TypeAdapter(list[User])


def users_of(users: Iterable[User]) -> Users:
    """Raises `UsersInvalid` where two share an id or an email address."""
    listed = list(users)
    by_id = {user.id: user for user in listed}
    by_email = {user.email.casefold(): user for user in listed}
    if len(by_id) != len(listed) or len(by_email) != len(listed):
        raise UsersInvalid("two users share an id or an email address")
    return Users(by_id, by_email)


def parse_users(text: str) -> Users:
    """Raises `UsersInvalid`."""
    try:
        return users_of(_LIST.validate_json(text, context=STORED))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsersInvalid(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def read_users(path: Path) -> WatchedFile[Users]:
    """The users, read again when the file changes."""
    return WatchedFile(path, parse_users, _record_changes)


def _record_changes(before: Users, after: Users) -> None:
    """A line for each user whom a new file adds, changes or leaves out."""
    for user in after.by_id.values():
        if (old := before.by_id.get(user.id)) != user:
            record_saved(old, user, "file")
    for user in before.by_id.values():
        if user.id not in after.by_id:
            record(SecurityEvent.USER_REMOVED, subject=str(user.id), organisation_id=user.organisation_id, by="file")


def record_saved(old: User | None, user: User, by: str) -> None:
    """`fields` names what differs, and not how."""
    fields = [name for name in User.model_fields if old is None or getattr(old, name) != getattr(user, name)]
    record(
        SecurityEvent.USER_SAVED,
        reason="changed" if old else "added",
        subject=str(user.id),
        organisation_id=user.organisation_id,
        role=user.role,
        fields=fields,
        by=by,
    )


def put_user(path: Path, user: User) -> None:
    """Adds the user to the file, or replaces the one with the same id, who keeps the day they came.

    Raises `UsersInvalid`, and then the file stays as it was.
    """
    known = parse_users(path.read_text(encoding="utf-8")).by_id if path.exists() else {}
    if user.id in known:
        user = user.model_copy(update={"created_at": known[user.id].created_at})
    users = users_of({**known, user.id: user}.values())
    # Without what is the default: a process of the version before does not know all of the members.
    described = _LIST.dump_python(list(users.by_id.values()), mode="json", exclude_defaults=True)
    text = json.dumps(described, indent=2, ensure_ascii=False)
    write_private(path, text + "\n")
    record_saved(known.get(user.id), user, "command")
