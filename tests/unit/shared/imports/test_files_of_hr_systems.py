"""Files as HR systems write them, which the example maps to columns of ours."""

import csv
import importlib.util
import io
from pathlib import Path
from typing import Any, Literal

import pytest

from services.enrollment.schemas import EmployeeFields
from shared.imports.checked import validated
from shared.imports.lines import Line
from shared.validation.fields import Id
from tests.support.imported_files import read, refusal

FOLDER = Path(__file__).parents[4] / "examples" / "people"


class Person(EmployeeFields):
    id: Id
    type: Literal["employee", "staff"] = "employee"


def example() -> Any:
    spec = importlib.util.spec_from_file_location("map_columns", FOLDER / "map_columns.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mapped(system: str) -> bytes:
    made = example()
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, made.COLUMNS)
    writer.writeheader()
    writer.writerows(made.people(system, FOLDER / f"{system}.csv"))
    return written.getvalue().encode()


@pytest.mark.parametrize(
    ("system", "people"),
    [
        (
            "successfactors",
            [
                (103081, "evanberg", "Eva van den Berg", "employee", None),
                (103202, "jobrien", 'Seán "Jack" O\'Brien', "employee", None),
                (103377, "mnunez", "María José Núñez", "employee", None),
            ],
        ),
        (
            "workday",
            [
                (21045, "W21045", "McNeil, Logan", "employee", None),
                (21107, "W21107", "Zoë Ashworth", "employee", None),
                (30012, "W30012", 'Ng Wei "Ken" Liang', "employee", (10088, "Brightscaff Pte., Ltd.")),
            ],
        ),
        (
            "personio",
            [
                (8001, "P-0017", "Jürgen Müller-Lüdenscheidt", "employee", None),
                (8002, "P-0018", "Özlem Yildiz", "staff", None),
                (8003, "P-0019", "Anaïs Lefèvre", "employee", None),
            ],
        ),
    ],
)
def test_the_people_of_a_file_are_read(system: str, people: list[Any]) -> None:
    lines, message = read(mapped(system), fields=Person)
    assert message is None
    found = []
    for line in lines:
        person = validated(line, Person)
        assert not isinstance(person, Line), line.errors
        company = person.company and (person.company.id, person.company.name)
        found.append((person.id, person.employee_id, person.full_name, person.type, company))
    assert found == people


@pytest.mark.parametrize(
    ("system", "column"), [("successfactors", "STATUS"), ("workday", "Worker_ID"), ("personio", "ID")]
)
def test_a_file_that_was_not_mapped_is_refused_by_its_first_column(system: str, column: str) -> None:
    body = (FOLDER / f"{system}.csv").read_bytes()
    charset = "windows-1252" if system == "personio" else None
    assert f'the column "{column}", which is not known' in refusal(body, fields=Person, charset=charset)


def test_columns_may_be_named_in_the_system_instead() -> None:
    """As Personio's report of four columns is, which Excel saved."""
    header = "id;employee_id;full_name;#Wochenstunden"
    body = f"{header}\r\n8001;P-0017;Jürgen Müller-Lüdenscheidt;38,5\r\n;;;\r\n".encode("cp1252")
    lines, message = read(body, "text/csv; charset=windows-1252", Person)
    assert message is None
    assert [line.values for line in lines] == [
        {"id": 8001, "employee_id": "P-0017", "full_name": "Jürgen Müller-Lüdenscheidt"}
    ]


def test_a_file_whose_charset_is_not_said_is_refused_by_the_byte() -> None:
    body = "id;employee_id;full_name\r\n8001;P-0017;Jürgen\r\n".encode("cp1252")
    assert refusal(body, fields=Person).startswith("The file is not UTF-8: byte 40 is 0xFC.")
