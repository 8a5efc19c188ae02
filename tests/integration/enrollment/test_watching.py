"""Clients who watch sessions, through the gateway: what they see, and where they go on (contract, section 10)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from gateway.live import watch_handler
from services.enrollment.live_seats import LiveSeats
from shared.auth.internal_token import API_ACCESS, VIEW_SELF
from tests.support.client import Client
from tests.support.lifecycle import changed, enroll_or_wait
from tests.support.stack import Stack
from tests.support.watching import watching
from tests.support.world import SESSIONS, new_course, new_employees, new_session

_LISTENING = "SELECT pid FROM pg_stat_activity WHERE application_name = 'enrollment live seats'"


async def seats_of(admin: Client, places: int = 2) -> tuple[int, list[int]]:
    session_id = await new_session(admin, await new_course(admin), max_participants=places)
    return session_id, await new_employees(admin, 3)


async def test_seats_are_shown_now_and_whenever_they_change(admin: Client) -> None:
    session_id, people = await seats_of(admin)
    async with watching(admin, session_id) as watched:
        assert watched.response.content_type == "text/event-stream"
        assert watched.response.headers["Cache-Control"] == "private, no-store"
        first = await watched.next()
        assert (first.name, first.event_id) == ("seats", str(first.data["version"]))
        assert first.data == {
            "session_id": session_id,
            "version": first.data["version"],
            "status": "scheduled",
            "max_participants": 2,
            "enrolled_count": 0,
            "available_spots": 2,
            "waiting": 0,
        }
        made = await enroll_or_wait(admin, session_id, *people)
        full = await watched.until(enrolled_count=2, available_spots=0, waiting=1)
        assert full.data["version"] > first.data["version"]
        await changed(admin, made["enrollments"][0]["id"], "cancel")
        await watched.until(enrolled_count=2, waiting=0)
        await set_capacity(admin, session_id, 7)
        await watched.until(max_participants=7, available_spots=5)


async def set_capacity(admin: Client, session_id: int, places: int) -> None:
    tag = (await admin.get(f"{SESSIONS}/{session_id}")).headers["ETag"]
    answer = await admin.request(
        "PATCH", f"{SESSIONS}/{session_id}", json={"max_participants": places}, headers={"If-Match": tag}
    )
    assert answer.status == 200, answer.text


async def test_a_client_goes_on_where_it_was(admin: Client) -> None:
    session_id, people = await seats_of(admin)
    async with watching(admin, session_id) as watched:
        last = (await watched.next()).event_id
    async with watching(admin, session_id, last=last) as again:
        await again.comment()
        await enroll_or_wait(admin, session_id, people[0])
        assert (await again.next()).data["enrolled_count"] == 1
        assert len(again.all) == 1
    await enroll_or_wait(admin, session_id, people[1])
    async with watching(admin, session_id, last=again.all[-1].event_id) as later:
        assert (await later.next()).data["enrolled_count"] == 2


async def test_several_sessions_are_one_stream_that_goes_on_for_each(admin: Client) -> None:
    course = await new_course(admin)
    sessions = [await new_session(admin, course, max_participants=5) for _ in range(3)]
    [one, two] = await new_employees(admin, 2)
    async with watching(admin, *sessions) as watched:
        firsts = [await watched.next() for _ in sessions]
        assert [each.data["session_id"] for each in firsts] == sorted(sessions)
        await enroll_or_wait(admin, sessions[1], one)
        last = (await watched.until(session_id=sessions[1], enrolled_count=1)).event_id
    await enroll_or_wait(admin, sessions[2], two)
    async with watching(admin, *sessions, last=last) as again:
        shown = await again.until(session_id=sessions[2], enrolled_count=1)
        assert [each.data["session_id"] for each in again.all] == [sessions[2]]
        assert dict(pair.split(":") for pair in shown.event_id.split(",")).keys() == set(map(str, sessions))


async def test_a_removed_session_is_said_to_be_and_ends_its_stream(admin: Client) -> None:
    course = await new_course(admin)
    gone, left = [await new_session(admin, course) for _ in range(2)]
    async with watching(admin, gone) as alone, watching(admin, gone, left) as both:
        await alone.next()
        await both.next()
        await both.next()
        assert (await admin.delete(f"{SESSIONS}/{gone}")).status == 200
        for watched in (alone, both):
            shown = await watched.next()
            assert (shown.name, shown.data) == ("removed", {"session_id": gone})
        with pytest.raises(EOFError):
            await alone.next()
        [person] = await new_employees(admin, 1)
        await enroll_or_wait(admin, left, person)
        assert (await both.until(session_id=left, enrolled_count=1)).name == "seats"
    async with watching(admin, gone, left) as later:
        assert {(await later.next()).name for _ in range(2)} == {"seats", "removed"}


async def test_what_cannot_be_watched_is_refused(stack: Stack, admin: Client, organisation: int) -> None:
    session_id, _ = await seats_of(admin)
    assert (await admin.get(f"{SESSIONS}/{2**40}/live")).status == 404
    assert (await stack.client(organisation + 1).get(f"{SESSIONS}/{session_id}/live")).status == 404
    assert (await stack.client(organisation + 1).get(f"{SESSIONS}/live", sessions=session_id)).status == 404
    assert (await stack.anonymous().get(f"{SESSIONS}/{session_id}/live")).status == 401
    nobody = stack.client(organisation, permissions=[API_ACCESS])
    assert (await nobody.get(f"{SESSIONS}/{session_id}/live")).status == 403
    for wrong in ("", "x", "1,", "0", "1,,2", "-1", str(2**63), ",".join(map(str, range(1, 52)))):
        assert (await admin.get(f"{SESSIONS}/live", sessions=wrong)).status == 422, wrong
    assert (await admin.get(f"{SESSIONS}/live")).status == 422
    assert (await admin.post(f"{SESSIONS}/{session_id}/live", {})).status == 405


async def test_whoever_may_view_a_session_may_watch_it(stack: Stack, admin: Client, organisation: int) -> None:
    session_id, _ = await seats_of(admin)
    employee = stack.client(organisation, permissions=[API_ACCESS, VIEW_SELF], employee_id=5)
    async with watching(employee, session_id) as watched:
        assert (await watched.next()).data["session_id"] == session_id


async def test_many_who_watch_a_session_cost_enrollment_one_stream(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, people = await seats_of(admin)
    asked, changes = [], LiveSeats.changes

    def counted(live: LiveSeats, key: tuple[int, int]) -> AsyncIterator[bytes]:
        asked.append(key)
        return changes(live, key)

    monkeypatch.setattr(LiveSeats, "changes", counted)
    async with AsyncExitStack() as exits:
        all_of_them = [await exits.enter_async_context(watching(admin, session_id)) for _ in range(20)]
        await asyncio.gather(*(each.next() for each in all_of_them))
        await enroll_or_wait(admin, session_id, people[0])
        shown = await asyncio.gather(*(each.next() for each in all_of_them))
    assert {each.data["enrolled_count"] for each in shown} == {1}
    assert len(asked) == 1


async def test_a_comment_shows_that_a_quiet_stream_is_alive(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_handler, "COMMENT_INTERVAL", 0.05)
    session_id, people = await seats_of(admin)
    async with watching(admin, session_id) as watched:
        await watched.next()
        await watched.comment()
        await watched.comment()
        await enroll_or_wait(admin, session_id, people[0])
        await watched.until(enrolled_count=1)


async def test_nothing_is_missed_while_the_listening_connection_is_lost(stack: Stack, admin: Client) -> None:
    session_id, people = await seats_of(admin, places=9)
    database = await asyncpg.connect(stack.enrollment_database_url)
    async with watching(admin, session_id) as watched:
        await watched.next()
        for enrolled, person in enumerate(people, 1):
            await database.execute(f"SELECT pg_terminate_backend(pid) FROM ({_LISTENING}) listening")
            await enroll_or_wait(admin, session_id, person)
            await watched.until(enrolled_count=enrolled)
    await database.close()
