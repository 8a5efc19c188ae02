"""A list as a spreadsheet, read as its format defines it (ECMA-376)."""

import re
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest

from services.enrollment.representations import ComplianceItem
from shared.exports import spreadsheet
from shared.exports.spreadsheet import Spreadsheet
from shared.http.representation import Representation

_NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
ITEM = {
    "employee": {
        "id": 2**60,
        "type": "employee",
        "employee_id": "=HYPERLINK(1)",
        "full_name": "Zoë <& O'Neil",
        "company": None,
    },
    "status": "valid",
    "course_id": 7,
    "enrollment_id": 8,
    "record_id": None,
    "completed_at": "2026-05-15T12:00:00.000000Z",
    "valid_until": None,
}


@pytest.fixture
def sheet() -> Iterator[Spreadsheet]:
    made = Spreadsheet("compliance", ComplianceItem)
    yield made
    made.close()


def rows(made: Spreadsheet) -> list[dict[str, tuple[str, str]]]:
    """By row and column the type and value of each cell."""
    made.finish()
    with zipfile.ZipFile(BytesIO(b"".join(made.parts()))) as file:
        assert file.testzip() is None
        tree = ElementTree.fromstring(file.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - made here
    assert tree.find(f".//{_NAMESPACE}f") is None, "a formula"
    return [{re.sub(r"\d", "", cell.attrib["r"]): _cell(cell) for cell in row} for row in tree.iter(f"{_NAMESPACE}row")]


def _cell(cell: ElementTree.Element) -> tuple[str, str]:
    return cell.attrib.get("t", "n"), "".join(cell.itertext())


def test_texts_are_texts_and_numbers_numbers(sheet: Spreadsheet) -> None:
    sheet.add([ITEM])
    header, row = rows(sheet)
    assert (header["A"], header["C"]) == (("inlineStr", "employee.id"), ("inlineStr", "employee.employee_id"))
    assert row["A"] == ("inlineStr", str(2**60))  # which a spreadsheet would round
    assert row["C"] == ("inlineStr", "=HYPERLINK(1)")
    assert row["D"] == ("inlineStr", "Zoë <& O'Neil")
    assert {"E", "F", "J", "L"}.isdisjoint(row)
    assert row["H"] == ("n", "7")
    assert row["K"] == ("n", "46157.5")


def test_of_no_rows_there_is_the_header(sheet: Spreadsheet) -> None:
    assert len(rows(sheet)) == 1


def test_lists_truths_and_fractions() -> None:
    class Item(Representation):
        names: list[str]
        passed: bool
        score: int | float

    made = Spreadsheet("x", Item)
    made.add([{"names": ["a|b", "c"], "passed": True, "score": Decimal("82.50")}])
    assert rows(made)[1] == {"A": ("inlineStr", r"a\|b|c"), "B": ("b", "1"), "C": ("n", "82.50")}
    made.close()


def test_there_are_bounds(sheet: Spreadsheet, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet.add([ITEM] * 1000)
    assert not sheet.is_too_large()
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 999)
    assert sheet.is_too_large()
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 1000)
    monkeypatch.setattr(spreadsheet, "MOST_BYTES", 100_000)
    assert sheet.is_too_large()


def test_nothing_is_left_behind(sheet: Spreadsheet) -> None:
    sheet.add([ITEM] * 1000)
    folder = Path(sheet._folder.name)
    assert list(folder.iterdir())
    sheet.close()
    assert not folder.exists()
