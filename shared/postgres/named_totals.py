"""Lists of what rows carry by id and name, and of how many do: labels, projects, companies.

Triggers keep the totals by id and name (the services' migrations say how). A page reads as many of them as the
organisation has such ids and names, however many rows carry them. An id's name is the one that was given last of those
that rows still carry.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from shared.postgres.batched_reads import DEEP, PageRead, Statement, array_text
from shared.postgres.lists import Window, ids_of, list_of, page_of
from shared.postgres.text_search import has_words, word_arguments, word_conditions

_CONDITIONS = word_conditions("searched")

_TOTALS = "FROM {listed}_totals t WHERE t.organisation_id = :organisation_id{only}{start}"
_ONLY = " AND t.named_id = ANY (:only::bigint[])"
_CARRIED = f"SELECT t.named_id AS id {_TOTALS} GROUP BY t.named_id HAVING sum(t.total) > 0{{changed}}"
_CHANGED = """ AND EXISTS (SELECT FROM {listed}_totals u
    WHERE u.organisation_id = :organisation_id AND u.named_id = candidate.id{changed})"""
_NAMED = """
    SELECT (array_agg(name ORDER BY given DESC, name DESC))[1] AS name,
        (array_agg(searched ORDER BY given DESC, name DESC))[1] AS searched, sum(total)::bigint AS total
    FROM (
        SELECT t.name, t.searched, sum(t.total) AS total, max(t.given) AS given
        FROM {listed}_totals t WHERE t.organisation_id = :organisation_id AND t.named_id = {of}.id
        GROUP BY t.name, t.searched HAVING sum(t.total) > 0
    ) names
"""
# Few have a name with the words, now or before; of those alone the newest is looked up.
_FOUND = f"""
    SELECT candidate.id FROM (SELECT DISTINCT t.named_id AS id {_TOTALS} AND {{words}}) candidate
    CROSS JOIN LATERAL ({_NAMED.format(listed="{listed}", of="candidate")}) newest WHERE {{words}}
"""  # noqa: S608 - made of constants


def named_page(
    listed: str,
    organisation_id: int,
    search: str | None,
    window: Window,
    place: tuple[Any, ...],
    longest: int,
    only: Sequence[int] | None = None,
) -> PageRead:
    """How many ids there are whose name has the words, and the page of them as JSON text.

    `listed` is what the totals are of, `longest` a page's rows at most; with `only`, other ids are left out.
    """
    words = word_arguments(search)
    ids = [] if only is None else [array_text(only)]
    return PageRead(
        _statement(listed, tuple(words), longest, window, limited=only is not None),
        (organisation_id, *ids, *words.values(), *place),
        slow=bool(words) or (not window.is_step and place[1] > DEEP),
    )


@cache
def _statement(listed: str, words: tuple[str, ...], longest: int, window: Window, *, limited: bool) -> Statement:
    only = _ONLY if limited else ""
    types = {"organisation_id": "bigint"} | ({"only": "text"} if limited else {}) | dict.fromkeys(words, "text")
    if has_words(words):
        start = "" if window.is_counted else window.start("t.named_id")
        among = " AND ".join(_CONDITIONS[word] for word in words)
        found = _FOUND.format(listed=listed, only=only, start=start, words=among)
        if window.is_since:
            found += _CHANGED.format(listed=listed, changed=window.changed_at("u.updated_at"))
        page = _list(listed, "SELECT count(*) FROM matched", ids_of("matched", window), longest, window)
        return Statement(f"WITH matched AS MATERIALIZED ({found}) {page}", types | window.types)
    changed = window.changed_at("max(t.updated_at)")
    carried = _CARRIED.format(listed=listed, only=only, start="", changed=changed)
    total = f"SELECT count(*) FROM ({carried}) carried"  # noqa: S608 - made of constants
    ids = _CARRIED.format(listed=listed, only=only, start=window.start("t.named_id"), changed=changed)
    return Statement(_list(listed, total, ids, longest, window), types | window.types)


def _list(listed: str, total: str, ids: str, longest: int, window: Window) -> str:
    return list_of(
        total=total,
        page=page_of(ids, "id", longest, window),
        joins=f"CROSS JOIN LATERAL ({_NAMED.format(listed=listed, of='page')}) named",
        item="json_build_object('id', page.id, 'name', named.name, 'total', named.total)",
        order="page.id",
        window=window,
    )
