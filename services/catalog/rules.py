"""What may become of courses and sessions: values in, values out (contract, section 3)."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from services.catalog.errors import CourseNotSelectable, StatusMoveForbidden
from services.catalog.schemas import CourseFields, SessionFields
from shared.errors import ValidationFailed
from shared.validation.known_members import invalid
from shared.validation.merge_patch import merge_patch, texts_of

_STATUS_MOVES = {
    "scheduled": {"in_progress", "cancelled"},
    "in_progress": {"completed", "cancelled"},
    "completed": set[str](),
    "cancelled": set[str](),
}

_ENDS = ("start_date", "end_date")


def changed_course(course_id: int, current: CourseFields, patch: dict[str, Any]) -> CourseFields:
    """The course after a change; raises `ValidationFailed`."""
    document = current.model_dump()
    try:
        changed = CourseFields.model_validate(merge_patch(document, patch), context=set(texts_of(document)))
    except ValidationError as error:
        raise invalid(error) from None
    check_requires_others(course_id, changed)
    return changed


def check_requires_others(course_id: int, changed: CourseFields) -> None:
    if course_id in changed.prerequisites:
        field = f"prerequisites.{changed.prerequisites.index(course_id)}"
        raise ValidationFailed({field: ["A course cannot be its own prerequisite."]})


def changed_session(current: SessionFields, patch: dict[str, Any]) -> SessionFields:
    """The session after a change; raises `ValidationFailed` or `StatusMoveForbidden`."""
    document = current.model_dump()
    merged = merge_patch(document, patch)
    if merged.get("meetings"):  # start and end follow from them, unless the change names its own
        merged = {name: value for name, value in merged.items() if name not in _ENDS or name in patch}
    try:
        changed = SessionFields.model_validate(merged, context=set(texts_of(document)))
    except ValidationError as error:
        raise invalid(error) from None
    check_may_become(current, changed)
    return changed


def check_may_become(current: SessionFields, changed: SessionFields) -> None:
    """Raises `ValidationFailed` or `StatusMoveForbidden`."""
    if changed.course_id != current.course_id:
        raise ValidationFailed({"course_id": ["The course of a session cannot be changed."]})
    if changed.status != current.status and changed.status not in _STATUS_MOVES[current.status]:
        raise StatusMoveForbidden(current.status, changed.status)


def check_needs_no_agreement(current: SessionFields, changed: SessionFields) -> None:
    """Of a session in an imported file, where enrollment cannot be asked."""
    if not needs_agreement(current, changed):
        return
    field = "status" if closing_status(current, changed) is not None else "max_participants"
    raise ValidationFailed({field: ["A file cannot close a session or lower its capacity. Change the session itself."]})


def needs_agreement(current: SessionFields, changed: SessionFields) -> bool:
    """Whether enrollment, which owns the seats, agrees first: to a lower capacity, or to a status that closes it."""
    return changed.max_participants < current.max_participants or closing_status(current, changed) is not None


def closing_status(current: SessionFields, changed: SessionFields) -> str | None:
    """The status that closes the session, where it did not have it before."""
    closes = changed.status in ("completed", "cancelled") and changed.status != current.status
    return changed.status if closes else None


def check_new_session(fields: SessionFields) -> None:
    if fields.status != "scheduled":
        raise ValidationFailed({"status": ["A new session must have the status scheduled."]})


def ring_of(course_id: int, required_by: Sequence[tuple[int, int]]) -> list[int]:
    """The shortest way from the course over what it requires back to itself, both ends included; empty if none.

    `required_by`: pairs of a course and one that requires it.
    """
    requires: dict[int, list[int]] = {}
    for required, by in required_by:
        requires.setdefault(by, []).append(required)
    ways = deque([[course_id]])
    seen = set[int]()
    while ways:
        way = ways.popleft()
        for required in requires.get(way[-1], ()):
            if required == course_id:
                return [*way, course_id]
            if required not in seen:
                seen.add(required)
                ways.append([*way, required])
    return []


def check_courses_exist(field: str, wanted: list[int], existing: set[int]) -> None:
    """Raises `CourseNotSelectable` for the first of `wanted` that the organisation does not have."""
    for position, course_id in enumerate(wanted):
        if course_id not in existing:
            raise CourseNotSelectable(f"{field}.{position}")
