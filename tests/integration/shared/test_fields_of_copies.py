"""Every field of every event's state arrives in every copy of it, unless it is named here with the reason why not.

Which fields there are comes from the states, and which copies from the services' projections: who adds a field or a
copy and forgets a statement fails here.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

import services.catalog.store.counts
import services.enrollment.store.catalog_replica
import services.history.store.copies
import services.history.store.pages
import shared.projections.settings_copy
from services.history.schemas import HistoryQuery
from shared.events.states import (
    Attendance,
    CourseState,
    EmployeeState,
    EnrollmentState,
    Facilitator,
    RecordState,
    Remembered,
    RememberedRecord,
    SessionState,
    SettingsState,
    State,
)
from shared.events.types import (
    CourseSaved,
    EmployeeSaved,
    EnrollmentCreated,
    Event,
    RecordSubmitted,
    SessionSaved,
    SettingsSaved,
)
from shared.messaging.subscriptions import apply
from shared.postgres.pool import Connection, transaction
from shared.projections.comparison import NOTED, ReplicaTable
from tests.support.client import new_organisation
from tests.support.fields import changed_in_one_field, filled
from tests.support.guards import without
from tests.support.projections import Database, insert_sessions
from tests.support.services import PROJECTIONS

Read = Callable[[Connection, int], Awaitable[Any]]

EVENTS: Mapping[str, type[Event[Any]]] = {
    "courses": CourseSaved,
    "sessions": SessionSaved,
    "people": EmployeeSaved,
    "enrollments": EnrollmentCreated,
    "settings": SettingsSaved,
}
ELSEWHERE = "training done elsewhere"
"""In history a record beside those of enrollments, with which it shares the ids."""
STATES: Mapping[str, type[State]] = {
    "courses": CourseState,
    "sessions": SessionState,
    "people": EmployeeState,
    "enrollments": EnrollmentState,
    "settings": SettingsState,
    ELSEWHERE: RecordState,
}
CHANGED: Mapping[str, Mapping[str, Any]] = {
    "courses": {"delivery_mode": "online"},
    "enrollments": {
        "status": "completed",
        "holds_seat": True,
        "remembered": dict(filled(Remembered, delivery_mode="online")),
    },
    ELSEWHERE: {
        "status": "accepted",
        "passed": True,
        "remembered": dict(filled(RememberedRecord, delivery_mode="online")),
    },
}
"""Of the row that is changed, where another value would hide a change: a completion shows whether it passed."""
FIRST: Mapping[str, Mapping[str, Any]] = {"enrollments": {**CHANGED["enrollments"], "remembered": None}}
"""Of the rows beside it: an online course would hide where its sessions are, and what is remembered all copies."""
CLOSED: Mapping[str, Mapping[str, Any]] = {"enrollments": CHANGED["enrollments"]}
CLOSED_FOLLOW: Mapping[str, set[str]] = {
    "courses": set(),
    "sessions": set(),
    "people": {"full_name", "type", "removed"},
}
"""Fields that even a closed record shows as they are now: it is the same person's."""
SECOND: Mapping[str, Mapping[str, Any]] = {"courses": {"title": "two"}, "sessions": {"session_name": "two"}}
"""By which a row that belongs to others than before is distinguished from the first."""

_KEY = {"id": "the key", "version": "compared before anything is written"}
_KEPT = "a closed record keeps what it remembers, whatever an event of the release before does not say"
_JUDGED = "the enrollment has passed or failed already"
_REMEMBERED = ("remembered", *(f"remembered.{name}" for name, _ in changed_in_one_field(filled(Remembered))))
_ENROLLING = "enrolling alone asks for it"
_NO_RULE = "no rule of enrolling asks for it"
_ABOUT_COURSES = (
    "duration_hours", "cost_per_participant", "provider", "provider_name", "description", "created_at", "external_id",
)  # fmt: skip
_FACILITATOR = ("facilitator", *(f"facilitator.{name}" for name in Facilitator.model_fields))
_IN_TRAININGS = "in the list of trainings"
_ATTENDANCE = tuple(f"attendance.{name}" for name in Attendance.model_fields)

_OF_ENROLLMENT: Mapping[str, str] = {
    "booking_clash": _ENROLLING,
    "issuer_name": "certificates are enrollment's",
    "language": "certificates are enrollment's",
}
NOT_COPIED: Mapping[str, Mapping[str, str]] = {
    "enrollment: courses": {
        "category": _NO_RULE,
        **dict.fromkeys(_ABOUT_COURSES, _NO_RULE),
    },
    "enrollment: sessions": {"external_id": _NO_RULE},
    "history: courses": {
        "category": "no record shows it",
        **dict.fromkeys(set(_ABOUT_COURSES) - {"description"}, "no record shows it"),
        "pass_score": "the enrollment has passed or failed already",
        "validity_months": "the enrollment says until when it is valid",
        "renewal_window_days": "the enrollment says until when it is valid",
        "prerequisites": "no record shows them",
    },
    "history: sessions": {
        "end_date": "no record shows it",
        **dict.fromkeys((*_FACILITATOR, "external_id"), "no record shows it"),
    },
    "history: people": {
        "employee_id": "a record names people by id and name",
        "erased_at": "whoever was erased is blank and removed for good",
        "created_at": "no record shows it",
    },
    "history: records": {
        "judged_by": _JUDGED,
        "judged_by.pass_score": _JUDGED,
        "judged_by.validity_months": _JUDGED,
        "judged_by.time_zone": _JUDGED,
        "judged_by.renewal_window_days": _JUDGED,
        "judged_by.held_until": _JUDGED,
        "certifies": "a record shows what has passed, and until when it is valid",
        "feedback": "between the participant and who trained them",
        "certificate_url": "no record shows it",
        "enrolled_at": "no record shows it",
        "remembered": _KEPT,
    },
    ELSEWHERE: {
        **dict.fromkeys(("certifies", "certificate_url", "evidence", "reason", "key"), "no record shows it"),
        **dict.fromkeys(("submitted_at", "submitted_by.subject", "submitted_by.name"), "no record shows it"),
        **dict.fromkeys(("decided_at", "decided_by", "decided_by.subject", "decided_by.name"), "no record shows it"),
        "remembered": _KEPT,
    },
    "catalog: enrollments": {
        "employee_id": "counts are of all people",
        **dict.fromkeys(
            (
                "passed",
                "feedback",
                "certificate_url",
                "enrolled_at",
                "completed_at",
                "valid_until",
                "checked_in_at",
                "check_in_method",
                *_REMEMBERED,
                *_ATTENDANCE,
                "judged_by",
                "judged_by.pass_score",
                "judged_by.validity_months",
                "judged_by.time_zone",
                "judged_by.renewal_window_days",
                "judged_by.held_until",
                "certifies",
            ),
            "nothing is counted by it",
        ),
    },
    "catalog: organisation_settings": _OF_ENROLLMENT,
    "history: organisation_settings": _OF_ENROLLMENT,
}

NOT_SHOWN: Mapping[str, Mapping[str, str]] = {
    "courses": {"labels.id": "a filter", **dict.fromkeys(("description", "removed"), _IN_TRAININGS)},
    "sessions": {
        "projects.id": "a filter",
        "start_date": "a filter, and the order of the records",
        **dict.fromkeys(
            (
                "course_id",
                "max_participants",
                "status",
                "enrollment_opens_at",
                "enrollment_closes_at",
                "removed",
            ),
            _IN_TRAININGS,
        ),
    },
    "people": {"company.id": "a filter", "merged_into": "an answer without records names that person"},
    "enrollments": {
        "course_id": "a closed record shows what it remembers of its course",
        "holds_seat": _IN_TRAININGS,
        "score": "for processes of the release before, to which each score was passed",
        "remembered.labels.id": "a filter",
        "remembered.projects.id": "a filter",
        "remembered.company.id": "a filter",
        "remembered.location": "no venue of an online record",
        "remembered.meetings.location": "no venue of an online record",
    },
    "settings": {"time_zone": "the days of filters"},
    ELSEWHERE: {
        "course_id": "a closed record shows what it remembers of its course",
        "training_name": "a closed record shows what it remembers",
        "score": "for processes of the release before",
        "remembered.labels.id": "a filter",
        "remembered.company.id": "a filter",
    },
}
"""What history copies, and the records that it answers do not show."""

REPLICAS = [(service, replica) for service, projection in PROJECTIONS.items() for replica in projection.replicas]


def name_of(service: str, replica: ReplicaTable) -> str:
    return f"{service}: {replica.table}"


def kind_of(replica: ReplicaTable) -> str:
    """Of the rows that are in all copies; history's records have others beside them."""
    return "enrollments" if replica.kind == "records" else replica.kind


def event_of(kind: str) -> type[Event[Any]]:
    return RecordSubmitted if kind == ELSEWHERE else EVENTS[kind]


def others(organisation: int, kind: str, first: Mapping[str, Any]) -> list[Event[Any]]:
    """Two rows of each kind, the first ones belonging to each other; without the first of `kind`."""
    return [
        EVENTS[each](organisation, filled(STATES[each], id=number, version=1, **given.get(each, {})))
        for each in EVENTS
        for number, given in ((1, first), (2, SECOND))
        if (each, number) != (kind, 1) and (kind, each) != (ELSEWHERE, "enrollments")
    ]


async def not_followed(
    database: Database,
    service: str,
    kind: str,
    read: Read,
    model: type[State] | None = None,
    first: Mapping[str, Any] = FIRST,
) -> set[str]:
    """Fields of the state that can change without what is read changing."""
    fields, followed = set[str](), set[str]()
    state = filled(model or STATES[kind], id=1, version=1, **CHANGED.get(kind, {}))
    subscriptions = PROJECTIONS[service].subscriptions
    for field, changed in changed_in_one_field(state):
        organisation = new_organisation()
        if service == "catalog":
            await insert_sessions(database, organisation, {1: 1, 2: 2})
        async with transaction(database.pool, [organisation]) as connection:
            await apply(
                connection, subscriptions, [*others(organisation, kind, first), event_of(kind)(organisation, state)]
            )
            before = await read(connection, organisation)
            newer = changed.model_copy(update={"id": 1, "version": 2})
            await apply(connection, subscriptions, [event_of(kind)(organisation, newer)])
            after = await read(connection, organisation)
        fields.add(field)
        if before != after:
            followed.add(field)
    return fields - followed - _KEY.keys()


def rows_of(replica: ReplicaTable) -> Read:
    async def read(connection: Connection, organisation: int) -> Any:
        rows = await connection.fetch(
            f"SELECT * FROM {replica.table} WHERE organisation_id = $1 ORDER BY id", organisation
        )
        not_copied = {"version", *replica.own_columns, *NOTED}
        return [{name: value for name, value in row.items() if name not in not_copied} for row in rows]

    return read


async def records(connection: Connection, organisation: int) -> Any:
    """The first person's, as clients get them."""
    return await services.history.store.pages.history_page(organisation, 1, "employee", HistoryQuery(), None).alone(
        connection
    )


async def counts(connection: Connection, organisation: int) -> Any:
    sessions = "SELECT id, enrolled_count FROM sessions WHERE organisation_id = $1 ORDER BY id"
    courses = """
        SELECT id, total_enrollments, total_completed, total_scored, score_sum FROM courses
        WHERE organisation_id = $1 ORDER BY id
    """
    return [await connection.fetch(sql, organisation) for sql in (sessions, courses)]


@pytest.fixture
def databases(catalog: Database, enrollment: Database, history: Database) -> Mapping[str, Database]:
    return {"catalog": catalog, "enrollment": enrollment, "history": history}


@pytest.mark.parametrize(("service", "replica"), REPLICAS, ids=[name_of(*each) for each in REPLICAS])
async def test_every_field_arrives_in_the_copy_or_is_named_here(
    databases: Mapping[str, Database], service: str, replica: ReplicaTable
) -> None:
    missed = await not_followed(databases[service], service, kind_of(replica), rows_of(replica))
    assert missed == NOT_COPIED[name_of(service, replica)].keys()


async def test_every_field_of_training_done_elsewhere_arrives_or_is_named_here(history: Database) -> None:
    [replica] = [each for each in PROJECTIONS["history"].replicas if each.table == "records"]
    copied = await not_followed(history, "history", ELSEWHERE, rows_of(replica))
    assert copied == NOT_COPIED[ELSEWHERE].keys()
    shown = await not_followed(history, "history", ELSEWHERE, records)
    assert shown == NOT_COPIED[ELSEWHERE].keys() | NOT_SHOWN[ELSEWHERE].keys()


@pytest.mark.parametrize("replica", PROJECTIONS["history"].replicas, ids=lambda replica: replica.table)
async def test_every_field_that_history_copies_is_shown_in_its_records_or_named_here(
    history: Database, replica: ReplicaTable
) -> None:
    missed = await not_followed(history, "history", kind_of(replica), records)
    assert missed == NOT_COPIED[name_of("history", replica)].keys() | NOT_SHOWN[kind_of(replica)].keys()


@pytest.mark.parametrize(("kind", "followed"), CLOSED_FOLLOW.items(), ids=list(CLOSED_FOLLOW))
async def test_a_closed_record_remembers_every_field_or_it_is_named_here(
    history: Database, kind: str, followed: set[str]
) -> None:
    fields = {field for field, _ in changed_in_one_field(filled(STATES[kind]))} - _KEY.keys()
    missed = await not_followed(history, "history", kind, records, first=CLOSED)
    assert fields - missed == followed


async def test_every_field_that_the_catalog_copies_is_counted(catalog: Database) -> None:
    missed = await not_followed(catalog, "catalog", "enrollments", counts)
    assert missed == NOT_COPIED["catalog: enrollments"].keys()


class CourseWithOneMore(CourseState):
    one_more: str | None = None


@pytest.mark.parametrize("service", ["enrollment", "history"])
async def test_control_a_field_that_nobody_copies_is_noticed(databases: Mapping[str, Database], service: str) -> None:
    [courses] = [replica for replica in PROJECTIONS[service].replicas if replica.kind == "courses"]
    missed = await not_followed(databases[service], service, "courses", rows_of(courses), CourseWithOneMore)
    assert missed == NOT_COPIED[name_of(service, courses)].keys() | {"one_more"}


@pytest.mark.parametrize(
    ("service", "table", "store", "statement", "assignment", "field"),
    [
        ("enrollment", "courses", services.enrollment.store.catalog_replica, "_SAVE_COURSES", "title", "title"),
        ("enrollment", "sessions", services.enrollment.store.catalog_replica, "_SAVE_SESSIONS", "location", "location"),
        ("history", "courses", services.history.store.copies, "_SAVE_COURSES", "online", "delivery_mode"),
        ("history", "sessions", services.history.store.copies, "_SAVE_SESSIONS", "location", "location"),
        ("history", "people", services.history.store.copies, "_SAVE_PEOPLE", "full_name", "full_name"),
        ("history", "records", services.history.store.copies, "_SAVE_RECORDS", "valid_until", "valid_until"),
        ("history", "organisation_settings", shared.projections.settings_copy, "_SAVE", "time_zone", "time_zone"),
        ("catalog", "enrollments", services.catalog.store.counts, "_APPLY_ENROLLMENTS", "score", "score"),
    ],
)
async def test_control_a_column_left_out_of_one_statement_is_noticed(
    databases: Mapping[str, Database],
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    table: str,
    store: Any,
    statement: str,
    assignment: str,
    field: str,
) -> None:
    source = "new" if table == "enrollments" else "excluded"
    without(monkeypatch, store, statement, f", {assignment} = {source}.{assignment}")
    [replica] = [each for each in PROJECTIONS[service].replicas if each.table == table]
    missed = await not_followed(databases[service], service, kind_of(replica), rows_of(replica))
    assert missed == NOT_COPIED[name_of(service, replica)].keys() | {field}
