"""Lists in one stream: all rows of one moment, as CSV and as NDJSON (contract, section 1)."""

import csv
import io
import re
from functools import partial
from typing import Any

import jiter
import pytest

from services.enrollment.schemas import ComplianceQuery
from shared.exports.columns import columns_of
from shared.http.accept import CSV_TYPE, NDJSON_TYPE, XLSX_TYPE
from shared.http.pagination import PagedQuery
from shared.imports import csv_out
from shared.service import exports
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.routes import NO_ROWS, PUBLIC, Declared
from tests.support.stack import Stack
from tests.support.walked import PATHS, SCENES
from tests.support.walked_lists import Walked
from tests.support.world import COURSES, EMPLOYEES, ENROLLMENTS, SESSIONS, enroll, new_course, new_employee, new_session

LISTS = [declared for declared in PUBLIC if issubclass(declared.route.query, PagedQuery)]
COMPLIANCE = "/api/v1/training/compliance"


def test_every_list_is_exported() -> None:
    assert [str(each) for each in LISTS if {CSV_TYPE, NDJSON_TYPE} - set(each.route.exports)] == []
    assert [str(each) for each in LISTS if XLSX_TYPE in each.route.exports] == [f"GET {COMPLIANCE}"]


async def export(client: Client, path: str, media_type: str, **query: Any) -> Answer:
    asked = {name: str(value) for name, value in query.items()}
    return await client.request("GET", path, params=asked, headers={"Accept": media_type})


def lines(answer: Answer) -> list[Any]:
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == NDJSON_TYPE
    return [digits_kept(line) for line in answer.text.split("\n")[:-1]]


def digits_kept(text: str) -> Any:
    return jiter.from_json(text.encode(), float_mode="decimal")


def cells(answer: Answer) -> list[dict[str, str]]:
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))


async def walked_through(walked: Walked) -> list[Any]:
    answer = await walked.client.get(walked.path, **walked.filters, cursor="", per_page=100)
    assert (answer.status, answer.json["meta"]["next_cursor"]) == (200, None)
    return list(digits_kept(answer.text)["data"])


@pytest.mark.parametrize("path", PATHS)
async def test_an_export_has_all_rows_of_a_list_as_its_walk(
    admin: Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it takes several steps, which nobody sees."""
    monkeypatch.setattr(exports, "ROWS_OF_STEP", 2)
    walked = await SCENES[path](admin)
    for _ in range(5):
        await walked.add()
    [route] = [each.route for each in LISTS if each.route.path == path]
    columns = columns_of(route.exports[NDJSON_TYPE].args[0].item)  # type: ignore[attr-defined]

    async def alike() -> bool:
        rows = await walked_through(walked)
        assert len(rows) >= 5
        assert lines(await export(admin, walked.path, NDJSON_TYPE, **walked.filters)) == rows
        if not isinstance(route.exports[CSV_TYPE], partial):
            return True  # it has columns of its own
        as_cells = cells(await export(admin, walked.path, CSV_TYPE, **walked.filters))
        return as_cells == [{column.name: written(column.cell(row)) for column in columns} for row in rows]

    await eventually(alike)  # messages are sent meanwhile


def written(value: Any) -> str:
    """A cell, as whoever reads the file sees it."""
    [[cell]] = csv.reader(io.StringIO(csv_out.csv_line([value]).decode(), newline=""))
    return cell


@pytest.mark.parametrize("path", [COURSES, f"{EMPLOYEES}/{{id}}/training", ENROLLMENTS])
async def test_an_empty_list_is_a_header_or_nothing(admin: Client, path: str) -> None:
    walked = await SCENES[path](admin)
    if path.endswith("/training"):
        await walked.add()
        walked.filters = {"status": "cancelled"}
    assert lines(await export(admin, walked.path, NDJSON_TYPE, **walked.filters)) == []
    answer = await export(admin, walked.path, CSV_TYPE, **walked.filters)
    assert (cells(answer), answer.text.count("\r\n")) == ([], 1)


@pytest.mark.parametrize("declared", LISTS, ids=str)
@pytest.mark.parametrize("part", ["page", "per_page", "cursor", "total"])
async def test_a_part_of_an_export_is_refused(admin: Client, declared: Declared, part: str) -> None:
    others = {"course_id": "1"} if declared.route.query is ComplianceQuery else {}
    value = {"cursor": "", "total": "true"}.get(part, "1")
    answer = await declared.ask(admin, NO_ROWS, params={**others, part: value}, headers={"Accept": CSV_TYPE})
    assert (answer.status, list(answer.json["errors"])) == (422, [part])
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("accept", ["*/*", "text/html,*/*;q=0.8", XLSX_TYPE, "text/csv;q=0.5, application/json"])
async def test_who_does_not_prefer_an_export_gets_a_page(admin: Client, accept: str) -> None:
    await new_course(admin)
    answer = await export(admin, COURSES, accept)
    assert (answer.status, answer.json["meta"]["total"]) == (200, 1)


async def test_one_row_is_not_exported(admin: Client) -> None:
    course = await new_course(admin)
    answer = await export(admin, f"{COURSES}/{course}", CSV_TYPE)
    assert (answer.status, answer.data["id"]) == (200, course)


async def test_caches_are_told_that_the_form_depends_on_accept(admin: Client) -> None:
    for accept in ("*/*", CSV_TYPE):
        assert "Accept" in (await export(admin, COURSES, accept)).headers.getall("Vary")
    refused = await admin.get(COURSES, serach="x")
    assert (refused.status, "Accept" in refused.headers.getall("Vary")) == (422, True)
    assert "Accept" not in (await admin.get(f"{COURSES}/1")).headers.getall("Vary")


@pytest.mark.parametrize(
    ("path", "media_type", "name"),
    [
        (COURSES, CSV_TYPE, r"courses-\d{4}-\d\d-\d\d\.csv"),
        (EMPLOYEES, NDJSON_TYPE, r"employees-\d{4}-\d\d-\d\d\.ndjson"),
        ("/api/v1/training/settings/audit", CSV_TYPE, r"settings-audit-\d{4}-\d\d-\d\d\.csv"),
    ],
)
async def test_the_file_has_a_name_and_a_cursor_of_the_feed(
    admin: Client, path: str, media_type: str, name: str
) -> None:
    answer = await export(admin, path, media_type)
    assert re.fullmatch(f'attachment; filename="{name}"', answer.headers["Content-Disposition"])
    assert answer.headers["Cache-Control"] == "private, no-store"
    head = await admin.request("HEAD", path, headers={"Accept": media_type})
    assert (head.status, head.text) == (200, "")
    assert head.headers["Content-Disposition"] == answer.headers["Content-Disposition"]


async def test_the_name_says_whose_list_it_is(admin: Client) -> None:
    person = await new_employee(admin)
    answer = await export(admin, f"{EMPLOYEES}/{person}/audit", CSV_TYPE)
    assert f'filename="employees-{person}-audit-' in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("declared", LISTS, ids=str)
async def test_an_export_needs_the_permission_of_the_list(stack: Stack, organisation: int, declared: Declared) -> None:
    nobody = stack.client(organisation, permissions=["api.access"])
    answer = await declared.ask(nobody, NO_ROWS, headers={"Accept": CSV_TYPE})
    assert (answer.status, answer.json["code"]) == (403, "permission_denied")


OF_A_ROW = [declared for declared in LISTS if declared.has_id]


@pytest.mark.parametrize("declared", OF_A_ROW, ids=str)
async def test_what_belongs_to_nothing_is_not_found(admin: Client, declared: Declared) -> None:
    answer = await declared.ask(admin, NO_ROWS, headers={"Accept": CSV_TYPE})
    assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_an_export_shows_what_the_caller_may_see(stack: Stack, admin: Client, organisation: int) -> None:
    session = await new_session(admin, await new_course(admin))
    people = [await new_employee(admin, company={"id": 1 + place % 2, "name": "C"}) for place in range(4)]
    enrollments = await enroll(admin, session, *people)
    company = stack.client(organisation, permissions=["api.access", "training.view.company"], company_ids=[2])
    stranger = stack.client(organisation + 1)
    for path, expected in ((ENROLLMENTS, enrollments[::-1][0::2]), (EMPLOYEES, sorted(people[1::2]))):
        assert [row["id"] for row in lines(await export(company, path, NDJSON_TYPE))] == expected
        assert lines(await export(stranger, path, NDJSON_TYPE)) == []


async def test_filters_leave_rows_out(admin: Client) -> None:
    course = await new_course(admin, title="Rope work")
    await new_course(admin, title="First aid")
    for query in ({"search": "rope"}, {"search": "rope", "category": "leadership"}):
        assert [row["id"] for row in lines(await export(admin, COURSES, NDJSON_TYPE, **query))] == [course]
    early = await new_session(admin, course)
    late = await new_session(admin, course, start_date="2031-05-15T09:00:00Z", end_date="2031-05-15T17:00:00Z")
    days = {"date_from": "2031-01-01", "date_to": "2031-12-31"}
    assert [row["id"] for row in lines(await export(admin, SESSIONS, NDJSON_TYPE, **days))] == [late]
    assert [row["id"] for row in lines(await export(admin, SESSIONS, NDJSON_TYPE))] == [early, late]


async def test_no_cell_is_a_formula(admin: Client) -> None:
    names = ["=1+1", "+1", "-1", "@x", "'=1", "plain", 'a "b", c']
    for name in names:
        await new_course(admin, title=name)
    found = cells(await export(admin, COURSES, CSV_TYPE))
    assert not [row["title"] for row in found if row["title"][0] in "=+-@"]
    assert [csv_out.restored(row["title"]) for row in found] == names


async def test_control_without_the_guard_a_cell_is_a_formula(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_out, "defused", lambda text: text)
    await new_course(admin, title="=1+1")
    [row] = cells(await export(admin, COURSES, CSV_TYPE))
    assert row["title"] == "=1+1"


async def test_compliance_refuses_before_the_answer_begins(admin: Client) -> None:
    for media_type in (CSV_TYPE, XLSX_TYPE):
        answer = await export(admin, COMPLIANCE, media_type, course_id=1)
        assert (answer.status, list(answer.json["errors"])) == (422, ["course_id"])
        answer = await export(admin, COMPLIANCE, media_type)
        assert answer.status == 422
