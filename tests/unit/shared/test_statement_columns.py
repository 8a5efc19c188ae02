"""Rows name their columns; a row that leaves one out, or names an unknown one, is rejected."""

import json
from datetime import UTC, datetime

import pytest

from shared.postgres.statement_columns import ArrayColumns

COLUMNS = ArrayColumns(id="bigint", title="text", label_ids="bigint[]")
ROW = {"title": "First aid", "label_ids": [1, 2], "id": 7}


def test_arguments_stand_in_the_order_of_the_parameters() -> None:
    assert COLUMNS.arrays([ROW, {**ROW, "id": 8}]) == [[7, 8], ["First aid"] * 2, ["[1, 2]"] * 2]
    assert COLUMNS.unnest("new") == "unnest($1::bigint[], $2::text[], $3::jsonb[]) AS new (id, title, label_ids)"


def test_no_rows_are_an_empty_array_for_each_column() -> None:
    assert COLUMNS.arrays([]) == [[], [], []]


def test_the_order_of_rows_has_a_name_of_its_own() -> None:
    assert ArrayColumns(id="bigint").unnest("new", ordinality="n") == (
        "unnest($1::bigint[]) WITH ORDINALITY AS new (id, n)"
    )


def test_lists_go_in_as_json_and_come_out_as_lists() -> None:
    assert COLUMNS.values == "id, title, ARRAY (SELECT jsonb_array_elements_text(label_ids)::bigint)"


def test_keys_are_not_updated() -> None:
    assert COLUMNS.updates("excluded", "id") == "title = excluded.title, label_ids = excluded.label_ids"


def test_the_newest_version_is_kept_and_some_columns_become_something_else() -> None:
    columns = ArrayColumns(organisation_id="bigint", id="bigint", version="integer", person="bigint", seats="integer")
    statement = " ".join(columns.save_newest("rows", {"person": None, "seats": "greatest(rows.seats, 1)"}).split())
    assert statement.endswith(
        "ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, seats = greatest(rows.seats, 1)"
        " WHERE excluded.version > rows.version"
    )


@pytest.mark.parametrize("row", [{**ROW, "language": "en"}, {"id": 7, "title": "First aid"}])
def test_a_row_with_other_columns_is_refused(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"language|label_ids"):
        COLUMNS.arrays([row])


def test_rows_go_in_as_one_document() -> None:
    columns = ArrayColumns(id="bigint", label_ids="bigint[]", labels="jsonb", at="timestamptz")
    assert columns.recordset(":rows", "row") == (
        "jsonb_to_recordset(:rows::jsonb) AS row (id bigint, label_ids bigint[], labels jsonb, at timestamptz)"
    )
    row = {"id": 7, "label_ids": [1], "labels": '[{"id": 1}]', "at": datetime(2026, 5, 15, 9, 0, 0, 5, tzinfo=UTC)}
    assert json.loads(columns.json_rows([row, {**row, "labels": None, "at": None}])) == [
        {"id": 7, "label_ids": [1], "labels": [{"id": 1}], "at": "2026-05-15T09:00:00.000005Z"},
        {"id": 7, "label_ids": [1], "labels": None, "at": None},
    ]
    with pytest.raises(ValueError, match="labels"):
        columns.json_rows([{"id": 7, "label_ids": [1], "at": None}])
