"""Every field of a row is stored, in the events and in the answers, unless it is named here with the reason why not."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from services.accounts.schemas_organisations import OrganisationFields
from services.catalog.representations import CourseDetail, SessionDetail
from services.catalog.schemas import CourseFields, CourseQuery, MeetingFields, SessionFields, SessionQuery
from services.catalog.store import courses, sessions
from services.catalog.store import pages as catalog_pages
from services.enrollment.person_rules import Wanted
from services.enrollment.representations import PersonItem
from services.enrollment.representations_requirements import RequirementItem
from services.enrollment.schemas import EmployeeFields, OrganisationSettings
from services.enrollment.schemas_requirements import RequirementFields
from services.enrollment.store import catalog_replica, enrollments, people, people_pages, seats, snapshots
from services.enrollment.store import pages as enrollment_pages
from services.enrollment.store.people import NextVersion
from services.enrollment.store.seats import NewEnrollment
from shared.events.states import (
    CourseState,
    EmployeeState,
    EnrollmentState,
    OrganisationState,
    RequirementState,
    SessionState,
    SettingsState,
    State,
)
from shared.events.types import CourseSaved, SessionSaved
from shared.postgres.pool import Connection, transaction
from tests.support.client import new_organisation
from tests.support.events import MOMENT
from tests.support.fields import changed_in_one_field, filled
from tests.support.guards import without
from tests.support.projections import Database

IN_THE_DETAIL_ALONE: Mapping[type, set[str]] = {
    CourseFields: {
        "description",
        "prerequisites",
        "labels.id",
        "labels.name",
        "validity_months",
        "renewal_window_days",
    },
    SessionFields: {
        "projects.id",
        "projects.name",
        "enrollment_opens_at",
        "enrollment_closes_at",
        *(f"meetings.{name}" for name in MeetingFields.model_fields),
    },
}
"""Long, or joined: not in the items of lists."""
NEVER_CHANGED: Mapping[type, Mapping[str, str]] = {
    SessionFields: {"course_id": "a session stays one of its course (rules.changed_session)"},
    EnrollmentState: {
        "id": "the key",
        "course_id": "a transfer is to another session of the same course",
        "employee_id": "an enrollment is always the same person's",
        "enrolled_at": "when it was made",
        "certifies": "a trigger sets it",
    },
}
SHOWN_ELSEWHERE: Mapping[str, str] = {
    "version": "the entity tag",
    "holds_seat": "the status says it to clients",
    "valid_until": "compliance and the histories show it",
    **{
        field: "the histories show it"
        for field, _ in changed_in_one_field(filled(EnrollmentState))
        if field.startswith("remembered")
    },
    **{
        field: "the audit trail shows it"
        for field, _ in changed_in_one_field(filled(EnrollmentState))
        if field.startswith("judged_by")
    },
}
"""Of an enrollment, not in its own representation."""


NOT_WRITTEN: Mapping[type, set[str]] = {
    CourseState: {"id", "version", "removed", "created_at"},
    CourseDetail: {
        "id",
        "created_at",
        "total_sessions",
        "total_enrollments",
        "completion_rate",
        "average_score",
        "upcoming_sessions",
    },
    SessionState: {"id", "version", "removed"},
    SessionDetail: {"id", "course", "enrolled_count", "available_spots"},
    EmployeeState: {"id", "version", "removed", "merged_into", "erased_at", "type", "created_at"},
    PersonItem: {"id", "type", "created_at"},
    RequirementState: {"id", "version", "removed", "created_at"},
    RequirementItem: {"id", "created_at"},
    SettingsState: {"id", "version"},
    OrganisationState: {"version"},
}
"""Keys, counts, and what comes from the way a row is written or its time; everything else is a client's to write."""
NOT_TOLD: Mapping[type, Mapping[str, str]] = {
    CourseDetail: dict.fromkeys(
        ("total_sessions", "total_enrollments", "completion_rate", "average_score", "upcoming_sessions"),
        "other rows decide it",
    ),
    SessionDetail: {
        "course": "`course_id`, and the course's own event",
        **dict.fromkeys(("enrolled_count", "available_spots"), "other rows decide it"),
    },
    OrganisationFields: {"admin": "a user of the organisation, who is no part of its row"},
}
"""What clients write or read beside a row, and which its events do without."""


async def of_course(connection: Connection, organisation: int, fields: CourseFields) -> dict[str, Any]:
    """What there is to read of a course with these fields."""
    await courses.start_ids_at(connection, 1)
    prerequisite = filled(CourseFields, external_id=None)
    await courses.insert(connection, organisation, prerequisite, None)  # course 1
    course_id = await courses.insert(connection, organisation, filled(CourseFields), None)
    await courses.update(connection, organisation, course_id, fields)
    [state] = await courses.states(connection, organisation, [course_id])
    stored = await courses.lock(connection, organisation, course_id)
    detail = await catalog_pages.course_detail(connection, organisation, course_id)
    assert stored
    assert detail
    _, items = await catalog_pages.course_page(organisation, CourseQuery()).alone(connection)
    return {"stored": stored[0], "event": _said(state), "detail": _document(detail.text), "list": _item(items)}


async def of_session(connection: Connection, organisation: int, fields: SessionFields) -> dict[str, Any]:
    course_id = await courses.insert(connection, organisation, filled(CourseFields), None)
    session_id = await sessions.insert(
        connection, organisation, fields.model_copy(update={"course_id": course_id, "session_name": "first"})
    )
    await sessions.update(connection, organisation, session_id, fields.model_copy(update={"course_id": course_id}))
    state = await sessions.state(connection, organisation, session_id)
    stored = await sessions.lock(connection, organisation, session_id)
    detail = await catalog_pages.session_detail(connection, organisation, session_id)
    assert state
    assert stored
    assert detail
    _, items = await catalog_pages.session_page(organisation, SessionQuery()).alone(connection)
    fields_as_given = stored[0].model_copy(update={"course_id": fields.course_id})
    return {"stored": fields_as_given, "event": _said(state), "detail": _document(detail.text), "list": _item(items)}


def _said(state: CourseState | SessionState) -> dict[str, Any]:
    return state.model_dump(exclude={"id", "course_id", "created_at"})


def _document(text: str) -> dict[str, Any]:
    return _without_keys(json.loads(text))


def _item(items: str) -> dict[str, Any]:
    *_, item = json.loads(items)
    return _without_keys(item)


def _without_keys(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("id", "course", "created_at")}


READ: Mapping[type, Any] = {CourseFields: of_course, SessionFields: of_session}


def first(model: type) -> Any:
    if model is not SessionFields:
        return filled(model)
    ends = {"start_date": MOMENT.replace(year=2030), "end_date": MOMENT.replace(year=2033)}
    window = {"enrollment_opens_at": MOMENT.replace(year=2029), "enrollment_closes_at": MOMENT.replace(year=2034)}
    return filled(model, meetings=[filled(MeetingFields, **ends)], **ends, **window)


async def unread(catalog: Database, model: type) -> dict[str, set[str]]:
    """By place: the fields that can change without it changing. What is stored is what was given, in any case."""
    missed: dict[str, set[str]] = {"event": set(), "detail": set(), "list": set()}
    seen: dict[str, set[str]] = {place: set() for place in missed}
    before = await _read_alone(catalog, model, first(model))
    for field, changed in changed_in_one_field(first(model)):
        if field in NEVER_CHANGED.get(model, {}):
            continue
        after = await _read_alone(catalog, model, changed)
        assert after["stored"] == changed
        for place in missed:
            (seen if before[place] != after[place] else missed)[place].add(field)
    return {place: missed[place] - seen[place] for place in missed}


async def _read_alone(catalog: Database, model: type, fields: Any) -> dict[str, Any]:
    organisation = new_organisation()
    async with transaction(catalog.pool, [organisation]) as connection:
        read: dict[str, Any] = await READ[model](connection, organisation, fields)
        return read


@pytest.mark.parametrize("model", [CourseFields, SessionFields], ids=["course", "session"])
async def test_every_field_that_clients_write_is_stored_told_and_shown_or_named_here(
    catalog: Database, model: type
) -> None:
    missed = await unread(catalog, model)
    assert missed["event"] == set()
    assert missed["detail"] == set()
    assert missed["list"] == IN_THE_DETAIL_ALONE[model]


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        (CourseFields, CourseState),
        (CourseFields, CourseDetail),
        (SessionFields, SessionState),
        (SessionFields, SessionDetail),
        (EmployeeFields, EmployeeState),
        (EmployeeFields, PersonItem),
        (RequirementFields, RequirementState),
        (RequirementFields, RequirementItem),
        (OrganisationSettings, SettingsState),
        (OrganisationFields, OrganisationState),
    ],
)
def test_every_field_that_is_told_or_shown_can_be_written_or_is_named_here(
    fields: type[BaseModel], read: type[BaseModel]
) -> None:
    assert read.model_fields.keys() - fields.model_fields.keys() == NOT_WRITTEN[read]


@pytest.mark.parametrize(
    ("model", "state"),
    [
        (CourseFields, CourseState),
        (CourseDetail, CourseState),
        (SessionFields, SessionState),
        (SessionDetail, SessionState),
        (EmployeeFields, EmployeeState),
        (PersonItem, EmployeeState),
        (RequirementFields, RequirementState),
        (RequirementItem, RequirementState),
        (OrganisationSettings, SettingsState),
        (OrganisationFields, OrganisationState),
    ],
)
def test_events_have_every_field_that_clients_write_or_read_but_those_named_here(
    model: type[BaseModel], state: type[State]
) -> None:
    assert model.model_fields.keys() - state.model_fields.keys() == NOT_TOLD.get(model, {}).keys()


async def test_a_course_is_told_with_its_creation(catalog: Database) -> None:
    organisation = new_organisation()
    async with transaction(catalog.pool, [organisation]) as connection:
        course_id = await courses.insert(connection, organisation, filled(CourseFields, prerequisites=[]), MOMENT)
        [state] = await courses.states(connection, organisation, [course_id])
    assert state.created_at == MOMENT


async def test_control_a_member_left_out_of_the_events_is_noticed(
    catalog: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, courses, "_STATES", "'validity_months', validity_months", "'validity_months', NULL")
    assert (await unread(catalog, CourseFields))["event"] == {"validity_months"}


async def test_control_a_member_left_out_of_the_detail_is_noticed(
    catalog: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, catalog_pages, "_COURSE_DETAIL", "'provider', c.provider,")
    assert (await unread(catalog, CourseFields))["detail"] == {"provider"}


async def test_every_state_of_an_enrollment_is_stored_and_shown_or_named_here(enrollment: Database) -> None:
    assert await lost(enrollment) == set()
    assert await lost(enrollment, shown=True) == SHOWN_ELSEWHERE.keys()


async def test_control_a_column_left_out_of_the_update_is_noticed(
    enrollment: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, enrollments, "_UPDATE", ", feedback = new.feedback")
    assert await lost(enrollment) == {"feedback"}


async def lost(database: Database, *, shown: bool = False) -> set[str]:
    """Fields of which a change is not stored, or not shown in the enrollment's representation."""
    organisation, missed, seen = new_organisation(), set[str](), set[str]()
    async with transaction(database.pool, [organisation]) as connection:
        state = await new_enrollment(connection, organisation)
        for field, changed in changed_in_one_field(filled(EnrollmentState, id=state.id)):
            if field in NEVER_CHANGED[EnrollmentState]:
                continue
            before = await written(connection, organisation, filled(EnrollmentState, id=state.id), shown)
            after = await written(connection, organisation, changed, shown)
            name = field.partition(".")[0]
            stored = shown or getattr(after, name) == getattr(changed, name)
            (seen if stored and before != after else missed).add(field)
    return missed - seen


async def new_enrollment(connection: Connection, organisation: int) -> EnrollmentState:
    """Of person 1 in session 1 of course 1; there is a second session too."""
    await catalog_replica.save_courses(connection, [CourseSaved(organisation, filled(CourseState))])
    both = [SessionSaved(organisation, filled(SessionState, id=number)) for number in (1, 2)]
    await catalog_replica.save_sessions(connection, both)
    person = NextVersion(None, Wanted(1, "employee", filled(EmployeeFields)))
    await people.save_people(connection, organisation, [person])
    new = NewEnrollment(organisation, 1, 1, 1, True, filled(EnrollmentState).enrolled_at)
    [state] = await seats.insert_enrollments(connection, [new])
    return state


async def written(connection: Connection, organisation: int, state: EnrollmentState, shown: bool) -> Any:
    """The enrollment's state, or what clients see of it, once this one is written."""
    await enrollments.update(connection, [(organisation, state)])
    if shown:
        document = await enrollment_pages.enrollment_detail(connection, organisation, state.id)
        assert document
        return json.loads(document.text)
    [event] = await snapshots.SNAPSHOTS["enrollments"].current(connection, [(organisation, state.id)])
    return event.data


async def test_every_field_of_a_person_is_stored_told_and_shown(enrollment: Database) -> None:
    for field, changed in changed_in_one_field(filled(EmployeeFields)):
        before, after = [await person_with(enrollment, fields) for fields in (filled(EmployeeFields), changed)]
        assert all(one != other for one, other in zip(before, after, strict=True)), field
        assert after[0].model_dump(include=set(EmployeeFields.model_fields)) == changed.model_dump()


async def person_with(database: Database, fields: EmployeeFields) -> tuple[EmployeeState, Any]:
    organisation = new_organisation()
    async with transaction(database.pool, [organisation]) as connection:
        state = None
        for each in (filled(EmployeeFields, full_name="first"), fields):
            following = NextVersion(state, Wanted(1, "employee", each, MOMENT))
            state = (await people.save_people(connection, organisation, [following]))[1]
        document = await people_pages.person_detail(connection, organisation, "employee", 1)
    assert state
    assert document
    return state, json.loads(document.text)
