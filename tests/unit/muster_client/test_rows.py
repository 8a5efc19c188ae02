"""Rows of an export, counted in pieces of any size."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.rows import RowCounter

CELLS = st.lists(st.lists(st.text('a",\r\n', max_size=8), min_size=2, max_size=2), max_size=8)


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    found, start = [], 0
    for size in [*sizes, len(data)]:
        found.append(data[start : start + size])
        start += size
    return found


@given(rows=CELLS, sizes=st.lists(st.integers(1, 9)))
def test_line_ends_in_quotes_end_no_row(rows: list[list[str]], sizes: list[int]) -> None:
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    counter, count = RowCounter(is_csv=True), 0
    for piece in pieces(file.getvalue().encode(), sizes):
        count = counter.add(piece)
    assert count == len(rows)
    assert counter.error() is None


@given(texts=st.lists(st.text(max_size=8), max_size=8), sizes=st.lists(st.integers(1, 9)))
def test_ndjson_has_a_row_on_each_line(texts: list[str], sizes: list[int]) -> None:
    counter, count = RowCounter(is_csv=False), 0
    for piece in pieces("".join(json.dumps({"text": text}) + "\n" for text in texts).encode(), sizes):
        count = counter.add(piece)
    assert count == len(texts)
    assert counter.error() is None


@pytest.mark.parametrize(
    ("is_csv", "text", "reason"),
    [
        (True, 'id,title\r\n1,First\r\n#error,upstream_timeout,"Too slow, it ends"\r\n', "Too slow, it ends"),
        (True, 'id,title\r\n1,"First\r\n#error,x,y"\r\n', None),
        (True, 'id,title\r\n#error,x,y\r\n2,"Second"\r\n', None),
        (True, "id,title\r\n" + "x" * 5000 + "#error,x,y\r\n", None),
        (False, '{"error": {"code": "internal_error", "message": "Sorry"}}\n', "Sorry"),
        (False, '{"id": 1}\n{"error": {"code": "internal_error", "message": "Sorry"}}\n', "Sorry"),
        (False, '{"id": 1, "title": "{\\"error\\": 1}"}\n', None),
        (False, '{"error": 1}\n', '{"error": 1}'),
    ],
)
def test_a_last_line_that_says_why_it_failed(is_csv: bool, text: str, reason: str | None) -> None:
    counter = RowCounter(is_csv=is_csv)
    counter.add(text.encode())
    assert counter.error() == reason
