"""What calendars show, as icalendar reads it (contract, section 12)."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.enrollment.calendars import MOST_EVENTS
from services.enrollment.projection import PROJECTION
from services.enrollment.use_cases import preservation
from shared.postgres.pool import connection_pool
from shared.service.projection_commands import connected_owners
from tests.support.calendars import events, new_calendar, only_event, read
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.lifecycle import changed, line_up, transfer
from tests.support.stack import Stack
from tests.support.world import EMPLOYEES, SESSIONS, enroll, new_course, new_employee, new_session, new_staff

LATER = {"start_date": "2031-01-10T08:00:00+01:00", "end_date": "2031-01-10T16:00:00+01:00"}
MEETINGS = [
    {"id": 1, "start_date": "2030-05-15T09:00:00Z", "end_date": "2030-05-15T12:00:00Z"},
    {"id": 2, "start_date": "2030-05-16T09:00:00Z", "end_date": "2030-05-16T12:00:00Z", "location": "Hall B"},
]
SARAH = {"id": 10, "full_name": "Sarah Williams"}


async def patched(client: Client, session: int, **fields: object) -> None:
    answer = await client.patch(f"{SESSIONS}/{session}", fields)
    assert answer.status == 200, answer.text


async def shows(stack: Stack, path: str, *shown: str) -> None:
    """Once the events of the change have arrived."""

    async def does() -> bool:
        event = await only_event(stack, path)
        assert (event.status, event.transparency) == shown
        return True

    await eventually(does)


async def test_a_person_reads_the_own_sessions_without_a_token(stack: Stack, admin: Client, organisation: int) -> None:
    person, other = await new_employee(admin, full_name="John Doe"), await new_employee(admin, full_name="Jane Roe")
    session = await new_session(admin, await new_course(admin), facilitator=SARAH)
    await new_session(admin, await new_course(admin))  # in which they are not
    await enroll(admin, session, person, other)
    _, path = await new_calendar(admin, kind="person", id=person)
    event = await only_event(stack, path)
    assert (event.start, event.end) == (datetime(2030, 5, 15, 9, tzinfo=UTC), datetime(2030, 5, 15, 17, tzinfo=UTC))
    assert (event.summary, event.sequence) == ("Leadership Essentials: May Cohort", 1)
    assert (event.location, event.status, event.transparency) == ("Training Room A", "CONFIRMED", "OPAQUE")
    assert event.ids == [organisation, session]
    text = (await read(stack, path)).text
    assert not {name for name in ("John", "Jane", "Sarah", "Williams", "EMP-") if name in text}


async def test_a_session_that_moves_stays_the_same_event(stack: Stack, admin: Client) -> None:
    person, session = await new_staff(admin), await new_session(admin, await new_course(admin))
    await enroll(admin, session, person)
    _, path = await new_calendar(admin, kind="person", id=person)
    before = await only_event(stack, path)
    await patched(admin, session, **LATER, location=None)

    async def has_moved() -> bool:
        event = await only_event(stack, path)
        assert (event.uid, event.sequence, event.location) == (before.uid, 2, None)
        assert event.start == datetime(2031, 1, 10, 7, tzinfo=UTC)
        assert event.stamp >= before.stamp
        return True

    await eventually(has_moved)


async def test_a_session_that_is_cancelled_is_shown_as_such_to_who_was_in_it(stack: Stack, admin: Client) -> None:
    session = await new_session(admin, await new_course(admin), max_participants=2)
    seated, left, waiting = [await new_employee(admin) for _ in range(3)]
    paths = [(await new_calendar(admin, kind="person", id=person))[1] for person in (seated, left, waiting)]
    _, enrollment = await enroll(admin, session, seated, left)
    await changed(admin, enrollment, "cancel")
    await patched(admin, session, max_participants=1)
    await line_up(admin, session, waiting)
    before = await only_event(stack, paths[0])
    await patched(admin, session, status="cancelled")
    for path in (paths[0], paths[2]):
        await shows(stack, path, "CANCELLED", "TRANSPARENT")
        event = await only_event(stack, path)
        assert event.uid == before.uid
        assert event.sequence > before.sequence
    assert await events(stack, paths[1]) == []


async def test_who_waits_sees_a_session_that_may_come(stack: Stack, admin: Client) -> None:
    session = await new_session(admin, await new_course(admin), max_participants=1)
    seated, waiting = await new_employee(admin), await new_employee(admin)
    [first] = await enroll(admin, session, seated)
    await line_up(admin, session, waiting)
    _, path = await new_calendar(admin, kind="person", id=waiting)
    await shows(stack, path, "TENTATIVE", "TRANSPARENT")
    await changed(admin, first, "cancel")
    await shows(stack, path, "CONFIRMED", "OPAQUE")


async def test_who_still_waits_when_the_session_is_over_was_never_in_it(stack: Stack, admin: Client) -> None:
    start = datetime.now(UTC) - timedelta(days=1)
    times = {"start_date": start.isoformat(), "end_date": (start + timedelta(hours=2)).isoformat()}
    session = await new_session(admin, await new_course(admin), max_participants=1, **times)
    await enroll(admin, session, await new_employee(admin))
    waiting = await new_employee(admin)
    await line_up(admin, session, waiting)
    _, path = await new_calendar(admin, kind="person", id=waiting)
    await shows(stack, path, "TENTATIVE", "TRANSPARENT")
    await patched(admin, session, status="in_progress")
    await patched(admin, session, status="completed")

    async def is_gone() -> bool:
        assert await events(stack, path) == []
        return True

    await eventually(is_gone)


async def test_what_somebody_is_not_in_any_more_is_in_no_calendar_of_theirs(stack: Stack, admin: Client) -> None:
    course, person = await new_course(admin), await new_employee(admin)
    first, second = await new_session(admin, course), await new_session(admin, course, **LATER)
    [enrollment] = await enroll(admin, first, person)
    _, path = await new_calendar(admin, kind="person", id=person)
    assert (await only_event(stack, path)).session == first
    assert (await transfer(admin, enrollment, second)).status == 200
    assert (await only_event(stack, path)).session == second
    await changed(admin, enrollment, "absent")
    assert await events(stack, path) == []
    await changed(admin, enrollment, "reopen", {"reason": "A mistake"})
    assert (await only_event(stack, path)).session == second
    await changed(admin, enrollment, "cancel")
    assert await events(stack, path) == []


async def test_meetings_are_events_of_their_own(stack: Stack, admin: Client) -> None:
    person, course = await new_employee(admin), await new_course(admin)
    body = {"course_id": course, "session_name": "X", "max_participants": 5, "location": "Room A", "meetings": MEETINGS}
    session = (await admin.post(SESSIONS, body)).data["id"]
    await enroll(admin, session, person)
    _, path = await new_calendar(admin, kind="person", id=person)
    shown = await events(stack, path)
    assert [event.ids[1:] for event in shown] == [[session, 1], [session, 2]]
    assert [event.location for event in shown] == ["Room A", "Hall B"]
    assert [event.start.day for event in shown] == [15, 16]
    await patched(admin, session, meetings=[{**MEETINGS[0], "end_date": "2030-05-15T13:00:00Z"}])

    async def has_one() -> bool:
        event = await only_event(stack, path)
        assert (event.uid, event.end.hour) == (shown[0].uid, 13)
        return True

    await eventually(has_one)


async def test_a_self_paced_course_takes_nobodys_time(stack: Stack, admin: Client) -> None:
    person, course = await new_employee(admin), await new_course(admin, delivery_mode="self_paced")
    await enroll(admin, await new_session(admin, course), person)
    _, path = await new_calendar(admin, kind="person", id=person)
    await shows(stack, path, "CONFIRMED", "TRANSPARENT")


async def test_a_facilitator_sees_what_they_lead(stack: Stack, admin: Client) -> None:
    course = await new_course(admin)
    session, other = [await new_session(admin, course, facilitator=SARAH) for _ in range(2)]
    await new_session(admin, course, facilitator={"id": 11, "full_name": "Somebody Else"})
    await new_session(admin, course)
    row, path = await new_calendar(admin, kind="facilitator", id=10)

    async def has(*sessions: int) -> bool:
        assert [event.session for event in await events(stack, path)] == [*sessions]
        return True

    await eventually(lambda: has(session, other))
    assert (await admin.get(f"/api/v1/calendars/{row}")).data["of"] == {"id": 10, "name": "Sarah Williams"}
    assert "Sarah" not in (await read(stack, path)).text
    await patched(admin, session, facilitator={"id": 11, "full_name": "Somebody Else"})
    await eventually(lambda: has(other))
    assert (await admin.delete(f"{SESSIONS}/{other}")).status == 200
    await shows(stack, path, "CANCELLED", "TRANSPARENT")


async def test_a_place_has_its_sessions_and_the_meetings_there(stack: Stack, admin: Client) -> None:
    course = await new_course(admin)
    at_b = await new_session(admin, course, location="Hall B", facilitator=SARAH)
    body = {"course_id": course, "session_name": "X", "max_participants": 5, "location": "Room A", "meetings": MEETINGS}
    meeting = (await admin.post(SESSIONS, body)).data["id"]
    _, room = await new_calendar(admin, kind="location", name="Room A")
    _, hall = await new_calendar(admin, kind="location", name=" Hall B ")

    async def have() -> bool:
        [event] = await events(stack, room)
        assert (event.session, event.start.day) == (meeting, 15)
        shown = await events(stack, hall)
        assert [(event.session, event.start.day) for event in shown] == [(at_b, 15), (meeting, 16)]
        return True

    await eventually(have)
    assert "X-WR-CALNAME:Hall B\r\n" in (await read(stack, hall)).text
    assert "Sarah" not in (await read(stack, hall)).text


async def test_what_ended_long_ago_is_left_out(stack: Stack, admin: Client) -> None:
    course, person, now = await new_course(admin), await new_employee(admin), datetime.now(UTC)
    _, path = await new_calendar(admin, kind="person", id=person)
    kept = 0
    for days in (80, 100):
        start = now - timedelta(days=days)
        times = {"start_date": start.isoformat(), "end_date": (start + timedelta(hours=1)).isoformat()}
        session = await new_session(admin, course, **times)
        kept = kept or session
        await enroll(admin, session, person)
    assert (await only_event(stack, path)).session == kept


async def test_a_calendar_has_no_more_than_its_first_events(stack: Stack, admin: Client, organisation: int) -> None:
    _, path = await new_calendar(admin, kind="facilitator", id=10)
    await insert_sessions(stack, organisation, MOST_EVENTS + 5)
    shown = await events(stack, path)
    assert len(shown) == MOST_EVENTS
    assert [event.session for event in shown] == list(range(1, MOST_EVENTS + 1))


async def insert_sessions(stack: Stack, organisation: int, count: int) -> None:
    """Of a facilitator, one after the other, past all events."""
    connection = await asyncpg.connect(stack.enrollment_database_url)
    try:
        await connection.execute(
            """INSERT INTO sessions (organisation_id, id, version, course_id, start_date, end_date, status, seats_max,
                session_name, facilitator_id, facilitator_version)
            SELECT $1, n, 1, 1, now() + n * interval '1 hour', now() + (n + 1) * interval '1 hour', 'scheduled', 5,
                'Session ' || n, 10, 1 FROM generate_series(1, $2::integer) n""",
            organisation,
            count,
        )
    finally:
        await connection.close()


async def test_a_calendar_shows_the_own_organisation_alone(stack: Stack, admin: Client, organisation: int) -> None:
    stranger = stack.client(organisation + 1)
    for client in (admin, stranger):
        await new_session(client, await new_course(client), facilitator=SARAH, location="Room of both")
    for fields in ({"kind": "facilitator", "id": 10}, {"kind": "location", "name": "Room of both"}):
        _, path = await new_calendar(admin, **fields)

        async def has_own(path: str = path) -> bool:
            return (await only_event(stack, path)).ids[0] == organisation

        await eventually(has_own)


async def test_who_left_has_no_calendar_any_more(stack: Stack, admin: Client) -> None:
    person = await new_employee(admin)
    _, path = await new_calendar(admin, kind="person", id=person)
    assert (await read(stack, path)).status == 200
    assert (await admin.delete(f"{EMPLOYEES}/{person}")).status == 200
    assert (await read(stack, path)).status == 404


async def test_who_turned_out_to_be_somebody_else_goes_on_reading(stack: Stack, admin: Client) -> None:
    person, into = await new_employee(admin), await new_employee(admin)
    session = await new_session(admin, await new_course(admin))
    await enroll(admin, session, into)
    row, path = await new_calendar(admin, kind="person", id=person)
    assert await events(stack, path) == []
    merged = await admin.request("POST", f"{EMPLOYEES}/{person}/merge", json={"into": into}, headers={"If-Match": "*"})
    assert merged.status == 200, merged.text
    assert (await only_event(stack, path)).session == session
    assert (await admin.get(f"/api/v1/calendars/{row}")).data["of"]["id"] == into


async def test_facilitators_of_sessions_that_were_there_before_are_fetched(
    stack: Stack, admin: Client, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preservation, "PAUSE", 0.0)
    session = await new_session(admin, await new_course(admin), facilitator=SARAH)
    _, path = await new_calendar(admin, kind="facilitator", id=10)

    async def has_it() -> bool:
        assert (await only_event(stack, path)).session == session
        return True

    await eventually(has_it)
    connection = await asyncpg.connect(stack.enrollment_database_url)
    try:
        await connection.execute(
            """UPDATE sessions SET facilitator_id = NULL, facilitator_name = NULL, facilitator_version = 0
            WHERE organisation_id = $1""",
            organisation,
        )
    finally:
        await connection.close()
    assert await events(stack, path) == []
    settings = stack.settings["enrollment"]
    async with (
        connection_pool(settings.database_url.get_secret_value(), name="test", size=2) as pool,
        connected_owners(settings, "enrollment", PROJECTION) as owners,
    ):
        await preservation.complete_copies(pool, owners["catalog"])
    await has_it()
