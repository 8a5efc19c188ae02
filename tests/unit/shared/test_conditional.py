"""What `If-Match` and `If-None-Match` say (RFC 9110, section 13.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PreconditionFailed
from shared.http.conditional import UNCONDITIONAL, Document, RowKey, read_conditions

ROW = RowKey("course", 7, 1)
DOCUMENT = Document(ROW, 3, '{"id": 1}')
TAG = DOCUMENT.etag
OLDER = Document(ROW, 2, '{"id": 1}').etag
SAME_VERSION = Document(ROW, 3, '{"id": 1, "enrolled_count": 2}').etag
NO_ROW = 0
OF_OTHER_ROWS = [
    Document(row, DOCUMENT.version, DOCUMENT.text).etag
    for row in (RowKey("course", 7, 2), RowKey("course", 7, 11), RowKey("course", 8, 1), RowKey("session", 7, 1))
]


def may_change(*if_match: str, version: int = DOCUMENT.version) -> bool:
    try:
        read_conditions(if_match, ()).check(ROW, version)
    except PreconditionFailed:
        return False
    return True


@pytest.mark.parametrize(
    ("if_match", "expected"),
    [
        ([TAG], True),
        ([SAME_VERSION], True),
        ([OLDER], False),
        ([f"{OLDER}, {TAG}"], True),
        ([f"{OLDER},{TAG}"], True),
        ([OLDER, TAG], True),
        (["*"], True),
        ([" * "], True),
        ([f"*, {OLDER}"], False),
        ([f"W/{TAG}"], False),
        ([f"W/{TAG}, {TAG}"], True),
        ([TAG.strip('"')], False),
        ([TAG[:-1]], False),
        ([""], False),
        (['""'], False),
        (OF_OTHER_ROWS, False),
        ([*OF_OTHER_ROWS, TAG], True),
        (['"3"'], False),
        (['"3-00000000"'], False),
        (['"course-7-1-3-00000000"'], True),
        (['"course-7-1-03-00000000"'], False),
        (['"course-7-1-0-00000000"'], False),
        (['"course-7-1-3-000000000"'], False),
        (['"course-7-1-3-0000000"'], False),
        ([f'"course-7-1-{"9" * 400}-00000000"'], False),
        (['"somebody else\'s"'], False),
    ],
)
def test_a_change_starts_from_a_version_that_was_named(if_match: list[str], expected: bool) -> None:
    assert may_change(*if_match) is expected


def test_nothing_matches_where_there_is_no_row() -> None:
    assert not may_change("*", version=NO_ROW)
    assert not may_change('"course-7-1-0-00000000"', version=NO_ROW)
    UNCONDITIONAL.check(ROW, NO_ROW)


@pytest.mark.parametrize(
    ("if_none_match", "version", "expected"),
    [("*", 3, False), ("*", NO_ROW, True), (TAG, 3, False), (OLDER, 3, True), (TAG, NO_ROW, True)],
)
def test_a_change_does_not_start_from_what_is_excluded(if_none_match: str, version: int, expected: bool) -> None:
    conditions = read_conditions((), [if_none_match])
    if expected:
        conditions.check(ROW, version)
    else:
        with pytest.raises(PreconditionFailed):
            conditions.check(ROW, version)


@pytest.mark.parametrize(
    ("if_none_match", "expected"),
    [
        ([TAG], True),
        ([f"W/{TAG}"], True),
        ([OLDER, f"W/{TAG}"], True),
        (["*"], True),
        ([SAME_VERSION], False),
        ([OLDER], False),
        ([TAG.strip('"')], False),
        ([""], False),
    ],
)
def test_a_client_holds_the_very_document_alone(if_none_match: list[str], expected: bool) -> None:
    assert read_conditions((), if_none_match).holds(DOCUMENT) is expected


def test_without_the_headers_nothing_is_held() -> None:
    assert not read_conditions((), ()).holds(DOCUMENT)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=3))
def test_no_header_is_too_strange(values: list[str]) -> None:
    conditions = read_conditions(values, values)
    assert conditions.holds(DOCUMENT) in (True, False)
    with pytest.raises(PreconditionFailed):
        conditions.check(ROW, DOCUMENT.version)
