"""Every field of every body and query with the extremes of its type: never a 500, and nothing is changed silently.

What an answer shows afterwards is what was sent, in its documented normal form; or the request was refused, and what
was there is as it was (contract, section 1).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from services.accounts.schemas import Credentials, PasswordChange
from services.enrollment.schemas import Erasure
from services.enrollment.schemas_clearance import ClearanceQuestion
from services.enrollment.schemas_records import RecordFields
from shared.auth.claims import EVERY_ORGANISATION
from shared.auth.trust import OF_GATEWAY
from shared.http.pagination import MAX_PAGE
from shared.validation import fields as field_types
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.extremes import ANYTHING, REFUSED, Extreme, FieldOf, Place, body_with, extremes, fields_of
from tests.support.importing import FILES, NOTHING_REFUSED
from tests.support.routes import ALL, Declared, example_body, renewed, rows_of_each_kind
from tests.support.services import PROJECTIONS
from tests.support.stack import Stack
from tests.support.world import COURSES, EMPLOYEES, ENROLLMENTS, ORGANISATIONS, SESSIONS, STAFF, USERS, new_session

GUESSES = (Credentials, PasswordChange)
"""Few are answered: test_sign_in.py and tests/integration/accounts/test_own_account.py send their extremes."""
WITH_BODY = [declared for declared in ALL if declared.route.body not in (None, *GUESSES) and not declared.route.form]
WITH_QUERY = [
    declared
    for declared in ALL
    if declared.route.query.model_fields and (declared.is_public or declared.route.events is None)
]
GOOD = (200, 201, 202)
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


@pytest.mark.parametrize("declared", WITH_BODY, ids=str)
async def test_a_body_s_extremes_are_shown_as_they_were_sent_or_refused(
    stack: Stack, organisation: int, declared: Declared
) -> None:
    searched = await search(stack, organisation, declared)
    good = await searched.ask(json.dumps(searched.example))
    assert good.status in (200, 201, 428), good.text  # what can be done once is never done here
    every = list(fields_of(declared.route.body))
    for at in every:
        await searched.of_field(at)
    assert searched.faults == []
    of_rows = NAMES_OF_ROWS | ({"employee_id"} if declared.route.body is RecordFields else set())
    assert {str(at) for at in every if at.place[0] not in of_rows} - searched.accepted == set()
    if declared.is_public:
        await eventually(partial(copied, stack, organisation))


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


@pytest.mark.parametrize("declared", WITH_QUERY, ids=str)
async def test_a_query_s_extremes_are_asked_for_as_they_were_sent_or_refused(
    stack: Stack, organisation: int, declared: Declared
) -> None:
    ids = await rows_of_each_kind(stack.client(organisation))
    await eventually(partial(copied, stack, organisation))
    client = client_of(stack, organisation, declared)
    for at in fields_of(declared.route.query):
        faults, accepted = await ask_with(client, declared, ids, at)
        assert faults == []
        assert accepted or str(at) in NAMES_OF_ROWS


async def ask_with(
    client: Client, declared: Declared, ids: Mapping[str, int], at: FieldOf
) -> tuple[list[str], list[str]]:
    """Faults, and what was accepted."""
    faults: list[str] = []
    accepted: list[str] = []
    for written, shown in queries(at):
        asked = {**beside(declared, at, ids), str(at): written}
        answer = await client.request(
            declared.route.method, declared.path(ids), params=asked, **body_for(declared, asked, ids)
        )
        if declared.route.method == "DELETE" and accepted and answer.status == 404:
            continue  # one that was accepted has deleted it
        if str(at) in NAMES_OF_ROWS and is_of_no_row(declared, answer):
            continue
        normal = shown if at.schema.get("format") == "date-time" else written
        faults += [f"{at} = {written}: {fault}" for fault in query_faults(at, written, normal, answer)]
        if answer.status in GOOD:
            accepted.append(written)
            faults += [f"{at} = {written}: accepted"] if shown == REFUSED else []
    return faults, accepted


def queries(at: FieldOf) -> Iterator[tuple[str, Any]]:
    """What no JSON reader accepts is text like any other in a query."""
    for extreme in extremes(at.schema):
        written = extreme.in_a_query
        if written.isprintable() and len(written) < 1000:
            yield written, extreme.shown if extreme.is_text else ANYTHING


def body_for(declared: Declared, asked: Mapping[str, Any], ids: Mapping[str, int]) -> dict[str, Any]:
    """The body, where the route has one: a file, or an example."""
    if not declared.route.body_streamed:
        example = {} if declared.route.body is None else example_body(declared.route.body)
        needs = {"needs": {"course_id": ids[COURSES]}} if "needs" in example else {}
        return {"json": example | needs} if declared.route.body is not None else {}
    return {"data": FILES.get(asked["kind"], NOTHING_REFUSED).encode(), "headers": {"Content-Type": "text/csv"}}


def beside(declared: Declared, at: FieldOf, ids: Mapping[str, int]) -> dict[str, Any]:
    """What the route needs in addition: compliance is that of a course or a label, a file is of a kind, and a walk
    finds who is cleared."""
    if str(at) == "cleared":
        return {"cursor": ""}
    if declared.route.body_streamed:
        return {} if str(at) == "kind" else {"kind": "people"}
    needs_course = declared.route.path.endswith("/compliance") and str(at) not in ("course_id", "label_id")
    return {"course_id": ids[COURSES]} if needs_course else {}


def query_faults(at: FieldOf, written: str, normal: str, answer: Answer) -> Iterator[str]:
    """`normal` is what links have for what was written, if it is no number."""
    if answer.status not in GOOD:
        yield from refusal_faults(answer)
    elif str(at) in ("page", "per_page"):
        meta = answer.json["meta"]
        if meta["current_page" if str(at) == "page" else "per_page"] != min(int(written), MAX_PAGE):
            yield f"asked for as {meta}"
    elif "first" in answer.json.get("links", {}):
        [asked] = parse_qs(urlsplit(answer.json["links"]["first"]).query, keep_blank_values=True)[str(at)]
        if asked != (str(int(written)) if at.schema.get("type") == "integer" else normal):
            yield f"asked for as {asked}"


@pytest.mark.parametrize("declared", [declared for declared in ALL if declared.has_id], ids=str)
@pytest.mark.parametrize(
    "written", ["0", "-1", "-0", "01", "1.0", "1e0", "9" * 400, *(str(2**63 + n) for n in (-1, 0, 1))]
)
async def test_an_id_s_extremes_are_an_id_or_none(
    stack: Stack, organisation: int, declared: Declared, written: str
) -> None:
    path = re.sub(r"\{\w+\}", written, declared.route.path)
    body = {} if declared.route.body is None else {"json": example_body(declared.route.body)}
    answer = await client_of(stack, organisation, declared).request(declared.route.method, path, **body)
    is_the_largest = written == str(2**63 - 1)
    if is_the_largest and declared.route.path.startswith(ORGANISATIONS):  # another test may have made it
        assert answer.status in (200, 201, 404), answer.text
    else:
        made = is_the_largest and declared.route.method == "PUT"
        assert answer.status in ((201,) if made else (404, 422)), answer.text


def only(method: str, path: str) -> Declared:
    [found] = [declared for declared in ALL if (declared.route.method, declared.route.path) == (method, path)]
    return found


@pytest.mark.parametrize(
    ("guard", "without", "declared", "noticed"),
    [
        ("_check_year", lambda _: None, only("PATCH", ENROLLMENTS + "/{id}/check-in"), 'checked_in_at = "0001'),
        ("_check_year", lambda _: None, only("POST", SESSIONS), 'end_date = "9999'),
        ("normal_text", str, only("PUT", STAFF + "/{id}"), 'full_name = " a "'),
        ("normal_text", str.strip, only("PUT", STAFF + "/{id}"), 'full_name = "e\\u0301"'),
    ],
)
async def test_control_without_a_guard_the_search_notices(
    stack: Stack,
    organisation: int,
    monkeypatch: pytest.MonkeyPatch,
    guard: str,
    without: Any,
    declared: Declared,
    noticed: str,
) -> None:
    searched = await search(stack, organisation, declared)
    monkeypatch.setattr(field_types, guard, without)
    [at] = [each for each in fields_of(declared.route.body) if str(each) == noticed.partition(" ")[0]]
    await searched.of_field(at)
    assert any(fault.startswith(noticed) for fault in searched.faults), searched.faults


async def test_control_with_days_of_any_year_the_search_notices(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(field_types, "_check_year", lambda _: None)
    declared = only("GET", SESSIONS)
    [at] = [each for each in fields_of(declared.route.query) if str(each) == "date_from"]
    faults, _ = await ask_with(stack.client(organisation), declared, {}, at)
    assert "date_from = 9999-12-31: accepted" in faults
