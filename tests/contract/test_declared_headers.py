"""A route that declares `PreconditionFailed` reads `If-Match`, one that declares `IdempotencyKeyReused` an
`Idempotency-Key`; and no other route does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.enrollment.errors import OwnRecord
from services.enrollment.schemas import Erasure
from shared.errors import IdempotencyKeyReused, PreconditionFailed, PreconditionRequired
from shared.service.idempotency import OF_IDEMPOTENCY
from tests.support.client import Client
from tests.support.routes import PUBLIC, Declared, example_body, rows_of_each_kind
from tests.support.world import (
    BEGUN,
    CALENDARS,
    CLIENTS,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    IMPORTS,
    ORGANISATIONS,
    RECORDS,
    REQUIREMENTS,
    SESSIONS,
    SETTINGS,
    STAFF,
    USERS,
    WEBHOOKS,
    new_employee,
    new_session,
    new_staff,
)

OF_A_ROW = [
    declared
    for declared in PUBLIC
    if declared.route.method != "GET" and (declared.has_id or declared.route.path == SETTINGS)
]
POSTS = [declared for declared in PUBLIC if declared.route.method == "POST" and "/auth/" not in declared.route.path]
"""Those of signing in and out end the token that they come with, and are looked at on their own."""
KEY = {"Idempotency-Key": "b3f0"}
OTHERWISE: Mapping[str, dict[str, Any]] = {
    COURSES: {"title": "Other"},
    SESSIONS: {"session_name": "Other"},
    ENROLLMENTS: {"waitlist": True},
    RECORDS: {"provider": "Other"},
    REQUIREMENTS: {"name": "Other"},
    f"{SESSIONS}/{{id}}/attendance": {"atomic": True},
    f"{EMPLOYEES}/{{id}}/merge": {"into": 1},
    f"{STAFF}/{{id}}/merge": {"into": 1},
    CLIENTS: {"name": "Other"},
    f"{CLIENTS}/{{id}}/rotate": {"at_once": True},
    USERS: {"name": "Other"},
    ORGANISATIONS: {"name": "Other"},
    CALENDARS: {"id": 2},
    WEBHOOKS: {"thin": True},
    f"{WEBHOOKS}/{{id}}/rotate-secret": {"at_once": True},
}
"""What makes another body of the one that was sent before."""


async def unlike_declared(client: Client, routes: Sequence[Declared]) -> list[str]:
    """Those of the routes that refuse a version of nobody although they do not declare it, or the other way round."""
    ids = await rows_of_each_kind(client)
    wrong = []
    for declared in routes:
        body = {"json": {"time_zone": "UTC"}} if declared.route.path == SETTINGS else {}
        answer = await declared.ask(client, ids, headers={"If-Match": '"of no version"'}, **body)
        if (answer.status == 412) != (PreconditionFailed in declared.route.refusals):
            wrong.append(f"{declared}: {answer.text}")
    return wrong


async def test_what_reads_if_match_declares_its_refusal(admin: Client) -> None:
    assert await unlike_declared(admin, OF_A_ROW) == []


async def test_control_a_refusal_that_never_comes_is_noticed(admin: Client) -> None:
    [signing_out] = [each for each in OF_A_ROW if each.route.path == f"{USERS}/{{id}}/sign-out"]
    route = replace(signing_out.route, refusals=[*signing_out.route.refusals, PreconditionFailed])
    assert await unlike_declared(admin, [replace(signing_out, route=route)]) != []


async def good_bodies(client: Client, ids: Mapping[str, int]) -> dict[str, Any]:
    """By path, what has an effect: not every example has one."""
    session_id = await new_session(client, ids[COURSES])
    return {
        SESSIONS: {"course_id": ids[COURSES], **BEGUN},
        ENROLLMENTS: {"session_id": session_id, "employee_ids": [await new_employee(client)]},
        RECORDS: {"employee_id": await new_employee(client)},  # the other one is merged
        REQUIREMENTS: {"needs": {"course_id": ids[COURSES]}},
        f"{SESSIONS}/{{id}}/attendance": {"attendance": [{"enrollment_id": ids[ENROLLMENTS], "outcome": "completed"}]},
        f"{EMPLOYEES}/{{id}}/merge": {"into": await new_employee(client)},
        f"{STAFF}/{{id}}/merge": {"into": await new_staff(client)},
    }


def _possible(declared: Declared) -> set[int]:
    """An import may have ended before anybody cancels it."""
    return {*declared.route.answers, *([409] if declared.route.path.startswith(f"{IMPORTS}/") else [])}


async def test_what_takes_a_key_declares_its_refusals(admin: Client) -> None:
    ids = await rows_of_each_kind(admin)
    bodies, replayed = await good_bodies(admin, ids), {}
    for declared in POSTS:
        route = declared.route
        if route.body_streamed:  # the same file again changes nothing
            assert not {*OF_IDEMPOTENCY} & {*route.refusals}
            replayed[str(declared)] = False
            continue
        body = ({} if route.body is None else example_body(route.body)) | bodies.get(route.path, {})
        headers = {**KEY, **({"If-Match": "*"} if PreconditionRequired in route.refusals else {})}
        first, again = [await declared.ask(admin, ids, json=body, headers=headers) for _ in range(2)]
        # What one has submitted is for somebody else to accept, and who was merged is erased with the other person.
        is_done = first.status in _possible(declared) or first.json["code"] == OwnRecord.code
        is_done = is_done or (first.status, route.body, "merged_into" in first.json) == (404, Erasure, True)
        assert is_done, f"{declared}: {first.text}"
        replayed[str(declared)] = again.headers.get("Idempotency-Replayed") == "true"
        if IdempotencyKeyReused in route.refusals:
            other = await declared.ask(admin, ids, json=body | OTHERWISE[route.path], headers=headers)
            assert (other.status, other.json["code"]) == (422, "idempotency_key_reused"), f"{declared}: {other.text}"
    assert replayed == {str(declared): IdempotencyKeyReused in declared.route.refusals for declared in POSTS}


def test_signing_in_and_out_takes_no_key() -> None:
    others = [declared for declared in PUBLIC if declared.route.method == "POST" and declared not in POSTS]
    assert others
    assert [str(declared) for declared in others if IdempotencyKeyReused in declared.route.refusals] == []
