from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.http.cursor import Place, encode
from shared.http.pagination import MAX_PAGE, REACH_BACK, PagedQuery, next_link, training_links, training_meta
from shared.postgres.lists import Window
from shared.validation.fields import Search

URL = "https://muster.example/api/v1/training/courses"


class CourseQuery(PagedQuery):
    search: Search | None = None


def query(**asked: Any) -> CourseQuery:
    return CourseQuery.model_validate({name: str(value) for name, value in asked.items()})


def page_of(link: str | None) -> int | None:
    return None if link is None else int(parse_qs(urlsplit(link).query)["page"][0])


def test_what_has_changed_since_a_moment_is_asked_for_a_little_earlier() -> None:
    for written in ("2026-05-15T09:00:00.1Z", "2026-05-15t19:00:00.100+10:00"):
        asked = query(updated_since=written, page=2)
        moment = datetime(2026, 5, 15, 9, 0, 0, 100_000, tzinfo=UTC)
        assert (asked.window, asked.place) == (Window(is_since=True), (15, 15, moment - REACH_BACK))
        assert asked.filters == {"updated_since": "2026-05-15T09:00:00.100000Z"}
    assert list(Window(is_since=True).types) == ["per_page", "rows_before", "updated_since"]
    assert list(Window(is_step=True, is_since=True).types) == ["per_page", "after", "updated_since"]


def test_a_list_without_it_has_no_condition() -> None:
    assert (Window().changed("c"), Window().changed_at("c.at")) == ([], "")


def test_the_first_page_has_fifteen_rows_unless_asked_otherwise() -> None:
    assert (query().page, query().per_page, query().offset) == (1, 15, 0)
    assert query(page=3, per_page=20).offset == 40


@pytest.mark.parametrize(
    "asked",
    [
        {"page": 0},
        {"page": "0" * 20},
        {"page": "0" * 19 + "1"},
        {"per_page": 0},
        {"per_page": 101},
        {"per_page": "9" * 40},
        {"page": "-1"},
        {"page": "x"},
        {"page": "9" * 40 + "\n"},
        {"page": "٣" * 40},
    ],
)
def test_a_page_out_of_bounds_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        query(**asked)


@pytest.mark.parametrize(
    "page", [MAX_PAGE, MAX_PAGE + 1, 2**63 - 1, 2**63, 10**18, 10**19, 10**40, "9" * 8000, "0" * 9 + "9" * 90]
)
def test_a_page_past_every_list_is_one_that_can_be_counted(page: int | str) -> None:
    asked = query(page=page, per_page=100)
    assert asked.page == MAX_PAGE
    assert asked.offset + asked.per_page < 2**63


def test_the_last_page_that_is_read_as_it_is() -> None:
    assert query(page=MAX_PAGE - 1).page == MAX_PAGE - 1


@pytest.mark.parametrize(
    ("page", "total", "expected"),
    [
        (1, 45, {"current_page": 1, "last_page": 5, "per_page": 10, "total": 45, "from": 1, "to": 10}),
        (5, 45, {"current_page": 5, "last_page": 5, "per_page": 10, "total": 45, "from": 41, "to": 45}),
        (6, 45, {"current_page": 6, "last_page": 5, "per_page": 10, "total": 45, "from": None, "to": None}),
        (1, 0, {"current_page": 1, "last_page": 1, "per_page": 10, "total": 0, "from": None, "to": None}),
        (1, 10, {"current_page": 1, "last_page": 1, "per_page": 10, "total": 10, "from": 1, "to": 10}),
    ],
)
def test_meta_says_where_the_page_lies(page: int, total: int, expected: dict[str, int | None]) -> None:
    assert training_meta(query(page=page, per_page=10), total) == expected


@pytest.mark.parametrize(
    ("page", "total", "pages"),
    [
        (1, 45, {"first": 1, "last": 5, "prev": None, "next": 2}),
        (3, 45, {"first": 1, "last": 5, "prev": 2, "next": 4}),
        (5, 45, {"first": 1, "last": 5, "prev": 4, "next": None}),
        (99, 45, {"first": 1, "last": 5, "prev": 5, "next": None}),
        (1, 0, {"first": 1, "last": 1, "prev": None, "next": None}),
    ],
)
def test_links_lead_to_the_neighbours_and_end_at_the_ends(page: int, total: int, pages: dict[str, int | None]) -> None:
    links = training_links(URL, query(page=page, per_page=10), total)
    assert {name: page_of(link) for name, link in links.items()} == pages


@given(
    search=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=15),
    per_page=st.integers(1, 100),
)
def test_links_keep_the_filters_whatever_they_hold(search: str, per_page: int) -> None:
    link = training_links(URL, query(search=search, per_page=per_page), total=1000)["last"]
    assert link is not None
    assert link.startswith(f"{URL}?")
    kept = parse_qs(urlsplit(link).query, keep_blank_values=True, strict_parsing=True)
    assert (kept["search"], kept["per_page"]) == ([search], [str(per_page)])


@pytest.mark.parametrize(
    ("page", "total", "page_after"), [(1, 11, 2), (4, 41, 5), (1, 10, None), (1, 0, None), (9, 45, None)]
)
def test_the_header_leads_to_the_next_page_while_there_is_one(page: int, total: int, page_after: int | None) -> None:
    header = next_link(URL, query(page=page, per_page=10, search='<"é,;>'), total).get("Link", "")
    assert header.isascii()
    if page_after is None:
        assert header == ""
    else:
        assert header == f'<{URL}?per_page=10&search=%3C%22%C3%A9%2C%3B%3E&page={page_after}>; rel="next"'


def test_links_do_not_say_what_was_not_asked() -> None:
    assert training_links(URL, query(), total=1)["first"] == f"{URL}?page=1"


@given(total=st.integers(0, 10**6), per_page=st.integers(1, 100))
def test_the_pages_up_to_the_last_hold_every_row_once(total: int, per_page: int) -> None:
    meta = training_meta(query(per_page=per_page), total)
    last = meta["last_page"]
    assert last is not None
    end = training_meta(query(page=last, per_page=per_page), total)
    assert end["to"] == (total or None)
    assert training_meta(query(page=last + 1, per_page=per_page), total)["from"] is None


def test_a_step_begins_after_the_row_of_its_cursor_and_counts_nothing_unasked() -> None:
    first = query(cursor="", per_page=20)
    assert (first.is_step, first.window, first.place) == (True, Window(is_step=True, is_counted=False), (20, 0))
    following = query(cursor=encode(Place(b"of a walk", 77)), total="true")
    assert (following.window, following.place) == (Window(is_step=True, is_counted=True), (15, 77))


def test_a_page_is_counted_whatever_is_asked() -> None:
    for total in ({}, {"total": "true"}, {"total": "false"}):
        assert (query(page=3, **total).window, query(page=3, **total).place) == (Window(), (15, 30))


@pytest.mark.parametrize(
    "asked", [{"cursor": "x"}, {"cursor": "A" * 36}, {"total": "1"}, {"total": "True"}, {"total": ""}]
)
def test_what_is_no_cursor_and_no_flag_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        query(**asked)


def test_links_keep_a_flag_as_it_was_written() -> None:
    assert training_links(URL, query(total="true"), total=1)["first"] == f"{URL}?total=true&page=1"
