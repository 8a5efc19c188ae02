"""What can be asked of a history: filters, order, pages (contract, section 5)."""

import re
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.history_client import Attendee, history_of
from tests.support.stack import Stack
from tests.support.world import EMPLOYEES, ENROLLMENTS, STAFF, new_employee, new_staff

PAST: dict[str, Any] = {"start_date": "2025-07-01T00:00:00Z", "end_date": "2025-07-01T08:00:00Z"}


@pytest.mark.parametrize("type_", ["all", "online", "offline"])
async def test_every_type_can_be_asked_for(attendee: Attendee, type_: str) -> None:
    online = await attendee.attends({"delivery_mode": "online"})
    offline = await attendee.attends()
    await attendee.records(2)
    expected = {"all": [online, offline], "online": [online], "offline": [offline]}
    assert sorted(await attendee.found(type=type_)) == sorted(expected[type_])


async def test_every_status_can_be_asked_for(attendee: Attendee) -> None:
    to_come, begun = await attendee.attends(), await attendee.attends(**PAST)
    done, failed, absent, cancelled = [await attendee.attends({"pass_score": 50}) for _ in range(4)]
    await attendee.client.patch(f"{ENROLLMENTS}/{done}/complete", {"score": 90})
    await attendee.client.patch(f"{ENROLLMENTS}/{failed}/complete", {"score": 10})
    await attendee.client.patch(f"{ENROLLMENTS}/{absent}/absent")
    await attendee.client.patch(f"{ENROLLMENTS}/{cancelled}/cancel")
    await attendee.record(cancelled, status="cancelled")
    for enrollment_id in (done, failed, absent):
        await attendee.record(enrollment_id, status="completed")
    assert sorted(await attendee.found(status="confirmed")) == [to_come, begun]
    assert await attendee.found(status="upcoming") == [to_come]
    assert sorted(await attendee.found(status="completed")) == [done, failed, absent]
    assert await attendee.found(status="cancelled") == [cancelled]
    assert await attendee.found(status="proposed") == []


async def test_projects_labels_and_companies_can_be_asked_for(admin: Client) -> None:
    attendee = Attendee(admin, await new_employee(admin, company={"id": 77, "name": "ABC"}))
    labels, projects = (
        [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        [{"id": 8, "name": "x"}, {"id": 9, "name": "y"}],
    )
    wanted = await attendee.attends({"labels": labels}, projects=projects)
    await attendee.attends()
    await attendee.records(2)
    assert await attendee.found(label_id=2) == [wanted]
    assert await attendee.found(project_id=9) == [wanted]
    assert await attendee.found(project_id=9, label_id=1) == [wanted]
    assert await attendee.found(project_id=9, label_id=3) == []
    assert len(await attendee.found(company_id=77)) == 2
    assert await attendee.found(company_id=78) == []


@pytest.mark.parametrize("filter_", ["company_id", "page_size"])
async def test_a_filter_that_staff_do_not_have_is_refused(admin: Client, filter_: str) -> None:
    answer = await admin.get(history_of(STAFF, 1), **{filter_: 1})
    assert (answer.status, list(answer.json["errors"])) == (422, [filter_])


@pytest.mark.parametrize(
    ("date_from", "date_to", "found"),
    [
        ("2025-07-01", "2025-07-01", True),
        ("2025-07-01", None, True),
        (None, "2025-07-01", True),
        ("2025-07-02", None, False),
        (None, "2025-06-30", False),
    ],
)
async def test_both_days_are_included(
    attendee: Attendee, date_from: str | None, date_to: str | None, found: bool
) -> None:
    start, end = "2025-07-01T23:59:59.5Z", "2025-07-02T08:00:00Z"
    enrollment_id = await attendee.attends(start_date=start, end_date=end)
    await attendee.records(1)
    asked = {name: day for name, day in (("date_from", date_from), ("date_to", date_to)) if day}
    assert await attendee.found(**asked) == ([enrollment_id] if found else [])


async def test_the_day_of_completion_counts_before_that_of_the_session(attendee: Attendee) -> None:
    enrollment_id = await attendee.attends(**PAST)
    await attendee.client.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {})
    record = await attendee.record(enrollment_id, status="completed")
    day = record["completed_at"][:10]
    assert await attendee.found(date_from="2025-07-01", date_to="2025-07-01") == []
    assert await attendee.found(date_from=day, date_to=day) == [enrollment_id]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"type": "hybrid"}, "type"),
        ({"type": ""}, "type"),
        ({"status": "enrolled"}, "status"),
        ({"date_from": "01-07-2025"}, "date_from"),
        ({"date_from": "2025-07-02", "date_to": "2025-07-01"}, "date_to"),
        ({"page": "0"}, "page"),
        ({"per_page": "0"}, "per_page"),
        ({"per_page": "101"}, "per_page"),
        ({"project_id": "x"}, "project_id"),
    ],
)
@pytest.mark.parametrize("path", [EMPLOYEES, STAFF])
async def test_a_filter_with_a_wrong_value_is_refused(
    admin: Client, path: str, query: dict[str, str], named: str
) -> None:
    answer = await admin.get(history_of(path, 1), **query)
    assert (answer.status, answer.json["code"]) == (422, "validation_failed")
    assert list(answer.json["errors"]) == [named]


async def test_the_newest_training_comes_first_then_the_smaller_id(attendee: Attendee) -> None:
    days = ["2030-01-01", "2031-01-01", "2030-01-01", "2029-01-01"]
    made = [await attendee.attends(start_date=f"{day}T09:00:00Z", end_date=f"{day}T17:00:00Z") for day in days]
    await attendee.records(4)
    assert await attendee.found() == [made[1], made[0], made[2], made[3]]
    assert await attendee.found(per_page=1, page=3) == [made[2]]


async def test_pages_of_a_history(attendee: Attendee) -> None:
    for _ in range(3):
        await attendee.attends()
    await attendee.records(3)
    second = await attendee.ask(per_page=2, page=2)
    assert len(second.data) == 1
    assert second.json["meta"] == {"current_page": 2, "per_page": 2, "total": 3, "total_pages": 2}
    past_the_end = await attendee.ask(per_page=2, page=9)
    assert past_the_end.data == []
    assert past_the_end.json["meta"] == {"current_page": 9, "per_page": 2, "total": 3, "total_pages": 2}
    assert set(past_the_end.json) == {"data", "meta"}


@pytest.mark.parametrize("path", [EMPLOYEES, STAFF])
@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_a_history_is_walked_by_its_links(
    stack: Stack, admin: Client, organisation: int, path: str, place: str
) -> None:
    person = await (new_employee if path == EMPLOYEES else new_staff)(admin)
    attendee = Attendee(admin, person, path)
    made = {await attendee.attends() for _ in range(3)}
    await attendee.attends({"delivery_mode": "online"})
    await attendee.records(4)
    client = admin if place == "gateway" else stack.direct("history", organisation)
    url: str | None = f"{client.url}{history_of(path, person)}?type=offline&per_page=2"
    seen: list[int] = []
    while url is not None:
        assert url.startswith(client.url)
        answer = await client.request("GET", url.removeprefix(client.url))
        seen += [record["id"] for record in answer.data]
        link = re.fullmatch(r'<([^<>]+)>; rel="next"', answer.headers.get("Link", ""))
        url = None if link is None else link[1]
    assert (len(seen), set(seen)) == (3, made)


async def test_the_last_page_of_a_history_has_no_link(attendee: Attendee) -> None:
    await attendee.attends()
    await attendee.records(1)
    for page in ("1", "2", "9" * 40):
        assert "Link" not in (await attendee.ask(per_page=1, page=page)).headers
