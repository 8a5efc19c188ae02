"""The extremes of a route's body, sent one after the other, and what is wrong with what comes of them."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import asyncpg

from services.enrollment.schemas import Erasure
from services.enrollment.schemas_clearance import ClearanceQuestion
from services.enrollment.schemas_records import RecordFields
from shared.auth.claims import EVERY_ORGANISATION
from shared.auth.trust import OF_GATEWAY
from tests.support.client import Answer, Client
from tests.support.extremes import ANYTHING, REFUSED, Extreme, FieldOf, Place, body_with, extremes, fields_of
from tests.support.routes import ALL, Declared, example_body, renewed, rows_of_each_kind
from tests.support.services import PROJECTIONS
from tests.support.stack import Stack
from tests.support.world import COURSES, EMPLOYEES, ORGANISATIONS, STAFF, USERS, new_session

REFUSALS = {
    (400, "malformed_json"),
    (409, "conflict"),
    (409, "external_id_taken"),  # two that differ by what is left out of a text are one
    (409, "invitation_used"),
    (409, "organisation_exists"),
    (413, "payload_too_large"),
    (428, "precondition_required"),
}
"""Beside those with 422."""
ELSEWHERE: Mapping[Place, Callable[[Any], Any]] = {
    ("course_id",): lambda row: row["course"]["id"],
    ("session_id",): lambda row: row["session"]["id"],
    ("employee_id",): lambda row: row["employee"]["id"] if "employee" in row else row["employee_id"],
    ("employee_ids", 0): lambda row: row["employee"]["id"],
    ("prerequisites",): lambda row: [course["id"] for course in row["prerequisites"]],
    ("prerequisites", 0): lambda row: row["prerequisites"][0]["id"],
    ("method",): lambda row: row["check_in_method"],
    ("meetings",): lambda row: row.get("meetings", []),
    ("id",): lambda row: Decimal(row.get("of", row)["id"]),
    ("disabled",): lambda row: row["status"] == "disabled",
    ("suspended",): lambda row: row["status"] == "suspended",
}
"""Where a row shows what goes by another name in a body."""
NOT_SHOWN: Mapping[Place, str] = {
    ("reason",): "in the audit trail, if it changes anything",
    ("waitlist",): "what came of it is shown",
    ("partial",): "what came of it is shown",
    ("over_capacity",): "what came of it is shown",
    ("employee_ids",): "each makes a row of its own",
    ("attendance",): "what came of each row is answered",
    ("atomic",): "what came of it is answered",
    ("at_once",): "in the audit trail",
    ("since",): "what came of it is answered",
    ("applies_to",): "what a patch leaves out of it stays",
    ("needs",): "as above",
    ("permissions",): "a set, shown in an order of its own and with api.access",
    ("permissions", 0): "as above",
}
SHOWN_BY_ANOTHER: Mapping[str, Sequence[Place]] = {ORGANISATIONS: [("time_zone",), ("booking_clash",)]}
"""By the path, what a service tells another, which shows it."""
FOLLOWS: Mapping[str | int, Sequence[str]] = {"meetings": ("start_date", "end_date")}
"""What may be left out, since it follows from the field."""
NAMES_OF_ROWS = {
    "course_id",
    "label_id",
    "session_id",
    "sessions",
    "employee_ids",
    "prerequisites",
    "waitlist",
    "partial",
    "attendance",
    "time_zone",
    "ids",
    "versions",
    "meeting_id",
    "into",
    "email",
    "admin",
    "token",
    "password",
    "permissions",
    "after",
    "digest",
    "types",
    "applies_to",
    "needs",
    "organisation_id",
    "number",
}
"""What has to exist, and what is asked of it: no extreme does."""
OWNED: Mapping[str, Sequence[str]] = {
    "courses": ["courses"],
    "sessions": ["sessions"],
    "people": ["people"],
    "enrollments": ["enrollments"],
    "records": ["enrollments", "external_records"],
}
"""By what an owner calls them, the tables that its rows are in."""


COUNTS = {
    "total_sessions",
    "total_enrollments",
    "completion_rate",
    "upcoming_sessions",
    "enrolled_count",
    "available_spots",
    "failing_since",
}
"""They follow other rows, or what is sent."""


def is_of_no_row(declared: Declared, answer: Answer) -> bool:
    """What a service answers another about rows that it lacks, or anybody about links that there are not."""
    return not declared.is_public and answer.status == 404 and answer.json["code"] == "not_found"


@dataclass
class Search:
    """The extremes of one route, sent for one organisation."""

    client: Client
    declared: Declared
    ids: Mapping[str, int]
    example: dict[str, Any]
    faults: list[str] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    """The fields of which an extreme was."""
    row: Any = None
    """As the last request that was accepted left it."""

    async def of_field(self, at: FieldOf) -> None:
        assert self.declared.route.body is not None
        follows = FOLLOWS.get(at.place[0], ())
        example = {name: value for name, value in self.example.items() if name not in follows}
        for extreme in extremes(at.schema):
            example = renewed(example)
            answer = await self.ask(body_with(example, at, self.declared.route.body, extreme.written))
            if answer.status in (200, 201) or is_of_no_row(self.declared, answer):
                self.accepted.add(str(at))
                found = await self._faults_of_acceptance(at, extreme, answer)
            else:
                found = refusal_faults(answer)
            self.faults += [f"{at} = {extreme.written[:80]}: {fault}" for fault in found]
        if self.row is not None and (left := await self.read(self.row["id"])) != self.row:
            self.faults.append(f"{at}: what was refused changed {self.row} to {left}")

    async def ask(self, body: str) -> Answer:
        return await self.client.request(
            self.declared.route.method,
            self.declared.path(self.ids),
            data=body.encode(),
            headers={"Content-Type": "application/json"},
        )

    async def _faults_of_acceptance(self, at: FieldOf, extreme: Extreme, answer: Answer) -> list[str]:
        if not self.declared.is_public:  # rows of earlier versions may have what clients can no longer write
            return []
        if extreme.shown == REFUSED:
            return ["accepted"]
        if self.declared.route.body is ClearanceQuestion:
            return _faults_of_a_question(at, extreme, answer)
        self.row = await self.read(id_in(answer))
        elsewhere = SHOWN_BY_ANOTHER.get(self.declared.route.path, ())
        if extreme.shown == ANYTHING or at.place in NOT_SHOWN or at.place in elsewhere:
            return []
        shown = ELSEWHERE.get(at.place, partial(member, at.place))(self.row)
        return [] if same(shown, extreme.shown) else [f"shown as {shown!r:.100}"]

    async def read(self, row_id: int | None) -> Any:
        """What clients can write of the row, and its id."""
        path = self.declared.path(self.ids)
        makes_a_row = self.declared.route.method == "POST" and not self.declared.has_id
        is_erased = self.declared.route.body is Erasure
        shown_at = r"\1/data" if is_erased else r"\1"  # whoever was erased is there no more
        path = f"{path}/{row_id}" if makes_a_row else re.sub(r"(/[0-9]+)/.*", shown_at, path)
        answer = await self.client.get(path)
        assert answer.status == 200, answer.text
        data = json.loads(answer.text, parse_int=Decimal, parse_float=Decimal)["data"]
        data = data["people"][0] if is_erased else data
        return {name: value for name, value in data.items() if name not in COUNTS} | {"id": row_id}


def _faults_of_a_question(at: FieldOf, extreme: Extreme, answer: Answer) -> list[str]:
    """What writes nothing says itself what was asked."""
    if extreme.shown == ANYTHING or at.place[0] == "employee_ids":
        return []
    shown = json.loads(answer.text, parse_int=Decimal, parse_float=Decimal)["data"][at.place[0]]
    return [] if same(shown, extreme.shown) else [f"shown as {shown!r:.100}"]


def id_in(answer: Answer) -> int | None:
    """Of the row that was written; those without one have no id either."""
    data = answer.data
    found: int | None = data["enrollments"][0]["id"] if "enrollments" in data else data.get("id")
    return found


def refusal_faults(answer: Answer) -> list[str]:
    code = answer.json["code"]
    if answer.status != 422 and (answer.status, code) not in REFUSALS:
        return [f"answered {answer.status} {code}"]
    return ["refused without a reason"] if code == "validation_failed" and not answer.json["errors"] else []


def member(place: Place, document: Any) -> Any:
    for step in place:
        document = document[step]
    return document


def same(one: Any, other: Any) -> bool:
    """`True` is no 1."""
    return type(one) is type(other) and one == other


async def search(stack: Stack, organisation: int, declared: Declared) -> Search:
    ids = await rows_of_each_kind(stack.client(organisation))
    other_session = await new_session(stack.client(organisation), ids[COURSES])
    assert declared.route.body is not None
    good = {
        "course_id": ids[COURSES],
        "session_id": other_session,  # nothing is transferred to the session it is in
        "employee_ids": [ids[STAFF]],
        "attendance": [{"employee_id": ids[EMPLOYEES], "outcome": "checked_in"}],
        "needs": {"course_id": ids[COURSES]},
        "time_zone": "UTC",
        "meetings": [],
        "role": "Contractor Coordinator",  # others have no companies
        "checked_in_at": "2026-05-15T09:00:00Z",  # without it a second check-in changes nothing
    }
    names = {str(at) for at in fields_of(declared.route.body)}
    if {"token", "password"} <= names:  # of an invitation, which is used once
        good |= await invitation(stack.client(organisation), ids[USERS])
    if declared.route.body is RecordFields:  # it names a training, and so no course
        good = {"employee_id": ids[EMPLOYEES]}
    example = example_body(declared.route.body) | {name: value for name, value in good.items() if name in names}
    return Search(client_of(stack, organisation, declared), declared, ids, example)


async def invitation(client: Client, user_id: int) -> dict[str, str]:
    answer = await client.post(f"{USERS}/{user_id}/invitation", {})
    return {"token": answer.data["invitation"]["token"], "password": "a long summer in Perth"}


def client_of(stack: Stack, organisation: int, declared: Declared) -> Client:
    if declared.is_public:
        return stack.client(organisation)
    if declared.route.is_public:
        return stack.public()
    of_every = not OF_GATEWAY.isdisjoint(declared.route.permissions)
    return stack.direct(declared.service, EVERY_ORGANISATION if of_every else organisation, declared.permissions)


async def copied(stack: Stack, organisation: int) -> bool:
    """Whether each copy has the version of its owner: no event became a dead letter."""
    for service, projection in PROJECTIONS.items():
        for replica in projection.replicas:
            if replica.kind in OWNED:
                owned = await versions(stack.database_urls[replica.owner], OWNED[replica.kind], organisation)
                assert await versions(stack.database_urls[service], [replica.table], organisation) == owned
    return True


async def versions(url: str, tables: Sequence[str], organisation: int) -> dict[int, int]:
    connection = await asyncpg.connect(url, timeout=10)
    sql = " UNION ALL ".join(f"SELECT id, version FROM {table} WHERE organisation_id = $1" for table in tables)
    try:
        return {row["id"]: row["version"] for row in await connection.fetch(sql, organisation)}
    finally:
        await connection.close()


def only(method: str, path: str) -> Declared:
    [found] = [declared for declared in ALL if (declared.route.method, declared.route.path) == (method, path)]
    return found
