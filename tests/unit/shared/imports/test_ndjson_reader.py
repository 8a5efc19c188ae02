import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.imports.lines import MAX_KEPT, ImportRefused
from shared.imports.readers import reader_of
from tests.support.imported_files import NDJSON, Person, errors, pieces, read, refusal, values

NUMBERS = st.integers(-(2**63), 2**63)
JSON = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.one_of(NUMBERS, st.text(st.characters(exclude_categories=["Cs"])), st.none(), st.booleans(), st.lists(NUMBERS)),
    max_size=3,
)


@given(st.lists(JSON, min_size=1), st.booleans(), st.integers(1, 50), st.sampled_from(["\n", "\r\n", "\r"]))
def test_each_line_is_one_object_in_whatever_pieces_they_come(
    objects: list[Any], is_ascii: bool, size: int, end: str
) -> None:
    body = end.join(json.dumps(each, ensure_ascii=is_ascii) for each in objects).encode()
    lines, message = read(body, NDJSON, size=size)
    assert message is None
    assert [line.values for line in lines] == objects
    assert [line.number for line in lines] == list(range(1, len(objects) + 1))


def test_numbers_keep_their_exact_value() -> None:
    assert values(b'{"rate": 0.1, "id": 9223372036854775807}', NDJSON) == [{"rate": Decimal("0.1"), "id": 2**63 - 1}]


def test_blank_lines_are_counted_and_skipped() -> None:
    lines, _ = read(b'\xef\xbb\xbf\n  \n{"id": 1}\r\n\t\n {"id": 2} ', NDJSON)
    assert [(line.number, line.values, line.text) for line in lines] == [
        (3, {"id": 1}, '{"id": 1}'),
        (5, {"id": 2}, '{"id": 2}'),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1]", "The line is not a JSON object."),
        (b"null", "The line is not a JSON object."),
        (b"id,full_name", "The line is not valid JSON: "),
        (b'{"id": 1', "The line is not valid JSON: "),
        (b'{"id": 1} {"id": 2}', "The line is not valid JSON: "),
        (b'{"id": NaN}', "The line is not valid JSON: "),
        (
            b'{"id": 1, "id": 2}',
            'The line is not valid JSON: the key "id" appears more than once in an object at column 16.',
        ),
        (b'{"id": ' + b"[" * 40 + b"]" * 40 + b"}", "The line nests deeper than 32 levels."),
        (b'{"id": [' + b"1," * 10_001 + b"1]}", "The line has more than 10,000 JSON values."),
        (b'{"id": "' + b"x" * 10 * 1024 * 1024 + b'"}', "The line has more than 1,048,576 characters."),
    ],
)
def test_a_line_that_is_no_object_is_refused_alone(line: bytes, reason: str) -> None:
    body = b'{"id": 1}\n' + line + b'\n{"id": 3}\n'
    [(number, field, said)] = errors(body, NDJSON, size=100_000)
    assert (number, field) == (2, None)
    assert said.startswith(reason)
    assert "line 1" not in said
    assert [each.values for each in read(body, NDJSON)[0]] == [{"id": 1}, None, {"id": 3}]
    assert len(read(body, NDJSON)[0][1].text) <= MAX_KEPT


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The file is empty."),
        (b" \r\n\n", "The file is empty."),
        (b'{"id": "M\xfcller"}', "The file is not UTF-8: byte 10 is 0xFC."),
        (b'{"id": "\0"}', "The file has a NUL character"),
        (b"PK\x03\x04", "The file is a zip archive"),
    ],
)
def test_a_file_that_is_no_text_is_refused(body: bytes, message: str, size: int) -> None:
    assert refusal(body, NDJSON, size=size).startswith(message)


@pytest.mark.parametrize("body", [b"", b"\n \n", b'\n{"a": "\xfc"}', b'\n{"a": 1}', b'{"a": 1}\n\xfc', b"[", b"\0"])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_check_finds_what_is_wrong_with_the_file_as_a_whole(body: bytes, size: int) -> None:
    reader, message = reader_of(NDJSON, None, Person), None
    try:
        for piece in pieces(body, size):
            reader.check(piece)
        reader.check_end()
    except ImportRefused as refused:
        message = refused.message
    assert message == read(body, NDJSON)[1]
