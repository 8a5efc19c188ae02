"""What answers look like: declared beside the routes, so that documents and checks of answers come from one place.

The answers themselves are JSON text made by PostgreSQL; nothing is built from these models to be sent.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel

TrainingTimestamp = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$")]
"""`2026-05-15T09:00:00.000000Z`"""
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Number = int | float
NonEmpty = Annotated[str, Field(min_length=1)]


class Representation(BaseModel):
    """Exactly these fields; one may be `null` or missing only where it says so."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def may_be_missing() -> Any:
    """The default of a field that is not in every answer. A field of an answer has no other defaults: none is read."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


class Named(Representation):
    """A label, a project or a company."""

    id: int
    name: str


class NamedTotal(Named):
    """`total`: how many courses carry the label, sessions the project, or people the company."""

    total: int


class Titled(Representation):
    """A course, named by others."""

    id: int
    title: str


Data = TypeVar("Data")


class Success(Representation, Generic[Data]):
    """One row, or what came of a change (contract, section 1)."""

    success: Literal[True]
    message: str = may_be_missing()
    data: Data


class Done(Representation):
    """A change that leaves nothing to show."""

    success: Literal[True]
    message: str = may_be_missing()
    data: None


class TextAnswer(RootModel[str]):
    """No JSON: a text of the route's `media_type`."""


class ChangedBy(Representation):
    subject: str
    name: str


class AuditItem(Representation):
    """`changes`: by field, `{"from": …, "to": …}`."""

    version: int
    action: str
    changed_at: TrainingTimestamp
    changed_by: ChangedBy
    request_id: str
    changes: dict[str, Any]


class TrainingMeta(Representation):
    current_page: int
    last_page: int
    per_page: int
    total: int
    from_: int | None = Field(alias="from")
    to: int | None


class TrainingLinks(Representation):
    first: str
    last: str
    prev: str | None
    next: str | None


class Page(Representation, Generic[Data]):
    """A page of a training list."""

    success: Literal[True]
    data: list[Data]
    meta: TrainingMeta
    links: TrainingLinks


class WalkMeta(Representation):
    """`total` is present only if it was asked for."""

    per_page: int
    next_cursor: str | None
    total: int = may_be_missing()


class WalkLinks(Representation):
    next: str | None


class Walk(Representation, Generic[Data]):
    """A step of a walk through a training list, which `cursor` asks for."""

    success: Literal[True]
    data: list[Data]
    meta: WalkMeta
    links: WalkLinks


class Listed(RootModel[Page[Data] | Walk[Data]], Generic[Data]):
    """A training list, as it was asked for."""
