"""The order of the feed: what commits late is missed by nobody, and every event is there once (decision 24)."""

import asyncio
from uuid import uuid4

import pytest

from services.delivery.event_types import Wanted
from services.delivery.reading import BEGINNING
from services.delivery.store import feed
from shared.postgres.batched_reads import Statement
from shared.postgres.pool import transaction
from tests.support.client import new_organisation
from tests.support.feed import FeedDatabase, entries, entry, ids_of

MANY = 1000
HORIZON = "pg_snapshot_xmin(pg_current_snapshot())"


async def read_beside_a_held_transaction(delivery: FeedDatabase) -> tuple[set[str], set[str]]:
    """One transaction takes an event and is held open while many later ones commit, beside a reader that follows. What
    was taken, and what the reader has seen in the end."""
    organisation = new_organisation()
    late, later = entry(organisation), entries(organisation, MANY)
    seen, place = set[str](), BEGINNING
    async with transaction(delivery.pool, [organisation]) as held:
        await feed.take(held, [late])
        for start in range(0, MANY, 10):
            await asyncio.gather(*(delivery.take([each], shown=False) for each in later[start : start + 10]))
            found = await delivery.step(organisation, place, limit=7)
            seen, place = seen | set(ids_of(found)), found.next
    await delivery.take([entry(new_organisation())])  # no transaction of others holds the horizon back any more
    while (found := await delivery.step(organisation, place)).events or found.has_more:
        seen, place = seen | set(ids_of(found)), found.next
    return {str(each.event_id) for each in (late, *later)}, seen


async def test_a_reader_misses_nothing_that_commits_late(delivery: FeedDatabase) -> None:
    taken, seen = await read_beside_a_held_transaction(delivery)
    assert seen == taken


async def test_control_without_the_horizon_it_does(delivery: FeedDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the first transaction that has not begun, instead of the oldest that is still running."""
    assert HORIZON in feed._PAGE.text
    without = Statement(feed._PAGE.text.replace(HORIZON, HORIZON.replace("xmin", "xmax")), feed._PAGE.types)
    monkeypatch.setattr(feed, "_PAGE", without)
    taken, seen = await read_beside_a_held_transaction(delivery)
    assert len(taken - seen) == 1


async def test_the_next_place_moves_on_to_the_horizon_where_nothing_happens(delivery: FeedDatabase) -> None:
    quiet, busy = new_organisation(), new_organisation()
    before = await delivery.step(quiet)
    await delivery.take(entries(busy, 3))
    after = await delivery.step(quiet, before.next)
    assert (before.events, after.events) == ("", "")
    assert after.next > before.next


async def test_the_next_place_waits_for_who_holds_the_horizon_back(delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    async with transaction(delivery.pool, [organisation]) as held:
        await feed.take(held, entries(organisation, 1))
        own = await held.fetchval("SELECT pg_current_xact_id()::text::bigint")
        for _ in range(3):
            await delivery.take(entries(organisation, 1), shown=False)
            assert (await delivery.step(organisation)).next.position <= own  # others may hold it back further


async def test_an_event_is_taken_once(delivery: FeedDatabase) -> None:
    organisation, twice = new_organisation(), uuid4()
    await delivery.take([entry(organisation, twice), entry(organisation), entry(organisation, twice)])
    await delivery.take([entry(organisation, twice), entry(organisation)])
    seen = await delivery.every_event(organisation)
    assert len(seen) == len(set(seen)) == 3


async def test_two_that_take_the_same_events_at_once_take_each_once(delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    several = entries(organisation, 50)
    await asyncio.gather(*(delivery.take(several[:: -1 if turn % 2 else 1]) for turn in range(6)))
    assert sorted(await delivery.every_event(organisation)) == sorted(str(each.event_id) for each in several)


async def test_the_same_id_in_two_organisations_is_two_events(delivery: FeedDatabase) -> None:
    one, other, same = new_organisation(), new_organisation(), uuid4()
    await delivery.take([entry(one, same), entry(other, same)])
    assert await delivery.every_event(one) == await delivery.every_event(other) == [str(same)]


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
async def test_pages_of_any_size_have_the_same_events_in_the_same_order(delivery: FeedDatabase, limit: int) -> None:
    organisation = new_organisation()
    for _ in range(3):
        await delivery.take(entries(organisation, 5))
    assert await delivery.every_event(organisation, limit=limit) == await delivery.every_event(organisation, limit=100)


async def test_a_page_that_ends_with_the_last_event_says_so(delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await delivery.take(entries(organisation, 4))
    horizon = await delivery.step(organisation)
    exact = await delivery.step(organisation, limit=4)
    assert (exact.shown, exact.has_more) == (4, False)
    assert exact.next >= horizon.next
    assert (await delivery.step(organisation, limit=3)).has_more


async def test_an_answer_ends_before_its_bodies_are_too_many(delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await delivery.take(entries(organisation, 10, padding=1024 * 1024))
    found = await delivery.step(organisation)
    assert (found.shown, found.has_more) == (3, True)
    assert len(await delivery.every_event(organisation)) == 10


async def test_a_single_event_may_be_longer(delivery: FeedDatabase) -> None:
    organisation = new_organisation()
    await delivery.take(entries(organisation, 2, padding=feed.MAX_BODIES))
    assert len(await delivery.every_event(organisation)) == 2


COMPLETED, CREATED = "training.enrollment.completed.v1", "training.enrollment.created.v1"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted([COMPLETED]), {COMPLETED}),
        (Wanted([], ["training.enrollment."]), {COMPLETED, CREATED, "training.enrollment.later.v2"}),
        (Wanted([CREATED], ["training.course."]), {CREATED, "training.course.saved.v1"}),
        (Wanted(), {COMPLETED, CREATED, "training.enrollment.later.v2", "training.course.saved.v1", f"{COMPLETED}0"}),
    ],
)
async def test_only_the_types_that_are_wanted_are_shown(
    delivery: FeedDatabase, wanted: Wanted, expected: set[str]
) -> None:
    organisation = new_organisation()
    types = [COMPLETED, CREATED, "training.enrollment.later.v2", "training.course.saved.v1", f"{COMPLETED}0"]
    taken = [entry(organisation, type_=type_) for type_ in types]
    await delivery.take(taken)
    found = await delivery.step(organisation, wanted=wanted)
    types_of = {str(each.event_id): each.type for each in taken}
    # The last one begins like a type that is wanted, and is another.
    assert {types_of[each] for each in ids_of(found)} == expected | (
        {f"{COMPLETED}0"} if "training.enrollment." in wanted.beginnings else set()
    )


async def test_a_read_goes_on_past_what_nobody_wants(delivery: FeedDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "EXAMINED", 10)
    organisation = new_organisation()
    await delivery.take(entries(organisation, 25))
    await delivery.take([entry(organisation, type_=COMPLETED)])
    place, looks = BEGINNING, list[int]()
    while True:
        found = await delivery.step(organisation, place, wanted=Wanted([COMPLETED]))
        looks.append(found.shown)
        place = found.next
        if not found.has_more:
            break
    assert looks == [0, 0, 1]


async def test_an_organisation_sees_its_own_events_alone(delivery: FeedDatabase) -> None:
    """By row-level security as well: the same question without its condition."""
    one, other = new_organisation(), new_organisation()
    await delivery.take([entry(one), entry(other)])
    async with transaction(delivery.pool, [one]) as connection:
        seen = await connection.fetch("SELECT DISTINCT organisation_id FROM events")
        partitions = await connection.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'events'::regclass"
        )
        directly = [
            await connection.fetch(f"SELECT organisation_id FROM {each['name']} WHERE organisation_id <> $1", one)
            for each in partitions
        ]
    assert [row["organisation_id"] for row in seen] == [one]
    assert len(directly) > 4
    assert not any(directly)
