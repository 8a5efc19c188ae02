"""Makes a file that Muster imports of one that an HR system wrote:

    python map_columns.py workday report.csv > people.csv

Change the functions to your own columns. Whoever left is left out, so that an import in mode `complete` ends them.
"""

import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COLUMNS = ("id", "employee_id", "full_name", "type", "company.id", "company.name")
Row = dict[str, str]


def successfactors(row: Row) -> Row | None:
    """SAP SuccessFactors, the export of users. Its second line has labels, which are nobody's."""
    if row["STATUS"].lower() != "active":
        return None
    return {"id": row["USERID"], "employee_id": row["USERNAME"], "full_name": f"{row['FIRSTNAME']} {row['LASTNAME']}"}


def workday(row: Row) -> Row | None:
    """Workday, a custom report as a web service with `format=csv`: the columns are the names that the report gives."""
    if row["Worker_Status"] == "Terminated":
        return None
    person = {"id": row["Worker_ID"].removeprefix("W"), "employee_id": row["Worker_ID"], "full_name": row["Legal_Name"]}
    if row["Worker_Type"] == "Contingent Worker":
        person |= {"company.id": row["Supplier_ID"].removeprefix("S-"), "company.name": row["Supplier"]}
    return person


def personio(row: Row) -> Row | None:
    """Personio, a custom report in German that Excel saved as CSV."""
    if row["Status"] == "Inaktiv":
        return None
    kind = "staff" if row["Abteilung"] == "Personal" else "employee"
    names = f"{row['Vorname']} {row['Nachname']}"
    return {"id": row["ID"], "employee_id": row["Personalnummer"], "full_name": names, "type": kind}


@dataclass(frozen=True)
class System:
    map: Callable[[Row], Row | None]
    encoding: str
    separator: str


SYSTEMS = {
    "successfactors": System(successfactors, "utf-8-sig", ","),
    "workday": System(workday, "utf-8", ","),
    "personio": System(personio, "windows-1252", ";"),
}


def people(name: str, path: str) -> Iterator[Row]:
    system = SYSTEMS[name]
    with open(path, encoding=system.encoding, newline="") as file:
        for row in csv.DictReader(file, delimiter=system.separator, strict=True):
            person = system.map(row)
            if person is not None:
                yield person


def main(name: str, path: str) -> None:
    sys.stdout.reconfigure(encoding="utf-8", newline="")
    writer = csv.DictWriter(sys.stdout, COLUMNS)
    writer.writeheader()
    writer.writerows(people(name, path))


if __name__ == "__main__":
    main(*sys.argv[1:])
