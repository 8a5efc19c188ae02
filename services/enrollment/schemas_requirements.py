"""What clients send about what an organisation asks of its people (contract, section 4)."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from services.enrollment.clearance import PersonType
from shared.http.models import Body, MergePatch, Query
from shared.http.pagination import PagedQuery
from shared.validation.fields import Count, Day, Id, Name, QueryFlag, Search

MAX_NAMED: Final = 500
"""Ids in one of the lists of whom a requirement applies to."""
MAX_CHOICES: Final = 20
"""Courses and labels of which one meets a requirement."""
MAX_GRACE_DAYS: Final = 3660


def _as_a_set(items: list[Any]) -> list[Any]:
    if len(set(items)) != len(items):
        raise ValueError("must not contain anything more than once")
    return sorted(items)


_SET: Final = {"uniqueItems": True}
Ids = Annotated[list[Id], Field(min_length=1, max_length=MAX_NAMED, json_schema_extra=_SET), AfterValidator(_as_a_set)]
PersonTypes = Annotated[
    list[PersonType], Field(min_length=1, max_length=2, json_schema_extra=_SET), AfterValidator(_as_a_set)
]


def _true(value: bool) -> bool:
    if not value:
        raise ValueError("must be true, or left out")
    return value


class _Given(Body):
    """Written again with the members alone that were given."""

    @model_serializer(mode="wrap")
    def _without_nulls(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in write(self).items() if value is not None}


def _all_or_some(schema: dict[str, Any]) -> None:
    limits = [name for name in schema["properties"] if name != "all"]
    nobody_else = {name: {"type": "null"} for name in limits}
    everybody = {"required": ["all"], "properties": {"all": {"const": True}, **nobody_else}}
    some = [{"required": [name], "properties": {name: {"type": "array"}}} for name in limits]
    schema["oneOf"] = [everybody, {"properties": {"all": {"type": "null"}}, "anyOf": some}]


class AppliesTo(_Given):
    """Whom a requirement applies to, and in which projects: who meets each of the lists that are given, in which one
    entry is enough. One without `project_ids` counts everywhere."""

    model_config = ConfigDict(json_schema_extra=_all_or_some)
    rules = ("Either all is given, or at least one of the lists.",)

    project_ids: Ids | None = None
    company_ids: Ids | None = None
    person_types: PersonTypes | None = None
    employee_ids: Ids | None = None
    all: Annotated[bool, Field(json_schema_extra={"const": True}), AfterValidator(_true)] | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        is_limited = any(each is not None for each in self.limits)
        if is_limited == (self.all is not None):
            raise ValueError("either all is required, or at least one of the lists")
        return self

    @property
    def limits(self) -> tuple[list[int] | None, list[int] | None, list[PersonType] | None, list[int] | None]:
        """In the order of the columns."""
        return self.project_ids, self.company_ids, self.person_types, self.employee_ids


def _one_alone(schema: dict[str, Any]) -> None:
    types = {name: "array" if name == "any_of" else "integer" for name in schema["properties"]}
    schema["oneOf"] = [{"required": [name], "properties": {name: {"type": type_}}} for name, type_ in types.items()]


class Need(_Given):
    """A course, or any course that carries a label."""

    model_config = ConfigDict(json_schema_extra=_one_alone)
    rules: ClassVar[Sequence[str]] = ("Exactly one of the members is given.",)

    course_id: Id | None = None
    label_id: Id | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if sum(getattr(self, name) is not None for name in type(self).model_fields) != 1:
            raise ValueError(f"exactly one of {', '.join(type(self).model_fields)} is required")
        return self

    @property
    def order(self) -> tuple[bool, int]:
        """Courses before labels."""
        return self.course_id is None, self.course_id or self.label_id or 0


def _choices(needs: list[Need]) -> list[Need]:
    if len({each.order for each in needs}) != len(needs):
        raise ValueError("must not contain a course or a label more than once")
    return sorted(needs, key=lambda each: each.order)


class Needs(Need):
    """What meets a requirement: a valid completion of the course, or of any course that carries the label; with
    `any_of`, one of these is enough."""

    any_of: (
        Annotated[
            list[Need], Field(min_length=2, max_length=MAX_CHOICES, json_schema_extra=_SET), AfterValidator(_choices)
        ]
        | None
    ) = None

    @property
    def choices(self) -> Sequence[Need]:
        return self.any_of or [self]

    @property
    def course_ids(self) -> list[int]:
        return [each.course_id for each in self.choices if each.course_id is not None]

    @property
    def label_ids(self) -> list[int]:
        return [each.label_id for each in self.choices if each.label_id is not None]


class RequirementFields(Body):
    """A requirement as clients write it: the body of its creation, and the document that a change is merged into.

    It is in force from the first moment of `from` to the last of `until`, days of the organisation's time zone.
    """

    model_config = ConfigDict(serialize_by_alias=True)
    rules: ClassVar[Sequence[str]] = (
        "Courses, labels and employees are the organisation's.",
        "until is not before from.",
    )

    name: Name
    applies_to: AppliesTo
    needs: Needs
    grace_days: Annotated[Count, Field(ge=1, le=MAX_GRACE_DAYS)] | None = None
    valid_from: Day | None = Field(default=None, alias="from")
    valid_to: Day | None = Field(default=None, alias="until")

    @field_validator("valid_to")
    @classmethod
    def _ends_after_it_begins(cls, until: date | None, info: ValidationInfo) -> date | None:
        begin = info.data.get("valid_from")
        if until is not None and begin is not None and until < begin:
            raise ValueError("must not be before from")
        return until


class RequirementPatch(MergePatch):
    document = RequirementFields


class RequirementQuery(PagedQuery):
    search: Search | None = None


class DryRun(Query):
    dry_run: Annotated[QueryFlag, Field(description="Tells whose clearance it would change, and changes nothing.")] = (
        False
    )
