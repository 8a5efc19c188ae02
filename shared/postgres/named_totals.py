"""Lists of what rows carry by id and name, and of how many do: labels, projects, companies.

Triggers keep the totals by id and name (the services' migrations say how). A page reads as many of them as the
organisation has such ids and names, however many rows carry them. An id's name is the one that was given last of those
that rows still carry.
"""

from functools import cache

from shared.postgres.batched_reads import DEEP, PAGE_TYPES, PageRead, Statement, list_of, page_of
from shared.postgres.text_search import has_words, word_arguments, word_conditions

_CONDITIONS = word_conditions("newest.searched")

_TOTALS = "FROM {listed}_totals t WHERE t.organisation_id = :organisation_id"
_CARRIED = f"SELECT t.named_id AS id {_TOTALS} GROUP BY t.named_id HAVING sum(t.total) > 0"
_NAMES = f"""
    SELECT t.named_id AS id, t.name, t.searched, sum(t.total)::bigint AS total, max(t.given) AS given
    {_TOTALS}{{which}} GROUP BY t.named_id, t.name, t.searched HAVING sum(t.total) > 0
"""
_NEWEST = "SELECT DISTINCT ON (id) id, searched FROM ({names}) names ORDER BY id, given DESC, name DESC"
_NAMED = """
    SELECT (array_agg(name ORDER BY given DESC, name DESC))[1] AS name, sum(total)::bigint AS total FROM ({names}) names
"""


def named_page(
    listed: str, organisation_id: int, search: str | None, per_page: int, rows_before: int, longest: int
) -> PageRead:
    """How many ids there are whose name has the words, and the page of them as JSON text.

    `listed` is what the totals are of, `longest` a page's rows at most.
    """
    words = word_arguments(search)
    return PageRead(
        _statement(listed, tuple(words), longest),
        (organisation_id, *words.values(), per_page, rows_before),
        slow=bool(words) or rows_before > DEEP,
    )


@cache
def _statement(listed: str, words: tuple[str, ...], longest: int) -> Statement:
    matched = _CARRIED.format(listed=listed)
    if has_words(words):
        newest = _NEWEST.format(names=_NAMES.format(listed=listed, which=""))
        found = " AND ".join(_CONDITIONS[word] for word in words)
        matched = f"SELECT newest.id FROM ({newest}) newest WHERE {found}"  # noqa: S608 - made of constants
    text = list_of(
        total=f"SELECT count(*) FROM ({matched}) matched",  # noqa: S608 - made of constants
        page=page_of(matched, "id", longest),
        joins=f"CROSS JOIN LATERAL ({_NAMED.format(names=_names_of_one(listed))}) named",
        item="json_build_object('id', page.id, 'name', named.name, 'total', named.total)",
        order="page.id",
    )
    return Statement(text, {"organisation_id": "bigint", **dict.fromkeys(words, "text"), **PAGE_TYPES})


def _names_of_one(listed: str) -> str:
    return _NAMES.format(listed=listed, which=" AND t.named_id = page.id")
