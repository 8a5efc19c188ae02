"""A page past the end is an empty list, of whatever size: in every list, audit trail and history."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.http import pagination
from shared.http.pagination import MAX_PAGE, PagedQuery
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.routes import PUBLIC, Declared, Kept, rows_of_each_kind
from tests.support.world import COURSES, WEBHOOKS

LISTS = [declared for declared in PUBLIC if issubclass(declared.route.query, PagedQuery)]
PAGES = ["1000000001", "9223372036854775807", "9223372036854775808", "9" * 40, "9" * 5000, "0" * 50 + "9" * 50]


async def page_of(declared: Declared, client: Client, ids: Mapping[str, int], page: str, **query: Any) -> Answer:
    subject = {"course_id": ids[COURSES]} if declared.route.path.endswith("/compliance") else {}
    return await client.get(declared.path(ids), page=page, per_page=100, **subject, **query)


def grows_by_itself(declared: Declared) -> bool:
    """What is sent of events that are still on their way."""
    return declared.route.path.startswith(f"{WEBHOOKS}/{{id}}/")


@pytest.mark.parametrize("declared", LISTS, ids=str)
async def test_a_page_past_the_end_is_empty(kept: Kept, declared: Declared) -> None:
    async def first_page() -> Answer:
        answer = await page_of(declared, kept.admin, kept.ids, "1")
        assert answer.status == 200  # a history knows a person a little later
        assert declared.has_id or declared.service != "history" or answer.data
        return answer

    total = (await eventually(first_page)).json["meta"]["total"]
    for client in (kept.admin, kept.direct(declared)):
        for page in PAGES:
            answer = await page_of(declared, client, kept.ids, page)
            assert (answer.status, answer.data) == (200, []), f"{page[:50]}: {answer.text}"
            assert answer.json["meta"]["current_page"] == MAX_PAGE
            found = answer.json["meta"]["total"]
            assert found >= total if grows_by_itself(declared) else found == total
            assert answer.json.get("links", {"next": None})["next"] is None


async def test_links_lead_back_to_the_last_page(admin: Client) -> None:
    await rows_of_each_kind(admin)
    links = (await admin.get(COURSES, page="9" * 40)).json["links"]
    assert [link and link.partition("?")[2] for link in links.values()] == ["page=1", "page=1", "page=1", None]


@pytest.mark.parametrize("page", ["0", "00", "-1", "", "1" + "0" * 40 + "x", "+" + "9" * 40, "9" * 40 + ".0"])
async def test_what_is_no_page_is_still_refused(admin: Client, page: str) -> None:
    answer = await admin.get(COURSES, page=page)
    assert (answer.status, list(answer.json["errors"])) == (422, ["page"])


async def test_control_without_the_bound_no_list_could_be_asked(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGE", 10**18)
    assert (await admin.get(COURSES, page="9" * 41)).status == 500  # valid queries are remembered: this one is new
