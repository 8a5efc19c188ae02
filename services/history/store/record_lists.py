"""SQL of the list of all people's records: rows as the histories show them, found by the same filters."""

from collections.abc import Sequence
from functools import cache

from services.history.schemas import RecordQuery
from services.history.store.pages import FILTERS, RECORD, RECORDS, SHOWN, STATUS, TRAINING_MOMENT, filters_of
from shared.auth.sight import Sight
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres.batched_reads import PageRead, Statement, array_text
from shared.postgres.lists import Window, list_of, page_of, to_end_of_page

_FILTERS = {**FILTERS, "entity_type": ("p.type = :entity_type", "text")}

# Who left a company, or the organisation, is in that company's sight no more. Everybody's records stay.
_SIGHT_TYPES = {"own_person": "bigint", "companies": "text"}
_IN_SIGHT = """r.employee_id IN (
    SELECT id FROM people
    WHERE organisation_id = :organisation_id AND company_id = ANY (:companies::bigint[]) AND NOT removed
    UNION SELECT :own_person)"""

_FOUND = f"SELECT r.id, {TRAINING_MOMENT} AS training_date {RECORDS}"
_JOINS = f"JOIN (SELECT {SHOWN} {RECORDS}) AS record USING (id)"
_NEWEST_FIRST = "training_date DESC, id"

# The newest are walked in two indexes: what is completed by its completion, the rest by when its session starts.
_COMPLETED = """
    SELECT r.id, r.completed_at AS training_date FROM records r
    WHERE r.organisation_id = :organisation_id AND r.completed_at IS NOT NULL
"""
_NOT_COMPLETED = """
    SELECT r.id, s.start_date AS training_date
    FROM sessions s JOIN records r ON r.organisation_id = s.organisation_id AND r.session_id = s.id
    WHERE s.organisation_id = :organisation_id AND r.completed_at IS NULL
"""
_ALL = "SELECT count(*) FROM records r WHERE r.organisation_id = :organisation_id"


def records_page(organisation_id: int, query: RecordQuery, sight: Sight) -> PageRead:
    """How many records in sight match, and the page of them as JSON text.

    What is found by a filter is found, and counted, among all of the organisation's records: with patience.
    """
    given = filters_of(query, query.company_id)
    given |= {} if query.entity_type is None else {"entity_type": query.entity_type}
    of_sight = () if sight.everybody else (sight.person or 0, array_text(sight.companies))
    window = query.window
    statement = _statement(tuple(given), query.status, window, everybody=sight.everybody)
    is_short = sight.everybody and not (given or query.status or window.is_counted or window.is_since)
    return PageRead(statement, (organisation_id, *of_sight, *given.values(), *query.place), slow=not is_short)


@cache
def _statement(filters: tuple[str, ...], status: str | None, window: Window, *, everybody: bool) -> Statement:
    conditions = [] if everybody else [_IN_SIGHT]
    conditions += [_FILTERS[name][0] for name in filters] + ([STATUS[status]] if status else []) + window.changed("r")
    types = {"organisation_id": "bigint"} | ({} if everybody else _SIGHT_TYPES)
    types |= {name: _FILTERS[name][1] for name in filters}
    return Statement(_listed(conditions, window), types | window.types)


def _listed(conditions: Sequence[str], window: Window) -> str:
    found = " AND ".join([_FOUND, *conditions])
    if window.is_step:
        ids = found + window.start("r.id", newest_first=True)
        total = f"SELECT count(*) FROM ({found}) AS matched"  # noqa: S608 - of constants
        return _list(total, page_of(ids, "id DESC", MAX_PER_PAGE, window), "id DESC", window)
    if not conditions:
        return _list(_ALL, page_of(_newest(window), _NEWEST_FIRST, MAX_PER_PAGE), _NEWEST_FIRST, window)
    page = page_of("SELECT id, training_date FROM matched", _NEWEST_FIRST, MAX_PER_PAGE)
    listed = _list("SELECT count(*) FROM matched", page, _NEWEST_FIRST, window)
    return f"WITH matched AS MATERIALIZED ({found}) {listed}"


def _newest(window: Window) -> str:
    parts = (to_end_of_page(part, _NEWEST_FIRST, window) for part in (_COMPLETED, _NOT_COMPLETED))
    return " UNION ALL ".join(parts)


def _list(total: str, page: str, order: str, window: Window) -> str:
    return list_of(total=total, page=page, joins=_JOINS, item=RECORD, order=order, window=window)
