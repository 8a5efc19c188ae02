"""Canonical names of the IANA database are time zones; other names are refused with the canonical one."""

from zoneinfo import ZoneInfo, available_timezones

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.validation.fields import STORED
from shared.validation.time_zones import TimeZone, canonical_names

ZONE = TypeAdapter(TimeZone)


def reason(name: object) -> str:
    with pytest.raises(ValidationError) as refused:
        ZONE.validate_python(name)
    return refused.value.errors()[0]["msg"].removeprefix("Value error, ")


@pytest.mark.parametrize(
    "name", ["UTC", "Australia/Sydney", "Asia/Kathmandu", "Europe/Stockholm", "America/Indiana/Knox", "Etc/GMT+5"]
)
def test_canonical_names_are_taken(name: str) -> None:
    assert ZONE.validate_python(name) == name


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("US/Pacific", "America/Los_Angeles"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("Australia/ACT", "Australia/Sydney"),
        ("Zulu", "UTC"),
        ("Etc/UCT", "UTC"),
        ("GMT0", "Etc/GMT"),
        ("australia/sydney", "Australia/Sydney"),
        ("utc", "UTC"),
    ],
)
def test_another_name_is_refused_with_the_canonical_one(name: str, canonical: str) -> None:
    assert reason(name) == f"must be the canonical name of this time zone: {canonical}"


@pytest.mark.parametrize(
    "name",
    ["localtime", "Factory", "posixrules", "PST8PDT", "Mars/Olympus", "", "../../etc/passwd", "Europe", "+01:00"],
)
def test_what_names_no_zone_is_refused(name: str) -> None:
    assert reason(name) == "must be a time zone of the IANA database, like Australia/Sydney"


def test_what_was_saved_before_remains() -> None:
    assert ZONE.validate_python("localtime", context=STORED) == "localtime"


def test_every_canonical_name_is_a_zone_that_python_knows() -> None:
    for name in set(canonical_names().values()):
        assert ZoneInfo(name).key == name


def test_the_name_of_every_place_is_canonical_or_leads_to_one() -> None:
    places = {name for name in available_timezones() if "/" in name and not name.startswith(("posix/", "right/"))}
    assert {name for name in places if name.lower() not in canonical_names()} == set()
