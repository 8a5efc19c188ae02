"""Files of people on their whole way, through the gateway: sent, stored, applied by line, and what came of it."""

import gzip
import json
from typing import Any

import pytest

from shared.imports import applying, work
from tests.support.client import Client, client_token
from tests.support.import_workers import Workers
from tests.support.importing import (
    COLUMNS,
    counts,
    ended,
    ended_import,
    imported,
    people,
    people_file,
    send,
)
from tests.support.stack import CLIENT_SECRET, Stack
from tests.support.subscriber import subscriber
from tests.support.world import EMPLOYEES, IMPORTS, STAFF, new_employee

PEOPLE = f"{IMPORTS}/people"


async def names(client: Client, path: str = EMPLOYEES) -> dict[int, str]:
    return {item["id"]: item["full_name"] for item in (await client.get(path, per_page=100)).data}


async def refusals(client: Client, import_id: int) -> list[tuple[int, str | None, str]]:
    answer = await client.get(f"{PEOPLE}/{import_id}/refusals", per_page=100)
    assert answer.status == 200, answer.text
    return [(item["line"], item["field"], item["reason"]) for item in answer.data]


async def repair_file(client: Client, import_id: int) -> str:
    """As it came over the wire."""
    headers = {"Authorization": f"Bearer {client.token}", "Accept": "text/csv"}
    async with client.http.get(f"{client.url}{PEOPLE}/{import_id}/refusals", headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
        return (await response.read()).decode()


async def test_events_of_a_file_are_in_bulk_and_those_of_requests_are_not(workers: Workers) -> None:
    async with workers.running():
        await ended_import(workers.client, people_file(*people(range(1, 4))))
    await new_employee(workers.client)
    in_bulk = "SELECT array_agg(bulk ORDER BY id) FROM outbox WHERE organisation_id = $1"
    assert await workers.value(in_bulk, workers.organisation) == [True, True, True, False]


async def test_a_file_of_people_makes_people(admin: Client) -> None:
    file = people_file(*people(range(1, 1202)))
    answer = await send(admin, file)
    assert answer.status == 202, answer.text
    assert answer.data["status"] == "waiting"
    assert answer.headers["Location"] == f"{PEOPLE}/{answer.data['id']}"
    job = await ended(admin, answer.data["id"])
    assert (job["status"], job["message"], counts(job)) == ("completed", None, {"created": 1201})
    assert (job["lines"], job["bytes"], job["bytes_read"]) == (1201, len(file), len(file))
    assert job["started_at"] <= job["finished_at"]
    assert (await admin.get(EMPLOYEES)).json["meta"]["total"] == 1201
    assert (await admin.get(f"{EMPLOYEES}/1201")).data["full_name"] == "Name 1201"


async def test_the_same_file_again_changes_nothing_and_makes_no_event(
    stack: Stack, admin: Client, organisation: int
) -> None:
    file = people_file(*people([1, 2]))
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        await imported(admin, file)
        assert counts(await imported(admin, file)) == {"unchanged": 2}
        assert counts(await imported(admin, file.replace("Name 2", "Other"))) == {"unchanged": 1, "changed": 1}
        assert (await events.event("employee.saved", 3))["data"]["full_name"] == "Other"
        assert [message.routing_key for message in events.messages] == ["employee.saved"] * 3


async def test_what_a_line_changes_is_in_the_audit_trail_with_who_sent_it(stack: Stack, organisation: int) -> None:
    client = stack.client(organisation, sub="nightly-1", name="Nightly")
    answer = await client.request(
        "POST",
        f"{IMPORTS}?kind=people",
        data=people_file((7, "E-7", "John Doe")),
        headers={"Content-Type": "text/csv", "X-Request-Id": "import-of-tonight"},
    )
    job = await ended(client, answer.data["id"])
    assert job["created_by"] == {"subject": "nightly-1", "name": "Nightly"}
    [entry] = (await client.get(f"{EMPLOYEES}/7/audit")).data
    assert (entry["changed_by"], entry["request_id"]) == (job["created_by"], "import-of-tonight")


async def test_staff_come_with_their_type_and_companies_by_dotted_names(admin: Client) -> None:
    columns = "id;employee_id;full_name;type;company.id;company.name"
    file = f"\ufeff{columns}\r\n7;E-7;Jürgen;staff;;\r\n8;E-8;John;employee;3;ABC\r\n"
    assert counts(await imported(admin, file)) == {"created": 2}
    assert await names(admin, STAFF) == {7: "Jürgen"}
    assert (await admin.get(f"{EMPLOYEES}/8")).data["company"] == {"id": 3, "name": "ABC"}


async def test_ndjson_latin_1_and_gzip(admin: Client) -> None:
    lines = [{"id": n, "employee_id": f"E-{n}", "full_name": "Zoë"} for n in (1, 2)]
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    for file, content_type, encoding in (
        (body, "application/x-ndjson", None),
        (people_file((3, "E-3", "Zoë")).encode("latin-1"), "text/csv; charset=iso-8859-1", None),
        (gzip.compress(people_file((4, "E-4", "Zoë")).encode(), mtime=0), "text/csv", "gzip"),
    ):
        headers = {"Content-Type": content_type} | ({"Content-Encoding": encoding} if encoding else {})
        answer = await admin.request("POST", f"{IMPORTS}?kind=people", data=file, headers=headers)
        assert answer.status == 202, answer.text
        assert (await ended(admin, answer.data["id"]))["refused"] == 0
    assert await names(admin) == dict.fromkeys(range(1, 5), "Zoë")


BAD_LINES = ((2, "E-1", "Twice"), ("x", "E-9", "No id"), (4, "", "No number"), (5, "E-5", "Good"))


async def test_good_lines_go_in_beside_bad_ones_which_can_be_repaired(admin: Client) -> None:
    file = people_file((1, "E-1", "First"), *BAD_LINES)
    import_id = await ended_import(admin, file)
    assert await names(admin) == {1: "First", 5: "Good"}
    listed = await refusals(admin, import_id)
    assert [(line, field) for line, field, _ in listed] == [(3, "employee_id"), (4, "id"), (5, "employee_id")]
    header, *lines = (await repair_file(admin, import_id)).splitlines()
    assert header == f"#line,#field,#reason,{COLUMNS}"
    assert [line.split(",")[0] for line in lines] == ["3", "4", "5"]
    repaired = "\r\n".join([header, *lines]).replace(",E-1,", ",E-2,").replace(",x,", ",3,").replace(",4,,", ",4,E-4,")
    assert counts(await imported(admin, repaired)) == {"created": 3}
    assert await names(admin) == {1: "First", 2: "Twice", 3: "No id", 4: "No number", 5: "Good"}


async def test_refused_lines_come_as_they_were_sent(admin: Client) -> None:
    """With their own separator and quotes; several reasons for a line stand in one."""
    file = 'id;employee_id;full_name;type\r\n0;E-1;"Doe; ""John""\r\nthe second";nobody\r\n'
    import_id = await ended_import(admin, file)
    text = await repair_file(admin, import_id)
    assert text.startswith("#line;#field;#reason;id;employee_id;full_name;type\r\n2;")
    assert text.endswith(';0;E-1;"Doe; ""John""\r\nthe second";nobody\r\n')
    assert {field for _, field, _ in await refusals(admin, import_id)} >= {"id", "type"}


async def test_refused_lines_of_ndjson_have_a_column_of_their_own(admin: Client) -> None:
    answer = await send(admin, '{"id": 1}\n{\n', "application/x-ndjson")
    await ended(admin, answer.data["id"])
    lines = (await repair_file(admin, answer.data["id"])).splitlines()
    assert lines[0] == "#line,#field,#reason,#text"
    assert lines[1].endswith(',"{""id"": 1}"')
    assert lines[2].startswith("2,")
    assert lines[2].endswith(",{")


async def test_a_file_of_refused_lines_has_no_pages(admin: Client) -> None:
    import_id = await ended_import(admin, people_file())
    answer = await admin.request("GET", f"{PEOPLE}/{import_id}/refusals?page=2", headers={"Accept": "text/csv"})
    expected = {"page": ["Must not be given for an export, which has all rows."]}
    assert (answer.status, answer.json["errors"]) == (422, expected)


@pytest.mark.parametrize(
    ("file", "content_type", "status", "says"),
    [
        (b"", "text/csv", 422, "empty"),
        (b"\n\n", "text/csv", 422, "empty"),
        (b"id,employee_id,full_name,shoe_size\n", "text/csv", 422, "shoe_size"),
        (b"id,id,employee_id,full_name\n", "text/csv", 422, "id"),
        (",".join(f"c{n}" for n in range(201)).encode(), "text/csv", 422, "200"),
        (b"PK\x03\x04 and more of it", "text/csv", 422, "zip"),
        (b"id,employee_id,full_name\n1,E-1,a\x00b\n", "text/csv", 422, "NUL"),
        (b"id,employee_id,full_name\n1,E-1,\xff\n", "text/csv", 422, "utf-8"),
        (b"id\n", "text/csv; charset=klingon", 415, "klingon"),
        (b"id\n", "text/csv; header=absent", 415, "header"),
        (b"{}", "application/json", 415, "text/csv"),
        (b"{}", "", 415, "text/csv"),
    ],
)
async def test_a_file_of_which_nothing_can_be_read_is_refused_at_once(
    admin: Client, file: bytes, content_type: str, status: int, says: str
) -> None:
    answer = await admin.request(
        "POST", f"{IMPORTS}?kind=people", data=file, headers={"Content-Type": content_type} if content_type else {}
    )
    assert answer.status == status, answer.text
    assert says.lower() in answer.text.lower()
    assert (await admin.get(PEOPLE)).data == []
    assert await names(admin) == {}


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("", ["kind"]),
        ("kind=shoes", ["kind"]),
        ("kind=people&kind=people", ["kind"]),
        ("kind=people&mode=some", ["mode"]),
        ("kind=people&dry_run=1", ["dry_run"]),
        ("kind=people%2F5", ["kind"]),
    ],
)
async def test_a_query_that_is_wrong_is_refused(admin: Client, query: str, errors: list[str]) -> None:
    headers = {"Content-Type": "text/csv"}
    answer = await admin.request("POST", f"{IMPORTS}?{query}", data=people_file(), headers=headers)
    assert (answer.status, list(answer.json["errors"])) == (422, errors)


async def test_ids_of_another_organisation_are_ones_own_here(stack: Stack, admin: Client, organisation: int) -> None:
    await new_employee(admin)
    theirs = await names(admin)
    file = people_file(*((person, f"X-{person}", "Somebody Else") for person in theirs))
    other = stack.client(organisation + 1)
    assert counts(await imported(other, file)) == {"created": 1}
    assert await names(admin) == theirs
    import_id = (await other.get(PEOPLE)).data[0]["id"]
    for path in (f"{PEOPLE}/{import_id}", f"{PEOPLE}/{import_id}/refusals"):
        assert (await admin.get(path)).status == 404
    assert (await admin.get(PEOPLE)).data == []


async def test_who_may_not_manage_training_may_not_import(stack: Stack, organisation: int) -> None:
    permissions = ["api.access", "training.view", "training.record", "training.enroll"]
    client = Client(stack.http, stack.gateway_url, client_token(CLIENT_SECRET, organisation, permissions=permissions))
    assert (await send(client, people_file())).status == 403
    assert (await client.get(PEOPLE)).status == 403


async def test_a_dry_run_tells_what_would_come_of_a_file_and_changes_nothing(
    stack: Stack, admin: Client, organisation: int
) -> None:
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        await imported(admin, people_file(*people(range(1, 11))))
        before = [(await admin.get(f"{EMPLOYEES}/{person}/audit")).data for person in range(1, 11)]
        file = people_file((1, "E-1", "Changed"), ("x", "", ""), (99, "E-99", "New"), *people(range(2, 10)))
        dry = {"mode": "complete", "dry_run": "true"}
        job = await imported(admin, file.replace("x,,", "0,E-0,Zero"), **dry)
        assert (job["dry_run"], job["status"]) == (True, "completed")
        assert counts(job) == {"created": 1, "changed": 1, "unchanged": 8, "refused": 1}
        assert [(await admin.get(f"{EMPLOYEES}/{person}/audit")).data for person in range(1, 11)] == before
        assert sorted(await names(admin)) == list(range(1, 11))
        await imported(admin, people_file((50, "E-50", "For real")))
        assert (await events.event("employee.saved", 11))["data"]["id"] == "50"
        assert len(events.messages) == 11


async def test_control_without_the_savepoint_a_dry_run_changes_rows(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tried(_: Any, __: Any, change: Any) -> Any:
        return await change()

    monkeypatch.setattr(applying, "tried", tried)
    await imported(admin, people_file((1, "E-1", "New")), dry_run="true")
    assert await names(admin) == {1: "New"}


async def test_a_complete_file_ends_those_that_it_does_not_name(admin: Client) -> None:
    await imported(admin, people_file(*people(range(1, 11))))
    job = await imported(admin, people_file(*people(range(2, 11))), mode="complete")
    assert (job["status"], counts(job)) == ("completed", {"unchanged": 9, "removed": 1})
    assert sorted(await names(admin)) == list(range(2, 11))


async def test_a_dry_run_of_a_complete_file_says_how_many_would_end(admin: Client) -> None:
    await imported(admin, people_file(*people(range(1, 11))))
    job = await imported(admin, people_file(*people(range(2, 11))), mode="complete", dry_run="true")
    assert counts(job) == {"unchanged": 9, "removed": 1}
    assert len(await names(admin)) == 10


async def test_a_file_that_was_cut_off_ends_nobody(admin: Client) -> None:
    await imported(admin, people_file(*people(range(1, 11))))
    job = await imported(admin, people_file(*people(range(1, 8))), mode="complete")
    assert (job["status"], counts(job)) == ("failed", {"unchanged": 7})
    assert "3 of 10" in job["message"]
    assert "0.2" in job["message"]
    assert len(await names(admin)) == 10


async def test_control_without_the_share_it_ends_them(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    original = work.Work.__init__

    def begin(self: work.Work, pool: Any, kind: Any, job: Any, _: float, *others: Any) -> None:
        original(self, pool, kind, job, 1.0, *others)

    monkeypatch.setattr(work.Work, "__init__", begin)
    await imported(admin, people_file(*people(range(1, 11))))
    job = await imported(admin, people_file(*people(range(1, 8))), mode="complete")
    assert (job["status"], counts(job)) == ("completed", {"unchanged": 7, "removed": 3})


async def test_a_refused_line_names_its_row_which_stays(admin: Client) -> None:
    await imported(admin, people_file(*people(range(1, 11))))
    file = people_file((1, "", "No number"), (2, "E-3", "Taken"), *people(range(3, 10)))
    job = await imported(admin, file, mode="complete")
    assert counts(job) == {"unchanged": 7, "refused": 2, "removed": 1}
    assert sorted(await names(admin)) == list(range(1, 10))


async def test_a_line_that_names_no_row_lets_nobody_end(admin: Client) -> None:
    await imported(admin, people_file(*people(range(1, 11))))
    job = await imported(admin, people_file(("1O", "E-10", "Ten"), *people(range(1, 10))), mode="complete")
    assert (job["status"], counts(job)) == ("completed", {"unchanged": 9, "refused": 1})
    assert "nobody can say" in job["message"]
    assert len(await names(admin)) == 10


async def test_imports_are_listed_by_status(admin: Client) -> None:
    first, second = await ended_import(admin, people_file()), await ended_import(admin, people_file())
    assert [item["id"] for item in (await admin.get(PEOPLE)).data] == [second, first]
    assert [item["id"] for item in (await admin.get(PEOPLE, status="completed")).data] == [second, first]
    assert (await admin.get(PEOPLE, status="running")).data == []
    assert (await admin.get(f"{PEOPLE}/{first}")).headers["ETag"]
