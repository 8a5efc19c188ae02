"""Who is erased leaves the feed: events of before that are there, and those that come late."""

import json
from typing import Any, Final
from uuid import uuid4

import pytest

from services.delivery import commands, erasing
from services.delivery.feed import FEED
from services.delivery.store import erasing as store
from shared.events.personal import BLANK
from shared.events.types import EmployeeErased, Event
from shared.postgres import erased_people
from shared.postgres.erased_people import Erased, hash_of
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.client import new_organisation
from tests.support.events import MOMENT, encoded, enrollment, person
from tests.support.feed import FeedDatabase

PERSON: Final = 42
NAME: Final = "Person 42, version 1"


def erased(organisation: int, person_id: int = PERSON, version: int = 5) -> EmployeeErased:
    saved = person(organisation, person_id, version)
    blank = {**BLANK["employee"], "removed": True, "erased_at": MOMENT}
    return EmployeeErased(organisation, saved.data.model_copy(update=blank))


async def arrive(delivery: FeedDatabase, *events: Event[Any]) -> None:
    """In one batch, as a consumer takes them."""
    messages = [FEED.decode(encoded(each)[1].encode()) for each in events]
    async with transaction(delivery.pool, {each.organisation_id for each in events}) as connection:
        await FEED.apply(connection, messages)


async def feed_of(delivery: FeedDatabase, organisation: int) -> list[dict[str, Any]]:
    found = await delivery.value(
        "SELECT coalesce(json_agg(body::json ORDER BY position, id), '[]') FROM events WHERE organisation_id = $1",
        organisation,
    )
    return list(json.loads(found))


async def go_through(delivery: FeedDatabase) -> None:
    """Until nothing is left to do, whichever test's it is."""
    more = True
    while more:
        async with transaction(delivery.pool, EVERY_ORGANISATION) as connection:
            more = await erasing.go_through_some(connection)


async def test_what_is_in_the_feed_becomes_blank(own_delivery: FeedDatabase, organisation: int) -> None:
    done = enrollment(organisation, 7, status="completed", employee_id=PERSON, feedback=f"{NAME} was good")
    await arrive(own_delivery, person(organisation, PERSON), person(organisation, 43), done)
    before = await feed_of(own_delivery, organisation)
    await arrive(own_delivery, erased(organisation))
    await go_through(own_delivery)
    [first, other, completed, last] = await feed_of(own_delivery, organisation)
    assert first == {**before[0], "data": {**before[0]["data"], **BLANK["employee"]}}
    assert other == before[1]
    assert completed == {**before[2], "data": {**before[2]["data"], **BLANK["enrollment"]}}
    assert last["type"] == "training.employee.erased.v1"
    assert list(first) == list(before[0])


async def test_what_comes_late_is_taken_in_blank(own_delivery: FeedDatabase, organisation: int) -> None:
    await arrive(own_delivery, erased(organisation))
    await go_through(own_delivery)
    await arrive(own_delivery, person(organisation, PERSON), person(organisation, 43))
    [_, late, other] = await feed_of(own_delivery, organisation)
    assert (late["data"]["full_name"], late["data"]["version"]) == ("", person(organisation, PERSON).data.version)
    assert other["data"]["full_name"] == "Person 43, version 1"


async def test_control_without_a_look_at_the_list_the_name_comes_back(
    own_delivery: FeedDatabase, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object) -> set[Any]:
        return set()

    await arrive(own_delivery, erased(organisation))
    await go_through(own_delivery)
    monkeypatch.setattr(erased_people, "known", nobody)
    await arrive(own_delivery, person(organisation, PERSON))
    [_, late] = await feed_of(own_delivery, organisation)
    assert late["data"]["full_name"] == NAME


async def test_what_comes_with_the_erasure_is_blank(own_delivery: FeedDatabase, organisation: int) -> None:
    await arrive(own_delivery, person(organisation, PERSON), erased(organisation), person(organisation, PERSON, 2))
    assert {each["data"]["full_name"] for each in await feed_of(own_delivery, organisation)} == {""}


async def test_the_same_id_elsewhere_is_another_person(own_delivery: FeedDatabase, organisation: int) -> None:
    elsewhere = new_organisation()
    await arrive(own_delivery, person(elsewhere, PERSON))
    await arrive(own_delivery, erased(organisation))
    await go_through(own_delivery)
    await arrive(own_delivery, person(elsewhere, PERSON, 2))
    names = [each["data"]["full_name"] for each in await feed_of(own_delivery, elsewhere)]
    assert names == [NAME, "Person 42, version 2"]


async def test_a_long_feed_is_gone_through_in_parts(
    own_delivery: FeedDatabase, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "EXAMINED", 3)
    await arrive(own_delivery, *(person(organisation, each, 1) for each in (PERSON, *range(100, 110))))
    await arrive(own_delivery, *(person(organisation, PERSON, version) for version in range(2, 6)))
    await arrive(own_delivery, erased(organisation, version=6))
    async with transaction(own_delivery.pool, EVERY_ORGANISATION) as connection:
        assert await erasing.go_through_some(connection)
    await arrive(own_delivery, erased(organisation, 105, 2))
    await go_through(own_delivery)
    found = await feed_of(own_delivery, organisation)
    named = {each["data"]["id"] for each in found if each["data"]["full_name"]}
    assert named == {*range(100, 110)} - {105}
    assert await own_delivery.value("SELECT count(*) FROM feed_erasures") == 0


async def test_organisations_take_turns(
    own_delivery: FeedDatabase, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "EXAMINED", 1)
    other = organisation + 1
    for each in (organisation, other):
        await arrive(own_delivery, *(person(each, PERSON, version) for version in range(1, 4)))
        await arrive(own_delivery, erased(each))
    for _ in range(2):
        async with transaction(own_delivery.pool, EVERY_ORGANISATION) as connection:
            assert await erasing.go_through_some(connection)
    for each in (organisation, other):
        names = [event["data"]["full_name"] for event in await feed_of(own_delivery, each)]
        assert names == ["", "Person 42, version 2", "Person 42, version 3", ""]


async def test_a_restored_feed_is_gone_through_again(own_delivery: FeedDatabase, organisation: int) -> None:
    """Its list is as old as its events: that of enrollment has the person."""
    await arrive(own_delivery, person(organisation, PERSON), person(organisation, 43))
    listed = [Erased(organisation, hash_of(organisation, PERSON), MOMENT)]
    async with transaction(own_delivery.pool, EVERY_ORGANISATION) as connection:
        await commands.add_to_list(connection, listed)
    assert await commands.go_through_listed(own_delivery.pool) == 1
    names = [each["data"]["full_name"] for each in await feed_of(own_delivery, organisation)]
    assert names == ["", "Person 43, version 1"]


async def test_what_postgresql_cannot_read_holds_up_nobody(own_delivery: FeedDatabase, organisation: int) -> None:
    _, body = encoded(person(organisation, PERSON))
    odd = body.replace('"full_name":', '"later":"\\u0000","full_name":')
    assert odd != body
    async with transaction(own_delivery.pool, [organisation]) as connection:
        await FEED.apply(connection, [FEED.decode(odd.encode())])
    await arrive(own_delivery, erased(organisation))
    await go_through(own_delivery)
    assert [each["data"]["full_name"] for each in await feed_of(own_delivery, organisation)] == ["", ""]


async def test_who_takes_events_in_waits_for_an_erasure(own_delivery: FeedDatabase, organisation: int) -> None:
    """Otherwise an event that was not in the list when it was looked up would be taken in behind the walk."""
    async with transaction(own_delivery.pool, [organisation]) as connection:
        await store.lock(connection, for_erasure=False)
        held = await own_delivery.value("SELECT pg_try_advisory_xact_lock(hashtextextended('erased people', 0))")
        shared = await own_delivery.value(
            "SELECT pg_try_advisory_xact_lock_shared(hashtextextended('erased people', 0))"
        )
    assert (held, shared) == (False, True)


async def test_an_event_of_nobody_waits_for_nothing(own_delivery: FeedDatabase, organisation: int) -> None:
    body = json.dumps(
        {
            "specversion": "1.0", "id": str(uuid4()), "source": "urn:muster:test:enrollment", "subject": "x/1",
            "type": "training.enrollment.future.v2", "time": MOMENT.isoformat(), "dataschema": "urn:x",
            "organisationid": str(organisation), "data": {"employee_id": "of a later version"},
        }
    )  # fmt: skip
    async with transaction(own_delivery.pool, [organisation]) as connection:
        await FEED.apply(connection, [FEED.decode(body.encode())])
    assert [each["type"] for each in await feed_of(own_delivery, organisation)] == ["training.enrollment.future.v2"]
