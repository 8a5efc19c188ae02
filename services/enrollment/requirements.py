"""What an organisation may ask of its people, and what becomes of it: values in, values out (contract, section 4)."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Final, Protocol

from pydantic import ValidationError

from services.enrollment.errors import NamedByRequirement, TooManyRequirements
from services.enrollment.schemas_requirements import RequirementFields
from shared.events.states import RequirementState
from shared.validation.known_members import invalid
from shared.validation.merge_patch import merge_patch, texts_of

MOST_REQUIREMENTS: Final = 200
"""Of an organisation: whoever asks about a person reads all of them."""


class Known(Protocol):
    """Which of the ids that are named are those of the organisation's rows."""

    @property
    def courses(self) -> Collection[int]: ...
    @property
    def labels(self) -> Collection[int]: ...
    @property
    def people(self) -> Collection[int]: ...


def check_room(count: int) -> None:
    """Raises `TooManyRequirements` where an organisation has so many already."""
    if count >= MOST_REQUIREMENTS:
        raise TooManyRequirements(MOST_REQUIREMENTS)


def changed_fields(current: RequirementFields, patch: dict[str, Any]) -> RequirementFields:
    """The requirement after a change; raises `ValidationFailed`."""
    document = current.model_dump()
    try:
        return RequirementFields.model_validate(merge_patch(document, patch), context=set(texts_of(document)))
    except ValidationError as error:
        raise invalid(error) from None


def naming_another(fields: RequirementFields, person_id: int, into: int) -> RequirementFields:
    """The same, about another person where it names the one."""
    people = sorted({into if each == person_id else each for each in fields.applies_to.employee_ids or []})
    applies_to = fields.applies_to.model_copy(update={"employee_ids": people})
    return fields.model_copy(update={"applies_to": applies_to})


def check_named(fields: RequirementFields, current: RequirementFields | None, known: Known) -> None:
    """Raises `NamedByRequirement` for a course, a label or a person that does not exist.

    What the requirement names already may be gone: it can be changed in all else.
    """
    needs, people = (_named(current), current.applies_to.employee_ids or []) if current is not None else (set(), [])
    unknown = {
        place: kind
        for place, kind, named in _needs(fields)
        if (kind, named) not in needs and named not in (known.courses if kind == "course" else known.labels)
    }
    for place, person in enumerate(fields.applies_to.employee_ids or []):
        if person not in people and person not in known.people:
            unknown[f"applies_to.employee_ids.{place}"] = "employee"
    if unknown:
        raise NamedByRequirement(unknown)


def _named(fields: RequirementFields) -> set[tuple[str, int]]:
    return {(kind, named) for _, kind, named in _needs(fields)}


def _needs(fields: RequirementFields) -> Iterator[tuple[str, str, int]]:
    """Each that it needs: where it stands in the body, what it is, and its id."""
    for place, each in enumerate(fields.needs.choices):
        beginning = "needs" if fields.needs.any_of is None else f"needs.any_of.{place}"
        if each.course_id is not None:
            yield f"{beginning}.course_id", "course", each.course_id
        if each.label_id is not None:
            yield f"{beginning}.label_id", "label", each.label_id


def state_of(
    requirement_id: int, version: int, fields: RequirementFields, created_at: datetime, *, removed: bool = False
) -> RequirementState:
    """What events say of it."""
    said = fields.model_dump() | {"id": requirement_id, "version": version}
    return RequirementState.model_validate(said | {"created_at": created_at, "removed": removed})
