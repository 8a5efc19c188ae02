"""Time zones by their canonical names in the IANA database (contract, section 4).

The database has several names for most zones. Canonical are those of its zones that begin with an area, and those that
its table of countries has: Europe/Stockholm is one, though its clocks are those of Europe/Berlin. `localtime` and
`Factory` are what a machine is set to, and abbreviations such as `EST` do not say what happens in summer.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo

from shared.validation.fields import is_stored, one_line
from shared.validation.text_patterns import TIME_ZONE

_UTC: Final = "UTC"
_UTC_OF_THE_DATABASE: Final = "Etc/UTC"


@cache
def canonical_names() -> Mapping[str, str]:
    """By each name in lower case, canonical or not, the canonical one. Names that stand for no place are left out."""
    database = files("tzdata.zoneinfo")
    lines = [line.split() for line in database.joinpath("tzdata.zi").read_text(encoding="utf-8").splitlines()]
    links = {fields[2]: fields[1] for fields in lines if fields[0] == "L"}
    zones = {fields[1] for fields in lines if fields[0] == "Z" and "/" in fields[1]}
    table = database.joinpath("zone.tab").read_text(encoding="utf-8").splitlines()
    canonical = {_UTC, *zones, *(line.split("\t")[2].strip() for line in table if not line.startswith("#"))}
    targets = {name: _target(name, links, canonical) for name in links}
    names = {name: target for name, target in targets.items() if target} | {name: name for name in canonical}
    return {name.lower(): target for name, target in names.items()}


def _target(name: str, links: Mapping[str, str], canonical: set[str]) -> str | None:
    while name not in canonical and name in links:
        name = links[name]
    if name == _UTC_OF_THE_DATABASE:
        return _UTC
    return name if name in canonical else None


def _canonical(name: str, info: ValidationInfo) -> str:
    known = canonical_names().get(name.lower())
    if known == name or is_stored(name, info):
        return name
    if known is not None:
        raise ValueError(f"must be the canonical name of this time zone: {known}")
    raise ValueError("must be a time zone of the IANA database, like Australia/Sydney")


_DESCRIPTION: Final = "The canonical name of a time zone in the IANA database, like `Australia/Sydney`."
TimeZone = Annotated[
    str,
    Field(max_length=64, description=_DESCRIPTION, json_schema_extra={"format": "time-zone", "pattern": TIME_ZONE}),
    AfterValidator(one_line),
    AfterValidator(_canonical),
]
