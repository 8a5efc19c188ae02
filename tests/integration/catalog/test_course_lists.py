"""The list of courses: filters, pages and their links (contract, sections 1 and 3)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.client import Answer, Client, new_organisation
from tests.support.stack import Stack
from tests.support.world import COURSES, new_course


def titles(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [course["title"] for course in answer.data]


async def courses_named(client: Client, *names: str, **fields: Any) -> list[int]:
    return [await new_course(client, title=name, **fields) for name in names]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("lead", ["Leadership", "Misleading"]),
        ("LEADERSHIP", ["Leadership"]),
        ("100%", ["100% safe"]),
        ("%", ["100% safe"]),
        ("_", ["under_score"]),
        ("\\", ["back\\slash"]),
        ("Mislèading", ["Misleading"]),
        ("safe  100", ["100% safe"]),
        ("nothing", []),
        ("", ["Leadership", "Misleading", "100% safe", "under_score", "back\\slash"]),
    ],
)
async def test_search_finds_words_of_the_title_in_any_spelling(admin: Client, search: str, found: list[str]) -> None:
    await courses_named(admin, "Leadership", "Misleading", "100% safe", "under_score", "back\\slash")
    assert titles(await admin.get(COURSES, search=search)) == found


@pytest.mark.parametrize("category", ["technical", "soft_skills", "compliance", "leadership", "onboarding", "safety"])
async def test_every_category_can_be_asked_for(admin: Client, category: str) -> None:
    other = "safety" if category != "safety" else "technical"
    await new_course(admin, title="wanted", category=category)
    await new_course(admin, title="other", category=other)
    assert titles(await admin.get(COURSES, category=category)) == ["wanted"]


@pytest.mark.parametrize("mode", ["in_person", "online", "hybrid", "self_paced"])
async def test_every_delivery_mode_can_be_asked_for(admin: Client, mode: str) -> None:
    other = "online" if mode != "online" else "hybrid"
    await new_course(admin, title="wanted", delivery_mode=mode)
    await new_course(admin, title="other", delivery_mode=other)
    assert titles(await admin.get(COURSES, delivery_mode=mode)) == ["wanted"]


async def test_filters_are_joined(admin: Client) -> None:
    await new_course(admin, title="wanted", category="safety", delivery_mode="online")
    await new_course(admin, title="wanted too", category="safety", delivery_mode="hybrid")
    await new_course(admin, title="other", category="safety", delivery_mode="online")
    answer = await admin.get(COURSES, search="want", category="safety", delivery_mode="online")
    assert titles(answer) == ["wanted"]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("category", "cooking"),
        ("category", ""),
        ("category", "Safety"),
        ("delivery_mode", "by_mail"),
        ("page", "0"),
        ("page", "-1"),
        ("page", "1.5"),
        ("page", "one"),
        ("per_page", "0"),
        ("per_page", "101"),
        ("per_page", ""),
        ("search", "x" * 256),
        ("search", "\0"),
    ],
)
async def test_a_filter_with_a_wrong_value_is_refused(admin: Client, parameter: str, value: str) -> None:
    answer = await admin.get(COURSES, **{parameter: value})
    assert (answer.status, list(answer.json["errors"])) == (422, [parameter])


async def test_courses_come_by_id_fifteen_to_a_page(admin: Client) -> None:
    ids = await courses_named(admin, *map(str, range(17)))
    first, second = [await admin.get(COURSES, page=page) for page in (1, 2)]
    assert [course["id"] for course in first.data] == ids[:15]
    assert [course["id"] for course in second.data] == ids[15:]
    assert first.json["meta"] == {
        "current_page": 1,
        "last_page": 2,
        "per_page": 15,
        "total": 17,
        "from": 1,
        "to": 15,
    }
    assert (second.json["meta"]["from"], second.json["meta"]["to"]) == (16, 17)


@pytest.mark.parametrize("page", [3, 1_000_000_000, 1_000_000_001, int("9" * 30)])
async def test_a_page_past_the_end_is_empty(admin: Client, page: int) -> None:
    await courses_named(admin, "a", "b")
    answer = await admin.get(COURSES, page=page, per_page=1)
    assert (answer.status, answer.data) == (200, [])
    meta = answer.json["meta"]
    assert (meta["from"], meta["to"], meta["total"], meta["last_page"]) == (None, None, 2, 2)
    assert answer.json["links"]["next"] is None


async def test_no_rows_are_one_empty_page(admin: Client) -> None:
    answer = await admin.get(COURSES)
    assert answer.json["meta"] == {
        "current_page": 1,
        "last_page": 1,
        "per_page": 15,
        "total": 0,
        "from": None,
        "to": None,
    }
    assert (answer.json["links"]["prev"], answer.json["links"]["next"]) == (None, None)


@pytest.mark.parametrize("per_page", [1, 100])
async def test_a_page_may_hold_from_one_to_a_hundred(admin: Client, per_page: int) -> None:
    await courses_named(admin, "a", "b")
    answer = await admin.get(COURSES, per_page=per_page)
    assert len(answer.data) == min(2, per_page)


async def test_links_are_absolute_and_keep_the_filters(admin: Client) -> None:
    await courses_named(admin, *(f"wanted & {number}" for number in range(3)), category="safety")
    answer = await admin.get(COURSES, search="wanted &", category="safety", per_page=1, page=2)
    links = answer.json["links"]
    assert all(link.startswith(f"{admin.url}{COURSES}?") for link in links.values())
    asked = {name: parse_qs(urlsplit(link).query) for name, link in links.items()}
    assert {name: query.pop("page") for name, query in asked.items()} == {
        "first": ["1"],
        "last": ["3"],
        "prev": ["1"],
        "next": ["3"],
    }
    for query in asked.values():
        assert query == {"search": ["wanted &"], "category": ["safety"], "per_page": ["1"]}


async def test_following_the_links_meets_every_course_once(admin: Client) -> None:
    ids = await courses_named(admin, *map(str, range(5)))
    met: list[int] = []
    address: str | None = f"{admin.url}{COURSES}?per_page=2"
    while address is not None:
        answer = await admin.request("GET", address.removeprefix(admin.url))
        met += [course["id"] for course in answer.data]
        address = answer.json["links"]["next"]
    assert met == ids


async def test_the_ends_have_no_further_link(admin: Client) -> None:
    await courses_named(admin, "a", "b")
    first, last = [(await admin.get(COURSES, per_page=1, page=page)).json["links"] for page in (1, 2)]
    assert (first["prev"], last["next"]) == (None, None)
    assert first["next"] is not None
    assert last["prev"] is not None


async def test_another_organisations_courses_are_not_listed(stack: Stack, admin: Client) -> None:
    await new_course(stack.client(new_organisation()), title="theirs")
    await new_course(admin, title="ours")
    assert titles(await admin.get(COURSES)) == ["ours"]
