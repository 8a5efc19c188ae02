"""SQL of what clients read of people (store/pages.py says how)."""

from collections.abc import Sequence
from functools import cache

from services.enrollment.representations import person_row
from services.enrollment.schemas import PersonQuery
from services.enrollment.store.sights import SIGHT_TYPES, in_sight, sight_arguments
from shared.auth.sight import EVERYBODY, Sight
from shared.http.conditional import Document
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres import audit_trail
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Shown, Window, list_of, list_of_found, page_of, to_end_of_page
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped
from shared.postgres.text_search import has_words, word_arguments, word_conditions

PERSON_TRAILS = {
    type_: audit_trail.Trail(
        audit_trail.entries_of("person"),
        f"EXISTS (SELECT FROM people WHERE organisation_id = :organisation_id AND id = :id AND type = '{type_}')",
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

_PEOPLE = Shown(
    joins="JOIN people p ON p.organisation_id = :organisation_id AND p.id = page.id",
    item=f"json_build_object({_PERSON_ITEM})",
)

_PERSON_FILTERS = {
    "company_id": ("p.company_id = :company_id", "bigint"),
    **{name: (each, "text") for name, each in word_conditions("p.searched").items()},
}

_PERSON = f"""
SELECT p.version, json_build_object({_PERSON_ITEM})::text AS document FROM people p
WHERE p.organisation_id = $1 AND p.type = $2 AND p.id = $3 AND NOT p.removed
"""  # noqa: S608 - made of constants
_PERSON_DETAIL = scoped(_PERSON, ("bigint", "text", "bigint"))
_PERSON_DETAIL_IN_SIGHT = scoped(
    f"{_PERSON} AND {in_sight('$4', '$5')}", ("bigint", "text", "bigint", *SIGHT_TYPES.values())
)


def person_page(
    organisation_id: int, type_: str, query: PersonQuery, company_id: int | None, sight: Sight = EVERYBODY
) -> PageRead:
    """How many people in sight match, and the page of them as JSON text."""
    asked = {"company_id": company_id, **word_arguments(query.search)}
    given = {name: value for name, value in asked.items() if value is not None}
    of_sight = () if sight.everybody else sight_arguments(sight)
    return PageRead(
        _person_statement(tuple(given), query.window, everybody=sight.everybody),
        (organisation_id, type_, *of_sight, *given.values(), *query.place),
        slow=has_words(tuple(given)) or query.window.is_since or query.offset > DEEP,
    )


@cache
def _person_statement(filters: tuple[str, ...], window: Window, *, everybody: bool) -> Statement:
    conditions = ["p.organisation_id = :organisation_id AND NOT p.removed AND p.type = :type"]
    where = " AND ".join([*conditions, *(_PERSON_FILTERS[name][0] for name in filters), *window.changed("p")])
    if has_words(filters) or window.is_since:
        # It can use its index in a view alone (decision 10).
        people = "people_in_scope" if has_words(filters) else "people"
        seen = "true" if everybody else in_sight()
        found = f"SELECT p.id FROM {people} p WHERE {where} AND {seen}"  # noqa: S608 - made of constants
        text = list_of_found(found, "p.id", MAX_PER_PAGE, **_PEOPLE, window=window)
    elif everybody:
        ids = f"SELECT p.id FROM people p WHERE {where}{window.start('p.id')}"  # noqa: S608 - made of constants
        company = ":company_id" if "company_id" in filters else "0"
        text = _list_of_people(_total_of_people(f"t.company_id = {company}"), ids, window)
    else:
        text = _list_in_sight(where, filters, window)
    types = {"organisation_id": "bigint", "type": "text"} | ({} if everybody else SIGHT_TYPES)
    return Statement(text, {**types, **{name: _PERSON_FILTERS[name][1] for name in filters}, **window.types})


def _list_in_sight(where: str, filters: Sequence[str], window: Window) -> str:
    """Each company's people as far as the page ends, and the caller, who may be none of them."""
    people, start = f"SELECT p.id FROM people p WHERE {where}", window.start("p.id")  # noqa: S608 - made of constants
    of_companies = f"""
        SELECT person.id FROM unnest(:companies::bigint[]) AS company (id)
        CROSS JOIN LATERAL {to_end_of_page(f"{people} AND p.company_id = company.id{start}", "id", window)} person
    """  # noqa: S608 - made of constants
    oneself = f"{people} AND p.id = :own_person AND (p.company_id = ANY (:companies::bigint[])) IS NOT TRUE"
    asked = ["t.company_id = :company_id"] if "company_id" in filters else []
    total = _total_of_people("t.company_id = ANY (:companies::bigint[])", *asked)
    ids = f"SELECT id FROM ({of_companies} UNION ALL {oneself}{start}) seen"  # noqa: S608 - made of constants
    total = f"SELECT ({total}) + (SELECT count(*) FROM ({oneself}) oneself)"  # noqa: S608 - made of constants
    return _list_of_people(total, ids, window)


def _list_of_people(total: str, ids: str, window: Window) -> str:
    page = page_of(ids, "id", MAX_PER_PAGE, window)
    return list_of(total=total, page=page, order="p.id", **_PEOPLE, window=window)


def _total_of_people(*companies: str) -> str:
    return f"""
        SELECT coalesce(sum(t.total), 0)::bigint FROM people_totals t
        WHERE t.organisation_id = :organisation_id AND {" AND ".join(companies)} AND t.type = :type
    """  # noqa: S608 - made of constants


async def person_detail(
    connection: Connection, organisation_id: int, type_: str, person_id: int, sight: Sight = EVERYBODY
) -> Document | None:
    """The person, unless they are removed, of the other type or not in sight."""
    if sight.everybody:
        row = await connection.fetchrow(_PERSON_DETAIL, organisation_id, type_, person_id)
    else:
        of_sight = sight_arguments(sight)
        row = await connection.fetchrow(_PERSON_DETAIL_IN_SIGHT, organisation_id, type_, person_id, *of_sight)
    key = person_row(organisation_id, person_id)
    return None if row is None else Document(key, row["version"], row["document"])
