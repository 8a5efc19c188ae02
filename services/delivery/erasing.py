"""Events without what they say of people who were erased: those that arrive, and those of the feed (decision 30)."""

import json
from collections.abc import Sequence
from typing import Final, Protocol

from services.delivery.store import erasing as store
from services.delivery.store.feed import Entry
from shared.events.cloudevents import CloudEvent, qualified_type
from shared.events.personal import blanked, kind_of, person_of
from shared.events.types import EmployeeErased
from shared.postgres import erased_people
from shared.postgres.erased_people import Erased, Key, hash_of
from shared.postgres.pool import Connection

ERASED: Final = qualified_type(EmployeeErased)
EXAMINED: Final = 500
"""Events of the feed that one transaction looks at."""


class Arrived(Protocol):
    """An event, and the bytes that carried it."""

    @property
    def envelope(self) -> CloudEvent: ...

    @property
    def body(self) -> bytes: ...


async def entries(connection: Connection, arrived: Sequence[Arrived]) -> list[Entry]:
    """As the feed keeps them: as they came, or blank where they are about somebody who is erased by now.

    An erasure among them lets the feed be gone through for what is there already.
    """
    about = [(each, _key(each.envelope)) for each in arrived]
    keys = {key for _, key in about if key is not None}
    if not keys:
        return [_entry(each, blank=False) for each in arrived]
    erased = [Erased(*key, each.envelope.time) for each, key in about if key and each.envelope.type == ERASED]
    await store.lock(connection, for_erasure=bool(erased))
    if erased:
        await remember(connection, erased)
    known = await erased_people.known(connection, sorted(keys))
    return [_entry(each, blank=key in known) for each, key in about]


async def remember(connection: Connection, erased: Sequence[Erased]) -> None:
    """People in the list, and the feed of their organisations to be gone through; the list is locked."""
    await erased_people.add(connection, erased)
    await store.go_through(connection, {each.organisation_id for each in erased})


async def go_through_some(connection: Connection) -> bool:
    """Makes the next events of one organisation blank that have to be; whether there was any organisation to go
    through. In a scope of every organisation."""
    walk = await store.next_walk(connection)
    if walk is None:
        return False
    organisation_id = walk.organisation_id
    events = {
        each: (organisation_id, hash_of(organisation_id, person))
        for each in await store.of_people(connection, walk, EXAMINED)
        if (person := _person(each.body)) is not None
    }
    known = await erased_people.known(connection, sorted(set(events.values())))
    found = [each for each, key in events.items() if key in known]
    changed = [each._replace(body=blank) for each in found if (blank := without_person(each.body)) != each.body]
    if changed:
        await store.write(connection, organisation_id, changed)
    await store.go_on(connection, walk, EXAMINED)
    return True


def without_person(body: str) -> str:
    """The event with the same members in the same order; as it is, where it says nothing of a person."""
    event = json.loads(body)
    blank = blanked(kind_of(event["type"]), event["data"])
    return body if blank == event["data"] else json.dumps({**event, "data": blank})


def _person(body: str) -> int | None:
    event = json.loads(body)
    return person_of(kind_of(event["type"]), event["data"])


def _key(envelope: CloudEvent) -> Key | None:
    person = person_of(kind_of(envelope.type), envelope.data)
    return None if person is None else (envelope.organisationid, hash_of(envelope.organisationid, person))


def _entry(arrived: Arrived, *, blank: bool) -> Entry:
    envelope, body = arrived.envelope, arrived.body.decode()
    return Entry(envelope.organisationid, envelope.id, envelope.type, without_person(body) if blank else body)
