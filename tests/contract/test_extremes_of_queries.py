"""Every field of every query and every id in a path with the extremes of its type: asked for as sent, or refused."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.http.pagination import MAX_PAGE
from shared.validation import fields as field_types
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.extreme_search import NAMES_OF_ROWS, client_of, copied, is_of_no_row, only, refusal_faults
from tests.support.extremes import ANYTHING, REFUSED, FieldOf, extremes, fields_of
from tests.support.importing import FILES, NOTHING_REFUSED
from tests.support.routes import ALL, Declared, example_body, rows_of_each_kind
from tests.support.stack import Stack
from tests.support.world import COURSES, ORGANISATIONS, SESSIONS

WITH_QUERY = [
    declared
    for declared in ALL
    if declared.route.query.model_fields and (declared.is_public or declared.route.events is None)
]
GOOD = (200, 201, 202)


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


async def test_control_with_days_of_any_year_the_search_notices(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(field_types, "_check_year", lambda _: None)
    declared = only("GET", SESSIONS)
    [at] = [each for each in fields_of(declared.route.query) if str(each) == "date_from"]
    faults, _ = await ask_with(stack.client(organisation), declared, {}, at)
    assert "date_from = 9999-12-31: accepted" in faults
