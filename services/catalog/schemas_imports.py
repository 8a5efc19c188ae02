"""The lines of files that clients import (contract, section 11)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final, Self

from pydantic import model_validator

from services.catalog.schemas import CourseFields, SessionFields
from shared.validation.fields import Id

_KEPT_IF_LEFT_OUT: Final = ("external_id", "status")
"""What a line leaves out has its default, as in the body of a new row; these stay as they are."""
_RULE: Final = "A line has an id or an external_id."


def _values(line: "CourseLine | SessionLine", model: type[Any], current: Any) -> dict[str, Any]:
    kept = [name for name in _KEPT_IF_LEFT_OUT if name in model.model_fields and name not in line.model_fields_set]
    stays = {} if current is None else {name: getattr(current, name) for name in kept}
    return {name: getattr(line, name) for name in model.model_fields} | stays


def _named(line: Any) -> None:
    if line.id is None and line.external_id is None:
        raise ValueError("id or external_id is required")


class CourseLine(CourseFields):
    """A course. With the `id` of an existing one it changes that; with an `external_id` alone it changes the one that
    has it, and creates it where there is none."""

    rules: ClassVar[Sequence[str]] = (*CourseFields.rules, _RULE)

    id: Id | None = None

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        _named(self)
        return self

    def wanted(self, current: CourseFields | None) -> CourseFields:
        """What the line makes of the course."""
        return CourseFields.model_construct(**_values(self, CourseFields, current))


class SessionLine(SessionFields):
    """A session, named as a course is."""

    rules: ClassVar[Sequence[str]] = (*SessionFields.rules, _RULE)

    id: Id | None = None

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        _named(self)
        return self

    def wanted(self, current: SessionFields | None) -> SessionFields:
        """What the line makes of the session."""
        return SessionFields.model_construct(**_values(self, SessionFields, current))
