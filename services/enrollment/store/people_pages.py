"""SQL of what clients read of people (store/pages.py says how)."""

from collections.abc import Sequence
from functools import cache

from services.enrollment.representations import person_row
from services.enrollment.schemas import PersonQuery
from shared.http.conditional import Document
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres import audit_trail
from shared.postgres.batched_reads import DEEP, PAGE_TYPES, PageRead, Statement, list_of, page_of
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped
from shared.postgres.text_search import has_words, word_arguments, word_conditions

PERSON_TRAILS = {
    type_: audit_trail.page_sql(
        audit_trail.entries_of("person"),
        f"EXISTS (SELECT FROM people WHERE organisation_id = $1 AND id = $2 AND type = '{type_}')",
    )
    for type_ in ("employee", "staff")
}
"""Those who were removed keep theirs."""

_PERSON_ITEM = """
    'id', p.id, 'type', p.type, 'employee_id', p.employee_id, 'full_name', p.full_name,
    'company', CASE WHEN p.company_id IS NOT NULL THEN
        json_build_object('id', p.company_id, 'name', p.company_name) END,
    'created_at', training_timestamp(p.created_at)
"""

_PERSON_FILTERS = {
    "company_id": ("p.company_id = :company_id", "bigint"),
    **{name: (each, "text") for name, each in word_conditions("p.searched").items()},
}

_PERSON_DETAIL = scoped(
    f"""
SELECT p.version, json_build_object({_PERSON_ITEM})::text AS document FROM people p
WHERE p.organisation_id = $1 AND p.type = $2 AND p.id = $3 AND NOT p.removed
""",  # noqa: S608 - made of constants
    ("bigint", "text", "bigint"),
)


def person_page(organisation_id: int, type_: str, query: PersonQuery, company_id: int | None) -> PageRead:
    """How many people match, and the page of them as JSON text."""
    asked = {"company_id": company_id, **word_arguments(query.search)}
    given = {name: value for name, value in asked.items() if value is not None}
    return PageRead(
        _person_statement(tuple(given)),
        (organisation_id, type_, *given.values(), query.per_page, query.offset),
        slow=has_words(tuple(given)) or query.offset > DEEP,
    )


@cache
def _person_statement(filters: tuple[str, ...]) -> Statement:
    conditions = ["p.organisation_id = :organisation_id AND NOT p.removed AND p.type = :type"]
    where = " AND ".join([*conditions, *(_PERSON_FILTERS[name][0] for name in filters)])
    if has_words(filters):
        # It can use its index in a view alone (decision 10).
        found = f"SELECT p.id FROM people_in_scope p WHERE {where}"  # noqa: S608 - made of constants
        page = _list_of_people("SELECT count(*) FROM matched", "SELECT id FROM matched")
        text = f"WITH matched AS MATERIALIZED ({found}) {page}"
    else:
        ids = f"SELECT p.id FROM people p WHERE {where}"  # noqa: S608 - made of constants
        text = _list_of_people(_total_of_people(filters), ids)
    types = {"organisation_id": "bigint", "type": "text", **{name: _PERSON_FILTERS[name][1] for name in filters}}
    return Statement(text, types | PAGE_TYPES)


def _list_of_people(total: str, ids: str) -> str:
    return list_of(
        total=total,
        page=page_of(ids, "id", MAX_PER_PAGE),
        joins="JOIN people p ON p.organisation_id = :organisation_id AND p.id = page.id",
        item=f"json_build_object({_PERSON_ITEM})",
        order="p.id",
    )


def _total_of_people(filters: Sequence[str]) -> str:
    company = ":company_id" if "company_id" in filters else "0"
    return f"""
        SELECT coalesce(sum(t.total), 0)::bigint FROM people_totals t
        WHERE t.organisation_id = :organisation_id AND t.company_id = {company} AND t.type = :type
    """  # noqa: S608 - made of constants


async def person_detail(connection: Connection, organisation_id: int, type_: str, person_id: int) -> Document | None:
    """The person, unless they are removed or of the other type."""
    row = await connection.fetchrow(_PERSON_DETAIL, organisation_id, type_, person_id)
    key = person_row(organisation_id, person_id)
    return None if row is None else Document(key, row["version"], row["document"])
