"""Searches of people in any spelling, against those of the version before on the same rows, both by pgbench.

The version before looked for the text as it is spelled, but for case, with a trigram index of its own.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial

import asyncpg

from bench.bed import Bed
from bench.comparisons import one_by_one
from bench.dataset import CONNECT_SECONDS, ORGANISATION, WRITING_SECONDS, add_people
from bench.errors import NotMeasured
from bench.pgbench import pgbench, script, statement_of, written
from bench.results import Result, at_least
from bench.rounds import alternate
from services.enrollment.app import MIGRATIONS
from services.enrollment.schemas import PersonQuery
from services.enrollment.store.people_pages import person_page
from shared.postgres.batched_reads import PageRead
from shared.postgres.migrations import migrate
from stack.servers.databases import DatabaseUrls, Passwords, ensure_databases

MANY = 200_000
GOAL = 0.95
BEFORE = "one spelling, as before"
DATABASE = "enrollment_searched"
SEARCHES: Mapping[str, tuple[str, str]] = {
    "a name that many have": ("RÓSSI", "Rossi"),
    "two words": ("Khàn GRACE", "Grace Khan"),
    "a number that ten have": ("emp-0000012", "EMP-0000012"),
}
"""What is searched for in another spelling, and as the version before needed it."""
_NOW = "p.searched LIKE containing(:word_a)"
_BEFORE = "lower(p.full_name || ' ' || p.employee_id) LIKE lower(:word_a)"
_INDEX_BEFORE = """
CREATE INDEX people_by_part_of_text_before ON people
    USING gin (organisation_id, lower(full_name || ' ' || employee_id) gin_trgm_ops) WHERE NOT removed
"""


async def results(bed: Bed) -> AsyncIterator[Result]:
    people = max(1_000, round(MANY * bed.effort.scale))
    urls = await _database(bed, people)
    searches = {name: partial(_compare, bed, urls, people, name) for name in SEARCHES}
    async for result in one_by_one(bed, searches):
        yield result


async def _database(bed: Bed, people: int) -> DatabaseUrls:
    """One with so many people, and with the index of the version before beside its own."""
    passwords = Passwords(secrets.token_hex(24), secrets.token_hex(24))
    urls = (await ensure_databases(bed.servers.database_url, {DATABASE: passwords}))[DATABASE]
    await migrate(urls.owner, MIGRATIONS)
    await add_people(urls.owner, ORGANISATION, people)
    connection = await asyncpg.connect(urls.owner, timeout=CONNECT_SECONDS, command_timeout=WRITING_SECONDS)
    try:
        await connection.execute(_INDEX_BEFORE)
        await connection.execute("ANALYZE people")
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
    return urls


async def _compare(bed: Bed, urls: DatabaseUrls, people: int, name: str) -> list[Result]:
    spelled, exact = SEARCHES[name]
    now, before = _search(spelled), _before(exact)
    found = await _found_by_both(urls, now, before)
    ours, earlier = [written(bed, script(await statement_of(read.alone), {})) for read in (now, before)]
    any_spelling, one_spelling = await alternate(
        lambda: pgbench(bed, urls.service, [ours]),
        lambda: pgbench(bed, urls.service, [earlier]),
        rounds=bed.effort.rounds,
    )
    note = f"{people:,} people, {found:,} found by {spelled}; pgbench -M prepared -c 10 -j 1"
    return [at_least(f"search: {name}", "searches/s", any_spelling, one_spelling, BEFORE, GOAL, note)]


def _search(search: str) -> PageRead:
    return person_page(ORGANISATION, "employee", PersonQuery(search=search), None)


def _before(search: str) -> PageRead:
    """The same page as the version before read it: by the whole text that is searched for, as it is spelled."""
    read = _search("word")
    text = read.statement.text.replace(_NOW, _BEFORE)
    if text == read.statement.text:
        raise NotMeasured("the search is not written as this comparison knows it")
    asked = tuple(f"%{search}%" if argument == "word" else argument for argument in read.arguments)
    return replace(read, statement=replace(read.statement, text=text), arguments=asked)


async def _found_by_both(urls: DatabaseUrls, now: PageRead, before: PageRead) -> int:
    """How many; raises `NotMeasured` if they do not find the same."""
    connection = await asyncpg.connect(urls.service, timeout=CONNECT_SECONDS)
    try:
        ours, earlier = await now.alone_scoped(connection), await before.alone_scoped(connection)
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
    if ours != earlier:
        raise NotMeasured(f"one finds {ours[0]}, the other {earlier[0]}")
    return int(ours[0])
