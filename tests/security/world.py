"""Two organisations with rows of each kind, what cases call them, and whether anything of them has changed."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import asyncpg

from shared.http import feed_cursor
from shared.http.feed_cursor import FeedPlace
from shared.validation.fields import MAX_ID
from stack.services import SERVICE_NAMES
from tests.security.corpus import NEW_SESSION, Case, Place, Service
from tests.security.keys import SUBJECT, Keys, keys_of
from tests.support.client import Client, new_organisation
from tests.support.eventually import eventually
from tests.support.external_records import submitted
from tests.support.stack import Stack
from tests.support.world import SESSIONS, enroll, new_course, new_employee, new_session, new_staff

_TABLES = """
SELECT table_name FROM information_schema.columns
WHERE table_schema = 'public' AND column_name = 'organisation_id'
    AND table_name NOT IN ('outbox', 'idempotency_keys')
ORDER BY table_name
"""
"""Answers kept for an `Idempotency-Key` and events on their way come and go; all else is what clients may change."""

_COPIES = (
    ("catalog.courses", "enrollment.courses", "history.courses"),
    ("catalog.sessions", "enrollment.sessions", "history.sessions"),
    ("enrollment.people", "history.people"),
    ("enrollment.enrollments", "catalog.enrollments"),
    ("enrollment.enrollments,external_records", "history.records"),
)
"""A service's tables, and what others copy of them."""

_PUBLISHED = "SELECT count(*) FROM outbox WHERE organisation_id = ANY($1)"
_TAKEN = "SELECT count(*) FROM event_ids WHERE organisation_id = ANY($1)"

PLACES: tuple[Literal["gateway"] | Service, ...] = ("gateway", "catalog", "enrollment", "history", "delivery")

Contents = Mapping[str, str]


@dataclass(frozen=True)
class World:
    """`words` are what cases call its rows and values: `course`, `their course`, `organisation`, `nobody`, …"""

    stack: Stack
    keys: Mapping[str, Keys]
    """Of the gateway and of each service, by name."""
    organisation: int
    words: Mapping[str, str] = field(default_factory=dict)

    def url(self, case: Case, place: Place) -> str:
        return self.stack.gateway_url if place == "gateway" else self.stack.url_of(case.service)

    def token(self, case: Case, place: Place) -> str:
        keys = self.keys["gateway" if place == "gateway" else case.service]
        return keys.good() if case.token is None else case.token(keys)

    def written(self, text: str, token: str, **more: str) -> bytes:
        """The text with its words replaced, as it goes over the wire."""
        for word, value in ({"token": token} | dict(self.words) | more).items():
            text = text.replace(f"<{word}>", value)
        _, _, body = text.partition("\r\n\r\n")
        return text.replace("<length>", str(len(body)), 1).encode("latin-1")


async def new_world(stack: Stack) -> World:
    """Two organisations, once all that follows from their rows has arrived everywhere."""
    organisation, theirs = new_organisation(), new_organisation()
    words = {"organisation": str(organisation), "their organisation": str(theirs), "nobody": str(MAX_ID - 12345)}
    words |= {"nobody's tag": '"1-00000000"', "nobody's key": secrets.token_hex(8)}
    words |= await _rows(stack.client(organisation, sub=SUBJECT))
    their_words = await _rows(stack.client(theirs, sub=SUBJECT))
    words |= {f"their {word}": value for word, value in their_words.items()}
    words |= {"cursor": await _cursor(stack, organisation), "their cursor": await _cursor(stack, theirs)}
    words |= {"nobody's cursor": feed_cursor.encode(MAX_ID - 12345, FeedPlace(1, 1))}
    world = World(stack, {name: keys_of(name, organisation) for name in PLACES}, organisation, words)
    await eventually(lambda: _has_arrived(world))
    return world


async def _rows(client: Client) -> dict[str, str]:
    course_id, other_course = await new_course(client), await new_course(client, title="First Aid")
    session_id, empty = await new_session(client, course_id), await new_session(client, course_id)
    person, idle = await new_employee(client), await new_employee(client, company={"id": 77, "name": "ACME"})
    [enrollment] = await enroll(client, session_id, person)
    answer = await client.get(f"/api/v1/training/courses/{course_id}")
    key = secrets.token_hex(8)
    kept = await client.post(SESSIONS, {"course_id": course_id, **NEW_SESSION}, **{"Idempotency-Key": key})
    assert kept.status == 201, kept.text
    webhook = await client.post("/api/v1/webhooks", {"url": "https://hooks.example/in", "status": "disabled"})
    assert webhook.status == 201, webhook.text
    rows = {
        "webhook": webhook.data["id"],
        "course": course_id,
        "other course": other_course,
        "session": session_id,
        "empty session": empty,
        "person": person,
        "idle person": idle,
        "staff": await new_staff(client),
        "enrollment": enrollment,
        "record": await submitted(client, person),
        "tag": json.dumps(answer.headers["ETag"])[1:-1].replace("\\", ""),
        "key": key,
    }
    return {word: str(value) for word, value in rows.items()}


async def _cursor(stack: Stack, organisation: int) -> str:
    """A place in the organisation's feed."""
    answer = await stack.client(organisation).get("/api/v1/events")
    return str(answer.json["next"])


async def _has_arrived(world: World) -> bool:
    for owner, *followers in _COPIES:
        versions = await _versions(world, owner)
        for follower in followers:
            assert await _versions(world, follower) == versions, follower
    return await _fetchval(world, "delivery", _TAKEN) >= sum(
        [await _fetchval(world, publisher, _PUBLISHED) for publisher in ("catalog", "enrollment", "delivery")]
    )


async def _fetchval(world: World, service: str, statement: str) -> int:
    connection = await asyncpg.connect(database_url(world.stack, service), timeout=10)
    try:
        return int(await connection.fetchval(statement, organisations(world)))
    finally:
        await connection.close()


async def _versions(world: World, place: str) -> list[tuple[int, int]]:
    service, _, tables = place.partition(".")
    connection = await asyncpg.connect(database_url(world.stack, service), timeout=10)
    of_each = [f"SELECT id, version FROM {table} WHERE organisation_id = ANY($1)" for table in tables.split(",")]
    try:
        rows = await connection.fetch(f"{' UNION ALL '.join(of_each)} ORDER BY id", organisations(world))
    finally:
        await connection.close()
    return [(row["id"], row["version"]) for row in rows]


async def contents(world: World) -> Contents:
    """All that both organisations have, in every table of every service, as a checksum of each."""
    found = await asyncio.gather(*(_contents(world, name) for name in SERVICE_NAMES))
    return {table: checksum for tables in found for table, checksum in tables.items()}


async def _contents(world: World, service: str) -> Contents:
    connection = await asyncpg.connect(database_url(world.stack, service), timeout=10)
    try:
        tables = [row[0] for row in await connection.fetch(_TABLES)]
        return {
            f"{service}.{table}": await connection.fetchval(
                f"SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {table} t"
                " WHERE organisation_id = ANY($1)",
                organisations(world),
            )
            for table in tables
        }
    finally:
        await connection.close()


def organisations(world: World) -> list[int]:
    return [world.organisation, int(world.words["their organisation"])]


def database_url(stack: Stack, service: str) -> str:
    return stack.database_urls[service]
