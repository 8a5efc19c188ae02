"""SQL of the list of trainings: the sessions of what is taught in person, and the courses that are taught online.

An online course is one training, with all of its sessions that are not over. Rows of two kinds are in one list, so a
walk goes by twice the id, and one more for a course.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from services.history.schemas import TrainingQuery
from shared.auth.sight import Sight
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres.batched_reads import PageRead, Statement, array_text
from shared.postgres.lists import Window, list_of, page_of, to_end_of_page
from shared.postgres.local_days import LISTED, day_of, zone_of

_LAST: Final = 2**62
_GOES_ON = "status IN ('scheduled', 'in_progress')"
_OF_COURSE = "o.organisation_id = c.organisation_id AND o.course_id = c.id AND NOT o.removed"
_TAKEN = """(SELECT count(*) FROM records r WHERE r.organisation_id = {of}.organisation_id AND r.session_id = {of}.id
    AND coalesce(r.holds_seat, r.status NOT IN ('waitlisted', 'cancelled')))"""
_TAKES_PEOPLE = """({of}.status = 'scheduled' AND coalesce({of}.enrollment_opens_at <= now(), true)
    AND coalesce({of}.enrollment_closes_at > now(), true))"""


class _Kind(NamedTuple):
    """How one of the two is found: `c` is the row of its course, `s` that of its session, or of the next to come."""

    key: str
    rows: str
    earlier: str
    """What a step begins with, in the `order` of the ids."""
    order: str
    of_project: str
    of_status: Mapping[str, str]
    """The others are none of them."""
    sessions: str
    records: str
    """Both end in a WHERE clause, about the rows `o` and `r` that it shows."""


_SESSION: Final = _Kind(
    key="2 * s.id",
    rows="""
        FROM sessions s JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id
        WHERE s.organisation_id = :organisation_id AND NOT s.removed AND NOT c.online
    """,
    earlier=f"s.id < CASE :after WHEN 0 THEN {_LAST} ELSE (:after + 1) / 2 END",
    order="s.id DESC",
    of_project=":project_id = ANY(s.project_ids)",
    of_status={
        "confirmed": f"s.{_GOES_ON}",
        "completed": "s.status = 'completed'",
        "cancelled": "s.status = 'cancelled'",
        "upcoming": f"s.{_GOES_ON} AND s.start_date > now()",
    },
    sessions="sessions o WHERE o.organisation_id = s.organisation_id AND o.id = s.id",
    records="records r WHERE r.organisation_id = s.organisation_id AND r.session_id = s.id",
)
_COURSE: Final = _Kind(
    key="2 * c.id + 1",
    rows=f"""
        FROM courses c CROSS JOIN LATERAL (
            SELECT min(o.start_date) AS start_date FROM sessions o
            WHERE {_OF_COURSE} AND o.status = 'scheduled' AND o.start_date > now()
        ) s
        WHERE c.organisation_id = :organisation_id AND NOT c.removed AND c.online
    """,  # noqa: S608 - of constants
    earlier=f"c.id < CASE :after WHEN 0 THEN {_LAST} ELSE :after / 2 END",
    order="c.id DESC",
    of_project=f"""EXISTS (
        SELECT FROM sessions o WHERE {_OF_COURSE} AND o.{_GOES_ON} AND :project_id = ANY(o.project_ids))""",
    of_status={"confirmed": "true", "upcoming": "s.start_date IS NOT NULL"},
    sessions=f"sessions o WHERE {_OF_COURSE}",
    records=f"""sessions o JOIN records r ON r.organisation_id = o.organisation_id AND r.session_id = o.id
        WHERE {_OF_COURSE}""",
)
_KINDS: Final = {"offline": (_SESSION,), "online": (_COURSE,), "all": (_SESSION, _COURSE)}

_DAY = day_of("s.start_date", zone_of(LISTED))
_FILTERS = {
    "label_id": (":label_id = ANY(c.label_ids)", "bigint"),
    "date_from": (f"{_DAY} >= :date_from", "date"),
    "date_to": (f"{_DAY} <= :date_to", "date"),
    "project_id": ("{of_project}", "bigint"),
    "person_id": ("r.employee_id = :person_id", "bigint"),
    "entity_type": ("p.type = :entity_type", "text"),
}
"""Condition and type, by the field of the query."""
_OF_PEOPLE = ("person_id", "entity_type")
_SIGHT_TYPES = {"own_person": "bigint", "companies": "text"}
_IN_SIGHT = "(p.id = :own_person OR p.company_id = ANY (:companies::bigint[]) AND NOT p.removed)"
# Who has cancelled attends none.
_ATTENDED = "EXISTS (SELECT FROM {records} AND r.status <> 'cancelled' AND {people})"
_PERSON = "EXISTS (SELECT FROM people p WHERE p.organisation_id = r.organisation_id AND p.id = r.employee_id AND {})"

_SESSION_SHOWN = f"""
    SELECT 'S' || s.id AS id, 'offline' AS type, c.title, c.description, s.start_date, s.location,
        CASE WHEN s.{_GOES_ON} THEN 'confirmed' ELSE s.status END AS status, s.max_participants AS total_seats,
        {_TAKEN.format(of="s")} AS occupied_seats, {_TAKES_PEOPLE.format(of="s")} AS self_register,
        s.project_names, c.label_names
    {_SESSION.rows} AND page.key % 2 = 0 AND s.id = page.key / 2
"""
_COURSE_SHOWN = f"""
    SELECT 'C' || c.id, 'online', c.title, c.description, s.start_date, NULL, 'confirmed',
        (SELECT coalesce(sum(o.max_participants), 0) FROM sessions o WHERE {_OF_COURSE} AND o.{_GOES_ON}),
        (SELECT coalesce(sum({_TAKEN.format(of="o")}), 0) FROM sessions o WHERE {_OF_COURSE} AND o.{_GOES_ON}),
        EXISTS (SELECT FROM sessions o WHERE {_OF_COURSE} AND {_TAKES_PEOPLE.format(of="o")}),
        (SELECT coalesce(jsonb_agg(DISTINCT project.name), '[]')
            FROM sessions o CROSS JOIN LATERAL jsonb_array_elements(o.project_names) AS project (name)
            WHERE {_OF_COURSE} AND o.{_GOES_ON}),
        c.label_names
    {_COURSE.rows} AND page.key % 2 = 1 AND c.id = page.key / 2
"""  # noqa: S608 - of constants
_JOINS = f"CROSS JOIN LATERAL ({_SESSION_SHOWN} UNION ALL {_COURSE_SHOWN}) AS training"
_ITEM = """json_build_object('id', training.id, 'type', training.type, 'name', training.title,
    'description', training.description, 'status', training.status, 'date', history_timestamp(training.start_date),
    'venue', training.location, 'total_seats', training.total_seats, 'occupied_seats', training.occupied_seats,
    'self_register', training.self_register, 'projects', training.project_names, 'labels', training.label_names)"""
_NEWEST_FIRST = "training_date DESC NULLS LAST, key"


def trainings_page(organisation_id: int, query: TrainingQuery, sight: Sight) -> PageRead:
    """How many trainings match, and the page of them as JSON text.

    They are about nobody. People they are asked for by are looked for among those in sight alone.
    """
    given = {name: value for name in _FILTERS if (value := getattr(query, name)) is not None}
    of_all_people = sight.everybody or given.keys().isdisjoint(_OF_PEOPLE)
    of_sight = () if of_all_people else (sight.person or 0, array_text(sight.companies))
    statement = _statement(tuple(given), query.type, query.status, query.window, of_all_people=of_all_people)
    is_short = not (given or query.status or query.window.is_counted or query.window.is_since)
    return PageRead(statement, (organisation_id, *of_sight, *given.values(), *query.place), slow=not is_short)


@cache
def _statement(
    filters: tuple[str, ...], type_: str, status: str | None, window: Window, *, of_all_people: bool
) -> Statement:
    types = {"organisation_id": "bigint"} | ({} if of_all_people else _SIGHT_TYPES)
    types |= {name: _FILTERS[name][1] for name in filters}
    found = [(kind, _found(kind, filters, status, window, of_all_people)) for kind in _KINDS[type_]]
    matched = " UNION ALL ".join(text for _, text in found)
    if window.is_step:
        steps = (to_end_of_page(f"{text} AND {kind.earlier}", kind.order, window) for kind, text in found)
        ids = f"SELECT * FROM ({' UNION ALL '.join(steps)}) AS step"  # noqa: S608 - of constants
        total = f"SELECT count(*) FROM ({matched}) AS matched"  # noqa: S608 - of constants
        text = _list(total, page_of(ids, "key DESC", MAX_PER_PAGE, window), "key DESC", window)
    else:
        page = page_of("SELECT key, training_date FROM matched", _NEWEST_FIRST, MAX_PER_PAGE)
        listed = _list("SELECT count(*) FROM matched", page, _NEWEST_FIRST, window)
        text = f"WITH matched AS MATERIALIZED ({matched}) {listed}"
    return Statement(text, types | window.types)


def _list(total: str, page: str, order: str, window: Window) -> str:
    return list_of(total=total, page=page, joins=_JOINS, item=_ITEM, order=order, window=window, key="key")


def _found(kind: _Kind, filters: tuple[str, ...], status: str | None, window: Window, of_all_people: bool) -> str:
    """A SELECT of keys and dates that ends in a WHERE clause."""
    conditions = [_FILTERS[name][0] for name in filters if name not in _OF_PEOPLE]
    conditions += [] if status is None else [kind.of_status.get(status, "false")]
    conditions += _attended(kind, filters, of_all_people) + _changed(kind, window)
    found = f"SELECT {kind.key} AS key, s.start_date AS training_date {kind.rows}"
    return " AND ".join([found, *(condition.format(of_project=kind.of_project) for condition in conditions)])


def _attended(kind: _Kind, filters: tuple[str, ...], of_all_people: bool) -> list[str]:
    """The condition that somebody attends whom the filters describe, and who is in sight."""
    asked = [_FILTERS[name][0] for name in filters if name == "person_id"]
    of_person = [_FILTERS[name][0] for name in filters if name == "entity_type"] + (
        [] if of_all_people else [_IN_SIGHT]
    )
    asked += [_PERSON.format(" AND ".join(of_person))] if of_person else []
    return [_ATTENDED.format(records=kind.records, people=" AND ".join(asked))] if asked else []


def _changed(kind: _Kind, window: Window) -> list[str]:
    """A training has changed when its course, a session or a record of it has."""
    if not window.is_since:
        return []
    of_rows = [
        f"EXISTS (SELECT FROM {rows} AND {changed})"
        for rows, row in ((kind.sessions, "o"), (kind.records, "r"))
        for changed in window.changed(row)
    ]
    return [f"({' OR '.join([*window.changed('c'), *of_rows])})"]
