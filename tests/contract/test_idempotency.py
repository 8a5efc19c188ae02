"""`Idempotency-Key` on POST (contract, section 1): one effect, and the first answer again."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from multidict import CIMultiDict

import services.enrollment.use_cases.enroll
from shared.http.idempotency_key import IdempotencyKey
from shared.postgres.pool import Connection, Pool, connected, connection_pool
from shared.postgres.row_security import SETTING, scope
from shared.service import idempotency
from shared.service.idempotency import find_answers
from tests.support.client import Answer, Client, new_organisation
from tests.support.guards import without
from tests.support.lifecycle import changed
from tests.support.races import hold_after
from tests.support.stack import Stack
from tests.support.world import COURSES, ENROLLMENTS, SESSIONS, enroll, new_course, new_employee, new_session

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
KEPT_HEADERS = ("Location", "ETag", "Content-Type")
COURSE = {"title": "T", "category": "safety", "delivery_mode": "online", "duration_hours": 1}
_TRY_LOCK = r"pg_try_advisory_xact_lock(hashtextextended(concat_ws(E'\n', organisation_id, subject, route, key), 0))"
DATABASE_OF = {COURSES: "catalog", SESSIONS: "catalog", ENROLLMENTS: "enrollment"}
EVERY_POST = pytest.mark.parametrize("path", [COURSES, SESSIONS, ENROLLMENTS])


@dataclass
class Bodies:
    """Good bodies for each route that takes a key; each call another one."""

    client: Client
    course_id: int
    session_id: int
    count: int = 0

    async def of(self, path: str) -> dict[str, Any]:
        self.count += 1
        if path == COURSES:
            return {**COURSE, "title": f"Course {self.count}"}
        if path == ENROLLMENTS:
            return {"session_id": self.session_id, "employee_ids": [await new_employee(self.client)]}
        start, end = "2030-05-15T09:00:00Z", "2030-05-15T17:00:00Z"
        times = {"start_date": start, "end_date": end}
        return {**times, "course_id": self.course_id, "session_name": f"No. {self.count}", "max_participants": 5}


@pytest.fixture
async def bodies(admin: Client) -> Bodies:
    course_id = await new_course(admin)
    session_id = await new_session(admin, course_id)
    # From now on enrollment knows the session: asking the catalog for it is another attempt, and another defect's.
    await enroll(admin, session_id, await new_employee(admin))
    return Bodies(admin, course_id, session_id)


async def post(client: Client, path: str, body: Any, key: str = KEY) -> Answer:
    return await client.post(path, body, **{"Idempotency-Key": key})


async def total(client: Client, path: str) -> int:
    return int((await client.get(path)).json["meta"]["total"])


def is_replayed(answer: Answer) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


@EVERY_POST
async def test_the_same_key_and_body_get_the_first_answer_again(admin: Client, bodies: Bodies, path: str) -> None:
    body, before = await bodies.of(path), await total(admin, path)
    first = await post(admin, path, body)
    assert first.status == 201, first.text
    assert "Idempotency-Replayed" not in first.headers
    for _ in range(2):
        again = await post(admin, path, body)
        assert (again.status, again.text, is_replayed(again)) == (201, first.text, True)
        assert [again.headers.get(name) for name in KEPT_HEADERS] == [first.headers.get(name) for name in KEPT_HEADERS]
    assert await total(admin, path) == before + 1


@EVERY_POST
async def test_without_a_key_every_request_counts(admin: Client, bodies: Bodies, path: str) -> None:
    before = await total(admin, path)
    for _ in range(2):
        assert (await admin.post(path, await bodies.of(path))).status == 201
    assert await total(admin, path) == before + 2


@EVERY_POST
async def test_the_same_key_with_another_body_is_refused(admin: Client, bodies: Bodies, path: str) -> None:
    before = await total(admin, path)
    first = await bodies.of(path)
    assert (await post(admin, path, first)).status == 201
    assert code(await post(admin, path, await bodies.of(path))) == (422, "idempotency_key_reused")
    assert is_replayed(await post(admin, path, first))
    assert await total(admin, path) == before + 1


@EVERY_POST
async def test_how_the_body_is_written_does_not_matter(admin: Client, bodies: Bodies, path: str) -> None:
    body = await bodies.of(path)
    assert (await post(admin, path, body)).status == 201
    assert is_replayed(await post(admin, path, dict(reversed(body.items()))))


async def test_a_refused_key_is_carried_out_once_it_can_be(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    [seated] = await enroll(admin, session_id, await new_employee(admin))
    body = {"session_id": session_id, "employee_ids": [await new_employee(admin)]}
    for _ in range(2):
        refused = await post(admin, ENROLLMENTS, body)
        assert (code(refused), is_replayed(refused)) == ((422, "session_full"), False)
    await changed(admin, seated, "cancel")
    first, again = [await post(admin, ENROLLMENTS, body) for _ in range(2)]
    assert (first.status, is_replayed(first)) == (201, False)
    assert (again.status, again.text, is_replayed(again)) == (201, first.text, True)


@pytest.mark.parametrize("path", [COURSES, SESSIONS])
async def test_a_refusal_of_the_catalog_leaves_its_key_free(admin: Client, bodies: Bodies, path: str) -> None:
    unknown = {"prerequisites": [2**62]} if path == COURSES else {"course_id": 2**62}
    refused = await post(admin, path, await bodies.of(path) | unknown)
    assert code(refused) == (422, "validation_failed")
    assert (await post(admin, path, await bodies.of(path))).status == 201


async def test_a_session_that_nobody_knows_is_looked_for_again(admin: Client) -> None:
    body = {"session_id": 2**62, "employee_ids": [await new_employee(admin)]}
    for _ in range(2):
        refused = await post(admin, ENROLLMENTS, body)
        assert refused.json["errors"] == {"session_id": ["The selected session does not exist."]}
        assert "Idempotency-Replayed" not in refused.headers


async def test_a_missing_permission_is_never_kept(stack: Stack, admin: Client, organisation: int) -> None:
    session_id, person = await new_session(admin, await new_course(admin)), await new_employee(admin)
    body = {"session_id": session_id, "employee_ids": [person]}
    for permissions, status in ((["training.view"], 403), (["training.enroll.self"], 403), (["training.enroll"], 201)):
        client = stack.client(organisation, sub="clerk", permissions=["api.access", *permissions])
        assert (await post(client, ENROLLMENTS, body)).status == status


async def test_a_missing_token_is_never_kept(stack: Stack, admin: Client) -> None:
    assert (await post(stack.anonymous(), COURSES, COURSE)).status == 401
    assert (await post(admin, COURSES, COURSE)).status == 201


@EVERY_POST
async def test_everyone_has_keys_of_their_own(
    stack: Stack, admin: Client, organisation: int, bodies: Bodies, path: str
) -> None:
    same_subject, other_subject = (stack.client(organisation, sub=subject) for subject in ("one", "two"))
    first = await post(same_subject, path, await bodies.of(path))
    second = await post(other_subject, path, await bodies.of(path))
    assert (first.status, second.status) == (201, 201)
    assert code(await post(same_subject, path, await bodies.of(path))) == (422, "idempotency_key_reused")


async def test_every_organisation_has_keys_of_its_own(stack: Stack) -> None:
    ids = set()
    for organisation in (new_organisation(), new_organisation()):
        answer = await post(stack.client(organisation, sub="same"), COURSES, COURSE)
        assert (answer.status, is_replayed(answer)) == (201, False)
        ids.add(answer.data["id"])
    assert len(ids) == 2


async def test_every_route_has_keys_of_its_own(stack: Stack, organisation: int, bodies: Bodies) -> None:
    client = stack.client(organisation, sub="same")
    for path in (COURSES, SESSIONS, ENROLLMENTS):
        answer = await post(client, path, await bodies.of(path))
        assert (answer.status, is_replayed(answer)) == (201, False)


async def test_only_a_post_takes_a_key(admin: Client) -> None:
    course = f"{COURSES}/{await new_course(admin)}"
    for title in ("B", "C"):
        answer = await admin.patch(course, {"title": title}, **{"Idempotency-Key": KEY})
        assert (answer.data["title"], is_replayed(answer)) == (title, False)


@pytest.mark.parametrize("keys", [[""], ["x" * 256], ["a\tb"], ["é"], ["a", "a"], ["a", "b"]], ids=repr)
@EVERY_POST
async def test_a_malformed_key_is_refused(admin: Client, bodies: Bodies, path: str, keys: list[str]) -> None:
    before = await total(admin, path)
    headers: Any = CIMultiDict({"Authorization": f"Bearer {admin.token}"})
    for key in keys:
        headers.add("Idempotency-Key", key)
    async with admin.http.post(admin.url + path, json=await bodies.of(path), headers=headers) as response:
        refused = await response.json()
    assert (response.status, refused["code"]) == (422, "validation_failed")
    assert list(refused["errors"]) == ["Idempotency-Key"]
    assert await total(admin, path) == before


@pytest.fixture
async def pools(stack: Stack) -> AsyncIterator[Mapping[str, Pool]]:
    async with (
        connection_pool(stack.catalog_database_url, name="test", size=3) as catalog,
        connection_pool(stack.enrollment_database_url, name="test", size=3) as enrollment,
    ):
        yield {"catalog": catalog, "enrollment": enrollment}


@EVERY_POST
async def test_a_key_is_forgotten_after_a_day(
    admin: Client, organisation: int, bodies: Bodies, pools: Mapping[str, Pool], path: str
) -> None:
    body = await bodies.of(path)
    assert (await post(admin, path, body)).status == 201
    for age, expected in (("23 hours 59 minutes", (422, "idempotency_key_reused")), ("24 hours", (201, ""))):
        await pools[DATABASE_OF[path]].execute(
            f"UPDATE idempotency_keys SET created_at = now() - interval '{age}' WHERE organisation_id = $1",
            organisation,
        )
        answer = await post(admin, path, await bodies.of(path))
        assert (answer.status, answer.json.get("code", "")) == expected
    assert code(await post(admin, path, body)) == (422, "idempotency_key_reused")


@EVERY_POST
async def test_of_twenty_requests_at_once_one_has_an_effect(admin: Client, bodies: Bodies, path: str) -> None:
    body, before = await bodies.of(path), await total(admin, path)
    answers = await asyncio.gather(*(post(admin, path, body) for _ in range(20)))
    first = [answer for answer in answers if answer.status == 201 and not is_replayed(answer)]
    assert len(first) == 1
    for answer in answers:
        assert answer.status == 201 or code(answer) == (409, "idempotency_in_flight")
        assert answer.status == 409 or answer.text == first[0].text
    assert await total(admin, path) == before + 1


async def test_control_without_the_lock_two_requests_at_once_have_two_effects(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, idempotency, "_LOCK", _TRY_LOCK, "true")
    hold_after(monkeypatch, idempotency, "find_answers", parties=2)
    answers = await asyncio.gather(*(post(admin, COURSES, COURSE) for _ in range(2)))
    assert [answer.status for answer in answers] == [201, 201]
    assert await total(admin, COURSES) == 2


@EVERY_POST
async def test_a_key_whose_first_request_still_runs_is_in_flight(
    stack: Stack, organisation: int, bodies: Bodies, pools: Mapping[str, Pool], path: str
) -> None:
    client, body = stack.client(organisation, sub="same"), await bodies.of(path)
    running = IdempotencyKey(organisation, "same", path, KEY, b"")
    async with pools[DATABASE_OF[path]].acquire() as connection, connection.transaction():
        assert await find_answers(connection, [running]) == [None]
        for _ in range(2):
            assert code(await post(client, path, body)) == (409, "idempotency_in_flight")
        assert (await post(client, path, await bodies.of(path), "another key")).status == 201
    answer = await post(client, path, body)
    assert (answer.status, is_replayed(answer)) == (201, False)


async def broken_when_kept(*_: Any) -> None:
    raise ZeroDivisionError


@EVERY_POST
async def test_an_answer_that_cannot_be_kept_undoes_its_effect(
    admin: Client, bodies: Bodies, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    body, before = await bodies.of(path), await total(admin, path)
    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "keep_answers", broken_when_kept)
        assert code(await post(admin, path, body)) == (500, "internal_error")
    assert await total(admin, path) == before
    answer = await post(admin, path, body)
    assert (answer.status, is_replayed(answer)) == (201, False)


@asynccontextmanager
async def statement_by_statement(pool: Pool, organisations: Iterable[int]) -> AsyncIterator[Connection]:
    """Sees what a transaction would, and commits each statement by itself."""
    async with connected(pool) as connection:
        await connection.execute(scope(organisations).replace("LOCAL", "SESSION"))
        try:
            yield connection
        finally:
            await connection.execute(f"RESET {SETTING}")


@EVERY_POST
async def test_control_without_one_transaction_the_effect_stays_and_comes_twice(
    admin: Client, bodies: Bodies, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    body, before = await bodies.of(path), await total(admin, path)
    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "keep_answers", broken_when_kept)
        broken.setattr(idempotency, "transaction", statement_by_statement)
        broken.setattr(services.enrollment.use_cases.enroll, "transaction", statement_by_statement)
        assert code(await post(admin, path, body)) == (500, "internal_error")
    assert await total(admin, path) == before + 1
    again = await post(admin, path, body)
    assert again.status == 201 or code(again) == (422, "already_enrolled")
    assert not is_replayed(again)


@EVERY_POST
async def test_an_effect_that_fails_keeps_no_answer(
    admin: Client, bodies: Bodies, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    body = await bodies.of(path)
    with monkeypatch.context() as broken:
        broken.setattr("shared.messaging.outbox.add", broken_when_kept)
        assert code(await post(admin, path, body)) == (500, "internal_error")
    answer = await post(admin, path, body)
    assert (answer.status, is_replayed(answer)) == (201, False)
